#ifndef LIBOS_PROC_FUTEX_TABLE_H
#define LIBOS_PROC_FUTEX_TABLE_H

/* Inside of the futex table, for futex.c (its owner) and futex_pi.c. */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/sync.h"
#include "lib/base/list.h"

struct mm;
struct thread_block;

#define FUTEX_WAKE_BATCH 16

struct futex_waiter {
    struct list leaders; /* bucket's lock: on bucket->leaders when `leader` */
    struct list ring;    /* bucket's lock: other waiters of the same word, oldest next */
    struct mm *mm;
    uint64_t address;            /* bucket's lock */
    struct futex_bucket *bucket; /* atomic; changes under both buckets' locks (requeue) */
    struct thread_block *thread;
    uint32_t bitset;
    uint32_t tid;       /* PI: who gets the lock; 0: an ordinary waiter */
    uint64_t pi_target; /* PI, bucket's lock: the lock it may be moved to; 0: it waits for a lock */
    bool leader;
    bool woken; /* atomic; after it is set the waiter may vanish */
};

struct futex_bucket {
    struct spinlock lock;
    struct list leaders; /* lock; NULL links until first used */
} __attribute__((aligned(64)));

/* Threads to unpark once the locks are dropped. */
struct futex_wake_list {
    uint32_t count;
    struct thread_block *threads[FUTEX_WAKE_BATCH];
};

struct futex_bucket *futex_bucket_of(const struct mm *mm, uint64_t address);
void futex_bucket_lock(struct futex_bucket *b);
void futex_bucket_unlock(struct futex_bucket *b);
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);

/* All with the bucket's lock. */
struct futex_waiter *futex_leader(struct futex_bucket *b, const struct mm *mm, uint64_t address);
void futex_enqueue(struct futex_bucket *b, struct futex_waiter *w);
void futex_dequeue(struct futex_waiter *w);
/* The waiter after w in its ring, or NULL when that is the leader again. Call before
 * futex_dequeue(w). */
struct futex_waiter *futex_next(struct futex_waiter *w);
/* Wake it: w is gone for us when this returns. */
void futex_take(struct futex_waiter *w, struct futex_wake_list *out);

/* No lock. */
/* Queue it if its word has this value. 0; -EAGAIN, -EFAULT: not queued. */
int64_t futex_enqueue_if(struct futex_waiter *w, uint32_t expected);
void futex_wake_listed(const struct futex_wake_list *l);
/* Off the queue, wherever requeues have put it. true: somebody had woken it. */
bool futex_leave(struct futex_waiter *w);
/* Sleep until woken: 0; -ETIMEDOUT, -EINTR: and off the queue. */
int64_t futex_sleep(struct futex_waiter *w, int64_t deadline);

#endif

#ifndef LIBOS_IPC_WAIT_H
#define LIBOS_IPC_WAIT_H

/*
 * Waiting for something to become true: queues of waiters over enclave/park.h.
 *
 *     struct waiter w;
 *     wait_begin(&w, &pipe->readers);                 // on the queue before looking
 *     while (!(ready = condition) && !(err = wait_sleep(&w, deadline)))
 *         ;
 *     wait_end(&w);
 *
 * A waiter may also be a callback (epoll, poll): wake runs it under the queue's lock; it must not
 * block nor take locks other than those documented as "inside wait_queue.lock".
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/sync.h"
#include "lib/base/list.h"

struct file;
struct thread_block;
struct waiter;

struct wait_queue {
    struct spinlock lock;
    struct list waiters; /* lock */
};

typedef void wait_callback(struct waiter *w, uint32_t events);

struct waiter {
    struct list link; /* queue->lock */
    struct wait_queue *queue;
    struct thread_block *thread; /* unparked by wake, when callback is NULL */
    wait_callback *callback;
    void *arg;
    uint32_t events; /* woken only by events in this mask; 0: by any */
    bool exclusive;  /* wake_one stops after it */
    struct file
        *tells; /* not a waiter at all: wake_all sends this file's owner a signal (O_ASYNC) */
};

void wait_queue_init(struct wait_queue *q);
void wait_begin(struct waiter *w, struct wait_queue *q); /* thread = the caller, any event */
void wait_add(struct waiter *w, struct wait_queue *q);   /* the caller filled in the other fields */
void wait_end(struct waiter *w);                         /* harmless when not queued */

/*
 * Sleep until woken. Returns 0 (look again), -ETIMEDOUT, or -EINTR when a signal the thread would
 * act on is pending (libos/signal decides; host events are drained inside).
 */
int wait_sleep(int64_t deadline);
/* The part of wait_sleep() that is not sleeping: drain host events, then 0 or -EINTR. For those who
 * park by park_poll(). */
int wait_interrupted(void);

/* Wake everyone (or one exclusive waiter) interested in `events` (EPOLL* bits). */
void wake_all(struct wait_queue *q, uint32_t events);
int wake_one(struct wait_queue *q, uint32_t events);

#endif

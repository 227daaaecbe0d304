#ifndef LIBOS_PROC_FUTEX_H
#define LIBOS_PROC_FUTEX_H

/*
 * Futexes: sleep until a word of the program's memory is announced to have changed. Keyed by (mm, address);
 * 256 buckets with a lock each, so threads on different words do not meet. Addresses are guest addresses:
 * here they are the subject itself, touched with user_load32/user_cmpxchg32 only.
 */
#include <stdbool.h>
#include <stdint.h>

struct mm;

/* deadline: CLOCK_MONOTONIC ns or PARK_FOREVER. 0; -EAGAIN: the word differs; -ETIMEDOUT; -EINTR; -EFAULT. */
int64_t futex_wait(struct mm *mm, uint64_t address, uint32_t expected, uint32_t bitset, int64_t deadline);
/* How many were woken, at most count. */
int64_t futex_wake(struct mm *mm, uint64_t address, uint32_t count, uint32_t bitset);
/* Wake `wake` waiters of `from`, move up to `move` others to `to`. expected NULL: do not compare. */
int64_t futex_requeue(struct mm *mm, uint64_t from, uint64_t to, uint32_t wake, uint32_t move, const uint32_t *expected);
/* FUTEX_WAKE_OP: change the word at `second` as `op` says; wake on both. */
int64_t futex_wake_op(struct mm *mm, uint64_t first, uint64_t second, uint32_t wake, uint32_t wake_second, uint32_t op);

/* Priority-inheritance protocol on the word, without the priorities: owner's tid, WAITERS, OWNER_DIED. */
int64_t futex_lock_pi(struct mm *mm, uint64_t address, uint32_t tid, bool try_only, int64_t deadline);
int64_t futex_unlock_pi(struct mm *mm, uint64_t address, uint32_t tid);
/*
 * A wait that futex_cmp_requeue_pi() may turn into one for the lock at target: 0 with that lock
 * held. -EAGAIN: the word differs, or interrupted after it was moved; -EINTR: before that;
 * -ETIMEDOUT, -EFAULT.
 */
int64_t futex_wait_requeue_pi(struct mm *mm, uint64_t address, uint32_t expected, uint64_t target,
                              uint32_t tid, int64_t deadline);
/* One waiter of `from` and `move` more are given the lock at `to` or made to wait for it. How many;
 * -EINVAL, -EAGAIN, -EDEADLK. */
int64_t futex_cmp_requeue_pi(struct mm *mm, uint64_t from, uint64_t to, uint32_t move,
                             uint32_t expected);

struct futex_word {
    uint64_t address;
    uint32_t expected;
};

/* Wait on all of them: the index of one that was woken, or as futex_wait(). -ENOMEM. */
int64_t futex_wait_many(struct mm *mm, const struct futex_word *words, uint32_t count,
                        int64_t deadline);

#endif

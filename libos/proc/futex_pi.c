/*
 * The priority-inheritance protocol of futexes, without the priorities: the word holds the owner's
 * thread number, whoever unlocks hands it to the oldest waiter. Condition variables over such
 * locks: waiters of one word are moved to the lock's without running in between
 * (FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI).
 */
#include "enclave/thread_block.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/futex.h"
#include "libos/proc/futex.h"
#include "libos/proc/futex_table.h"

/* Bucket's lock held. 1: it is ours now; 0: marked as waited for; -EDEADLK, -EAGAIN (try_only),
 * -EFAULT. */
static int take_or_mark(struct futex_bucket *b, struct mm *mm, uint64_t address, uint32_t tid,
                        bool try_only)
{
    uint32_t old;
    int err = user_load32(address, &old);
    while (!err) {
        uint32_t owner = old & LINUX_FUTEX_TID_MASK, seen = old;
        uint32_t new = old | LINUX_FUTEX_WAITERS;
        if (owner == tid)
            return -EDEADLK;
        if (owner && try_only)
            return -EAGAIN;
        if (!owner)
            new = tid | (old & LINUX_FUTEX_OWNER_DIED) |
                  (futex_leader(b, mm, address) ? LINUX_FUTEX_WAITERS : 0);
        err = user_cmpxchg32(address, &seen, new);
        if (!err && seen == old)
            return !owner;
        old = seen;
    }
    return err;
}

int64_t futex_lock_pi(struct mm *mm, uint64_t address, uint32_t tid, bool try_only,
                      int64_t deadline)
{
    struct futex_bucket *b = futex_bucket_of(mm, address);
    for (;;) {
        struct futex_waiter w = { .mm = mm,
                                  .address = address,
                                  .thread = thread_block(),
                                  .tid = tid,
                                  .bitset = LINUX_FUTEX_BITSET_ANY };
        int err = user_probe(address, sizeof(uint32_t), true);
        if (err)
            return err;
        futex_bucket_lock(b);
        err = take_or_mark(b, mm, address, tid, try_only);
        if (err == 0)
            futex_enqueue(b, &w);
        futex_bucket_unlock(b);
        if (err)
            return err < 0 ? err : 0;
        int64_t slept = futex_sleep(&w, deadline);
        uint32_t value;
        err = user_load32(address, &value);
        if (err || (value & LINUX_FUTEX_TID_MASK) == tid)
            return err; /* handed over, perhaps in the moment the sleep ended otherwise */
        if (slept)
            return slept;
    }
}

int64_t futex_unlock_pi(struct mm *mm, uint64_t address, uint32_t tid)
{
    struct futex_bucket *b = futex_bucket_of(mm, address);
    struct futex_wake_list l = { 0 };
    uint32_t old;
    int err = user_probe(address, sizeof(uint32_t), true);
    if (err)
        return err;
    futex_bucket_lock(b);
    err = user_load32(address, &old);
    while (!err) {
        uint32_t seen = old, new = 0;
        if ((old & LINUX_FUTEX_TID_MASK) != tid) {
            err = -EPERM;
            break;
        }
        struct futex_waiter *w = futex_leader(b, mm, address);
        if (w)
            new = w->tid | (futex_next(w) ? LINUX_FUTEX_WAITERS : 0);
        err = user_cmpxchg32(address, &seen, new);
        if (!err && seen == old) {
            if (w)
                futex_take(w, &l);
            break;
        }
        old = seen;
    }
    futex_bucket_unlock(b);
    futex_wake_listed(&l);
    return err;
}

/* ---- condition variables over such locks */

int64_t futex_wait_requeue_pi(struct mm *mm, uint64_t address, uint32_t expected, uint64_t target,
                              uint32_t tid, int64_t deadline)
{
    struct futex_waiter w = { .mm = mm,
                              .address = address,
                              .thread = thread_block(),
                              .bitset = LINUX_FUTEX_BITSET_ANY,
                              .tid = tid,
                              .pi_target = target };
    int64_t err = futex_enqueue_if(&w, expected);
    if (err)
        return err;
    err = futex_sleep(&w, deadline);
    /* Moved and then interrupted: the word has changed by now, so starting again would come to
     * this. */
    return err == -EINTR && w.address == target ? -EAGAIN : err;
}

/* Both buckets' locks held. The lock at `to` for w, or marked as waited for: 1, 0, -EDEADLK,
 * -EFAULT. */
static int take_for(struct futex_bucket *b, struct futex_waiter *w, uint64_t to, bool more)
{
    uint32_t old;
    int err = user_load32(to, &old);
    while (!err) {
        uint32_t owner = old & LINUX_FUTEX_TID_MASK, seen = old, new = old | LINUX_FUTEX_WAITERS;
        if (owner == w->tid)
            return -EDEADLK;
        if (!owner)
            new = w->tid | (old & LINUX_FUTEX_OWNER_DIED) |
                  (more || futex_leader(b, w->mm, to) ? LINUX_FUTEX_WAITERS : 0);
        err = user_cmpxchg32(to, &seen, new);
        if (!err && seen == old)
            return !owner;
        old = seen;
    }
    return err;
}

/* Both buckets' locks held. Up to `limit` waiters of `from` get the lock (the first, if it is free)
 * or wait for it. */
static int64_t requeue_pi(struct futex_bucket *a, struct futex_bucket *b, struct mm *mm,
                          uint64_t from, uint64_t to, uint32_t limit, struct futex_wake_list *l)
{
    int64_t done = 0;
    struct futex_waiter *w = futex_leader(a, mm, from);
    while (w && done < (int64_t)limit) {
        struct futex_waiter *next = futex_next(w);
        if (w->pi_target != to)
            return done ? done : -EINVAL; /* not from FUTEX_WAIT_REQUEUE_PI, or for another lock */
        int got = done ? 0 : take_for(b, w, to, next && limit > 1);
        if (got < 0)
            return got;
        if (got) {
            futex_take(w, l);
        } else {
            futex_dequeue(w);
            w->address = to;
            w->pi_target = 0;
            futex_enqueue(b, w);
        }
        done++;
        w = next;
    }
    return done;
}

int64_t futex_cmp_requeue_pi(struct mm *mm, uint64_t from, uint64_t to, uint32_t move,
                             uint32_t expected)
{
    struct futex_bucket *a = futex_bucket_of(mm, from), *b = futex_bucket_of(mm, to);
    struct futex_wake_list l = { 0 };
    uint32_t value, limit = move == UINT32_MAX ? move : move + 1;
    int64_t r = user_load32(from, &value);
    if (!r)
        r = user_probe(to, sizeof(uint32_t), true);
    if (r)
        return r;
    futex_lock_two(a, b);
    r = user_load32(from, &value);
    if (!r)
        r = value == expected ? requeue_pi(a, b, mm, from, to, limit, &l) : -EAGAIN;
    futex_unlock_two(a, b);
    futex_wake_listed(&l);
    return r;
}

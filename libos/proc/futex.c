/*
 * The futex table. A waiter stands on its own stack. In a bucket, the waiters of one word form a ring; its
 * oldest member, the leader, is on the bucket's list: so a wake walks the words of its bucket and then only
 * waiters of its own word, oldest first.
 *
 * No wake-up is lost: the word is compared under the bucket's lock, and whoever changes the word and
 * then wakes takes that lock. A waiter that was taken off is told by `woken`, whatever else ends its sleep.
 */
#include "libos/proc/futex.h"

#include "enclave/park.h"
#include "enclave/sync.h"
#include "enclave/thread_block.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/base/list.h"
#include "lib/linux/errno.h"
#include "lib/linux/futex.h"
#include "libos/ipc/wait.h"
#include "libos/proc/futex_table.h"

#define BUCKETS 256

static struct futex_bucket g_buckets[BUCKETS];

struct futex_bucket *futex_bucket_of(const struct mm *mm, uint64_t address)
{
    uint64_t h = ((address >> 2) ^ (uint64_t)(uintptr_t)mm >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    return &g_buckets[h >> 56];
}

void futex_bucket_lock(struct futex_bucket *b)
{
    spin_lock(&b->lock);
    if (!b->leaders.next)
        list_init(&b->leaders);
}

void futex_bucket_unlock(struct futex_bucket *b)
{
    spin_unlock(&b->lock);
}

void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    futex_bucket_lock(a < b ? a : b);
    if (a != b)
        futex_bucket_lock(a < b ? b : a);
}

void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    futex_bucket_unlock(a);
    if (a != b)
        futex_bucket_unlock(b);
}

/* ---- the rings; all with the bucket's lock */

struct futex_waiter *futex_leader(struct futex_bucket *b, const struct mm *mm, uint64_t address)
{
    list_for_each(it, &b->leaders) {
        struct futex_waiter *w = list_entry(it, struct futex_waiter, leaders);
        if (w->mm == mm && w->address == address)
            return w;
    }
    return NULL;
}

void futex_enqueue(struct futex_bucket *b, struct futex_waiter *w)
{
    struct futex_waiter *leader = futex_leader(b, w->mm, w->address);
    list_init(&w->ring);
    w->leader = !leader;
    __atomic_store_n(&w->bucket, b, __ATOMIC_RELAXED);
    if (leader)
        list_push_back(&leader->ring, &w->ring);
    else
        list_push_back(&b->leaders, &w->leaders);
}

void futex_dequeue(struct futex_waiter *w)
{
    struct futex_waiter *next = list_entry(w->ring.next, struct futex_waiter, ring);
    if (w->leader) {
        if (next != w) {
            list_insert_between(&next->leaders, &w->leaders, w->leaders.next);
            next->leader = true;
        }
        list_remove(&w->leaders);
        w->leader = false;
    }
    list_remove(&w->ring);
}

/* The waiter after w in its ring, or NULL when that is the leader again. Call before
 * futex_dequeue(w). */
struct futex_waiter *futex_next(struct futex_waiter *w)
{
    struct futex_waiter *next = list_entry(w->ring.next, struct futex_waiter, ring);
    return next->leader ? NULL : next;
}

/* w is gone for us when this returns. */
void futex_take(struct futex_waiter *w, struct futex_wake_list *out)
{
    struct thread_block *tb = w->thread;
    futex_dequeue(w);
    __atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
    out->threads[out->count++] = tb;
}

/* Take up to `limit` waiters of the word, as many as the list holds. */
static uint32_t take_matching(struct futex_bucket *b, struct mm *mm, uint64_t address,
                              uint32_t limit, uint32_t bitset, struct futex_wake_list *out)
{
    uint32_t taken = 0;
    struct futex_waiter *w = futex_leader(b, mm, address);
    while (w && taken < limit && out->count < FUTEX_WAKE_BATCH) {
        /* When a leader leaves, its successor becomes one: it is next all the same. */
        struct futex_waiter *next = futex_next(w);
        if (w->bitset & bitset) {
            futex_take(w, out);
            taken++;
        }
        w = next;
    }
    return taken;
}

void futex_wake_listed(const struct futex_wake_list *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        unpark(l->threads[i]);
}

/* ---- wait and wake */

/* Off the queue, wherever requeues have put it. true: somebody had woken it. */
bool futex_leave(struct futex_waiter *w)
{
    for (;;) {
        if (__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE))
            return true;
        struct futex_bucket *b = __atomic_load_n(&w->bucket, __ATOMIC_RELAXED);
        futex_bucket_lock(b);
        if (w->bucket != b) {
            futex_bucket_unlock(b);
            continue;
        }
        bool woken = __atomic_load_n(&w->woken, __ATOMIC_ACQUIRE);
        if (!woken)
            futex_dequeue(w);
        futex_bucket_unlock(b);
        return woken;
    }
}

IN_LINE int64_t futex_sleep(struct futex_waiter *w, int64_t deadline)
{
    int err = 0;
    while (!err && !__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE))
        err = wait_sleep(deadline);
    return futex_leave(w) ? 0 : err;
}

int64_t futex_enqueue_if(struct futex_waiter *w, uint32_t expected)
{
    struct futex_bucket *b = futex_bucket_of(w->mm, w->address);
    uint32_t value;
    int err = user_load32(w->address, &value); /* page it in without the lock */
    if (err)
        return err;
    if (value != expected)
        return -EAGAIN;
    futex_bucket_lock(b);
    err = user_load32(w->address, &value);
    if (!err && value != expected)
        err = -EAGAIN;
    if (!err)
        futex_enqueue(b, w);
    futex_bucket_unlock(b);
    return err;
}

int64_t futex_wait(struct mm *mm, uint64_t address, uint32_t expected, uint32_t bitset,
                   int64_t deadline)
{
    struct futex_waiter w = {
        .mm = mm, .address = address, .thread = thread_block(), .bitset = bitset
    };
    int64_t err = futex_enqueue_if(&w, expected);
    return err ? err : futex_sleep(&w, deadline);
}

/* Bucket's lock held. Those who wait for PI locks are woken by unlocking them, not otherwise. */
static bool is_pi(struct futex_bucket *b, struct mm *mm, uint64_t address)
{
    const struct futex_waiter *w = futex_leader(b, mm, address);
    return w && w->tid;
}

int64_t futex_wake(struct mm *mm, uint64_t address, uint32_t count, uint32_t bitset)
{
    struct futex_bucket *b = futex_bucket_of(mm, address);
    uint32_t woken = 0, taken;
    do {
        struct futex_wake_list l = { 0 };
        futex_bucket_lock(b);
        bool pi = is_pi(b, mm, address);
        taken = pi ? 0 : take_matching(b, mm, address, count - woken, bitset, &l);
        futex_bucket_unlock(b);
        futex_wake_listed(&l);
        if (pi)
            return woken ? (int64_t)woken : -EINVAL;
        woken += taken;
    } while (taken == FUTEX_WAKE_BATCH && woken < count);
    return woken;
}

/* ---- requeue */

static uint32_t move_waiters(struct futex_bucket *from, struct futex_bucket *to, struct mm *mm, uint64_t address,
                             uint64_t target, uint32_t limit)
{
    uint32_t moved = 0;
    struct futex_waiter *w = futex_leader(from, mm, address);
    while (w && moved < limit) {
        struct futex_waiter *next = futex_next(w);
        futex_dequeue(w);
        w->address = target;
        futex_enqueue(to, w);
        moved++;
        w = next;
    }
    return moved;
}

int64_t futex_requeue(struct mm *mm, uint64_t from, uint64_t to, uint32_t wake, uint32_t move, const uint32_t *expected)
{
    struct futex_bucket *a = futex_bucket_of(mm, from), *b = futex_bucket_of(mm, to);
    uint32_t value, woken = 0, moved = 0, taken;
    int err = expected ? user_load32(from, &value) : 0;
    if (err)
        return err;
    do {
        struct futex_wake_list l = { 0 };
        futex_lock_two(a, b);
        /* Compared once: between two batches nobody is moved yet. */
        if (expected && !woken) {
            err = user_load32(from, &value);
            if (!err && value != *expected)
                err = -EAGAIN;
        }
        if (!err && !woken && is_pi(a, mm, from))
            err = -EINVAL;
        taken = err ? 0 : take_matching(a, mm, from, wake - woken, LINUX_FUTEX_BITSET_ANY, &l);
        woken += taken;
        bool more = taken == FUTEX_WAKE_BATCH && woken < wake;
        if (!err && !more)
            moved = from == to ? 0 : move_waiters(a, b, mm, from, to, move);
        futex_unlock_two(a, b);
        futex_wake_listed(&l);
        if (err)
            return err;
        if (!more)
            break;
    } while (true);
    return (int64_t)woken + moved;
}

/* ---- wake op */

static bool apply_op(uint32_t op, int32_t arg, uint32_t old, uint32_t *out)
{
    switch (op) {
    case LINUX_FUTEX_OP_SET: *out = (uint32_t)arg; return true;
    case LINUX_FUTEX_OP_ADD: *out = old + (uint32_t)arg; return true;
    case LINUX_FUTEX_OP_OR: *out = old | (uint32_t)arg; return true;
    case LINUX_FUTEX_OP_ANDN: *out = old & ~(uint32_t)arg; return true;
    case LINUX_FUTEX_OP_XOR: *out = old ^ (uint32_t)arg; return true;
    default: return false;
    }
}

static int compare_old(uint32_t cmp, int32_t old, int32_t arg)
{
    switch (cmp) {
    case LINUX_FUTEX_CMP_EQ: return old == arg;
    case LINUX_FUTEX_CMP_NE: return old != arg;
    case LINUX_FUTEX_CMP_LT: return old < arg;
    case LINUX_FUTEX_CMP_LE: return old <= arg;
    case LINUX_FUTEX_CMP_GT: return old > arg;
    case LINUX_FUTEX_CMP_GE: return old >= arg;
    default: return -ENOSYS;
    }
}

static int32_t sign_extend_12(uint32_t v)
{
    return (int32_t)(v << 20) >> 20;
}

/* Change the word atomically. 1 or 0: the old value compares or not; -EFAULT; -ENOSYS. */
static int change_word(uint64_t address, uint32_t encoded)
{
    uint32_t op = encoded >> 28 & 7, cmp = encoded >> 24 & 15, old, new;
    int32_t op_arg = sign_extend_12(encoded >> 12 & 0xfff), cmp_arg = sign_extend_12(encoded & 0xfff);
    if (encoded >> 28 & LINUX_FUTEX_OP_OPARG_SHIFT)
        op_arg = (int32_t)(1u << (op_arg & 31));
    int err = user_load32(address, &old);
    while (!err) {
        uint32_t seen = old;
        if (!apply_op(op, op_arg, old, &new))
            return -ENOSYS;
        err = user_cmpxchg32(address, &seen, new);
        if (!err && seen == old)
            return compare_old(cmp, (int32_t)old, cmp_arg);
        old = seen;
    }
    return err;
}

int64_t futex_wake_op(struct mm *mm, uint64_t first, uint64_t second, uint32_t wake, uint32_t wake_second, uint32_t op)
{
    struct futex_bucket *a = futex_bucket_of(mm, first), *b = futex_bucket_of(mm, second);
    uint32_t value;
    int err = user_load32(first, &value);
    if (!err)
        err = user_probe(second, sizeof(uint32_t), true);
    if (err)
        return err;
    struct futex_wake_list l = { 0 }, l2 = { 0 };
    uint32_t woken = 0, woken_second = 0;
    futex_lock_two(a, b);
    int holds = change_word(second, op);
    if (holds >= 0)
        woken = take_matching(a, mm, first, wake, LINUX_FUTEX_BITSET_ANY, &l);
    if (holds > 0)
        woken_second = take_matching(b, mm, second, wake_second, LINUX_FUTEX_BITSET_ANY, &l2);
    futex_unlock_two(a, b);
    futex_wake_listed(&l);
    futex_wake_listed(&l2);
    if (holds < 0)
        return holds;
    int64_t total = (int64_t)woken + woken_second;
    if (woken == FUTEX_WAKE_BATCH)
        total += futex_wake(mm, first, wake - woken, LINUX_FUTEX_BITSET_ANY);
    if (woken_second == FUTEX_WAKE_BATCH)
        total += futex_wake(mm, second, wake_second - woken_second, LINUX_FUTEX_BITSET_ANY);
    return total;
}

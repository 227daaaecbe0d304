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
#include "lib/base/list.h"
#include "lib/linux/errno.h"
#include "lib/linux/futex.h"
#include "libos/ipc/wait.h"

#define BUCKETS    256
#define WAKE_BATCH 16

struct futex_waiter {
    struct list leaders;        /* bucket's lock: on bucket->leaders when `leader` */
    struct list ring;           /* bucket's lock: other waiters of the same word, oldest next */
    struct mm *mm;
    uint64_t address;           /* bucket's lock */
    struct futex_bucket *bucket;/* atomic; changes under both buckets' locks (requeue) */
    struct thread_block *thread;
    uint32_t bitset;
    uint32_t tid;               /* PI: who gets the lock */
    bool leader;
    bool woken;                 /* atomic; after it is set the waiter may vanish */
};

struct futex_bucket {
    struct spinlock lock;
    struct list leaders; /* lock; NULL links until first used */
} __attribute__((aligned(64)));

static struct futex_bucket g_buckets[BUCKETS];

static struct futex_bucket *bucket_of(const struct mm *mm, uint64_t address)
{
    uint64_t h = ((address >> 2) ^ (uint64_t)(uintptr_t)mm >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    return &g_buckets[h >> 56];
}

static void bucket_lock(struct futex_bucket *b)
{
    spin_lock(&b->lock);
    if (!b->leaders.next)
        list_init(&b->leaders);
}

static void bucket_unlock(struct futex_bucket *b)
{
    spin_unlock(&b->lock);
}

static void lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    bucket_lock(a < b ? a : b);
    if (a != b)
        bucket_lock(a < b ? b : a);
}

static void unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    bucket_unlock(a);
    if (a != b)
        bucket_unlock(b);
}

/* ---- the rings; all with the bucket's lock */

static struct futex_waiter *find_leader(struct futex_bucket *b, const struct mm *mm, uint64_t address)
{
    list_for_each(it, &b->leaders) {
        struct futex_waiter *w = list_entry(it, struct futex_waiter, leaders);
        if (w->mm == mm && w->address == address)
            return w;
    }
    return NULL;
}

static void enqueue(struct futex_bucket *b, struct futex_waiter *w)
{
    struct futex_waiter *leader = find_leader(b, w->mm, w->address);
    list_init(&w->ring);
    w->leader = !leader;
    __atomic_store_n(&w->bucket, b, __ATOMIC_RELAXED);
    if (leader)
        list_push_back(&leader->ring, &w->ring);
    else
        list_push_back(&b->leaders, &w->leaders);
}

static void dequeue(struct futex_waiter *w)
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

/* The waiter after w in its ring, or NULL when that is the leader again. Call before dequeue(w). */
static struct futex_waiter *next_waiter(struct futex_waiter *w)
{
    struct futex_waiter *next = list_entry(w->ring.next, struct futex_waiter, ring);
    return next->leader ? NULL : next;
}

/* Threads to unpark once the locks are dropped. */
struct wake_list {
    uint32_t count;
    struct thread_block *threads[WAKE_BATCH];
};

/* w is gone for us when this returns. */
static void take(struct futex_waiter *w, struct wake_list *out)
{
    struct thread_block *tb = w->thread;
    dequeue(w);
    __atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
    out->threads[out->count++] = tb;
}

/* Take up to `limit` waiters of the word, as many as the list holds. */
static uint32_t take_matching(struct futex_bucket *b, struct mm *mm, uint64_t address, uint32_t limit,
                              uint32_t bitset, struct wake_list *out)
{
    uint32_t taken = 0;
    struct futex_waiter *w = find_leader(b, mm, address);
    while (w && taken < limit && out->count < WAKE_BATCH) {
        /* When a leader leaves, its successor becomes one: it is next all the same. */
        struct futex_waiter *next = next_waiter(w);
        if (w->bitset & bitset) {
            take(w, out);
            taken++;
        }
        w = next;
    }
    return taken;
}

static void wake_listed(const struct wake_list *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        unpark(l->threads[i]);
}

/* ---- wait and wake */

/* Off the queue, wherever requeues have put it. true: somebody had woken it. */
static bool leave(struct futex_waiter *w)
{
    for (;;) {
        if (__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE))
            return true;
        struct futex_bucket *b = __atomic_load_n(&w->bucket, __ATOMIC_RELAXED);
        bucket_lock(b);
        if (w->bucket != b) {
            bucket_unlock(b);
            continue;
        }
        bool woken = __atomic_load_n(&w->woken, __ATOMIC_ACQUIRE);
        if (!woken)
            dequeue(w);
        bucket_unlock(b);
        return woken;
    }
}

static int64_t sleep_on(struct futex_waiter *w, int64_t deadline)
{
    int err = 0;
    while (!err && !__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE))
        err = wait_sleep(deadline);
    return leave(w) ? 0 : err;
}

int64_t futex_wait(struct mm *mm, uint64_t address, uint32_t expected, uint32_t bitset, int64_t deadline)
{
    struct futex_waiter w = { .mm = mm, .address = address, .thread = thread_block(), .bitset = bitset };
    struct futex_bucket *b = bucket_of(mm, address);
    uint32_t value;
    int err = user_load32(address, &value); /* page it in without the lock */
    if (err)
        return err;
    if (value != expected)
        return -EAGAIN;
    bucket_lock(b);
    err = user_load32(address, &value);
    if (!err && value != expected)
        err = -EAGAIN;
    if (!err)
        enqueue(b, &w);
    bucket_unlock(b);
    return err ? err : sleep_on(&w, deadline);
}

int64_t futex_wake(struct mm *mm, uint64_t address, uint32_t count, uint32_t bitset)
{
    struct futex_bucket *b = bucket_of(mm, address);
    uint32_t woken = 0, taken;
    do {
        struct wake_list l = { 0 };
        bucket_lock(b);
        taken = take_matching(b, mm, address, count - woken, bitset, &l);
        bucket_unlock(b);
        wake_listed(&l);
        woken += taken;
    } while (taken == WAKE_BATCH && woken < count);
    return woken;
}

/* ---- requeue */

static uint32_t move_waiters(struct futex_bucket *from, struct futex_bucket *to, struct mm *mm, uint64_t address,
                             uint64_t target, uint32_t limit)
{
    uint32_t moved = 0;
    struct futex_waiter *w = find_leader(from, mm, address);
    while (w && moved < limit) {
        struct futex_waiter *next = next_waiter(w);
        dequeue(w);
        w->address = target;
        enqueue(to, w);
        moved++;
        w = next;
    }
    return moved;
}

int64_t futex_requeue(struct mm *mm, uint64_t from, uint64_t to, uint32_t wake, uint32_t move, const uint32_t *expected)
{
    struct futex_bucket *a = bucket_of(mm, from), *b = bucket_of(mm, to);
    uint32_t value, woken = 0, moved = 0, taken;
    int err = expected ? user_load32(from, &value) : 0;
    if (err)
        return err;
    do {
        struct wake_list l = { 0 };
        lock_two(a, b);
        /* Compared once: between two batches nobody is moved yet. */
        if (expected && !woken) {
            err = user_load32(from, &value);
            if (!err && value != *expected)
                err = -EAGAIN;
        }
        taken = err ? 0 : take_matching(a, mm, from, wake - woken, LINUX_FUTEX_BITSET_ANY, &l);
        woken += taken;
        bool more = taken == WAKE_BATCH && woken < wake;
        if (!err && !more)
            moved = from == to ? 0 : move_waiters(a, b, mm, from, to, move);
        unlock_two(a, b);
        wake_listed(&l);
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
    struct futex_bucket *a = bucket_of(mm, first), *b = bucket_of(mm, second);
    uint32_t value;
    int err = user_load32(first, &value);
    if (!err)
        err = user_probe(second, sizeof(uint32_t), true);
    if (err)
        return err;
    struct wake_list l = { 0 }, l2 = { 0 };
    uint32_t woken = 0, woken_second = 0;
    lock_two(a, b);
    int holds = change_word(second, op);
    if (holds >= 0)
        woken = take_matching(a, mm, first, wake, LINUX_FUTEX_BITSET_ANY, &l);
    if (holds > 0)
        woken_second = take_matching(b, mm, second, wake_second, LINUX_FUTEX_BITSET_ANY, &l2);
    unlock_two(a, b);
    wake_listed(&l);
    wake_listed(&l2);
    if (holds < 0)
        return holds;
    int64_t total = (int64_t)woken + woken_second;
    if (woken == WAKE_BATCH)
        total += futex_wake(mm, first, wake - woken, LINUX_FUTEX_BITSET_ANY);
    if (woken_second == WAKE_BATCH)
        total += futex_wake(mm, second, wake_second - woken_second, LINUX_FUTEX_BITSET_ANY);
    return total;
}

/* ---- priority inheritance's protocol */

/* Bucket's lock held. 1: it is ours now; 0: marked as waited for; -EDEADLK, -EAGAIN (try_only), -EFAULT. */
static int take_or_mark(struct futex_bucket *b, struct mm *mm, uint64_t address, uint32_t tid, bool try_only)
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
            new = tid | (old & LINUX_FUTEX_OWNER_DIED) | (find_leader(b, mm, address) ? LINUX_FUTEX_WAITERS : 0);
        err = user_cmpxchg32(address, &seen, new);
        if (!err && seen == old)
            return !owner;
        old = seen;
    }
    return err;
}

int64_t futex_lock_pi(struct mm *mm, uint64_t address, uint32_t tid, bool try_only, int64_t deadline)
{
    struct futex_bucket *b = bucket_of(mm, address);
    for (;;) {
        struct futex_waiter w = { .mm = mm, .address = address, .thread = thread_block(), .tid = tid, .bitset = LINUX_FUTEX_BITSET_ANY };
        int err = user_probe(address, sizeof(uint32_t), true);
        if (err)
            return err;
        bucket_lock(b);
        err = take_or_mark(b, mm, address, tid, try_only);
        if (err == 0)
            enqueue(b, &w);
        bucket_unlock(b);
        if (err)
            return err < 0 ? err : 0;
        int64_t slept = sleep_on(&w, deadline);
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
    struct futex_bucket *b = bucket_of(mm, address);
    struct wake_list l = { 0 };
    uint32_t old;
    int err = user_probe(address, sizeof(uint32_t), true);
    if (err)
        return err;
    bucket_lock(b);
    err = user_load32(address, &old);
    while (!err) {
        uint32_t seen = old, new = 0;
        if ((old & LINUX_FUTEX_TID_MASK) != tid) {
            err = -EPERM;
            break;
        }
        struct futex_waiter *w = find_leader(b, mm, address);
        if (w)
            new = w->tid | (next_waiter(w) ? LINUX_FUTEX_WAITERS : 0);
        err = user_cmpxchg32(address, &seen, new);
        if (!err && seen == old) {
            if (w)
                take(w, &l);
            break;
        }
        old = seen;
    }
    bucket_unlock(b);
    wake_listed(&l);
    return err;
}

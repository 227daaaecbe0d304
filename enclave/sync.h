#ifndef ENCLAVE_SYNC_H
#define ENCLAVE_SYNC_H

/*
 * Locks inside the trusted side. spinlock: a few instructions at most, never while calling the host.
 * mutex: may be held over host calls that cannot block for long; sleeps in the host when contended.
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/cpu.h"

#if defined(__clang__)
#define CAPABILITY(x)   __attribute__((capability(x)))
#define REQUIRES(...)   __attribute__((requires_capability(__VA_ARGS__)))
#define ACQUIRE(...)    __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASE(...)    __attribute__((release_capability(__VA_ARGS__)))
#define GUARDED_BY(x)   __attribute__((guarded_by(x)))
#else
#define CAPABILITY(x)
#define REQUIRES(...)
#define ACQUIRE(...)
#define RELEASE(...)
#define GUARDED_BY(x)
#endif

/*
 * Until a second thread is made nobody can come between a load and a store: counts and spinlocks then need no locked
 * instructions, which cost some 20 cycles each. Events do not count: their first stage takes no lock. Words are the
 * same either way, so what was taken before the second thread came is given back after. Mutexes look at it only where
 * they are taken all the time: they are many, and it would be 23 KB more of image.
 */
#if __STDC_HOSTED__ /* unit tests make threads of their own */
static inline bool sync_is_alone(void)
{
    return false;
}
#else
extern bool g_sync_alone; /* set to false by the only thread, before it makes another; for good */
static inline bool sync_is_alone(void)
{
    return g_sync_alone;
}
#endif

struct CAPABILITY("spinlock") spinlock {
    uint32_t held;
};

/* Contended: spin for a while, then give the CPU away, since the holder may not be running at all. */
void spin_lock_slow(struct spinlock *l);

static inline void spin_lock(struct spinlock *l)
{
    if (sync_is_alone() && !__atomic_load_n(&l->held, __ATOMIC_RELAXED))
        __atomic_store_n(&l->held, 1, __ATOMIC_RELAXED);
    else if (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
        spin_lock_slow(l);
}

static inline void spin_unlock(struct spinlock *l)
{
    __atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

struct CAPABILITY("mutex") mutex {
    uint32_t state; /* 0 free, 1 held, 2 held and waited for */
};

#define MUTEX_INIT { 0 }

void mutex_lock_slow(struct mutex *m);
void mutex_unlock_slow(struct mutex *m);

static inline void mutex_lock(struct mutex *m)
{
    uint32_t free = 0;
    if (!__atomic_compare_exchange_n(&m->state, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        mutex_lock_slow(m);
}

static inline bool mutex_trylock(struct mutex *m)
{
    uint32_t free = 0;
    return __atomic_compare_exchange_n(&m->state, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void mutex_unlock(struct mutex *m)
{
    if (__atomic_exchange_n(&m->state, 0, __ATOMIC_RELEASE) == 2)
        mutex_unlock_slow(m);
}

/* The next number of a counter: nobody else gets it. */
static inline uint64_t number_take(uint64_t *next)
{
    if (!sync_is_alone())
        return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
    uint64_t number = __atomic_load_n(next, __ATOMIC_RELAXED);
    __atomic_store_n(next, number + 1, __ATOMIC_RELAXED);
    return number;
}

/* Reference counts. ref_put returns true when the last one went. */
static inline void ref_add(uint32_t *refs, uint32_t n)
{
    if (sync_is_alone())
        __atomic_store_n(refs, __atomic_load_n(refs, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
    else
        __atomic_fetch_add(refs, n, __ATOMIC_RELAXED);
}

static inline void ref_get(uint32_t *refs)
{
    ref_add(refs, 1);
}

/* n that are known not to be the last. */
static inline void ref_sub(uint32_t *refs, uint32_t n)
{
    if (sync_is_alone())
        __atomic_store_n(refs, __atomic_load_n(refs, __ATOMIC_RELAXED) - n, __ATOMIC_RELAXED);
    else
        __atomic_fetch_sub(refs, n, __ATOMIC_RELEASE);
}

static inline bool ref_put(uint32_t *refs)
{
    if (!sync_is_alone())
        return __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0;
    uint32_t left = __atomic_load_n(refs, __ATOMIC_RELAXED) - 1;
    __atomic_store_n(refs, left, __ATOMIC_RELAXED);
    return left == 0;
}

#endif

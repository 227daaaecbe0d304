/*
 * Mutexes: spin a little, then sleep in the host. In direct that is a futex on the word itself; an
 * enclave's words are not the host's to watch, so there a waiter only gives up the CPU for a moment:
 * locks of libos are held for microseconds, and a host that never runs us again could do so anyway.
 */
#include "enclave/sync.h"

#include "enclave/backend.h"
#include "enclave/gate.h"

#define SPINS_BEFORE_YIELD 200

#if !__STDC_HOSTED__
bool g_sync_alone = true;
#endif

void spin_lock_slow(struct spinlock *l)
{
    for (uint32_t spins = 1;; spins++) {
        if (!__atomic_load_n(&l->held, __ATOMIC_RELAXED) && !__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
            return;
        if (spins % SPINS_BEFORE_YIELD)
            cpu_pause();
        else
            host_call(sched_yield, 0);
    }
}

void mutex_lock_slow(struct mutex *m)
{
    for (int i = 0; i < 100; i++) {
        if (!__atomic_load_n(&m->state, __ATOMIC_RELAXED) && mutex_trylock(m))
            return;
        cpu_pause();
    }
    while (__atomic_exchange_n(&m->state, 2, __ATOMIC_ACQUIRE) != 0)
        g_backend->lock_wait(&m->state, 2);
}

void mutex_unlock_slow(struct mutex *m)
{
    g_backend->lock_wake(&m->state);
}

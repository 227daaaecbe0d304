/*
 * Mutexes: spin a little, then sleep in the host. In direct that is a futex on the word itself; an
 * enclave's words are not the host's to watch, so there a waiter only gives up the CPU for a moment:
 * locks of libos are held for microseconds, and a host that never runs us again could do so anyway.
 */
#include "enclave/sync.h"

#include "enclave/backend.h"

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

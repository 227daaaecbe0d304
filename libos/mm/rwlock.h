#ifndef LIBOS_MM_RWLOCK_H
#define LIBOS_MM_RWLOCK_H

/*
 * Many readers or one writer. A reader that meets no writer does one atomic addition; one that does
 * waits at the writer's mutex, so sleeping is the mutex's (enclave/park.h). Readers must be short
 * and must not block: the writer spins, yielding, until those inside have left.
 */
#include "enclave/sync.h"

struct CAPABILITY("rwlock") rwlock {
    uint32_t state; /* RWLOCK_WRITER, and the number of readers inside */
    struct mutex writer;
};

#define RWLOCK_WRITER 0x80000000u

static inline void rwlock_read(struct rwlock *l)
{
    while (__atomic_add_fetch(&l->state, 1, __ATOMIC_ACQUIRE) & RWLOCK_WRITER) {
        __atomic_sub_fetch(&l->state, 1, __ATOMIC_RELAXED);
        mutex_lock(&l->writer);
        mutex_unlock(&l->writer);
    }
}

static inline void rwlock_read_end(struct rwlock *l)
{
    __atomic_sub_fetch(&l->state, 1, __ATOMIC_RELEASE);
}

void rwlock_write(struct rwlock *l); /* vma.c */

static inline void rwlock_write_end(struct rwlock *l)
{
    __atomic_and_fetch(&l->state, ~RWLOCK_WRITER, __ATOMIC_RELEASE);
    mutex_unlock(&l->writer);
}

#endif

#ifndef LIBOS_PROC_BARRIER_H
#define LIBOS_PROC_BARRIER_H

/*
 * Memory barriers on behalf of other threads (membarrier). A number counts the barriers asked for;
 * each thread keeps the last at which it has passed one, and who asks waits until all have: running
 * threads are kicked out of the program's code, sleeping ones passed one when they fell asleep and
 * will when they wake. What makes a barrier one is trusted code: a host that does not deliver the
 * kick makes the asker wait, nothing else.
 */
#include <stdint.h>

#include "libos/proc/process.h"

extern uint64_t g_barrier_number; /* atomic */

/* All threads of a process, or of all processes (NULL), pass a full barrier between call and
 * return. No lock held. */
void barrier_run(struct process *only);

void barrier_pass_slowly(struct thread *t);

/* On the thread's own way through libos, whenever it was told to look. */
static inline void barrier_pass(struct thread *t)
{
    if (__builtin_expect(t->barrier_passed != __atomic_load_n(&g_barrier_number, __ATOMIC_RELAXED),
                         0))
        barrier_pass_slowly(t);
}

#endif

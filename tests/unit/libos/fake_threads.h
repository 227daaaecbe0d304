#ifndef TESTS_UNIT_LIBOS_FAKE_THREADS_H
#define TESTS_UNIT_LIBOS_FAKE_THREADS_H

/*
 * Threads for libos code under test, over pthreads: each has a thread block at its GS base, parks on a
 * condition variable, and may be given a struct thread of libos. The program's memory is the test's own;
 * addresses below 4096 fault.
 */
#include "enclave/thread_block.h"

struct fake_thread {
    struct thread_block tb; /* first: GS base */
    int index;
};

/* Give the calling pthread its block. */
void fake_thread_enter(struct fake_thread *t);
/* Make the next and all following wait_sleep() of this thread fail with -EINTR. */
void fake_thread_interrupt(struct fake_thread *t);

#endif

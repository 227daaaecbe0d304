#ifndef TESTS_UNIT_ENCLAVE_GS_H
#define TESTS_UNIT_ENCLAVE_GS_H

/* GS base of a hosted thread: what thread_block() reads. */
#include <sys/syscall.h>
#include <unistd.h>

#include "enclave/thread_block.h"

static inline void gs_set(struct thread_block *tb)
{
    tb->layout.self = (uintptr_t)tb;
    if (syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, tb))
        _exit(99);
}

#endif

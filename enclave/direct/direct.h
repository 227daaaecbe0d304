#ifndef ENCLAVE_DIRECT_DIRECT_H
#define ENCLAVE_DIRECT_DIRECT_H

/* Inside of the back end for a plain process. */
#include <stdint.h>

#include "enclave/thread_block.h"
#include "lib/base/inline.h"

int64_t direct_syscall(uint64_t nr, const uint64_t r[6]);
int64_t direct_syscall_blocking(uint64_t nr, const uint64_t r[6]);

/* direct_sys(nr, args...): the remaining arguments are 0. */
#define direct_sys(nr, ...) direct_syscall(nr, (const uint64_t[6]){ __VA_ARGS__ })

/* In line: lib/base/inline.h says what a return after a system call costs. */
static IN_LINE int64_t direct_sys6(uint64_t nr, const uint64_t r[6])
{
    register uint64_t r10 __asm__("r10") = r[3], r8 __asm__("r8") = r[4], r9 __asm__("r9") = r[5];
    int64_t ret;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(r[0]), "S"(r[1]), "d"(r[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

enum {
    NR_MMAP = 9, NR_MPROTECT = 10, NR_MUNMAP = 11, NR_RT_SIGACTION = 13, NR_RT_SIGPROCMASK = 14, NR_MREMAP = 25,
    NR_MADVISE = 28, NR_GETPID = 39, NR_SENDMSG = 46, NR_RECVMSG = 47, NR_SIGALTSTACK = 131, NR_PRCTL = 157, NR_GETTID = 186, NR_FUTEX = 202,
    NR_CLOCK_GETTIME = 228, NR_EXIT_GROUP = 231, NR_TGKILL = 234, NR_GETRANDOM = 318, NR_RSEQ = 334,
};

#define DIRECT_TRANSFER_MAX  (UINT64_C(1) << 30)
#define DIRECT_ALTSTACK_SIZE (UINT64_C(64) << 10)

/* Signal handlers of the process, and what each thread needs: alternate stack and syscall dispatch. */
void direct_signals_init(void);
void direct_signals_thread(uint64_t altstack);
/* The program's words for host signals that are let in. */
void direct_signals_allow(uint64_t host_signals);

extern uint64_t g_direct_pid;

struct thread_block *direct_thread_block_new(void);
int direct_thread_create(void (*entry)(void *arg), void *arg, struct thread_block **out);
void direct_thread_exit(void);
void direct_thread_kick(struct thread_block *tb);
/* CPU time of a thread by its number as a struct timespec at `out`; kind: enclave/clock.h. */
int64_t direct_thread_cputime(uint64_t number, uint64_t kind, uint64_t out);

#endif

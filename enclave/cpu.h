#ifndef ENCLAVE_CPU_H
#define ENCLAVE_CPU_H

/*
 * The program's registers while the trusted side runs: always at the top of the thread's libos stack.
 *
 * Vector registers are not here: the image never touches them outside lib/crypto's brackets, so they
 * stay live in the CPU from system-call entry to return. A signal frame XSAVEs them straight from the
 * CPU, sigreturn XRSTORs them into it.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"

struct cpu_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t orig_rax; /* number of the system call being served; -1 for an event */
    uint64_t rip, rflags, rsp;
    uint64_t full;     /* 0: a system call, rcx and r11 need not be restored */
};

#define CPU_REGS_SIZE 160
static_assert(sizeof(struct cpu_regs) == CPU_REGS_SIZE, "entry.S pushes exactly these");

/* Flag bits a program may set through a signal frame: everything else stays as the machine has it. */
#define CPU_RFLAGS_USER UINT64_C(0x240dd5) /* CF PF AF ZF SF TF DF OF AC ID */

/* Program's thread pointer. FS is wholly the program's; the image never uses it. */
static inline uint64_t cpu_get_fs(void)
{
    uint64_t v;
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    return v;
}

static inline void cpu_set_fs(uint64_t v)
{
    __asm__ volatile("wrfsbase %0" : : "r"(v));
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause");
}

/*
 * Nothing after it is executed before what stands in front has been decided: after a check of a value of the host's
 * that then addresses memory (Spectre variant 1: a mispredicted check would let it through for a while).
 */
static inline void cpu_speculation_barrier(void)
{
    __asm__ volatile("lfence" : : : "memory");
}

static inline uint64_t cpu_tsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

#endif

/*
 * The vDSO that programs see: clock_gettime and friends from the clock page, without entering libos in the
 * common case. Built as a shared object of its own and embedded in the image (vdso_blob.S); libos copies it
 * into the program's address space and writes the clock page's address over `slot`.
 */
#include <stdint.h>

#include "enclave/clock.h"
#include "enclave/cpu.h"
#include "enclave/thread_block.h"
#include "lib/linux/time.h"

#define VDSO_SLOT_MAGIC UINT64_C(0x79a1c0de5107c10c) /* libos/exec/vdso.c looks for it */

enum { NR_CLOCK_GETTIME = 228, NR_GETTIMEOFDAY = 96, NR_TIME = 201, NR_GETCPU = 309, NR_CLOCK_GETRES = 229 };

static const volatile uint64_t slot = VDSO_SLOT_MAGIC;

/* As a rewritten site does: rcx = where to go on, jump through the thread block. */
static inline int64_t call_libos(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t rdx __asm__("rdx") = c;
    int64_t ret;
    __asm__ volatile("leaq 1f(%%rip), %%rcx\n\t"
                     "jmpq *%%gs:%c[entry]\n"
                     "1:"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "r"(rdx), [entry] "i"(TB_ENTRY)
                     : "rcx", "r11", "memory", "cc");
    return ret;
}

static inline uint64_t ordered_tsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

/* Nanoseconds of CLOCK_MONOTONIC (or REALTIME); 0 when only libos can tell. */
static inline int64_t now(int realtime)
{
    const struct clock_page *p = (const struct clock_page *)slot;
    uint32_t seq;
    int64_t ns;

    do {
        seq = __atomic_load_n(&p->seq, __ATOMIC_ACQUIRE);
        uint64_t ticks = ordered_tsc() - p->tsc_base;
        if (seq & 1 || ticks >= p->tsc_limit)
            return 0;
        ns = p->monotonic_base + (int64_t)((unsigned __int128)ticks * p->mult >> 32);
        if (realtime)
            ns += p->realtime_offset;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&p->seq, __ATOMIC_RELAXED) != seq);
    return ns;
}

__attribute__((visibility("default"))) int __vdso_clock_gettime(int clock, struct linux_timespec *ts);
__attribute__((visibility("default"))) int __vdso_clock_gettime(int clock, struct linux_timespec *ts)
{
    int64_t ns = 0;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        ns = now(1);
    else if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_BOOTTIME)
        ns = now(0);
    if (!ns)
        return (int)call_libos(NR_CLOCK_GETTIME, (uint64_t)clock, (uint64_t)ts, 0);
    ts->sec = (int64_t)((uint64_t)ns / NSEC_PER_SEC);
    ts->nsec = (int64_t)((uint64_t)ns % NSEC_PER_SEC);
    return 0;
}

__attribute__((visibility("default"))) int __vdso_gettimeofday(struct linux_timeval *tv, void *tz);
__attribute__((visibility("default"))) int __vdso_gettimeofday(struct linux_timeval *tv, void *tz)
{
    int64_t ns = tv && !tz ? now(1) : 0;
    if (!ns)
        return (int)call_libos(NR_GETTIMEOFDAY, (uint64_t)tv, (uint64_t)tz, 0);
    tv->sec = (int64_t)((uint64_t)ns / NSEC_PER_SEC);
    tv->usec = (int64_t)((uint64_t)ns % NSEC_PER_SEC / 1000);
    return 0;
}

__attribute__((visibility("default"))) int64_t __vdso_time(int64_t *t);
__attribute__((visibility("default"))) int64_t __vdso_time(int64_t *t)
{
    int64_t ns = now(1);
    if (!ns)
        return call_libos(NR_TIME, (uint64_t)t, 0, 0);
    int64_t seconds = (int64_t)((uint64_t)ns / NSEC_PER_SEC);
    if (t)
        *t = seconds;
    return seconds;
}

__attribute__((visibility("default"))) int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);
__attribute__((visibility("default"))) int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    return (int)call_libos(NR_GETCPU, (uint64_t)cpu, (uint64_t)node, 0);
}

__attribute__((visibility("default"))) int __vdso_clock_getres(int clock, struct linux_timespec *ts);
__attribute__((visibility("default"))) int __vdso_clock_getres(int clock, struct linux_timespec *ts)
{
    return (int)call_libos(NR_CLOCK_GETRES, (uint64_t)clock, (uint64_t)ts, 0);
}

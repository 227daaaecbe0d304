#ifndef ENCLAVE_CLOCK_H
#define ENCLAVE_CLOCK_H

/*
 * Time: the host's word, made monotonic; in nanoseconds. Where the TSC may be read it carries the time
 * between looks at the host's clock, so that most questions are answered without leaving.
 */
#include <stdint.h>

int64_t clock_monotonic(void);
int64_t clock_realtime(void);
/* Any clock id of the Linux ABI but those of CPU time. 0; -EINVAL. */
int clock_read(int clock_id, int64_t *ns);

/*
 * CPU time of the machine, the calling thread, or the machine thread of a number: the host's word,
 * unjudged. kind: 0 user and system, 1 user, both as the kernel's ticks sample them; 2 both,
 * exactly. -EINVAL.
 */
int clock_cpu_process(int kind, int64_t *ns);
int clock_cpu_self(int kind, int64_t *ns);
int clock_cpu_thread(uint64_t number, int kind, int64_t *ns);

/*
 * How to turn the TSC into time; libos's vDSO reads it too. Changes under seq (odd: being changed).
 * Valid while tsc - tsc_base < tsc_limit: then ns = monotonic_base + ((tsc - tsc_base) * mult >>
 * 32).
 */
struct clock_page {
    uint32_t seq, pad;
    uint64_t tsc_base;
    uint64_t tsc_limit;     /* 0: ask libos */
    uint64_t mult;
    int64_t monotonic_base;
    int64_t realtime_offset; /* realtime = monotonic + this */
};

extern struct clock_page *g_clock_page; /* a page of its own, in user range: libos may map it for the vDSO */

/* Start: tsc_hz 0 means that the TSC may not be used. Needs the heap. */
int clock_init(uint64_t tsc_hz);

#endif

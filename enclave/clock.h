#ifndef ENCLAVE_CLOCK_H
#define ENCLAVE_CLOCK_H

/*
 * Time. The host's word, made monotonic. In direct and soft the TSC gives it without leaving (anchored
 * to the host's clock and re-anchored now and then); nanoseconds.
 */
#include <stdint.h>

int64_t clock_monotonic(void);
int64_t clock_realtime(void);
/* Any clock id of the Linux ABI; -EINVAL. */
int clock_read(int clock_id, int64_t *ns);

/* For libos's vDSO: how to turn the TSC into time; changes under seq (odd: being changed). */
struct clock_page {
    uint32_t seq, pad;
    uint64_t tsc_base;
    uint64_t mult;          /* ns = base + ((tsc - tsc_base) * mult >> 32); 0: ask libos */
    int64_t monotonic_base, realtime_base;
};

extern struct clock_page g_clock_page;

#endif

#ifndef LIBOS_SYS_TIMESPEC_H
#define LIBOS_SYS_TIMESPEC_H

/* Times of the ABI in the program's memory <-> nanoseconds of ours. */
#include <stdint.h>

#include "enclave/uaccess.h"
#include "lib/linux/time.h"

/* A non-negative timespec; beyond what fits: INT64_MAX, which is PARK_FOREVER. -EINVAL, -EFAULT. */
int timespec_read(uaddr_t from, int64_t *ns);
int timespec_write(uaddr_t to, int64_t ns);
int timeval_read(uaddr_t from, int64_t *ns);
int timeval_write(uaddr_t to, int64_t ns);

static inline struct linux_timespec timespec_of(int64_t ns)
{
    return (struct linux_timespec){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
}

static inline struct linux_timeval timeval_of(int64_t ns)
{
    return (struct linux_timeval){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 1000 };
}

/* now + ns, at most INT64_MAX. */
static inline int64_t deadline_after(int64_t now, int64_t ns)
{
    int64_t sum;
    return __builtin_add_overflow(now, ns, &sum) ? INT64_MAX : sum;
}

/* A time on CLOCK_REALTIME as a CLOCK_MONOTONIC deadline, by the clocks as they stand now. */
int64_t deadline_of_realtime(int64_t ns);

#endif

#ifndef LIB_LINUX_TIME_H
#define LIB_LINUX_TIME_H

/* Times as the Linux ABI passes them. */
#include <stdint.h>

struct linux_timespec {
    int64_t sec, nsec;
};

struct linux_timeval {
    int64_t sec, usec;
};

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 1,
    CLOCK_PROCESS_CPUTIME_ID = 2,
    CLOCK_THREAD_CPUTIME_ID = 3,
    CLOCK_MONOTONIC_RAW = 4,
    CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6,
    CLOCK_BOOTTIME = 7,
    CLOCK_REALTIME_ALARM = 8,
    CLOCK_BOOTTIME_ALARM = 9,
    CLOCK_TAI = 11,
};

#endif

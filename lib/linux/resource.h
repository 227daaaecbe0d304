#ifndef LIB_LINUX_RESOURCE_H
#define LIB_LINUX_RESOURCE_H

/* Resource limits and usage of the Linux ABI. Source: include/uapi/asm-generic/resource.h, linux/resource.h. */
#include <stdint.h>

#include "lib/base/assert.h"
#include "lib/linux/time.h"

enum {
    LINUX_RLIMIT_CPU,
    LINUX_RLIMIT_FSIZE,
    LINUX_RLIMIT_DATA,
    LINUX_RLIMIT_STACK,
    LINUX_RLIMIT_CORE,
    LINUX_RLIMIT_RSS,
    LINUX_RLIMIT_NPROC,
    LINUX_RLIMIT_NOFILE,
    LINUX_RLIMIT_MEMLOCK,
    LINUX_RLIMIT_AS,
    LINUX_RLIMIT_LOCKS,
    LINUX_RLIMIT_SIGPENDING,
    LINUX_RLIMIT_MSGQUEUE,
    LINUX_RLIMIT_NICE,
    LINUX_RLIMIT_RTPRIO,
    LINUX_RLIMIT_RTTIME,
    LINUX_RLIM_COUNT
};

#define LINUX_RLIM_INFINITY UINT64_MAX

struct linux_rlimit {
    uint64_t soft, hard;
};

struct linux_rusage {
    struct linux_timeval utime, stime;
    int64_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};
static_assert(sizeof(struct linux_rusage) == 144, "uapi: struct rusage");

enum { LINUX_RUSAGE_SELF = 0, LINUX_RUSAGE_CHILDREN = -1, LINUX_RUSAGE_THREAD = 1 };

#endif

/* Decode and encode times with the range checks of Linux's timespec64_valid(). */
#include "libos/sys/timespec.h"

#include "enclave/clock.h"
#include "lib/linux/errno.h"

static int to_ns(int64_t sec, int64_t part, int64_t part_max, int64_t part_ns, int64_t *ns)
{
    if (sec < 0 || part < 0 || part >= part_max)
        return -EINVAL;
    if (__builtin_mul_overflow(sec, NSEC_PER_SEC, ns) || __builtin_add_overflow(*ns, part * part_ns, ns))
        *ns = INT64_MAX;
    return 0;
}

int timespec_read(uaddr_t from, int64_t *ns)
{
    struct linux_timespec t;
    if (user_read(&t, from, sizeof(t)))
        return -EFAULT;
    return to_ns(t.sec, t.nsec, NSEC_PER_SEC, 1, ns);
}

int timespec_write(uaddr_t to, int64_t ns)
{
    struct linux_timespec t = timespec_of(ns);
    return user_write(to, &t, sizeof(t));
}

int timeval_read(uaddr_t from, int64_t *ns)
{
    struct linux_timeval t;
    if (user_read(&t, from, sizeof(t)))
        return -EFAULT;
    return to_ns(t.sec, t.usec, 1000000, 1000, ns);
}

int timeval_write(uaddr_t to, int64_t ns)
{
    struct linux_timeval t = timeval_of(ns);
    return user_write(to, &t, sizeof(t));
}

int64_t deadline_of_realtime(int64_t ns)
{
    if (ns == INT64_MAX)
        return ns;
    return deadline_after(ns, clock_monotonic() - clock_realtime());
}

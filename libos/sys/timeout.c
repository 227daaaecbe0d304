/* Timeouts: relative times of the program to deadlines and back. */
#include "libos/sys/timeout.h"

#include "enclave/clock.h"
#include "enclave/park.h"
#include "lib/linux/errno.h"
#include "lib/linux/time.h"

int64_t timeout_after(int64_t ns)
{
    int64_t deadline;
    if (ns <= 0)
        return 0;
    return __builtin_add_overflow(clock_monotonic(), ns, &deadline) ? PARK_FOREVER : deadline;
}

static int64_t after(int64_t sec, int64_t nsec)
{
    int64_t ns;
    if (__builtin_mul_overflow(sec, NSEC_PER_SEC, &ns) || __builtin_add_overflow(ns, nsec, &ns))
        return PARK_FOREVER;
    return timeout_after(ns);
}

int timeout_read_timespec(uaddr_t address, int64_t *deadline)
{
    struct linux_timespec ts;
    *deadline = PARK_FOREVER;
    if (!address)
        return 0;
    if (user_read(&ts, address, sizeof(ts)) < 0)
        return -EFAULT;
    if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= NSEC_PER_SEC)
        return -EINVAL;
    *deadline = after(ts.sec, ts.nsec);
    return 0;
}

int timeout_read_timeval(uaddr_t address, int64_t *deadline)
{
    struct linux_timeval tv;
    *deadline = PARK_FOREVER;
    if (!address)
        return 0;
    if (user_read(&tv, address, sizeof(tv)) < 0)
        return -EFAULT;
    int64_t sec, carry = tv.usec / 1000000; /* Linux takes more than a second of microseconds */
    if (tv.sec < 0 || tv.usec < 0 || __builtin_add_overflow(tv.sec, carry, &sec))
        return -EINVAL;
    *deadline = after(sec, tv.usec % 1000000 * 1000);
    return 0;
}

static int64_t left(int64_t deadline)
{
    if (deadline == 0)
        return 0;
    int64_t ns = deadline - clock_monotonic();
    return ns > 0 ? ns : 0;
}

bool timeout_passed(int64_t deadline)
{
    return left(deadline) == 0;
}

int timeout_write_timespec(uaddr_t address, int64_t deadline)
{
    if (!address || deadline == PARK_FOREVER)
        return 0;
    int64_t ns = left(deadline);
    struct linux_timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
    return user_write(address, &ts, sizeof(ts));
}

void timeout_write_timeval(uaddr_t address, int64_t deadline)
{
    if (!address || deadline == PARK_FOREVER)
        return;
    int64_t ns = left(deadline);
    struct linux_timeval tv = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 1000 };
    (void)user_write(address, &tv, sizeof(tv));
}

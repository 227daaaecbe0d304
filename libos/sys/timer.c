/* Interval timers, alarm, POSIX timers: over libos/proc/timers.c. */
#include "lib/linux/errno.h"
#include "lib/linux/signal.h"
#include "libos/proc/process.h"
#include "libos/proc/timers.h"
#include "libos/sys/sys.h"
#include "libos/sys/timespec.h"

#define TIMER_ABSTIME 1

static int write_itimerval(uaddr_t to, const struct timer_value *v)
{
    struct linux_timeval t[2] = { timeval_of(v->interval), timeval_of(v->left) };
    if (v->left && !t[1].sec && !t[1].usec)
        t[1].usec = 1; /* 0 would say: not armed */
    return user_write(to, t, sizeof(t));
}

static int write_itimerspec(uaddr_t to, const struct timer_value *v)
{
    struct linux_timespec t[2] = { timespec_of(v->interval), timespec_of(v->left) };
    return user_write(to, t, sizeof(t));
}

int64_t sys_getitimer(int which, uaddr_t value)
{
    struct timer_value v;
    int err = itimer_get(current()->process, which, &v);
    return err ? err : write_itimerval(value, &v);
}

int64_t sys_setitimer(int which, uaddr_t value, uaddr_t ovalue)
{
    struct timer_value set = { 0, 0 }, old = { 0, 0 };
    int err = 0;
    if (value)
        err = timeval_read(value, &set.interval);
    if (value && !err)
        err = timeval_read(value + sizeof(struct linux_timeval), &set.left);
    if (!err)
        err = itimer_set(current()->process, which, &set, &old);
    if (err)
        return err;
    return ovalue ? write_itimerval(ovalue, &old) : 0;
}

int64_t sys_alarm(unsigned seconds)
{
    struct timer_value set = { (int64_t)seconds * NSEC_PER_SEC, 0 }, old = { 0, 0 };
    if (itimer_set(current()->process, ITIMER_REAL, &set, &old))
        return 0; /* alarm(2) has no way to fail */
    int64_t rounded = (old.left + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
    return old.left && !rounded ? 1 : rounded;
}

int64_t sys_timer_create(int clock, uaddr_t event, uaddr_t id)
{
    struct linux_sigevent e;
    int32_t n;
    if (event && user_read(&e, event, sizeof(e)))
        return -EFAULT;
    int err = posix_timer_create(current()->process, clock, event ? &e : NULL, &n);
    if (err)
        return err;
    if (user_write(id, &n, sizeof(n))) {
        posix_timer_delete(current()->process, n);
        return -EFAULT;
    }
    return 0;
}

int64_t sys_timer_settime(int id, int flags, uaddr_t value, uaddr_t ovalue)
{
    struct timer_value set, old;
    if (!value)
        return -EINVAL;
    int err = timespec_read(value, &set.interval);
    if (!err)
        err = timespec_read(value + sizeof(struct linux_timespec), &set.left);
    if (!err)
        err = posix_timer_set(current()->process, id, flags & TIMER_ABSTIME, &set, &old);
    if (err)
        return err;
    return ovalue ? write_itimerspec(ovalue, &old) : 0;
}

int64_t sys_timer_gettime(int id, uaddr_t value)
{
    struct timer_value v;
    int err = posix_timer_get(current()->process, id, &v);
    return err ? err : write_itimerspec(value, &v);
}

int64_t sys_timer_getoverrun(int id)
{
    return posix_timer_overrun(current()->process, id);
}

int64_t sys_timer_delete(int id)
{
    return posix_timer_delete(current()->process, id);
}

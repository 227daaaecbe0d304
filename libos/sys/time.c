/* Clocks and sleeping. Setting a clock is the host's business: -EPERM. */
#include "enclave/clock.h"
#include "enclave/gate.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/resource.h"
#include "libos/ipc/wait.h"
#include "libos/proc/cputime.h"
#include "libos/proc/process.h"
#include "libos/sys/limits.h"
#include "libos/sys/sys.h"
#include "libos/sys/timespec.h"

#define TIMER_ABSTIME 1
#define CLOCK_TICKS   100
#define TICK_NS       4000000

static int64_t read_clock(int clock, int64_t *ns)
{
    struct thread *t = current();
    if (cputime_resolve(t, clock, &clock))
        return clock_read(clock, ns);
    return cputime_read(t->process, clock, ns);
}

int64_t sys_clock_gettime(int clock, uaddr_t tp)
{
    int64_t ns, err = read_clock(clock, &ns);
    return err ? err : timespec_write(tp, ns);
}

int64_t sys_clock_getres(int clock, uaddr_t res)
{
    int64_t ns, err = read_clock(clock, &ns);
    bool sampled = clock < 0 && (clock & 3) != CPUTIME_SCHED;
    if (err)
        return err;
    ns = sampled || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ? TICK_NS : 1;
    return res ? timespec_write(res, ns) : 0;
}

int64_t sys_clock_settime(int clock, uaddr_t tp)
{
    int64_t ns, err;
    if (clock != CLOCK_REALTIME)
        return -EINVAL;
    err = timespec_read(tp, &ns);
    return err ? err : -EPERM;
}

int64_t sys_gettimeofday(uaddr_t tv, uaddr_t tz)
{
    static const int32_t utc[2];
    if (tv && timeval_write(tv, clock_realtime()))
        return -EFAULT;
    return tz ? user_write(tz, utc, sizeof(utc)) : 0;
}

int64_t sys_settimeofday(uaddr_t tv, uaddr_t tz)
{
    uint64_t zone;
    int64_t ns;
    int err = tv ? timeval_read(tv, &ns) : 0;
    if (!err && tz)
        err = user_read(&zone, tz, sizeof(zone));
    return err ? err : -EPERM;
}

int64_t sys_time(uaddr_t tloc)
{
    int64_t now = clock_realtime() / NSEC_PER_SEC;
    if (tloc && user_write(tloc, &now, sizeof(now)))
        return -EFAULT;
    return now;
}

/* struct timex: everything zero but the time, the tick and the state "not synchronised by us". */
int64_t sys_adjtimex(uaddr_t buf)
{
    struct {
        uint32_t modes, pad;
        int64_t offset, freq, maxerror, esterror;
        int32_t status, pad2;
        int64_t constant, precision, tolerance;
        struct linux_timeval time;
        int64_t tick, ppsfreq, jitter;
        int32_t shift, pad3;
        int64_t stabil, jitcnt, calcnt, errcnt, stbcnt;
        int32_t tai, pad4[11];
    } t;
    static_assert(sizeof(t) == 208, "uapi: struct timex");
    if (user_read(&t, buf, sizeof(t)))
        return -EFAULT;
    if (t.modes)
        return -EPERM;
    memset(&t, 0, sizeof(t));
    t.maxerror = t.esterror = 16000000;
    t.status = 0x40; /* STA_UNSYNC */
    t.precision = 1;
    t.tolerance = 32768000;
    t.tick = 10000;
    t.time = timeval_of(clock_realtime());
    return user_write(buf, &t, sizeof(t)) ? -EFAULT : 5; /* TIME_ERROR: not synchronised */
}

int64_t sys_clock_adjtime(int clock, uaddr_t buf)
{
    if (clock == CLOCK_REALTIME)
        return sys_adjtimex(buf);
    uint8_t timex[208];
    if (user_read(timex, buf, sizeof(timex)))
        return -EFAULT;
    bool known = clock < 0 ? (clock & 7) != 3 : clock <= CLOCK_TAI && clock != 10; /* 10: CLOCK_SGI_CYCLE, gone */
    return known ? -EOPNOTSUPP : -EINVAL;
}

int64_t sys_times(uaddr_t buf)
{
    struct linux_rusage u = { 0 };
    int64_t ticks[4] = { 0 };
    if (buf) {
        int err = limits_host_usage(LINUX_RUSAGE_SELF, &u);
        if (err)
            return err;
        ticks[0] = u.utime.sec * CLOCK_TICKS + u.utime.usec / (1000000 / CLOCK_TICKS);
        ticks[1] = u.stime.sec * CLOCK_TICKS + u.stime.usec / (1000000 / CLOCK_TICKS);
        if (user_write(buf, ticks, sizeof(ticks)))
            return -EFAULT;
    }
    return clock_monotonic() / (NSEC_PER_SEC / CLOCK_TICKS);
}

/* ---- sleeping */

static int64_t sleep_again(const uint64_t arg[4]);

static int sleep_until(int64_t deadline)
{
    int err;
    do
        err = wait_sleep(deadline);
    while (!err);
    return err == -ETIMEDOUT ? 0 : err;
}

static int64_t sleep_relative(int64_t deadline, uaddr_t left)
{
    struct thread *t = current();
    if (!sleep_until(deadline))
        return 0;
    if (left && timespec_write(left, MAX(deadline - clock_monotonic(), INT64_C(0))))
        return -EFAULT;
    t->restart = (struct restart){ sleep_again, { (uint64_t)deadline, left } };
    return -ERESTART_RESTARTBLOCK;
}

static int64_t sleep_again(const uint64_t arg[4])
{
    return sleep_relative((int64_t)arg[0], arg[1]);
}

int64_t sys_nanosleep(uaddr_t req, uaddr_t rem)
{
    int64_t ns, err = timespec_read(req, &ns);
    return err ? err : sleep_relative(deadline_after(clock_monotonic(), ns), rem);
}

/* Until a CPU clock reads `target`. */
static int sleep_until_used(int clock, int64_t target)
{
    struct process *p = current()->process;
    for (;;) {
        int64_t used;
        if (cputime_read(p, clock, &used))
            return -EINVAL;
        if (used >= target)
            return 0;
        int err = wait_sleep(
            deadline_after(clock_monotonic(), cputime_look_again(p, clock, target - used)));
        if (err == -EINTR)
            return err;
    }
}

static int64_t cpu_sleep_again(const uint64_t arg[4]);

static int64_t cpu_sleep(int clock, int64_t target, uaddr_t left)
{
    struct thread *t = current();
    int64_t used;
    int err = sleep_until_used(clock, target);
    if (err != -EINTR)
        return err;
    if (left && !cputime_read(t->process, clock, &used) &&
        timespec_write(left, MAX(target - used, INT64_C(0))))
        return -EFAULT;
    t->restart = (struct restart){ cpu_sleep_again, { (uint32_t)clock, (uint64_t)target, left } };
    return -ERESTART_RESTARTBLOCK;
}

static int64_t cpu_sleep_again(const uint64_t arg[4])
{
    return cpu_sleep((int)arg[0], (int64_t)arg[1], arg[2]);
}

/* A thread cannot sleep on its own CPU time. */
static int64_t cpu_nanosleep(int clock, bool absolute, int64_t ns, uaddr_t rem)
{
    struct thread *t = current();
    int own, resolved;
    if (cputime_resolve(t, CLOCK_THREAD_CPUTIME_ID, &own) || cputime_resolve(t, clock, &resolved))
        return -EINVAL;
    if (resolved >> 2 == own >> 2)
        return -EINVAL;
    int64_t now = 0;
    if (!absolute && cputime_read(t->process, resolved, &now))
        return -EINVAL;
    if (!absolute)
        return cpu_sleep(resolved, deadline_after(now, ns), rem);
    int err = sleep_until_used(resolved, ns);
    return err == -EINTR ? -ERESTARTNOHAND : err;
}

int64_t sys_clock_nanosleep(int clock, int flags, uaddr_t req, uaddr_t rem)
{
    int64_t ns;
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
    bool steady = clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
                  clock == CLOCK_BOOTTIME_ALARM;
    bool coarse = clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
                  clock == CLOCK_MONOTONIC_COARSE;
    if (coarse || clock == CLOCK_THREAD_CPUTIME_ID)
        return -EOPNOTSUPP;
    int cpu;
    if (!wall && !steady && clock >= 0 && cputime_resolve(current(), clock, &cpu))
        return -EINVAL;
    int64_t err = timespec_read(req, &ns);
    if (err)
        return err;
    bool absolute = flags & TIMER_ABSTIME;
    if (!wall && !steady)
        return cpu_nanosleep(clock, absolute, ns, rem);
    if (!absolute)
        return sleep_relative(deadline_after(clock_monotonic(), ns), rem);
    return sleep_until(wall ? deadline_of_realtime(ns) : ns) ? -ERESTARTNOHAND : 0;
}

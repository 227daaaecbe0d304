/* Clocks and sleeping. Setting a clock is the host's business: -EPERM. */
#include "enclave/clock.h"
#include "enclave/gate.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/resource.h"
#include "libos/ipc/wait.h"
#include "libos/proc/process.h"
#include "libos/sys/limits.h"
#include "libos/sys/sys.h"
#include "libos/sys/timespec.h"

#define TIMER_ABSTIME 1
#define CLOCK_TICKS   100
#define COARSE_NS     4000000

/*
 * Clocks of one process or thread carry its number: (~id << 3) | (4: thread) | kind (Linux
 * posix-timers.h). Our own are answered; others' are not known here.
 */
static int resolve_clock(int clock)
{
    if (clock >= 0)
        return clock;
    int32_t id = ~(clock >> 3);
    bool of_thread = clock & 4;
    if ((clock & 3) == 3)
        return -EINVAL;
    if (of_thread)
        return id == 0 || id == current()->tid ? CLOCK_THREAD_CPUTIME_ID : -EINVAL;
    return id == 0 || id == current()->process->pid ? CLOCK_PROCESS_CPUTIME_ID : -EINVAL;
}

static int64_t read_clock(int clock, int64_t *ns)
{
    clock = resolve_clock(clock);
    return clock < 0 ? clock : clock_read(clock, ns);
}

int64_t sys_clock_gettime(int clock, uaddr_t tp)
{
    int64_t ns, err = read_clock(clock, &ns);
    return err ? err : timespec_write(tp, ns);
}

int64_t sys_clock_getres(int clock, uaddr_t res)
{
    int64_t ns, err = read_clock(clock, &ns);
    if (err)
        return err;
    ns = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ? COARSE_NS : 1;
    return res ? timespec_write(res, ns) : 0;
}

int64_t sys_clock_settime(int clock, uaddr_t tp)
{
    int64_t ns, err = timespec_read(tp, &ns);
    if (err)
        return err;
    return clock == CLOCK_REALTIME ? -EPERM : -EINVAL;
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
    return -EPERM;
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
    return clock == CLOCK_REALTIME ? sys_adjtimex(buf) : -EOPNOTSUPP;
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

int64_t sys_clock_nanosleep(int clock, int flags, uaddr_t req, uaddr_t rem)
{
    int64_t ns, now;
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
    bool steady = clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_BOOTTIME_ALARM;
    if (!wall && !steady) {
        int64_t err = read_clock(clock, &now);
        return err ? err : clock == CLOCK_THREAD_CPUTIME_ID ? -EINVAL : -EOPNOTSUPP;
    }
    int64_t err = timespec_read(req, &ns);
    if (err)
        return err;
    if (!(flags & TIMER_ABSTIME))
        return sleep_relative(deadline_after(clock_monotonic(), ns), rem);
    return sleep_until(wall ? deadline_of_realtime(ns) : ns) ? -ERESTARTNOHAND : 0;
}

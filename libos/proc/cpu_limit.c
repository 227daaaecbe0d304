/*
 * RLIMIT_CPU: SIGXCPU each second from the soft limit on, SIGKILL at the hard one, as Linux's
 * check_process_timers(). A timer of libos/ipc looks at the process's CPU time; it exists once a
 * limit was set.
 */
#include "enclave/clock.h"
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/time.h"
#include "libos/ipc/timer.h"
#include "libos/proc/cputime.h"
#include "libos/proc/process.h"

#define SECONDS_MOST (UINT64_C(1) << 32)

struct cpu_limit {
    struct timer timer;
    struct process *process; /* borrowed: the process outlives its limit */
};

/* A limit beyond this is never reached, and its nanoseconds would not fit. */
static int64_t limit_ns(uint64_t seconds)
{
    return (int64_t)MIN(seconds, SECONDS_MOST) * NSEC_PER_SEC;
}

static int64_t look(struct timer *timer, int64_t now)
{
    struct process *p = container_of(timer, struct cpu_limit, timer)->process;
    struct linux_rlimit *l = &p->limits[LINUX_RLIMIT_CPU];
    int clock = cputime_clock_of(p->pid, CPUTIME_SCHED), sig = 0;
    int64_t used;
    if (cputime_read(p, clock, &used))
        return now + NSEC_PER_SEC;
    mutex_lock(&p->mu);
    bool on = l->soft != LINUX_RLIM_INFINITY;
    if (on && used >= limit_ns(l->hard)) {
        sig = SIGKILL;
    } else if (on && used >= limit_ns(l->soft)) {
        sig = SIGXCPU;
        l->soft++;
    }
    int64_t next = limit_ns(MIN(l->soft, l->hard));
    mutex_unlock(&p->mu);
    if (sig)
        signal_send_process(p, sig, NULL);
    return !on || sig == SIGKILL ? TIMER_STOP : now + cputime_look_again(p, clock, next - used);
}

int cpu_limit_changed(struct process *p)
{
    struct cpu_limit *c = __atomic_load_n(&p->cpu_limit, __ATOMIC_ACQUIRE), *none = NULL;
    if (!c && p->limits[LINUX_RLIMIT_CPU].soft == LINUX_RLIM_INFINITY)
        return 0;
    if (!c) {
        c = mem_zalloc(sizeof(*c));
        if (!c)
            return -ENOMEM;
        c->process = p;
        timer_init(&c->timer, look);
        if (!__atomic_compare_exchange_n(&p->cpu_limit, &none, c, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
            mem_free(c);
            c = none;
        }
    }
    return timer_arm(&c->timer, clock_monotonic());
}

void cpu_limit_free(struct process *p)
{
    struct cpu_limit *c = p->cpu_limit;
    if (!c)
        return;
    timer_cancel(&c->timer);
    mem_free(c);
    p->cpu_limit = NULL;
}

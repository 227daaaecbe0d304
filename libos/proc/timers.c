/*
 * Timers that send signals, over libos/ipc's timer service. The whole set of a process hangs at
 * process->timers and is made when the first is used.
 *
 * Locks: set->mu guards the table and settings and is held over arming and cancelling (set->mu,
 * then g_timers_lock). A callback does not take it: it reads its own timer, which lives until it
 * was cancelled.
 *
 * Timers over CPU time have their time on a CPU clock. The service then looks at that clock now and
 * again, the more often the nearer the time is; more seldom while nothing runs.
 */
#include "libos/proc/timers.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/time.h"
#include "libos/ipc/timer.h"
#include "libos/proc/cputime.h"
#include "libos/proc/process.h"

#define POSIX_TIMERS_MAX 1024
#define IDLE_NS          100000 /* CPU time between two looks that is only our own looking */
#define PAUSE_LEAST      INT64_C(1000000)
#define PAUSE_MOST       INT64_C(16000000)

struct signal_timer {
    struct timer timer;
    struct process *process; /* borrowed: the process outlives its timers */
    int64_t due; /* atomic: when it expires, on its clock (CPU clocks), or else CLOCK_MONOTONIC */
    int64_t interval; /* atomic */
    int32_t id;       /* of POSIX timers */
    int32_t tid;      /* SIGEV_THREAD_ID; 0: the process */
    int clock;        /* CPU clocks: resolved, below 0 */
    int signo, notify;
    int64_t seen, pause; /* CPU clocks, the callback's own: the time it last saw, and how long to
                            leave an idle one */
    uint64_t value;
    uint32_t overrun;          /* atomic: expirations beyond the one that was signalled */
    bool posix;
};

struct timer_set {
    struct mutex mu;
    struct signal_timer *interval[ITIMER_PROF + 1]; /* mu */
    struct signal_timer *posix[POSIX_TIMERS_MAX];   /* mu */
};

static struct timer_set *timer_set_of(struct process *p)
{
    struct timer_set *s = __atomic_load_n((struct timer_set **)&p->timers, __ATOMIC_ACQUIRE), *none = NULL;
    if (s)
        return s;
    s = mem_zalloc(sizeof(*s));
    if (s && !__atomic_compare_exchange_n((struct timer_set **)&p->timers, &none, s, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        mem_free(s);
        s = none;
    }
    return s;
}

/* ---- expiry, on the service's thread */

static void send(struct signal_timer *t)
{
    struct linux_siginfo info = { .signo = t->signo, .code = t->posix ? LINUX_SI_TIMER : LINUX_SI_KERNEL };
    if (!t->posix) {
        signal_send_process(t->process, t->signo, &info);
        return;
    }
    if (t->notify == LINUX_SIGEV_NONE)
        return;
    info.u.timer.id = t->id;
    info.u.timer.overrun = (int32_t)__atomic_load_n(&t->overrun, __ATOMIC_RELAXED);
    info.u.timer.value = t->value;
    if (t->notify != LINUX_SIGEV_THREAD_ID) {
        signal_send_process(t->process, t->signo, &info);
        return;
    }
    struct thread *target = thread_find(t->process->pid, t->tid);
    if (target)
        signal_send_thread(target, t->signo, &info);
    thread_put(target);
}

/* When to look at a CPU clock again that reads `used`. */
static int64_t look_again(struct signal_timer *t, int64_t now, int64_t used, int64_t due)
{
    bool idle = used - t->seen < IDLE_NS;
    t->pause = idle ? MIN(MAX(2 * t->pause, PAUSE_LEAST), PAUSE_MOST) : 0;
    t->seen = used;
    return now + MAX(cputime_look_again(t->process, t->clock, due - used), t->pause);
}

/* On the timer's clock. */
static int time_of(const struct signal_timer *t, int64_t *now)
{
    if (t->clock < 0)
        return cputime_read(t->process, t->clock, now);
    *now = clock_monotonic();
    return 0;
}

static int64_t expired(struct timer *timer, int64_t wall)
{
    struct signal_timer *t = container_of(timer, struct signal_timer, timer);
    int64_t interval = __atomic_load_n(&t->interval, __ATOMIC_RELAXED), next = TIMER_STOP;
    int64_t due = __atomic_load_n(&t->due, __ATOMIC_RELAXED), now = wall;
    uint32_t missed = 0;
    if (t->clock < 0 && time_of(t, &now))
        return TIMER_STOP; /* the thread is gone, and with it its clock */
    if (t->clock < 0 && now < due)
        return look_again(t, wall, now, due);
    if (interval > 0) {
        /* A late run stands for all periods that passed. */
        int64_t late = now > due ? (now - due) / interval : 0;
        missed = (uint32_t)MIN(late, (int64_t)INT32_MAX);
        if (__builtin_mul_overflow(late + 1, interval, &next) || __builtin_add_overflow(next, due, &next))
            next = TIMER_STOP;
    }
    __atomic_store_n(&t->overrun, missed, __ATOMIC_RELAXED);
    __atomic_store_n(&t->due, next, __ATOMIC_RELAXED);
    send(t);
    return next != TIMER_STOP && t->clock < 0 ? look_again(t, wall, now, next) : next;
}

/* ---- set and look */

static struct timer_value value_of(const struct signal_timer *t)
{
    struct timer_value v = { 0, __atomic_load_n(&t->interval, __ATOMIC_RELAXED) };
    int64_t due = __atomic_load_n(&t->due, __ATOMIC_RELAXED), now;
    if (due != TIMER_STOP && !time_of(t, &now))
        v.left = MAX(due - now, INT64_C(1)); /* 0 would mean: not armed */
    return v;
}

/* mu held. Disarm, say what was left, arm anew. */
static int rearm(struct signal_timer *t, int64_t due, int64_t interval, struct timer_value *old)
{
    (void)timer_cancel(&t->timer);
    if (old)
        *old = value_of(t);
    __atomic_store_n(&t->interval, interval, __ATOMIC_RELAXED);
    __atomic_store_n(&t->overrun, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&t->due, due, __ATOMIC_RELAXED);
    t->seen = t->pause = 0;
    if (due == TIMER_STOP)
        return 0;
    return timer_arm(&t->timer,
                     t->clock < 0 ? clock_monotonic() : due); /* a CPU clock is looked at first */
}

static int64_t add_clamped(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) || sum == TIMER_STOP ? TIMER_STOP - 1 : sum;
}

static struct signal_timer *signal_timer_new(struct process *p)
{
    struct signal_timer *t = mem_zalloc(sizeof(*t));
    if (t) {
        timer_init(&t->timer, expired);
        t->due = TIMER_STOP;
        t->process = p;
        t->clock = CLOCK_MONOTONIC;
        t->signo = SIGALRM;
    }
    return t;
}

/* mu held. The time on its clock at which a timer with this much left expires; 0: never. */
static int64_t due_after(const struct signal_timer *t, int64_t left)
{
    int64_t now;
    return left && !time_of(t, &now) ? add_clamped(now, left) : TIMER_STOP;
}

static struct signal_timer *itimer_new(struct process *p, int which)
{
    struct signal_timer *t = signal_timer_new(p);
    if (t && which == ITIMER_VIRTUAL) {
        t->clock = cputime_clock_of(p->pid, CPUTIME_VIRT);
        t->signo = SIGVTALRM;
    } else if (t && which == ITIMER_PROF) {
        t->clock = cputime_clock_of(p->pid, CPUTIME_PROF);
        t->signo = SIGPROF;
    }
    return t;
}

int itimer_set(struct process *p, int which, const struct timer_value *set, struct timer_value *old)
{
    if (which < ITIMER_REAL || which > ITIMER_PROF)
        return -EINVAL;
    struct timer_set *s = timer_set_of(p);
    if (!s)
        return -ENOMEM;
    int err = -ENOMEM;
    mutex_lock(&s->mu);
    if (!s->interval[which])
        s->interval[which] = itimer_new(p, which);
    struct signal_timer *t = s->interval[which];
    if (t)
        err = rearm(t, due_after(t, set->left), set->interval, old);
    mutex_unlock(&s->mu);
    return err;
}

int itimer_get(struct process *p, int which, struct timer_value *out)
{
    struct timer_set *s = p->timers;
    *out = (struct timer_value){ 0, 0 };
    if (which < ITIMER_REAL || which > ITIMER_PROF)
        return -EINVAL;
    if (!s)
        return 0;
    mutex_lock(&s->mu);
    if (s->interval[which])
        *out = value_of(s->interval[which]);
    mutex_unlock(&s->mu);
    return 0;
}

/* ---- POSIX timers */

static bool clock_is_wall(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static int check_event(struct process *p, const struct linux_sigevent *e)
{
    if (e->notify == LINUX_SIGEV_NONE)
        return 0;
    if (e->signo < 1 || e->signo > LINUX_NSIG)
        return -EINVAL;
    if (e->notify & LINUX_SIGEV_THREAD_ID) {
        struct thread *t = thread_find(p->pid, e->tid);
        thread_put(t);
        return t ? 0 : -EINVAL;
    }
    return e->notify == LINUX_SIGEV_SIGNAL || e->notify == LINUX_SIGEV_THREAD ? 0 : -EINVAL;
}

int posix_timer_create(struct process *p, int clock, const struct linux_sigevent *event, int32_t *id)
{
    bool steady = clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
                  clock == CLOCK_BOOTTIME_ALARM;
    int err = steady || clock_is_wall(clock) ? 0 : cputime_resolve(current(), clock, &clock);
    if (!err && event)
        err = check_event(p, event);
    if (err)
        return err;
    struct timer_set *s = timer_set_of(p);
    struct signal_timer *t = s ? signal_timer_new(p) : NULL;
    if (!t)
        return -ENOMEM;
    t->posix = true;
    t->clock = clock;
    mutex_lock(&s->mu);
    int32_t n = 0;
    while (n < POSIX_TIMERS_MAX && s->posix[n])
        n++;
    if (n < POSIX_TIMERS_MAX)
        s->posix[n] = t;
    t->id = n;
    t->value = (uint64_t)n; /* Linux: without an event, the number is the value */
    if (event) {
        t->value = event->value;
        t->signo = event->signo;
        t->notify = event->notify & LINUX_SIGEV_THREAD_ID ? LINUX_SIGEV_THREAD_ID : event->notify;
        t->tid = event->tid;
    }
    mutex_unlock(&s->mu);
    if (n == POSIX_TIMERS_MAX) {
        mem_free(t);
        return -EAGAIN;
    }
    *id = n;
    return 0;
}

/* mu held. */
static struct signal_timer *posix_timer_of(struct timer_set *s, int32_t id)
{
    return id >= 0 && id < POSIX_TIMERS_MAX ? s->posix[id] : NULL;
}

int posix_timer_set(struct process *p, int32_t id, bool absolute, const struct timer_value *set, struct timer_value *old)
{
    struct timer_set *s = p->timers;
    int err = -EINVAL;
    if (!s)
        return err;
    mutex_lock(&s->mu);
    struct signal_timer *t = posix_timer_of(s, id);
    if (t) {
        int64_t due = due_after(t, set->left);
        if (set->left && absolute)
            due = clock_is_wall(t->clock)
                      ? add_clamped(set->left, clock_monotonic() - clock_realtime())
                      : set->left;
        err = rearm(t, due, set->interval, old);
    }
    mutex_unlock(&s->mu);
    return err;
}

int posix_timer_get(struct process *p, int32_t id, struct timer_value *out)
{
    struct timer_set *s = p->timers;
    if (!s)
        return -EINVAL;
    mutex_lock(&s->mu);
    struct signal_timer *t = posix_timer_of(s, id);
    if (t)
        *out = value_of(t);
    mutex_unlock(&s->mu);
    return t ? 0 : -EINVAL;
}

int64_t posix_timer_overrun(struct process *p, int32_t id)
{
    struct timer_set *s = p->timers;
    if (!s)
        return -EINVAL;
    mutex_lock(&s->mu);
    struct signal_timer *t = posix_timer_of(s, id);
    int64_t n = t ? (int64_t)__atomic_load_n(&t->overrun, __ATOMIC_RELAXED) : -EINVAL;
    mutex_unlock(&s->mu);
    return n;
}

int posix_timer_delete(struct process *p, int32_t id)
{
    struct timer_set *s = p->timers;
    if (!s)
        return -EINVAL;
    mutex_lock(&s->mu);
    struct signal_timer *t = posix_timer_of(s, id);
    if (t) {
        s->posix[id] = NULL;
        timer_cancel(&t->timer);
    }
    mutex_unlock(&s->mu);
    mem_free(t);
    return t ? 0 : -EINVAL;
}

void timers_exec(struct process *p)
{
    for (int32_t i = 0; p->timers && i < POSIX_TIMERS_MAX; i++)
        posix_timer_delete(p, i);
}

void timers_free(struct process *p)
{
    struct timer_set *s = p->timers;
    if (!s)
        return;
    timers_exec(p);
    for (int i = ITIMER_REAL; i <= ITIMER_PROF; i++) {
        if (s->interval[i])
            timer_cancel(&s->interval[i]->timer);
        mem_free(s->interval[i]);
    }
    mem_free(s);
    p->timers = NULL;
}

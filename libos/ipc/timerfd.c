/*
 * timerfd: expirations counted by the timer service (timer.h). Wall-clock timers are turned into
 * monotonic deadlines when they are set: the enclave's wall clock does not jump.
 *
 * Lock order: set_mu, g_timers_lock (inside timer_*), then mu; so timer_* is called without mu.
 */
#include "libos/ipc/timerfd.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/stat.h"
#include "libos/fs/file.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/timer.h"
#include "libos/ipc/wait.h"
#include "libos/sys/iobuf.h"

struct timerfd {
    struct file file;
    int clock;
    struct timer timer;
    struct mutex set_mu; /* one setting, or arming again, at a time */
    struct mutex mu;
    uint64_t expirations; /* mu: since the last read */
    int64_t interval;     /* mu */
    int64_t next;         /* mu: deadline, TIMER_STOP: disarmed */
    bool expired;         /* mu: at next, and not armed since */
    struct wait_queue wait;
};

static const struct file_ops timerfd_ops;

static struct timerfd *timerfd_of(struct file *f)
{
    return container_of(f, struct timerfd, file);
}

/* Once: what comes after is counted, and the timer armed again, when somebody asks (count_locked),
 * so that an interval shorter than its service takes does not keep the service busy for ever. As
 * Linux. */
static int64_t expire(struct timer *timer, int64_t now)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);
    (void)now;
    mutex_lock(&t->mu);
    t->expirations++;
    t->expired = true;
    mutex_unlock(&t->mu);
    wake_all(&t->wait, EPOLLIN | EPOLLRDNORM);
    return TIMER_STOP;
}

/* Expirations since the one that was served; the deadline to arm the timer for, or TIMER_STOP. */
static int64_t count_locked(struct timerfd *t)
{
    if (!t->expired)
        return TIMER_STOP;
    t->expired = false;
    if (!t->interval) {
        t->next = TIMER_STOP;
        return TIMER_STOP;
    }
    uint64_t n = 1 + (uint64_t)(clock_monotonic() - t->next) / (uint64_t)t->interval;
    t->expirations += n - 1;
    if (__builtin_add_overflow(t->next, (int64_t)n * t->interval, &t->next))
        t->next = TIMER_STOP - 1;
    return t->next;
}

/* What has been counted since the last read; 0: nothing. */
static uint64_t take(struct timerfd *t)
{
    mutex_lock(&t->set_mu);
    mutex_lock(&t->mu);
    int64_t next = count_locked(t);
    uint64_t n = t->expirations;
    t->expirations = 0;
    mutex_unlock(&t->mu);
    if (next != TIMER_STOP)
        (void)timer_arm(&t->timer, next); /* the service is there: it has served this timer */
    mutex_unlock(&t->set_mu);
    return n;
}

static int64_t timerfd_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct timerfd *t = timerfd_of(f);
    struct waiter w = { 0 };
    int r = 0;
    uint64_t n;
    if (b->left < sizeof(uint64_t))
        return -EINVAL;
    while ((n = take(t)) == 0 && r == 0) {
        if (f->flags & O_NONBLOCK)
            r = -EAGAIN;
        else if (!w.queue)
            wait_begin(&w, &t->wait);
        else
            r = wait_sleep(PARK_FOREVER) < 0 ? -ERESTARTSYS : 0;
    }
    wait_end(&w);
    return n ? iobuf_put(b, &n, sizeof(n)) : r;
}

static uint32_t timerfd_poll(struct file *f, struct poll *p)
{
    struct timerfd *t = timerfd_of(f);
    poll_wait(p, &t->wait);
    return __atomic_load_n(&t->expirations, __ATOMIC_ACQUIRE) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int timerfd_stat(struct file *f, struct linux_stat *st)
{
    *st = (struct linux_stat){
        .dev = 13, .ino = f->ino, .nlink = 1, .mode = 0600, .blksize = 4096
    };
    return 0;
}

static void timerfd_release(struct file *f)
{
    struct timerfd *t = timerfd_of(f);
    (void)timer_cancel(&t->timer);
    mem_free(t);
}

static const struct file_ops timerfd_ops = {
    .kind = "anon_inode:[timerfd]",
    .seek = file_seek_ignored,
    .read = timerfd_read,
    .stat = timerfd_stat,
    .poll = timerfd_poll,
    .release = timerfd_release,
};

int timerfd_create(int clock, uint32_t flags, struct file **out)
{
    if (flags & ~(TFD_NONBLOCK | TFD_CLOEXEC))
        return -EINVAL;
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME &&
        clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
        return -EINVAL;
    struct timerfd *t = mem_zalloc(sizeof(*t));
    if (!t)
        return -ENOMEM;
    file_init(&t->file, &timerfd_ops, O_RDWR | (flags & O_NONBLOCK));
    t->clock = clock == CLOCK_REALTIME_ALARM   ? CLOCK_REALTIME
               : clock == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME
                                               : clock;
    t->next = TIMER_STOP;
    timer_init(&t->timer, expire);
    wait_queue_init(&t->wait);
    *out = &t->file;
    return 0;
}

/* set_mu is held. Returns the deadline for which the timer wants to be armed again. */
static int64_t current_setting(struct timerfd *t, struct timerfd_spec *out)
{
    mutex_lock(&t->mu);
    int64_t rearm = count_locked(t);
    out->interval = t->interval;
    out->value = t->next == TIMER_STOP ? 0 : MAX(t->next - clock_monotonic(), 1);
    mutex_unlock(&t->mu);
    return rearm;
}

/* CLOCK_MONOTONIC deadline of a setting. */
static int64_t deadline_of(const struct timerfd *t, uint32_t flags, int64_t value)
{
    int64_t now = clock_monotonic(), there = now, deadline;
    if (value == 0)
        return TIMER_STOP;
    if (flags & TFD_TIMER_ABSTIME) {
        if (clock_read(t->clock, &there) < 0)
            there = now;
        value -= there;
    }
    return __builtin_add_overflow(now, value, &deadline) ? TIMER_STOP - 1 : deadline;
}

int timerfd_set(struct file *f, uint32_t flags, const struct timerfd_spec *spec,
                struct timerfd_spec *old)
{
    if (f->ops != &timerfd_ops || (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)))
        return -EINVAL;
    struct timerfd *t = timerfd_of(f);
    mutex_lock(&t->set_mu);
    (void)timer_cancel(&t->timer);
    (void)current_setting(t, old);
    int64_t deadline = deadline_of(t, flags, spec->value);
    mutex_lock(&t->mu);
    t->expirations = 0;
    t->expired = false;
    t->interval = spec->interval;
    t->next = deadline;
    mutex_unlock(&t->mu);
    int r = deadline == TIMER_STOP ? 0 : timer_arm(&t->timer, deadline);
    mutex_unlock(&t->set_mu);
    return r;
}

int timerfd_get(struct file *f, struct timerfd_spec *now)
{
    if (f->ops != &timerfd_ops)
        return -EINVAL;
    struct timerfd *t = timerfd_of(f);
    mutex_lock(&t->set_mu);
    int64_t next = current_setting(t, now);
    if (next != TIMER_STOP)
        (void)timer_arm(&t->timer, next);
    mutex_unlock(&t->set_mu);
    return 0;
}

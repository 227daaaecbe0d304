/*
 * timerfd: expirations counted by the timer service (timer.h). Wall-clock timers are turned into
 * monotonic deadlines when they are set: the enclave's wall clock does not jump.
 *
 * Lock order: g_timers_lock (inside timer_*), then mu; so timer_* is called without mu.
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
    struct mutex set_mu; /* one timerfd_set at a time */
    struct mutex mu;
    uint64_t expirations; /* mu: since the last read */
    int64_t interval;     /* mu */
    int64_t next;         /* mu: deadline, TIMER_STOP: disarmed */
    struct wait_queue wait;
};

static const struct file_ops timerfd_ops;

static struct timerfd *timerfd_of(struct file *f)
{
    return container_of(f, struct timerfd, file);
}

static int64_t expire(struct timer *timer, int64_t now)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);
    mutex_lock(&t->mu);
    int64_t due = t->next;
    if (t->interval) {
        uint64_t n = 1 + (uint64_t)(now - due) / (uint64_t)t->interval;
        t->expirations += n;
        t->next = due + (int64_t)n * t->interval;
    } else {
        t->expirations++;
        t->next = TIMER_STOP;
    }
    int64_t next = t->next;
    mutex_unlock(&t->mu);
    wake_all(&t->wait, EPOLLIN | EPOLLRDNORM);
    return next;
}

static int64_t timerfd_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct timerfd *t = timerfd_of(f);
    struct waiter w = { 0 };
    int r = 0;
    if (b->left < sizeof(uint64_t))
        return -EINVAL;
    mutex_lock(&t->mu);
    while (t->expirations == 0 && r == 0) {
        if (f->flags & O_NONBLOCK) {
            r = -EAGAIN;
            break;
        }
        mutex_unlock(&t->mu);
        if (!w.queue)
            wait_begin(&w, &t->wait);
        else
            r = wait_sleep(PARK_FOREVER) < 0 ? -ERESTARTSYS : 0;
        mutex_lock(&t->mu);
    }
    uint64_t n = t->expirations;
    if (r == 0)
        t->expirations = 0;
    mutex_unlock(&t->mu);
    wait_end(&w);
    return r < 0 ? r : iobuf_put(b, &n, sizeof(n));
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

static void current_setting(struct timerfd *t, struct timerfd_spec *out)
{
    mutex_lock(&t->mu);
    out->interval = t->interval;
    out->value = t->next == TIMER_STOP ? 0 : MAX(t->next - clock_monotonic(), 1);
    mutex_unlock(&t->mu);
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
    current_setting(t, old);
    int64_t deadline = deadline_of(t, flags, spec->value);
    mutex_lock(&t->mu);
    t->expirations = 0;
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
    current_setting(timerfd_of(f), now);
    return 0;
}

/* pipe, eventfd and timerfd calls: make the file, give it a number. */
#include "libos/ipc/pipe.h"

#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/time.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/ipc/eventfd.h"
#include "libos/ipc/timerfd.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"
#include "libos/sys/timespec.h"

/* Takes the file. */
static int64_t install(struct file *f, bool cloexec)
{
    int fd = fd_install(current()->process->fds, f, 0, cloexec);
    if (fd < 0)
        file_put(f);
    return fd;
}

int64_t sys_pipe2(uaddr_t fds, int flags)
{
    struct file *r, *w;
    struct fdtable *table = current()->process->fds;
    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
        return -EINVAL;
    int err = pipe_create((uint32_t)flags, &r, &w);
    if (err < 0)
        return err;
    int64_t in = install(r, flags & O_CLOEXEC);
    int64_t out = in < 0 ? in : install(w, flags & O_CLOEXEC);
    if (in < 0)
        file_put(w);
    int32_t pair[2] = { (int32_t)in, (int32_t)out };
    if (out >= 0 && user_write(fds, pair, sizeof(pair)) < 0) {
        fd_close(table, (int)out);
        out = -EFAULT;
    }
    if (out < 0 && in >= 0)
        fd_close(table, (int)in);
    return out < 0 ? out : 0;
}

int64_t sys_pipe(uaddr_t fds)
{
    return sys_pipe2(fds, 0);
}

int64_t sys_eventfd2(unsigned initial, int flags)
{
    struct file *f;
    int r = eventfd_create(initial, (uint32_t)flags, &f);
    return r < 0 ? r : install(f, (uint32_t)flags & EFD_CLOEXEC);
}

int64_t sys_eventfd(unsigned initial)
{
    return sys_eventfd2(initial, 0);
}

/* ---- timerfd */

struct user_itimerspec {
    struct linux_timespec interval, value;
};

static int ns_of(const struct linux_timespec *ts, int64_t *ns)
{
    if (ts->sec < 0 || ts->nsec < 0 || ts->nsec >= NSEC_PER_SEC)
        return -EINVAL;
    if (__builtin_mul_overflow(ts->sec, NSEC_PER_SEC, ns) ||
        __builtin_add_overflow(*ns, ts->nsec, ns))
        *ns = INT64_MAX;
    return 0;
}

int64_t sys_timerfd_create(int clock, int flags)
{
    struct file *f;
    int r = timerfd_create(clock, (uint32_t)flags, &f);
    return r < 0 ? r : install(f, (uint32_t)flags & TFD_CLOEXEC);
}

static int64_t write_setting(uaddr_t to, const struct timerfd_spec *s)
{
    struct user_itimerspec u = { timespec_of(s->interval), timespec_of(s->value) };
    return user_write(to, &u, sizeof(u));
}

int64_t sys_timerfd_settime(int fd, int flags, uaddr_t new_value, uaddr_t old_value)
{
    struct user_itimerspec u;
    struct timerfd_spec spec, old;
    if (user_read(&u, new_value, sizeof(u)) < 0)
        return -EFAULT;
    if (ns_of(&u.interval, &spec.interval) < 0 || ns_of(&u.value, &spec.value) < 0)
        return -EINVAL;
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int64_t r = timerfd_set(f, (uint32_t)flags, &spec, &old);
    file_put(f);
    return r < 0 || !old_value ? r : write_setting(old_value, &old);
}

int64_t sys_timerfd_gettime(int fd, uaddr_t value)
{
    struct timerfd_spec now;
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int r = timerfd_get(f, &now);
    file_put(f);
    return r < 0 ? r : write_setting(value, &now);
}

int64_t sys_tee(int in_fd, int out_fd, uint64_t count, unsigned flags)
{
    if (flags & ~(unsigned)(LINUX_SPLICE_F_MOVE | LINUX_SPLICE_F_NONBLOCK | LINUX_SPLICE_F_MORE | LINUX_SPLICE_F_GIFT))
        return -EINVAL;
    if (!count)
        return 0;
    struct fdtable *fds = current()->process->fds;
    struct file *in = fd_lookup_open(fds, in_fd), *out = fd_lookup_open(fds, out_fd);
    int64_t r = in && out ? pipe_tee(in, out, count, flags & LINUX_SPLICE_F_NONBLOCK) : -EBADF;
    file_put(in);
    file_put(out);
    return r;
}

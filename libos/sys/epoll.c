/* epoll calls over libos/ipc/epoll.c. */
#include "libos/ipc/epoll.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"
#include "libos/sys/sys.h"
#include "libos/sys/timeout.h"

#define FEW        32
#define AT_ONCE    65536u /* more than this many events are collected by the next call */
#define MAX_EVENTS (INT32_MAX / (int)sizeof(struct linux_epoll_event))

int64_t sys_epoll_create1(int flags)
{
    struct file *f;
    if ((unsigned)flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    int r = epoll_create_file(&f);
    if (r < 0)
        return r;
    r = fd_install(current()->process->fds, f, 0, (unsigned)flags & EPOLL_CLOEXEC);
    if (r < 0)
        file_put(f);
    return r;
}

int64_t sys_epoll_create(int size)
{
    return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

int64_t sys_epoll_ctl(int epfd, int op, int fd, uaddr_t event)
{
    struct linux_epoll_event e = { 0 };
    struct fdtable *table = current()->process->fds;
    if (op != EPOLL_CTL_DEL && user_read(&e, event, sizeof(e)) < 0)
        return -EFAULT;
    struct file *ep = fd_lookup_open(table, epfd);
    struct file *target = fd_lookup_open(table, fd);
    int64_t r = ep && target ? epoll_control(ep, op, target, fd, e.events, e.data) : -EBADF;
    file_put(target);
    file_put(ep);
    return r;
}

static int64_t wait_for(int epfd, uaddr_t events, int max, int64_t deadline)
{
    struct linux_epoll_event few[FEW], *out = few;
    if (max <= 0 || max > MAX_EVENTS)
        return -EINVAL;
    struct file *ep = fd_lookup_open(current()->process->fds, epfd);
    if (!ep)
        return -EBADF;
    uint32_t room = MIN((uint32_t)max, AT_ONCE);
    if (room > FEW)
        out = mem_alloc(room * sizeof(*out));
    if (!out) {
        out = few;
        room = FEW;
    }
    int64_t n = epoll_collect(ep, out, room, deadline);
    if (n > 0 && user_write(events, out, (uint64_t)n * sizeof(*out)) < 0)
        n = -EFAULT;
    if (out != few)
        mem_free(out);
    file_put(ep);
    return n;
}

static int set_mask(uaddr_t mask, uint64_t size)
{
    uint64_t set;
    if (!mask)
        return 0;
    if (size != sizeof(set))
        return -EINVAL;
    if (user_read(&set, mask, sizeof(set)) < 0)
        return -EFAULT;
    signal_mask_temporarily(set);
    return 0;
}

static int64_t deadline_of_ms(int timeout)
{
    return timeout < 0 ? PARK_FOREVER : timeout_after((int64_t)timeout * 1000000);
}

int64_t sys_epoll_wait(int epfd, uaddr_t events, int max, int timeout)
{
    return wait_for(epfd, events, max, deadline_of_ms(timeout));
}

int64_t sys_epoll_pwait(int epfd, uaddr_t events, int max, int timeout, uaddr_t mask,
                        uint64_t mask_size)
{
    int r = set_mask(mask, mask_size);
    return r < 0 ? r : wait_for(epfd, events, max, deadline_of_ms(timeout));
}

int64_t sys_epoll_pwait2(int epfd, uaddr_t events, int max, uaddr_t timeout, uaddr_t mask,
                         uint64_t mask_size)
{
    int64_t deadline;
    int r = timeout_read_timespec(timeout, &deadline);
    if (r == 0)
        r = set_mask(mask, mask_size);
    return r < 0 ? r : wait_for(epfd, events, max, deadline);
}

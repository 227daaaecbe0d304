/* ioctl: what concerns every descriptor is here, the rest is the file's own. */
#include "lib/linux/ioctl.h"

#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/owner.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

static int64_t set_nonblocking(struct file *f, uaddr_t arg)
{
    int32_t on;
    if (user_read(&on, arg, sizeof(on)) < 0)
        return -EFAULT;
    mutex_lock(&f->mu);
    uint32_t flags = on ? f->flags | O_NONBLOCK : f->flags & ~(uint32_t)O_NONBLOCK;
    int r = f->ops->set_flags ? f->ops->set_flags(f, flags) : 0;
    if (r == 0)
        __atomic_store_n(&f->flags, flags, __ATOMIC_RELAXED);
    mutex_unlock(&f->mu);
    return r;
}

static int64_t set_async(struct file *f, int fd, uaddr_t arg)
{
    int32_t on;
    if (user_read(&on, arg, sizeof(on)) < 0)
        return -EFAULT;
    mutex_lock(&f->mu);
    uint32_t flags = on ? f->flags | O_ASYNC : f->flags & ~(uint32_t)O_ASYNC;
    int r = flags == f->flags ? 0 : f->ops->async ? file_set_async(f, fd, on != 0) : -ENOTTY;
    if (r == 0)
        __atomic_store_n(&f->flags, flags, __ATOMIC_RELAXED);
    mutex_unlock(&f->mu);
    return r;
}

/* How much of a regular file lies ahead of the position. */
static int64_t bytes_ahead(struct file *f, uaddr_t arg)
{
    struct linux_stat st;
    int r = file_stat(f, &st);
    if (r < 0)
        return r;
    if ((st.mode & S_IFMT) != S_IFREG)
        return -ENOTTY;
    int64_t left = st.size - f->pos;
    int32_t n = left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int32_t)left;
    return user_write(arg, &n, sizeof(n));
}

int64_t sys_ioctl(int fd, unsigned command, uint64_t arg)
{
    struct fdtable *table = current()->process->fds;
    struct file *f = fd_lookup(table, fd);
    int64_t r;
    if (!f)
        return -EBADF;
    if (f->flags & O_PATH) {
        file_put(f);
        return -EBADF;
    }
    switch (command) {
    case LINUX_FIOCLEX: r = fd_set_cloexec(table, fd, true); break;
    case LINUX_FIONCLEX: r = fd_set_cloexec(table, fd, false); break;
    case LINUX_FIONBIO: r = set_nonblocking(f, arg); break;
    case LINUX_FIOASYNC: r = set_async(f, fd, arg); break;
    default:
        r = f->ops->ioctl ? f->ops->ioctl(f, command, arg) : -ENOTTY;
        if (r == -ENOTTY && command == LINUX_FIONREAD && f->seekable)
            r = bytes_ahead(f, arg);
    }
    file_put(f);
    return r;
}

/*
 * Copying from file to file: sendfile, copy_file_range, splice, vmsplice (tee stands with the pipes). The host moves its own
 * bytes where both ends are its files, and none comes in; else they pass through a buffer of ours by the steps of read and
 * write (rw.h).
 */
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/uio.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/notify.h"
#include "libos/ipc/pipe.h"
#include "libos/ipc/poll.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"
#include "libos/sys/iobuf.h"
#include "libos/sys/rw.h"
#include "libos/sys/sys.h"

static struct file *lookup(int fd)
{
    return fd_lookup(current()->process->fds, fd);
}

#define COPY_CHUNK 65536u

struct copy {
    struct file *in, *out;
    int64_t *in_pos, *out_pos; /* NULL: the file's own position */
};

static int64_t copy_loop(const struct copy *c, uint64_t count)
{
    uint8_t *buffer = mem_alloc(COPY_CHUNK);
    uint64_t done = 0;
    int64_t r = 0;
    if (!buffer)
        return -ENOMEM;
    while (done < count) {
        r = rw_move(c->in, buffer, MIN(count - done, COPY_CHUNK), false, c->in_pos);
        if (r <= 0)
            break;
        int64_t got = r;
        r = rw_move(c->out, buffer, (uint64_t)got, true, c->out_pos);
        if (r < got && !c->in_pos && c->in->seekable) { /* what was read but not written stays unread */
            mutex_lock(&c->in->mu);
            c->in->pos -= got - MAX(r, 0);
            mutex_unlock(&c->in->mu);
        }
        if (r <= 0)
            break;
        if (c->in_pos)
            *c->in_pos += r;
        if (c->out_pos)
            *c->out_pos += r;
        done += (uint64_t)r;
        if (r < got || !c->in->seekable || signal_pending_current())
            break; /* gigabytes can be copied by one call: not past a signal */
    }
    mem_free(buffer);
    return done ? (int64_t)done : r;
}

static int64_t position(struct file *f, const int64_t *pos)
{
    mutex_lock(&f->mu);
    int64_t own = f->pos;
    mutex_unlock(&f->mu);
    return pos ? *pos : own;
}

/* The host moves its own bytes, and none comes in. -EOPNOTSUPP: it cannot. */
static int64_t send_by_host(const struct copy *c, uint64_t count)
{
    if (!c->in->ops->host_source || !c->out->ops->send_from || c->out_pos)
        return -EOPNOTSUPP;
    int from = c->in->ops->host_source(c->in);
    int64_t at = position(c->in, c->in_pos);
    if (from < 0 || count > (uint64_t)(INT64_MAX - at))
        return -EOPNOTSUPP;
    int64_t n = c->out->ops->send_from(c->out, from, at, count);
    if (n <= 0)
        return n == -EINTR ? -ERESTARTSYS : n;
    if (c->in_pos) {
        *c->in_pos = at + n;
    } else {
        mutex_lock(&c->in->mu);
        c->in->pos = at + n;
        mutex_unlock(&c->in->mu);
    }
    notify_file(c->in, IN_ACCESS);
    return n;
}

static int read_offset(uaddr_t from, int64_t *value, int64_t **out)
{
    *out = NULL;
    if (!from)
        return 0;
    *out = value;
    if (user_read(value, from, sizeof(*value)) < 0)
        return -EFAULT;
    return *value < 0 ? -EINVAL : 0;
}

/* As Linux's generic_copy_file_checks(): not beyond the end that the source has now, not onto itself. */
static int check_range(const struct copy *c, uint64_t *count)
{
    struct linux_stat in, out;
    int64_t from = position(c->in, c->in_pos), to = position(c->out, c->out_pos);
    if (c->out->flags & O_APPEND)
        return -EBADF;
    if (file_stat(c->in, &in) < 0 || file_stat(c->out, &out) < 0)
        return -EIO;
    if ((uint64_t)from + *count < *count || (uint64_t)to + *count < *count)
        return -EOVERFLOW;
    *count = MIN(*count, from < in.size ? (uint64_t)(in.size - from) : 0);
    bool same = in.dev == out.dev && in.ino == out.ino;
    return same && to + (int64_t)*count > from && to < from + (int64_t)*count ? -EINVAL : 0;
}

static int64_t copy_files(int in, uaddr_t in_off, int out, uaddr_t out_off, uint64_t count, bool range)
{
    int64_t in_pos, out_pos;
    struct copy c = { lookup(in), lookup(out), NULL, NULL };
    int64_t r = c.in && c.out ? 0 : -EBADF;
    if (r == 0 && (!file_can_read(c.in) || !file_can_write(c.out)))
        r = -EBADF;
    if (r == 0)
        r = read_offset(in_off, &in_pos, &c.in_pos);
    if (r == 0)
        r = read_offset(out_off, &out_pos, &c.out_pos);
    if (r == 0 && range)
        r = check_range(&c, &count);
    count = MIN(count, LINUX_RW_COUNT_MAX);
    if (r == 0)
        r = send_by_host(&c, count);
    if (r == -EOPNOTSUPP)
        r = copy_loop(&c, count);
    if (r == -EISDIR && !range)
        r = -EINVAL; /* a directory has nothing to splice from */
    if (r >= 0 && c.in_pos && user_write(in_off, &in_pos, sizeof(in_pos)) < 0)
        r = -EFAULT;
    if (r >= 0 && c.out_pos && user_write(out_off, &out_pos, sizeof(out_pos)) < 0)
        r = -EFAULT;
    file_put(c.in);
    file_put(c.out);
    return r;
}

int64_t sys_sendfile(int out_fd, int in_fd, uaddr_t offset, uint64_t count)
{
    if ((int64_t)count < 0)
        return -EINVAL;
    return copy_files(in_fd, offset, out_fd, 0, count, false);
}

static int64_t is_regular(int fd)
{
    struct linux_stat st;
    struct file *f = lookup(fd);
    if (!f)
        return -EBADF;
    int r = file_stat(f, &st);
    file_put(f);
    if (r < 0)
        return r;
    return (st.mode & S_IFMT) == S_IFREG ? 0 : (st.mode & S_IFMT) == S_IFDIR ? -EISDIR : -EINVAL;
}

int64_t sys_copy_file_range(int in_fd, uaddr_t in_off, int out_fd, uaddr_t out_off, uint64_t count, unsigned flags)
{
    if (flags)
        return -EINVAL;
    int64_t r = is_regular(in_fd);
    if (r == 0)
        r = is_regular(out_fd);
    return r < 0 ? r : copy_files(in_fd, in_off, out_fd, out_off, count, true);
}

enum { SPLICE_F_NONBLOCK = 2, SPLICE_F_ALL = 15 };

/* SPLICE_F_NONBLOCK concerns the pipes only, not the files. */
static bool pipe_would_block(struct file *f, bool pipe, uint32_t events)
{
    return pipe && f->ops->poll && !(f->ops->poll(f, NULL) & events);
}

/* One side must be a pipe. The data take one copy more than in Linux. */
int64_t sys_splice(int in_fd, uaddr_t in_off, int out_fd, uaddr_t out_off, uint64_t count, unsigned flags)
{
    struct linux_stat a, b;
    if (count == 0)
        return 0;
    if (flags & ~(unsigned)SPLICE_F_ALL)
        return -EINVAL;
    struct file *in = lookup(in_fd), *out = lookup(out_fd);
    int64_t r = in && out ? 0 : -EBADF;
    if (r == 0 && (file_stat(in, &a) < 0 || file_stat(out, &b) < 0))
        r = -EINVAL;
    bool in_pipe = r == 0 && (a.mode & S_IFMT) == S_IFIFO, out_pipe = r == 0 && (b.mode & S_IFMT) == S_IFIFO;
    if (r == 0 && ((in_pipe && in_off) || (out_pipe && out_off)))
        r = -ESPIPE;
    if (r == 0 && (!file_can_read(in) || !file_can_write(out)))
        r = -EBADF;
    bool placeless = r == 0 && ((in_off && !rw_has_offsets(in)) || (out_off && !rw_has_offsets(out)));
    if (r == 0 && ((!in_pipe && !out_pipe) || placeless || (int64_t)count < 0))
        r = -EINVAL;
    if (r == 0 && flags & SPLICE_F_NONBLOCK &&
        (pipe_would_block(in, in_pipe, EPOLLIN | EPOLLHUP) || pipe_would_block(out, out_pipe, EPOLLOUT | EPOLLERR)))
        r = -EAGAIN;
    if (r == 0 && out_pipe && !in_pipe) { /* no more than fits: to wait for the rest would be for ever when the caller is the reader */
        r = pipe_room(out);
        count = r > 0 ? MIN(count, (uint64_t)r) : count;
    }
    file_put(in);
    file_put(out);
    return r < 0 ? r : copy_files(in_fd, in_off, out_fd, out_off, MIN(count, COPY_CHUNK), false);
}

/* The pages are copied: a gift (SPLICE_F_GIFT) stays the giver's as well. */
int64_t sys_vmsplice(int fd, uaddr_t iov, uint64_t count, unsigned flags)
{
    struct iobuf b;
    struct iobuf_segment *big = NULL;
    if (flags & ~(unsigned)SPLICE_F_ALL)
        return -EINVAL;
    struct file *f = lookup(fd);
    int64_t r = f && (file_can_write(f) || file_can_read(f)) ? 0 : -EBADF;
    if (r == 0)
        r = rw_read_iovec(&b, iov, count, &big);
    if (r == 0)
        r = pipe_vmsplice(f, &b, file_can_write(f), flags & SPLICE_F_NONBLOCK);
    mem_free(big);
    file_put(f);
    return r;
}

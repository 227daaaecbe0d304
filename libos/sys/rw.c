/*
 * read, write and their kin. A file's position is guarded by f->mu, which is held over the operation as in
 * Linux, so that two threads never read the same bytes; calls with an offset of their own do not take it.
 */
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/uio.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/notify.h"
#include "libos/ipc/pipe.h"
#include "libos/ipc/poll.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"
#include "libos/sys/iobuf.h"
#include "libos/sys/limits.h"
#include "libos/sys/sys.h"

static struct file *lookup(int fd)
{
    return fd_lookup(current()->process->fds, fd);
}

static struct fd_use use(int fd)
{
    return fd_use(current()->process->fds, fd, thread_is_alone());
}

/* A blocked call that a signal ended is restarted or not by the signal's handler. */
static int64_t restartable(int64_t r)
{
    return r == -EINTR ? -ERESTARTSYS : r;
}

/* Where n bytes were just written; after an append, at the end. */
static void tell_mappings(struct file *f, const int64_t *pos, uint64_t n)
{
    struct linux_stat st;
    uint64_t end = pos ? (uint64_t)*pos : 0;
    if (!pos || (f->flags & O_APPEND))
        end = file_stat(f, &st) == 0 ? (uint64_t)st.size : 0;
    if (end >= n)
        mm_file_written(current()->process->mm, f, end - n, n);
}

/* RLIMIT_FSIZE: a write that crosses it is cut, one that begins there is refused. */
static int64_t cut_at_limit(struct file *f, struct iobuf *b, const int64_t *pos)
{
    struct linux_stat st;
    if (!b->left || file_stat(f, &st) < 0 || (st.mode & S_IFMT) != S_IFREG)
        return 0;
    int64_t room = limits_file_room(f->flags & O_APPEND ? (uint64_t)st.size : (uint64_t)*pos);
    if (room < 0)
        return room;
    b->left = MIN(b->left, (uint64_t)room);
    return 0;
}

static IN_LINE int64_t move(struct file *f, struct iobuf *b, bool write, int64_t *pos)
{
    if (!write)
        return file_read(f, b, pos);
    int64_t n = pos && limits_file_limited() ? cut_at_limit(f, b, pos) : 0;
    if (n < 0)
        return n;
    n = file_write(f, b, pos);
    if (n > 0 && f->seekable && mm_has_copies())
        tell_mappings(f, pos, (uint64_t)n);
    return n;
}

/* At the file's own position. */
static int64_t move_at_position(struct file *f, struct iobuf *b, bool write)
{
    if (!f->seekable)
        return restartable(move(f, b, write, NULL));
    mutex_lock(&f->mu);
    int64_t r = move(f, b, write, &f->pos);
    mutex_unlock(&f->mu);
    return restartable(r);
}

static bool has_offsets(const struct file *f)
{
    return f->seekable || (f->ops->seek && f->ops->seek != file_seek_ignored);
}

static IN_LINE int64_t move_at_offset(struct file *f, struct iobuf *b, bool write, int64_t offset)
{
    if (offset < 0)
        return -EINVAL;
    if (!has_offsets(f))
        return -ESPIPE;
    if (b->left > (uint64_t)(INT64_MAX - offset))
        return -EINVAL;
    return restartable(move(f, b, write, &offset));
}

/* Linux looks at the whole range before it cuts the length. */
static IN_LINE int64_t buffer_of(struct iobuf *b, uaddr_t buf, uint64_t count)
{
    if ((int64_t)(buf + count) < 0 || buf + count < buf)
        return -EFAULT;
    return iobuf_user(b, buf, MIN(count, LINUX_RW_COUNT_MAX));
}

int64_t sys_read(int fd, uaddr_t buf, uint64_t count)
{
    struct iobuf b;
    struct fd_use u = use(fd);
    if (!u.file)
        return -EBADF;
    int64_t r = buffer_of(&b, buf, count);
    if (r == 0)
        r = move_at_position(u.file, &b, false);
    fd_return(u);
    return r;
}

int64_t sys_write(int fd, uaddr_t buf, uint64_t count)
{
    struct iobuf b;
    struct fd_use u = use(fd);
    if (!u.file)
        return -EBADF;
    int64_t r = buffer_of(&b, buf, count);
    if (r == 0)
        r = move_at_position(u.file, &b, true);
    fd_return(u);
    return r;
}

static IN_LINE int64_t at_offset(int fd, uaddr_t buf, uint64_t count, int64_t offset, bool write)
{
    struct iobuf b;
    struct fd_use u = use(fd);
    if (!u.file)
        return -EBADF;
    int64_t r = buffer_of(&b, buf, count);
    if (r == 0)
        r = move_at_offset(u.file, &b, write, offset);
    fd_return(u);
    return r;
}

int64_t sys_pread64(int fd, uaddr_t buf, uint64_t count, int64_t offset)
{
    return at_offset(fd, buf, count, offset, false);
}

int64_t sys_pwrite64(int fd, uaddr_t buf, uint64_t count, int64_t offset)
{
    return at_offset(fd, buf, count, offset, true);
}

/* Segments of an iovec array; *big is freed by the caller. */
static int read_iovec(struct iobuf *b, uaddr_t uiov, uint64_t count, struct iobuf_segment **big)
{
    static_assert(sizeof(struct iobuf_segment) == sizeof(struct linux_iovec), "copied as they are");
    *big = NULL;
    if (count > LINUX_IOV_MAX)
        return -EINVAL;
    *b = (struct iobuf){ .user = true, .count = (uint32_t)count };
    b->segments = b->inline_segments;
    if (count > IOBUF_INLINE) {
        *big = mem_alloc(count * sizeof(**big));
        if (!*big)
            return -ENOMEM;
        b->segments = *big;
    }
    if (user_read(b->segments, uiov, count * sizeof(struct iobuf_segment)) < 0)
        return -EFAULT;
    for (uint64_t i = 0; i < count; i++) {
        struct iobuf_segment *s = &b->segments[i];
        if ((int64_t)s->size < 0)
            return -EINVAL;
        s->size = MIN(s->size, LINUX_RW_COUNT_MAX - b->left);
        b->left += s->size;
    }
    return iobuf_check(b);
}

static int64_t vector(int fd, uaddr_t iov, uint64_t count, const int64_t *offset, bool write, int flags)
{
    struct iobuf b;
    struct iobuf_segment *big;
    struct file *f = lookup(fd);
    if (!f)
        return -EBADF;
    int64_t r = flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND) ? -EOPNOTSUPP : 0;
    if (r == 0 && (flags & (RWF_APPEND | RWF_NOWAIT)))
        r = -EOPNOTSUPP;
    if (r < 0) {
        file_put(f);
        return r;
    }
    r = read_iovec(&b, iov, count, &big);
    if (r == 0)
        r = offset ? move_at_offset(f, &b, write, *offset) : move_at_position(f, &b, write);
    if (r > 0 && write && (flags & (RWF_DSYNC | RWF_SYNC)) && f->ops->sync)
        (void)f->ops->sync(f, !(flags & RWF_SYNC));
    mem_free(big);
    file_put(f);
    return r;
}

int64_t sys_readv(int fd, uaddr_t iov, uint64_t count)
{
    return vector(fd, iov, count, NULL, false, 0);
}

int64_t sys_writev(int fd, uaddr_t iov, uint64_t count)
{
    return vector(fd, iov, count, NULL, true, 0);
}

int64_t sys_preadv(int fd, uaddr_t iov, uint64_t count, int64_t offset, uint64_t high)
{
    return vector(fd, iov, count, &offset, false, 0);
}

int64_t sys_pwritev(int fd, uaddr_t iov, uint64_t count, int64_t offset, uint64_t high)
{
    return vector(fd, iov, count, &offset, true, 0);
}

int64_t sys_preadv2(int fd, uaddr_t iov, uint64_t count, int64_t offset, uint64_t high, int flags)
{
    return vector(fd, iov, count, offset == -1 ? NULL : &offset, false, flags);
}

int64_t sys_pwritev2(int fd, uaddr_t iov, uint64_t count, int64_t offset, uint64_t high, int flags)
{
    return vector(fd, iov, count, offset == -1 ? NULL : &offset, true, flags);
}

int64_t sys_lseek(int fd, int64_t offset, int whence)
{
    struct fd_use u = use(fd);
    struct file *f = u.file;
    if (!f)
        return -EBADF;
    int64_t r = whence < 0 || whence > SEEK_HOLE ? -EINVAL : -ESPIPE;
    if (r == -ESPIPE && f->ops->seek) {
        mutex_lock(&f->mu);
        r = f->ops->seek(f, offset, whence);
        mutex_unlock(&f->mu);
    }
    fd_return(u);
    return r;
}

/* ---- copying from file to file, through a buffer of ours */

#define COPY_CHUNK 65536u

struct copy {
    struct file *in, *out;
    int64_t *in_pos, *out_pos; /* NULL: the file's own position */
};

static int64_t copy_part(struct file *f, void *buffer, uint64_t size, bool write, int64_t *pos)
{
    struct iobuf b;
    iobuf_kernel(&b, buffer, size);
    return pos ? move_at_offset(f, &b, write, *pos) : move_at_position(f, &b, write);
}

static int64_t copy_loop(const struct copy *c, uint64_t count)
{
    uint8_t *buffer = mem_alloc(COPY_CHUNK);
    uint64_t done = 0;
    int64_t r = 0;
    if (!buffer)
        return -ENOMEM;
    while (done < count) {
        r = copy_part(c->in, buffer, MIN(count - done, COPY_CHUNK), false, c->in_pos);
        if (r <= 0)
            break;
        int64_t got = r;
        r = copy_part(c->out, buffer, (uint64_t)got, true, c->out_pos);
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
        return restartable(n);
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
    bool placeless = r == 0 && ((in_off && !has_offsets(in)) || (out_off && !has_offsets(out)));
    if (r == 0 && ((!in_pipe && !out_pipe) || placeless || (int64_t)count < 0))
        r = -EINVAL;
    if (r == 0 && flags & SPLICE_F_NONBLOCK &&
        (pipe_would_block(in, in_pipe, EPOLLIN | EPOLLHUP) || pipe_would_block(out, out_pipe, EPOLLOUT | EPOLLERR)))
        r = -EAGAIN;
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
        r = read_iovec(&b, iov, count, &big);
    if (r == 0)
        r = pipe_vmsplice(f, &b, file_can_write(f), flags & SPLICE_F_NONBLOCK);
    mem_free(big);
    file_put(f);
    return r;
}

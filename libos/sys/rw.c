/*
 * read, write and their kin. A file's position is guarded by f->mu, which is held over the operation as in
 * Linux, so that two threads never read the same bytes; calls with an offset of their own do not take it.
 */
#include "libos/sys/rw.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/uio.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
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
static IN_LINE int64_t restartable(int64_t r)
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

bool rw_has_offsets(const struct file *f)
{
    return f->seekable || (f->ops->seek && f->ops->seek != file_seek_ignored);
}

static IN_LINE int64_t move_at_offset(struct file *f, struct iobuf *b, bool write, int64_t offset)
{
    if (offset < 0)
        return -EINVAL;
    if (!rw_has_offsets(f))
        return -ESPIPE;
    if (b->left > (uint64_t)(INT64_MAX - offset))
        return -EINVAL;
    return restartable(move(f, b, write, &offset));
}

int64_t rw_move(struct file *f, void *buffer, uint64_t size, bool write, const int64_t *pos)
{
    struct iobuf b;
    iobuf_kernel(&b, buffer, size);
    return pos ? move_at_offset(f, &b, write, *pos) : move_at_position(f, &b, write);
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

int rw_read_iovec(struct iobuf *b, uaddr_t uiov, uint64_t count, struct iobuf_segment **big)
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
    r = rw_read_iovec(&b, iov, count, &big);
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

/*
 * Open file descriptions: their common part. Each kind's behaviour is its table of operations; the
 * wrappers here give what Linux answers where an operation is missing.
 */
#include "libos/fs/file.h"

#include "lib/base/inline.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/locks.h"
#include "libos/fs/notify.h"
#include "libos/fs/owner.h"
#include "libos/fs/vfs.h"
#include "libos/ipc/epoll.h"

static uint64_t g_next_ino = 1000; /* atomic */

void file_init(struct file *f, const struct file_ops *ops, uint32_t flags)
{
    *f = (struct file){ .ops = ops, .refs = 1, .flags = flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_CLOEXEC) };
    f->ino = number_take(&g_next_ino);
}

void file_put(struct file *f)
{
    if (!f || !ref_put(&f->refs))
        return;
    if (__atomic_load_n(&f->watchers, __ATOMIC_ACQUIRE))
        epoll_forget(f);
    file_forget_async(f);
    locks_release_file(f);
    struct notify_key key;
    bool gone = notify_wanted(IN_CLOSE_WRITE | IN_CLOSE_NOWRITE | IN_DELETE_SELF) &&
                notify_close_begin(f, &key);
    struct dentry *d = f->dentry;
    f->ops->release(f);
    dentry_put(d);
    if (gone)
        notify_close_end(&key);
}

IN_LINE int64_t file_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    if (!file_can_read(f) || (f->flags & O_PATH))
        return -EBADF;
    int64_t n = f->ops->read ? f->ops->read(f, b, pos) : -EINVAL;
    if (n > 0)
        notify_file(f, IN_ACCESS);
    return n;
}

IN_LINE int64_t file_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    if (!file_can_write(f) || (f->flags & O_PATH))
        return -EBADF;
    int64_t n = f->ops->write ? f->ops->write(f, b, pos) : -EINVAL;
    if (n > 0)
        notify_file(f, IN_MODIFY);
    return n;
}

int file_getdents(struct file *f, struct dirent_sink *sink)
{
    if (!f->ops->getdents)
        return -ENOTDIR;
    int r = f->ops->getdents(f, sink);
    if (r != -ENOTDIR)
        notify_file(f, IN_ACCESS);
    return r;
}

int file_truncate(struct file *f, uint64_t size)
{
    int r = f->ops->truncate ? f->ops->truncate(f, size) : -EINVAL;
    if (r == 0)
        notify_file(f, IN_MODIFY);
    return r;
}

int file_allocate(struct file *f, int mode, uint64_t offset, uint64_t size)
{
    int r = f->ops->allocate ? f->ops->allocate(f, mode, offset, size)
            : f->seekable    ? -EOPNOTSUPP
            : f->dentry      ? -ENODEV
                             : -ESPIPE;
    if (r == 0)
        notify_file(f, IN_MODIFY);
    return r;
}

IN_LINE int file_stat(struct file *f, struct linux_stat *st)
{
    if (f->ops->stat)
        return f->ops->stat(f, st);
    if (f->dentry)
        return vfs_stat(f->dentry, st);
    return -EBADF;
}

int64_t file_seek_ignored(struct file *f, int64_t offset, int whence)
{
    return 0;
}

int64_t file_seek_in(struct file *f, int64_t offset, int whence, uint64_t size)
{
    int64_t base = 0;
    switch (whence) {
    case SEEK_SET: break;
    case SEEK_CUR: base = f->pos; break;
    case SEEK_END: base = (int64_t)size; break;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (offset < 0 || (uint64_t)offset >= size)
            return -ENXIO;
        offset = whence == SEEK_DATA ? offset : (int64_t)size;
        break;
    default: return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &offset))
        return -EOVERFLOW;
    if (offset < 0)
        return -EINVAL;
    f->pos = offset;
    return offset;
}

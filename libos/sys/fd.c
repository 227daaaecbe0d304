/* Descriptors: dup, fcntl, locks, flock, sync, advice, umask. */
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dnotify.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/locks.h"
#include "libos/fs/owner.h"
#include "libos/fs/tmpfs.h"
#include "libos/fs/vfs.h"
#include "libos/ipc/pipe.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

static struct fdtable *table(void)
{
    return current()->process->fds;
}

static uint64_t fd_limit(void)
{
    return current()->process->limits[LINUX_RLIMIT_NOFILE].soft;
}

int64_t sys_dup(int fd)
{
    struct file *f = fd_lookup(table(), fd);
    if (!f)
        return -EBADF;
    int r = fd_install(table(), f, 0, false);
    if (r < 0)
        file_put(f);
    return r;
}

static int64_t dup_to(int from, int to, bool cloexec)
{
    struct file *f = fd_lookup(table(), from);
    if (!f)
        return -EBADF;
    int r = fd_install_at(table(), f, to, cloexec);
    if (r < 0)
        file_put(f);
    return r;
}

int64_t sys_dup2(int from, int to)
{
    if (from == to) {
        struct file *f = fd_lookup(table(), from);
        file_put(f);
        return f ? to : -EBADF;
    }
    return dup_to(from, to, false);
}

int64_t sys_dup3(int from, int to, int flags)
{
    if ((flags & ~O_CLOEXEC) || from == to)
        return -EINVAL;
    return dup_to(from, to, flags & O_CLOEXEC);
}

/* ---- locks */

static int range_of(struct file *f, const struct linux_flock *l, uint64_t *start, uint64_t *end)
{
    struct linux_stat st;
    int64_t base = 0, first, last;
    if (l->whence == SEEK_CUR) {
        base = f->pos;
    } else if (l->whence == SEEK_END) {
        int r = file_stat(f, &st);
        if (r < 0)
            return r;
        base = st.size;
    } else if (l->whence != SEEK_SET) {
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, l->start, &first))
        return -EOVERFLOW;
    last = INT64_MAX;
    if (l->length > 0 && __builtin_add_overflow(first, l->length - 1, &last))
        return -EOVERFLOW;
    if (l->length < 0) {
        last = first - 1;
        if (__builtin_add_overflow(first, l->length, &first))
            return -EINVAL;
    }
    if (first < 0)
        return -EINVAL;
    *start = (uint64_t)first;
    *end = (uint64_t)last;
    return 0;
}

static int64_t lock_get(struct file *f, struct linux_flock *l, struct lock_request *q, uaddr_t arg)
{
    if (l->type != F_RDLCK && l->type != F_WRLCK)
        return -EINVAL;
    int r = locks_get(f, q);
    if (r < 0)
        return r;
    l->type = (int16_t)q->type;
    if (q->type != F_UNLCK) {
        l->whence = SEEK_SET;
        l->start = (int64_t)q->start;
        l->length = q->end == INT64_MAX ? 0 : (int64_t)(q->end - q->start + 1);
        l->pid = q->pid;
    }
    return user_write(arg, l, sizeof(*l));
}

static int64_t lock_set(struct file *f, const struct lock_request *q, bool wait)
{
    if (q->type == F_RDLCK && !file_can_read(f))
        return -EBADF;
    if (q->type == F_WRLCK && !file_can_write(f))
        return -EBADF;
    if (q->type != F_RDLCK && q->type != F_WRLCK && q->type != F_UNLCK)
        return -EINVAL;
    int r = locks_set(f, q, wait);
    return r == -EINTR ? -ERESTARTSYS : r;
}

static int64_t record_lock(struct file *f, int command, uaddr_t arg)
{
    struct linux_flock l;
    bool ofd = command >= F_OFD_GETLK;
    if (user_read(&l, arg, sizeof(l)) < 0)
        return -EFAULT;
    if (ofd && l.pid)
        return -EINVAL;
    struct lock_request q = { .kind = ofd ? LOCK_OFD : LOCK_POSIX,
                              .owner = ofd ? (const void *)f : (const void *)table(),
                              .pid = ofd ? -1 : current()->process->pid,
                              .type = l.type };
    int r = range_of(f, &l, &q.start, &q.end);
    if (r < 0)
        return r;
    if (command == F_GETLK || command == F_OFD_GETLK)
        return lock_get(f, &l, &q, arg);
    return lock_set(f, &q, command == F_SETLKW || command == F_OFD_SETLKW);
}

#define LOCK_MAND 32

int64_t sys_flock(int fd, int operation)
{
    struct file *f = fd_lookup(table(), fd);
    if (!f)
        return -EBADF;
    if (operation & LOCK_MAND) { /* taken without effect, whatever else is asked */
        file_put(f);
        return 0;
    }
    struct lock_request q = { .kind = LOCK_FLOCK, .owner = f, .end = INT64_MAX };
    int64_t r = 0;
    switch (operation & ~LOCK_NB) {
    case LOCK_SH: q.type = F_RDLCK; break;
    case LOCK_EX: q.type = F_WRLCK; break;
    case LOCK_UN: q.type = F_UNLCK; break;
    default: r = -EINVAL;
    }
    if (r == 0 && (f->flags & O_PATH))
        r = -EBADF;
    if (r == 0)
        r = locks_set(f, &q, !(operation & LOCK_NB));
    file_put(f);
    return r == -EINTR ? -ERESTARTSYS : r;
}

/* ---- fcntl */

#define SETFL_FLAGS (uint32_t)(O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME)

static int64_t set_flags(struct file *f, int fd, uint32_t arg)
{
    mutex_lock(&f->mu);
    if (!f->ops->async)
        arg = (arg & ~(uint32_t)O_ASYNC) | (f->flags & O_ASYNC);
    uint32_t flags = (f->flags & ~SETFL_FLAGS) | (arg & SETFL_FLAGS);
    int r = (flags ^ f->flags) & O_ASYNC ? file_set_async(f, fd, flags & O_ASYNC) : 0;
    if (r == 0 && f->ops->set_flags)
        r = f->ops->set_flags(f, flags);
    if (r == 0)
        __atomic_store_n(&f->flags, flags, __ATOMIC_RELAXED);
    mutex_unlock(&f->mu);
    return r;
}

static int64_t duplicate(struct file *f, uint64_t least, bool cloexec)
{
    if (least >= fd_limit())
        return -EINVAL;
    int r = fd_install(table(), file_get(f), (int)least, cloexec);
    if (r < 0)
        file_put(f);
    return r;
}

/* The number of a process, or minus that of a group. */
static int64_t set_owner(struct file *f, int32_t who)
{
    if (who == INT32_MIN)
        return -EINVAL;
    return file_set_owner(f, who < 0 ? FILE_OWNER_GROUP : FILE_OWNER_PROCESS, who < 0 ? -who : who);
}

static int64_t set_owner_ex(struct file *f, uaddr_t arg)
{
    struct linux_f_owner_ex owner;
    if (user_read(&owner, arg, sizeof(owner)) < 0)
        return -EFAULT;
    if (owner.type < FILE_OWNER_THREAD || owner.type > FILE_OWNER_GROUP)
        return -EINVAL;
    return file_set_owner(f, (enum file_owner_type)owner.type, owner.pid);
}

static int64_t get_owner_ex(const struct file *f, uaddr_t arg)
{
    struct linux_f_owner_ex owner = { f->owner ? f->owner_type : FILE_OWNER_PROCESS, f->owner };
    return user_write(arg, &owner, sizeof(owner)) < 0 ? -EFAULT : 0;
}

static int64_t control(struct file *f, int fd, int command, uint64_t arg)
{
    switch (command) {
    case F_DUPFD: return duplicate(f, arg, false);
    case F_DUPFD_CLOEXEC: return duplicate(f, arg, true);
    case F_GETFD: return fd_get_cloexec(table(), fd);
    case F_SETFD: return fd_set_cloexec(table(), fd, arg & FD_CLOEXEC);
    case F_GETFL: return f->flags | (f->flags & O_PATH ? 0 : O_LARGEFILE);
    }
    if (f->flags & O_PATH)
        return -EBADF;
    switch (command) {
    case F_SETFL: return set_flags(f, fd, (uint32_t)arg);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return record_lock(f, command, arg);
    case F_NOTIFY: return dnotify_set(table(), f, fd, (uint32_t)arg);
    case F_SETOWN: return set_owner(f, (int32_t)arg);
    case F_GETOWN: return f->owner_type == FILE_OWNER_GROUP ? -(int64_t)f->owner : f->owner;
    case F_SETOWN_EX: return set_owner_ex(f, arg);
    case F_GETOWN_EX: return get_owner_ex(f, arg);
    case F_SETSIG: return file_set_signal(f, arg);
    case F_GETSIG: return f->signal;
    case F_GETPIPE_SZ: return pipe_get_size(f);
    case F_SETPIPE_SZ: return pipe_set_size(f, arg);
    case F_ADD_SEALS: return arg ? (memfd_seals(f, (uint32_t)arg) < 0 ? memfd_seals(f, (uint32_t)arg) : 0) : 0;
    case F_GET_SEALS: return memfd_seals(f, 0);
    case F_GETLEASE: return F_UNLCK;
    default: return -EINVAL;
    }
}

int64_t sys_fcntl(int fd, int command, uint64_t arg)
{
    struct file *f = fd_lookup(table(), fd);
    if (!f)
        return -EBADF;
    int64_t r = control(f, fd, command, arg);
    file_put(f);
    return r;
}

/* ---- sync and advice */

static int64_t sync_file(int fd, bool data_only)
{
    struct file *f = fd_lookup_open(table(), fd);
    if (!f)
        return -EBADF;
    int64_t r = f->ops->sync ? f->ops->sync(f, data_only) : -EINVAL;
    file_put(f);
    return r;
}

int64_t sys_fsync(int fd)
{
    return sync_file(fd, false);
}

int64_t sys_fdatasync(int fd)
{
    return sync_file(fd, true);
}

/* Everything that libos holds back is in encrypted files, which are written when they are closed or synced one by one. */
int64_t sys_sync(void)
{
    return 0;
}

int64_t sys_syncfs(int fd)
{
    int64_t r = sync_file(fd, false);
    return r == -EINVAL ? 0 : r;
}

int64_t sys_sync_file_range(int fd, int64_t offset, int64_t size, unsigned flags)
{
    if (flags & ~7u || offset < 0 || size < 0)
        return -EINVAL;
    int64_t r = sync_file(fd, true);
    return r == -EINVAL ? -ESPIPE : r;
}

int64_t sys_fadvise64(int fd, int64_t offset, int64_t size, int advice)
{
    struct file *f = fd_lookup_open(table(), fd);
    if (!f)
        return -EBADF;
    struct linux_stat st;
    int64_t r = file_stat(f, &st) == 0 && (st.mode & S_IFMT) == S_IFIFO ? -ESPIPE : 0;
    if (r == 0 && (advice < 0 || advice > 5 || size < 0))
        r = -EINVAL;
    file_put(f);
    return r;
}

int64_t sys_readahead(int fd, int64_t offset, uint64_t size)
{
    struct file *f = fd_lookup_open(table(), fd);
    if (!f)
        return -EBADF;
    struct linux_stat st;
    int64_t r = file_can_read(f) ? file_stat(f, &st) : -EBADF;
    if (r == 0 && ((st.mode & S_IFMT) != S_IFREG || (int64_t)size < 0))
        r = -EINVAL;
    file_put(f);
    return r;
}

int64_t sys_umask(unsigned mask)
{
    struct fs_view *v = current()->process->fs;
    mutex_lock(&v->mu);
    uint32_t old = v->umask;
    v->umask = mask & 0777;
    mutex_unlock(&v->mu);
    return old;
}

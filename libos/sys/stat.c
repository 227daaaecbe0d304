/* stat and its kin, access, chmod, chown, times, statfs, truncate. */
#include "enclave/clock.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "libos/sys/path.h"
#include "libos/sys/limits.h"
#include "libos/sys/sys.h"

static IN_LINE int stat_fd(int fd, struct linux_stat *st)
{
    struct fd_use u = fd_use(current()->process->fds, fd, thread_is_alone());
    if (!u.file)
        return -EBADF;
    int r = file_stat(u.file, st);
    fd_return(u);
    return r;
}

static IN_LINE int stat_at(int dirfd, uaddr_t path, int atflags, struct linux_stat *st)
{
    char first;
    /* fstat(fd) as newer C libraries spell it; works for pipes too. */
    if ((atflags & AT_EMPTY_PATH) && dirfd != AT_FDCWD && (!path || (user_read(&first, path, 1) == 0 && !first)))
        return stat_fd(dirfd, st);
    return path_stat(dirfd, path, atflags, st);
}

static int64_t put_stat(uaddr_t to, int r, const struct linux_stat *st)
{
    return r < 0 ? r : user_write(to, st, sizeof(*st));
}

int64_t sys_fstat(int fd, uaddr_t to)
{
    struct linux_stat st;
    return put_stat(to, stat_fd(fd, &st), &st);
}

int64_t sys_newfstatat(int dirfd, uaddr_t path, uaddr_t to, int atflags)
{
    struct linux_stat st;
    if (atflags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    return put_stat(to, stat_at(dirfd, path, atflags, &st), &st);
}

int64_t sys_stat(uaddr_t path, uaddr_t to)
{
    struct linux_stat st;
    return put_stat(to, stat_at(AT_FDCWD, path, 0, &st), &st);
}

int64_t sys_lstat(uaddr_t path, uaddr_t to)
{
    struct linux_stat st;
    return put_stat(to, stat_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st), &st);
}

static uint32_t dev_major(uint64_t dev)
{
    return (uint32_t)((dev >> 8 & 0xfff) | (dev >> 32 & ~UINT64_C(0xfff)));
}

static uint32_t dev_minor(uint64_t dev)
{
    return (uint32_t)((dev & 0xff) | (dev >> 12 & ~UINT64_C(0xff)));
}

static struct linux_statx_time statx_time(struct linux_timespec t)
{
    return (struct linux_statx_time){ .sec = t.sec, .nsec = (uint32_t)t.nsec };
}

int64_t sys_statx(int dirfd, uaddr_t path, int atflags, unsigned mask, uaddr_t to)
{
    struct linux_stat st;
    if ((atflags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) || (mask & LINUX_STATX_RESERVED) ||
        (atflags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
        return -EINVAL;
    int r = stat_at(dirfd, path, atflags, &st);
    if (r < 0)
        return r;
    struct linux_statx x = { .mask = LINUX_STATX_BASIC_STATS,
                             .blksize = (uint32_t)st.blksize,
                             .nlink = (uint32_t)st.nlink,
                             .uid = st.uid,
                             .gid = st.gid,
                             .mode = (uint16_t)st.mode,
                             .ino = st.ino,
                             .size = (uint64_t)st.size,
                             .blocks = (uint64_t)st.blocks,
                             .atime = statx_time(st.atime),
                             .ctime = statx_time(st.ctime),
                             .mtime = statx_time(st.mtime),
                             .rdev_major = dev_major(st.rdev),
                             .rdev_minor = dev_minor(st.rdev),
                             .dev_major = dev_major(st.dev),
                             .dev_minor = dev_minor(st.dev) };
    return user_write(to, &x, sizeof(x));
}

int64_t sys_faccessat2(int dirfd, uaddr_t path, int mode, int atflags)
{
    if ((mode & ~(R_OK | W_OK | X_OK)) || (atflags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    return path_access(dirfd, path, atflags, mode);
}

int64_t sys_faccessat(int dirfd, uaddr_t path, int mode)
{
    return sys_faccessat2(dirfd, path, mode, 0);
}

int64_t sys_access(uaddr_t path, int mode)
{
    return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* The dentry of a descriptor, counted; -EINVAL for pipes and the like. */
static int dentry_of(int fd, struct dentry **out)
{
    struct file *f = fd_lookup(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int r = f->dentry ? 0 : -EINVAL;
    if (r == 0)
        *out = dentry_get(f->dentry);
    file_put(f);
    return r;
}

/* For fchmod and fchown: NULL for pipes and sockets, whose modes and owners nobody looks at. */
static int dentry_to_change(int fd, struct dentry **out)
{
    struct linux_stat st = { 0 };
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int r = f->dentry ? 0 : file_stat(f, &st);
    if (r == 0 && !f->dentry && (st.mode & S_IFMT) != S_IFIFO && (st.mode & S_IFMT) != S_IFSOCK)
        r = -EOPNOTSUPP;
    *out = r == 0 && f->dentry ? dentry_get(f->dentry) : NULL;
    file_put(f);
    return r;
}

static int64_t change_mode(struct dentry *d, unsigned mode)
{
    int64_t r = vfs_chmod(d, mode & 07777);
    dentry_put(d);
    return r;
}

int64_t sys_fchmodat(int dirfd, uaddr_t path, unsigned mode)
{
    struct dentry *d;
    int r = path_walk(dirfd, path, 0, true, &d);
    return r < 0 ? r : change_mode(d, mode);
}

int64_t sys_chmod(uaddr_t path, unsigned mode)
{
    return sys_fchmodat(AT_FDCWD, path, mode);
}

int64_t sys_fchmod(int fd, unsigned mode)
{
    struct dentry *d;
    int r = dentry_to_change(fd, &d);
    return r < 0 || !d ? r : change_mode(d, mode);
}

static int64_t change_owner(struct dentry *d, unsigned uid, unsigned gid)
{
    int64_t r = vfs_chown(d, uid, gid);
    dentry_put(d);
    return r;
}

int64_t sys_fchownat(int dirfd, uaddr_t path, unsigned uid, unsigned gid, int atflags)
{
    struct dentry *d;
    if (atflags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    int r = path_walk(dirfd, path, atflags, true, &d);
    return r < 0 ? r : change_owner(d, uid, gid);
}

int64_t sys_chown(uaddr_t path, unsigned uid, unsigned gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

int64_t sys_lchown(uaddr_t path, unsigned uid, unsigned gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchown(int fd, unsigned uid, unsigned gid)
{
    struct dentry *d;
    int r = dentry_to_change(fd, &d);
    return r < 0 || !d ? r : change_owner(d, uid, gid);
}

/* ---- times */

static int check_times(const struct linux_timespec times[2])
{
    for (int i = 0; i < 2; i++)
        if (times[i].nsec != LINUX_UTIME_NOW && times[i].nsec != LINUX_UTIME_OMIT && (times[i].nsec < 0 || times[i].nsec >= NSEC_PER_SEC))
            return -EINVAL;
    return 0;
}

/* path 0: the descriptor itself. times NULL: now. */
static int64_t set_times(int dirfd, uaddr_t path, const struct linux_timespec *times, int atflags)
{
    static const struct linux_timespec now[2] = { { 0, LINUX_UTIME_NOW }, { 0, LINUX_UTIME_NOW } };
    struct dentry *d;
    times = times ? times : now;
    int64_t r = check_times(times);
    if (r == 0 && times[0].nsec == LINUX_UTIME_OMIT && times[1].nsec == LINUX_UTIME_OMIT)
        return 0;
    if (r == 0)
        r = path || dirfd == AT_FDCWD ? path_walk(dirfd, path, atflags, true, &d) : dentry_of(dirfd, &d);
    if (r < 0)
        return r;
    r = vfs_utimens(d, times);
    dentry_put(d);
    return r;
}

int64_t sys_utimensat(int dirfd, uaddr_t path, uaddr_t utimes, int atflags)
{
    struct linux_timespec times[2];
    if (atflags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (utimes && user_read(times, utimes, sizeof(times)) < 0)
        return -EFAULT;
    return set_times(dirfd, path, utimes ? times : NULL, atflags);
}

int64_t sys_futimesat(int dirfd, uaddr_t path, uaddr_t utimes)
{
    struct linux_timeval tv[2];
    struct linux_timespec times[2];
    if (!utimes)
        return set_times(dirfd, path, NULL, 0);
    if (user_read(tv, utimes, sizeof(tv)) < 0)
        return -EFAULT;
    for (int i = 0; i < 2; i++) {
        if (tv[i].usec < 0 || tv[i].usec >= 1000000)
            return -EINVAL;
        times[i] = (struct linux_timespec){ tv[i].sec, tv[i].usec * 1000 };
    }
    return set_times(dirfd, path, times, 0);
}

int64_t sys_utimes(uaddr_t path, uaddr_t times)
{
    return sys_futimesat(AT_FDCWD, path, times);
}

int64_t sys_utime(uaddr_t path, uaddr_t utimes)
{
    int64_t seconds[2];
    if (!utimes)
        return set_times(AT_FDCWD, path, NULL, 0);
    if (user_read(seconds, utimes, sizeof(seconds)) < 0)
        return -EFAULT;
    const struct linux_timespec times[2] = { { seconds[0], 0 }, { seconds[1], 0 } };
    return set_times(AT_FDCWD, path, times, 0);
}

/* ---- file systems */

static int64_t statfs_dentry(struct dentry *d, uaddr_t to)
{
    struct linux_statfs st = { 0 };
    const struct fs_ops *ops = d->inode->ops;
    st.type = ops->magic;
    st.namelen = VFS_NAME_MAX;
    int64_t r = ops->statfs ? ops->statfs(d->inode, &st) : -ENOSYS;
    dentry_put(d);
    return r < 0 ? r : user_write(to, &st, sizeof(st));
}

int64_t sys_statfs(uaddr_t path, uaddr_t to)
{
    struct dentry *d;
    int r = path_walk(AT_FDCWD, path, 0, true, &d);
    return r < 0 ? r : statfs_dentry(d, to);
}

int64_t sys_fstatfs(int fd, uaddr_t to)
{
    struct dentry *d;
    int r = dentry_of(fd, &d);
    if (r == 0)
        return statfs_dentry(d, to);
    if (r == -EBADF)
        return r;
    struct linux_statfs st = { .type = LINUX_ANON_MAGIC, .bsize = 4096, .frsize = 4096, .namelen = VFS_NAME_MAX };
    return user_write(to, &st, sizeof(st));
}

/* ---- sizes */

static int truncate_inode(struct dentry *d, uint64_t size)
{
    struct linux_stat st;
    struct inode *inode = d->inode;
    if (!inode->ops->truncate)
        return -EPERM;
    int r = limits_file_limited() ? vfs_stat(d, &st) : 0;
    if (r == 0 && limits_file_limited())
        r = limits_file_length((uint64_t)st.size, size);
    if (r == 0)
        r = vfs_truncate(d, size);
    if (r == 0)
        mm_file_cut(current()->process->mm, inode, size);
    return r;
}

/* May the open file become that long? */
static int check_length(struct file *f, uint64_t length)
{
    struct linux_stat st;
    if (!limits_file_limited())
        return 0;
    int r = file_stat(f, &st);
    return r < 0 ? r : limits_file_length((uint64_t)st.size, length);
}

int64_t sys_truncate(uaddr_t path, int64_t size)
{
    struct dentry *d;
    if (size < 0)
        return -EINVAL;
    int r = path_walk(AT_FDCWD, path, 0, false, &d);
    if (r < 0)
        return r;
    struct inode *inode = d->inode;
    if (inode->type != S_IFREG)
        r = inode->type == S_IFDIR ? -EISDIR : -EINVAL;
    else
        r = truncate_inode(d, (uint64_t)size);
    dentry_put(d);
    return r;
}

int64_t sys_ftruncate(int fd, int64_t size)
{
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int64_t r = size < 0 || !file_can_write(f) || !f->ops->truncate ? -EINVAL : check_length(f, (uint64_t)size);
    if (r == 0)
        r = file_truncate(f, (uint64_t)size);
    if (r == 0 && f->dentry)
        mm_file_cut(current()->process->mm, f->dentry->inode, (uint64_t)size);
    file_put(f);
    return r;
}

static bool is_fifo(struct file *f)
{
    struct linux_stat st;
    return file_stat(f, &st) == 0 && (st.mode & S_IFMT) == S_IFIFO;
}

int64_t sys_fallocate(int fd, int mode, int64_t offset, int64_t size)
{
    int64_t end;
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int64_t r;
    if (offset < 0 || size <= 0)
        r = -EINVAL;
    else if (!file_can_write(f))
        r = -EBADF;
    else if (__builtin_add_overflow(offset, size, &end))
        r = -EFBIG;
    else if (!f->ops->allocate)
        r = f->seekable ? -EOPNOTSUPP : is_fifo(f) ? -ESPIPE : -ENODEV;
    else
        r = mode & FALLOC_FL_KEEP_SIZE ? 0 : check_length(f, (uint64_t)end);
    if (r == 0)
        r = file_allocate(f, mode, (uint64_t)offset, (uint64_t)size);
    file_put(f);
    return r;
}

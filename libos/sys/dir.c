/* Directories and names: getdents, getcwd, chdir, rename, mkdir, link, unlink, symlink, readlink, mknod, chroot. */
#include "lib/linux/dirent.h"

#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/change.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/proc/process.h"
#include "libos/sys/path.h"
#include "libos/sys/sys.h"

/* ---- getdents */

struct user_sink {
    struct dirent_sink sink;
    uaddr_t to;
    uint64_t room, used;
    uint64_t header; /* LINUX_DIRENT64_NAME or LINUX_DIRENT_NAME */
    int failure;
};

#define ENTRY_MAX (LINUX_DIRENT64_NAME + VFS_NAME_MAX + 1 + 8)

static int put_entry(struct dirent_sink *sink, const char *name, size_t length, uint64_t ino, uint8_t type, int64_t next)
{
    struct user_sink *s = container_of(sink, struct user_sink, sink);
    bool old = s->header == LINUX_DIRENT_NAME;
    uint8_t entry[ENTRY_MAX];
    length = MIN(length, (size_t)VFS_NAME_MAX);
    uint64_t size = ALIGN_UP(s->header + length + 1 + old, UINT64_C(8));
    if (size > s->room - s->used) {
        s->failure = s->used ? 0 : -EINVAL; /* not even one entry fits */
        return -ENOSPC;
    }
    memset(entry, 0, sizeof(entry));
    memcpy(entry, &ino, 8);
    memcpy(entry + 8, &next, 8);
    store_le16(entry + 16, (uint16_t)size);
    memcpy(entry + s->header, name, length);
    entry[old ? size - 1 : 18] = type;
    if (user_write(s->to + s->used, entry, size) < 0) {
        s->failure = -EFAULT;
        return -ENOSPC;
    }
    s->used += size;
    return 0;
}

static int64_t getdents(int fd, uaddr_t to, uint64_t room, uint64_t header)
{
    struct user_sink s = { .sink = { put_entry }, .to = to, .room = room, .header = header };
    struct file *f = fd_lookup(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int r = -EBADF;
    if (room > INT32_MAX) { /* Linux's is signed: no entry fits */
        r = -EINVAL;
    } else if (!(f->flags & O_PATH)) {
        mutex_lock(&f->mu);
        r = file_getdents(f, &s.sink);
        mutex_unlock(&f->mu);
    }
    file_put(f);
    if (r < 0 && r != -ENOSPC && !s.used)
        return r;
    return s.failure && !s.used ? s.failure : (int64_t)s.used;
}

int64_t sys_getdents64(int fd, uaddr_t to, unsigned room)
{
    return getdents(fd, to, room, LINUX_DIRENT64_NAME);
}

int64_t sys_getdents(int fd, uaddr_t to, unsigned room)
{
    return getdents(fd, to, room, LINUX_DIRENT_NAME);
}

/* ---- the current directory */

int64_t sys_getcwd(uaddr_t to, uint64_t size)
{
    char path[VFS_PATH_MAX];
    struct fs_view *v = path_view();
    mutex_lock(&v->mu);
    struct dentry *d = dentry_get(v->cwd);
    mutex_unlock(&v->mu);
    struct linux_stat st;
    int64_t n = d->deleted ? -ENOENT : vfs_path(v, d, path, sizeof(path));
    if (n >= 0 && d->inode->ops->whole_path && vfs_stat(d, &st) == -ENOENT)
        n = -ENOENT; /* removed on the host */
    dentry_put(d);
    if (n < 0)
        return n;
    if ((uint64_t)n + 1 > size)
        return -ERANGE;
    return user_write(to, path, (size_t)n + 1) < 0 ? -EFAULT : n + 1;
}

static int walk_directory(uaddr_t upath, struct dentry **out)
{
    char path[VFS_PATH_MAX];
    int r = path_read(path, upath);
    return r < 0 ? r : vfs_walk(path_view(), NULL, path, WALK_DIRECTORY, out);
}

int64_t sys_chdir(uaddr_t path)
{
    struct dentry *d;
    int r = walk_directory(path, &d);
    if (r == 0)
        fs_view_set_cwd(path_view(), d);
    return r;
}

int64_t sys_chroot(uaddr_t path)
{
    struct dentry *d;
    int r = walk_directory(path, &d);
    if (r < 0)
        return r;
    if (current()->process->cred.euid != 0) {
        dentry_put(d);
        return -EPERM;
    }
    fs_view_set_root(path_view(), d);
    return 0;
}

int64_t sys_fchdir(int fd)
{
    struct file *f = fd_lookup(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int r = f->dentry ? inode_type(f->dentry->inode) : S_IFIFO;
    if (r >= 0)
        r = r == S_IFDIR ? 0 : -ENOTDIR;
    if (r == 0)
        fs_view_set_cwd(path_view(), dentry_get(f->dentry));
    file_put(f);
    return r;
}

/* ---- changes of names */

/* Copy a path in and find where it starts. */
static int begin(int dirfd, uaddr_t upath, char path[VFS_PATH_MAX], struct dentry **start)
{
    int r = path_read(path, upath);
    if (r == 0 && !path[0])
        r = -ENOENT;
    return r < 0 ? r : path_start(dirfd, path, start);
}

int64_t sys_mkdirat(int dirfd, uaddr_t upath, unsigned mode)
{
    char path[VFS_PATH_MAX];
    struct dentry *start;
    int r = begin(dirfd, upath, path, &start);
    if (r < 0)
        return r;
    r = vfs_mkdir(path_view(), start, path, mode & ~fs_view_umask(path_view()));
    dentry_put(start);
    return r;
}

int64_t sys_mkdir(uaddr_t path, unsigned mode)
{
    return sys_mkdirat(AT_FDCWD, path, mode);
}

static int64_t make_regular(struct dentry *start, const char *path, unsigned mode)
{
    struct file *f;
    int r = vfs_open(path_view(), start, path, O_CREAT | O_EXCL | O_WRONLY, mode & 07777, &f);
    if (r == 0)
        file_put(f);
    return r;
}

int64_t sys_mknodat(int dirfd, uaddr_t upath, unsigned mode, uint64_t dev)
{
    char path[VFS_PATH_MAX];
    struct dentry *start;
    unsigned type = mode & S_IFMT;
    if (type == S_IFDIR)
        return -EPERM;
    if (type && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR && type != S_IFBLK)
        return -EINVAL; /* before the path is looked at, as Linux's may_mknod() */
    int r = begin(dirfd, upath, path, &start);
    if (r < 0)
        return r;
    mode &= ~fs_view_umask(path_view());
    switch (mode & S_IFMT) {
    case 0:
    case S_IFREG: r = (int)make_regular(start, path, mode); break;
    case S_IFIFO:
    case S_IFSOCK: r = vfs_mknod(path_view(), start, path, mode, NULL); break;
    default: r = -EPERM; /* devices */
    }
    dentry_put(start);
    return r;
}

int64_t sys_mknod(uaddr_t path, unsigned mode, uint64_t dev)
{
    return sys_mknodat(AT_FDCWD, path, mode, dev);
}

int64_t sys_unlinkat(int dirfd, uaddr_t upath, int flags)
{
    char path[VFS_PATH_MAX];
    struct dentry *start;
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    int r = begin(dirfd, upath, path, &start);
    if (r < 0)
        return r;
    r = flags & AT_REMOVEDIR ? vfs_rmdir(path_view(), start, path) : vfs_unlink(path_view(), start, path);
    dentry_put(start);
    return r;
}

int64_t sys_unlink(uaddr_t path)
{
    return sys_unlinkat(AT_FDCWD, path, 0);
}

int64_t sys_rmdir(uaddr_t path)
{
    return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int64_t sys_renameat2(int from_fd, uaddr_t ufrom, int to_fd, uaddr_t uto, unsigned flags)
{
    char from[VFS_PATH_MAX], to[VFS_PATH_MAX];
    struct dentry *from_start, *to_start;
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) || (flags & (RENAME_NOREPLACE | RENAME_EXCHANGE)) == (RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    int r = begin(from_fd, ufrom, from, &from_start);
    if (r < 0)
        return r;
    r = begin(to_fd, uto, to, &to_start);
    if (r == 0) {
        r = vfs_rename(path_view(), from_start, from, to_start, to, flags);
        dentry_put(to_start);
    }
    dentry_put(from_start);
    return r;
}

int64_t sys_renameat(int from_fd, uaddr_t from, int to_fd, uaddr_t to)
{
    return sys_renameat2(from_fd, from, to_fd, to, 0);
}

int64_t sys_rename(uaddr_t from, uaddr_t to)
{
    return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int64_t sys_linkat(int from_fd, uaddr_t ufrom, int to_fd, uaddr_t uto, int flags)
{
    char to[VFS_PATH_MAX];
    struct dentry *from, *start;
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    int atflags = (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW) | (flags & AT_EMPTY_PATH);
    int r = path_walk(from_fd, ufrom, atflags, true, &from);
    if (r < 0)
        return r;
    r = begin(to_fd, uto, to, &start);
    if (r == 0) {
        r = vfs_link(path_view(), from, start, to);
        dentry_put(start);
    }
    dentry_put(from);
    return r;
}

int64_t sys_link(uaddr_t from, uaddr_t to)
{
    return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int64_t sys_symlinkat(uaddr_t utarget, int dirfd, uaddr_t upath)
{
    char target[VFS_PATH_MAX], path[VFS_PATH_MAX];
    struct dentry *start;
    int r = path_read(target, utarget);
    if (r == 0 && !target[0])
        r = -ENOENT;
    if (r == 0)
        r = begin(dirfd, upath, path, &start);
    if (r < 0)
        return r;
    r = vfs_symlink(path_view(), target, start, path);
    dentry_put(start);
    return r;
}

int64_t sys_symlink(uaddr_t target, uaddr_t path)
{
    return sys_symlinkat(target, AT_FDCWD, path);
}

int64_t sys_readlinkat(int dirfd, uaddr_t path, uaddr_t to, int size)
{
    char target[VFS_PATH_MAX];
    struct dentry *d;
    if (size <= 0)
        return -EINVAL;
    int r = path_walk(dirfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, true, &d);
    if (r < 0)
        return dirfd == AT_FDCWD || r != -ENOENT ? r : -ENOENT;
    r = d->inode->ops->readlink ? d->inode->ops->readlink(d->inode, target, MIN((size_t)size, sizeof(target))) : -EINVAL;
    dentry_put(d);
    if (r < 0)
        return r;
    return user_write(to, target, (size_t)r) < 0 ? -EFAULT : r;
}

int64_t sys_readlink(uaddr_t path, uaddr_t to, int size)
{
    return sys_readlinkat(AT_FDCWD, path, to, size);
}

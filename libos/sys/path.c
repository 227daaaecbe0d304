/* Paths from the program's memory, and the directories they are relative to. */
#include "libos/sys/path.h"

#include "lib/base/inline.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/proc/process.h"

struct fs_view *path_view(void)
{
    return current()->process->fs;
}

int path_read(char path[VFS_PATH_MAX], uaddr_t from)
{
    int64_t n = user_string(path, from, VFS_PATH_MAX);
    return n < 0 ? (int)n : 0;
}

IN_LINE int path_start(int dirfd, const char *path, struct dentry **start)
{
    *start = NULL;
    if (dirfd == AT_FDCWD || path[0] == '/')
        return 0;
    struct file *f = fd_lookup(current()->process->fds, dirfd);
    if (!f)
        return -EBADF;
    int r = f->dentry ? 0 : -ENOTDIR;
    if (r == 0)
        *start = dentry_get(f->dentry);
    file_put(f);
    return r;
}

static unsigned walk_flags(int atflags)
{
    return (atflags & AT_SYMLINK_NOFOLLOW ? (unsigned)WALK_NOFOLLOW : 0) | (atflags & AT_EMPTY_PATH ? (unsigned)WALK_EMPTY : 0);
}

static IN_LINE int begin(char path[VFS_PATH_MAX], uaddr_t upath, int dirfd, struct dentry **start)
{
    int r = path_read(path, upath);
    return r < 0 ? r : path_start(dirfd, path, start);
}

IN_LINE int path_stat(int dirfd, uaddr_t upath, int atflags, struct linux_stat *st)
{
    char path[VFS_PATH_MAX];
    struct dentry *start;
    int r = begin(path, upath, dirfd, &start);
    if (r < 0)
        return r;
    r = vfs_stat_path(path_view(), start, path, walk_flags(atflags), st);
    dentry_put(start);
    return r;
}

int path_access(int dirfd, uaddr_t upath, int atflags, int mask)
{
    char path[VFS_PATH_MAX];
    struct dentry *start;
    int r = begin(path, upath, dirfd, &start);
    if (r < 0)
        return r;
    r = vfs_access_path(path_view(), start, path, walk_flags(atflags), mask);
    dentry_put(start);
    return r;
}

int path_walk(int dirfd, uaddr_t upath, int atflags, bool lazy, struct dentry **out)
{
    char path[VFS_PATH_MAX];
    struct dentry *start;
    unsigned flags = walk_flags(atflags);
    int r = begin(path, upath, dirfd, &start);
    if (r < 0)
        return r;
    r = lazy ? vfs_walk_lazy(path_view(), start, path, flags, out) : vfs_walk(path_view(), start, path, flags, out);
    dentry_put(start);
    return r;
}

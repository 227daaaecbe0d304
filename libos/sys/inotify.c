/* inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch. */
#include "libos/fs/inotify.h"

#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/inotify.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/vfs.h"
#include "libos/proc/process.h"
#include "libos/sys/path.h"
#include "libos/sys/sys.h"

int64_t sys_inotify_init1(int flags)
{
    struct file *f;
    if ((uint32_t)flags & ~(IN_NONBLOCK | IN_CLOEXEC))
        return -EINVAL;
    int r = inotify_create((uint32_t)flags, &f);
    if (r < 0)
        return r;
    r = fd_install(current()->process->fds, f, 0, (uint32_t)flags & IN_CLOEXEC);
    if (r < 0)
        file_put(f);
    return r;
}

int64_t sys_inotify_init(void)
{
    return sys_inotify_init1(0);
}

/* Watching needs the right to read, which root has to everything. */
static int may_watch(struct inode *inode)
{
    return current()->process->cred.euid ? inode_access(inode, R_OK) : 0;
}

static int64_t add_watch(struct file *f, uaddr_t upath, uint32_t mask)
{
    char path[VFS_PATH_MAX];
    struct dentry *d;
    int r = path_read(path, upath);
    if (r == 0)
        r = vfs_walk(path_view(), NULL, path,
                     (mask & IN_DONT_FOLLOW ? WALK_NOFOLLOW : 0) |
                         (mask & IN_ONLYDIR ? WALK_DIRECTORY : 0),
                     &d);
    if (r < 0)
        return r;
    r = may_watch(d->inode);
    if (r == 0)
        r = inotify_add(f, d->inode, mask);
    dentry_put(d);
    return r;
}

int64_t sys_inotify_add_watch(int fd, uaddr_t path, unsigned mask)
{
    if ((mask & ~IN_ALL_BITS) || !mask)
        return -EINVAL;
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int64_t r = (mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE) ? -EINVAL : inotify_check(f);
    if (r == 0)
        r = add_watch(f, path, mask);
    file_put(f);
    return r;
}

int64_t sys_inotify_rm_watch(int fd, int wd)
{
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int64_t r = inotify_check(f);
    if (r == 0)
        r = inotify_remove(f, wd);
    file_put(f);
    return r;
}

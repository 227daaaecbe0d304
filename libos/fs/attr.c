/*
 * Changes of attributes by name: the file system's operation, and what watchers are told of it.
 */
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/notify.h"
#include "libos/fs/vfs.h"

int vfs_chmod(struct dentry *d, uint32_t mode)
{
    int r = d->inode->ops->chmod ? d->inode->ops->chmod(d->inode, mode) : -EPERM;
    if (r == 0)
        notify_dentry(d, IN_ATTRIB);
    return r;
}

int vfs_chown(struct dentry *d, uint32_t uid, uint32_t gid)
{
    int r = d->inode->ops->chown ? d->inode->ops->chown(d->inode, uid, gid) : -EPERM;
    if (r == 0)
        notify_dentry(d, IN_ATTRIB);
    return r;
}

/* One of the times alone looks like reading or writing: fsnotify_change in include/linux/fsnotify.h
 * of the kernel. */
int vfs_utimens(struct dentry *d, const struct linux_timespec times[2])
{
    bool access = times[0].nsec != LINUX_UTIME_OMIT, modify = times[1].nsec != LINUX_UTIME_OMIT;
    int r = d->inode->ops->utimens ? d->inode->ops->utimens(d->inode, times) : -EPERM;
    if (r == 0)
        notify_dentry(d, access && modify ? IN_ATTRIB : access ? IN_ACCESS : IN_MODIFY);
    return r;
}

int vfs_truncate(struct dentry *d, uint64_t size)
{
    struct inode *inode = d->inode;
    if (inode->type != S_IFREG)
        return inode->type == S_IFDIR ? -EISDIR : -EINVAL;
    int r = inode->ops->truncate ? inode->ops->truncate(inode, size) : -EPERM;
    if (r == 0)
        notify_dentry(d, IN_MODIFY);
    return r;
}

int vfs_setxattr(struct dentry *d, const char *name, const void *value, size_t size, int flags)
{
    int r = d->inode->ops->setxattr ? d->inode->ops->setxattr(d->inode, name, value, size, flags)
                                    : -EOPNOTSUPP;
    if (r == 0)
        notify_dentry(d, IN_ATTRIB);
    return r;
}

int vfs_removexattr(struct dentry *d, const char *name)
{
    int r = d->inode->ops->removexattr ? d->inode->ops->removexattr(d->inode, name) : -EOPNOTSUPP;
    if (r == 0)
        notify_dentry(d, IN_ATTRIB);
    return r;
}

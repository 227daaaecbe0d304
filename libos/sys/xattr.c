/* Extended attributes. tmpfs keeps them, host files have the host's (host_xattr.c), a socket tells its protocol's name;
   elsewhere there are none and none can be set. */
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/net/socket.h"
#include "libos/proc/process.h"
#include "libos/sys/path.h"
#include "libos/sys/sys.h"

#define XATTR_SIZE_MAX 65536u
#define SOCKET_NAME    "system.sockprotoname"

static int inode_of_path(uaddr_t path, int atflags, struct dentry **out)
{
    return path_walk(AT_FDCWD, path, atflags, false, out);
}

/* without: the answer for what has no attributes, pipes and the like. */
static int inode_of_fd(int fd, int without, struct dentry **out)
{
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    int r = f->dentry ? 0 : without;
    *out = f->dentry ? dentry_get(f->dentry) : NULL;
    file_put(f);
    return r;
}

static int read_name(char name[VFS_NAME_MAX + 1], uaddr_t uname)
{
    int64_t n = user_string(name, uname, VFS_NAME_MAX + 1);
    return n == -ENAMETOOLONG || n == 0 ? -ERANGE : n < 0 ? (int)n : 0;
}

/* What a socket answers: `bytes` of its name for the list, or of the value. */
static int64_t give(const char *text, size_t bytes, uaddr_t to, uint64_t size)
{
    if (size == 0)
        return (int64_t)bytes;
    return size < bytes ? -ERANGE : user_write(to, text, bytes) < 0 ? -EFAULT : (int64_t)bytes;
}

/* A socket's only attribute, to be read. Returns what was asked of it, or 1: the descriptor is no socket, or the name is another. */
static int64_t socket_attribute(int fd, uaddr_t uname, bool change, uaddr_t value, uint64_t size)
{
    char name[VFS_NAME_MAX + 1];
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    const struct socket *s = f ? socket_of(f) : NULL;
    int64_t r = 1;
    if (s && read_name(name, uname) == 0 && str_equal(name, SOCKET_NAME)) {
        const char *protocol = socket_protocol_name(s);
        r = change ? -EOPNOTSUPP : give(protocol, str_length(protocol, VFS_NAME_MAX) + 1, value, size);
    }
    if (f)
        file_put(f);
    return r;
}

static int64_t socket_list(int fd, uaddr_t to, uint64_t size)
{
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    int64_t r = f && socket_of(f) ? give(SOCKET_NAME, sizeof(SOCKET_NAME), to, size) : 0;
    if (f)
        file_put(f);
    return r;
}

/* Each of these takes the dentry. */
static int64_t get(struct dentry *d, uaddr_t uname, uaddr_t value, uint64_t size)
{
    char name[VFS_NAME_MAX + 1];
    const struct fs_ops *ops = d->inode->ops;
    int64_t r = read_name(name, uname);
    void *buffer = NULL;
    size = MIN(size, XATTR_SIZE_MAX);
    if (r == 0 && size && !(buffer = mem_alloc(size)))
        r = -ENOMEM;
    if (r == 0)
        r = ops->getxattr ? ops->getxattr(d->inode, name, buffer, size) : -ENODATA;
    if (r == -ERANGE && size == XATTR_SIZE_MAX)
        r = -E2BIG;
    if (r > 0 && size && user_write(value, buffer, (size_t)r) < 0)
        r = -EFAULT;
    mem_free(buffer);
    dentry_put(d);
    return r;
}

static int64_t set(struct dentry *d, uaddr_t uname, uaddr_t value, uint64_t size, int flags)
{
    char name[VFS_NAME_MAX + 1];
    void *buffer = NULL;
    int64_t r = flags & ~3 ? -EINVAL : read_name(name, uname);
    if (r == 0 && size > XATTR_SIZE_MAX)
        r = -E2BIG;
    if (r == 0 && !(buffer = mem_alloc(size + 1)))
        r = -ENOMEM;
    if (r == 0 && user_read(buffer, value, size) < 0)
        r = -EFAULT;
    if (r == 0)
        r = vfs_setxattr(d, name, buffer, size, flags);
    mem_free(buffer);
    dentry_put(d);
    return r;
}

static int64_t list(struct dentry *d, uaddr_t to, uint64_t size)
{
    const struct fs_ops *ops = d->inode->ops;
    char *buffer = NULL;
    int64_t r = 0;
    size = MIN(size, XATTR_SIZE_MAX);
    if (size && !(buffer = mem_alloc(size)))
        r = -ENOMEM;
    if (r == 0)
        r = ops->listxattr ? ops->listxattr(d->inode, buffer, size) : 0;
    if (r > 0 && size && user_write(to, buffer, (size_t)r) < 0)
        r = -EFAULT;
    mem_free(buffer);
    dentry_put(d);
    return r;
}

static int64_t remove(struct dentry *d, uaddr_t uname)
{
    char name[VFS_NAME_MAX + 1];
    int64_t r = read_name(name, uname);
    if (r == 0)
        r = vfs_removexattr(d, name);
    dentry_put(d);
    return r;
}

int64_t sys_getxattr(uaddr_t path, uaddr_t name, uaddr_t value, uint64_t size)
{
    struct dentry *d;
    int r = inode_of_path(path, 0, &d);
    return r < 0 ? r : get(d, name, value, size);
}

int64_t sys_lgetxattr(uaddr_t path, uaddr_t name, uaddr_t value, uint64_t size)
{
    struct dentry *d;
    int r = inode_of_path(path, AT_SYMLINK_NOFOLLOW, &d);
    return r < 0 ? r : get(d, name, value, size);
}

int64_t sys_fgetxattr(int fd, uaddr_t name, uaddr_t value, uint64_t size)
{
    struct dentry *d;
    int64_t r = socket_attribute(fd, name, false, value, size);
    if (r != 1)
        return r;
    r = inode_of_fd(fd, -ENODATA, &d);
    return r < 0 ? r : get(d, name, value, size);
}

int64_t sys_setxattr(uaddr_t path, uaddr_t name, uaddr_t value, uint64_t size, int flags)
{
    struct dentry *d;
    int r = inode_of_path(path, 0, &d);
    return r < 0 ? r : set(d, name, value, size, flags);
}

int64_t sys_lsetxattr(uaddr_t path, uaddr_t name, uaddr_t value, uint64_t size, int flags)
{
    struct dentry *d;
    int r = inode_of_path(path, AT_SYMLINK_NOFOLLOW, &d);
    return r < 0 ? r : set(d, name, value, size, flags);
}

int64_t sys_fsetxattr(int fd, uaddr_t name, uaddr_t value, uint64_t size, int flags)
{
    struct dentry *d;
    if (socket_attribute(fd, name, true, 0, 0) != 1)
        return -EOPNOTSUPP;
    int r = inode_of_fd(fd, -EPERM, &d);
    return r < 0 ? r : set(d, name, value, size, flags);
}

int64_t sys_listxattr(uaddr_t path, uaddr_t to, uint64_t size)
{
    struct dentry *d;
    int r = inode_of_path(path, 0, &d);
    return r < 0 ? r : list(d, to, size);
}

int64_t sys_llistxattr(uaddr_t path, uaddr_t to, uint64_t size)
{
    struct dentry *d;
    int r = inode_of_path(path, AT_SYMLINK_NOFOLLOW, &d);
    return r < 0 ? r : list(d, to, size);
}

int64_t sys_flistxattr(int fd, uaddr_t to, uint64_t size)
{
    struct dentry *d;
    int r = inode_of_fd(fd, 0, &d);
    return r < 0 ? r : d ? list(d, to, size) : socket_list(fd, to, size);
}

int64_t sys_removexattr(uaddr_t path, uaddr_t name)
{
    struct dentry *d;
    int r = inode_of_path(path, 0, &d);
    return r < 0 ? r : remove(d, name);
}

int64_t sys_lremovexattr(uaddr_t path, uaddr_t name)
{
    struct dentry *d;
    int r = inode_of_path(path, AT_SYMLINK_NOFOLLOW, &d);
    return r < 0 ? r : remove(d, name);
}

int64_t sys_fremovexattr(int fd, uaddr_t name)
{
    struct dentry *d;
    if (socket_attribute(fd, name, true, 0, 0) != 1)
        return -EOPNOTSUPP;
    int r = inode_of_fd(fd, -EPERM, &d);
    return r < 0 ? r : remove(d, name);
}

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

/* Counted. NULL: EBADF. */
static struct file *file_of(int fd)
{
    return fd_lookup_open(current()->process->fds, fd);
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

#define NOT_A_SOCKETS 1

/* A socket's only attribute, to be read; NOT_A_SOCKETS: the file is no socket, or the name is another. */
static int64_t socket_attribute(struct file *f, uaddr_t uname, bool change, uaddr_t value, uint64_t size)
{
    char name[VFS_NAME_MAX + 1];
    const struct socket *s = socket_of(f);
    if (!s || read_name(name, uname) < 0 || !str_equal(name, SOCKET_NAME))
        return NOT_A_SOCKETS;
    const char *protocol = socket_protocol_name(s);
    return change ? -EOPNOTSUPP : give(protocol, str_length(protocol, VFS_NAME_MAX) + 1, value, size);
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
    struct file *f = file_of(fd);
    if (!f)
        return -EBADF;
    int64_t r = socket_attribute(f, name, false, value, size);
    if (r == NOT_A_SOCKETS)
        r = f->dentry ? get(dentry_get(f->dentry), name, value, size) : -ENODATA;
    file_put(f);
    return r;
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
    struct file *f = file_of(fd);
    if (!f)
        return -EBADF;
    int64_t r = socket_attribute(f, name, true, 0, 0);
    if (r == NOT_A_SOCKETS)
        r = f->dentry ? set(dentry_get(f->dentry), name, value, size, flags) : -EPERM;
    file_put(f);
    return r;
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
    struct file *f = file_of(fd);
    if (!f)
        return -EBADF;
    int64_t r = f->dentry      ? list(dentry_get(f->dentry), to, size)
                : socket_of(f) ? give(SOCKET_NAME, sizeof(SOCKET_NAME), to, size)
                               : 0;
    file_put(f);
    return r;
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
    struct file *f = file_of(fd);
    if (!f)
        return -EBADF;
    int64_t r = socket_attribute(f, name, true, 0, 0);
    if (r == NOT_A_SOCKETS)
        r = f->dentry ? remove(dentry_get(f->dentry), name) : -EPERM;
    file_put(f);
    return r;
}

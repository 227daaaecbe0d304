/* open, openat, openat2, creat, close, close_range, memfd_create. */
#include "lib/linux/fcntl.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/tmpfs.h"
#include "libos/fs/walk.h"
#include "libos/proc/process.h"
#include "libos/sys/path.h"
#include "libos/sys/sys.h"

/* Takes the file. */
static int64_t install(struct file *f, bool cloexec)
{
    int fd = fd_install(current()->process->fds, f, 0, cloexec);
    if (fd < 0)
        file_put(f);
    return fd;
}

static int64_t open_at(int dirfd, uaddr_t upath, uint32_t flags, uint32_t mode, unsigned walk)
{
    char path[VFS_PATH_MAX];
    struct dentry *start;
    struct file *f;
    int r = path_read(path, upath);
    if (r == 0)
        r = path_start(dirfd, path, &start);
    if (r < 0)
        return r;
    r = vfs_open_how(path_view(), start, path, flags, mode & ~fs_view_umask(path_view()), walk, &f);
    dentry_put(start);
    return r < 0 ? r : install(f, flags & O_CLOEXEC);
}

int64_t sys_openat(int dirfd, uaddr_t path, int flags, unsigned mode)
{
    return open_at(dirfd, path, (uint32_t)flags, mode, 0);
}

int64_t sys_open(uaddr_t path, int flags, unsigned mode)
{
    return open_at(AT_FDCWD, path, (uint32_t)flags, mode, 0);
}

int64_t sys_creat(uaddr_t path, unsigned mode)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, 0);
}

#define OPEN_FLAGS_ALL                                                                                                                               \
    (uint64_t)(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | \
               O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE)

int64_t sys_openat2(int dirfd, uaddr_t path, uaddr_t uhow, uint64_t size)
{
    struct linux_open_how how;
    uint8_t rest[64];
    if (size < sizeof(how))
        return -EINVAL;
    if (size > sizeof(how) + sizeof(rest))
        return -E2BIG;
    if (user_read(&how, uhow, sizeof(how)) < 0 || user_read(rest, uhow + sizeof(how), size - sizeof(how)) < 0)
        return -EFAULT;
    if (!bytes_are_zero(rest, size - sizeof(how)))
        return -E2BIG;
    if ((how.flags & ~OPEN_FLAGS_ALL) || (how.mode & ~UINT64_C(07777)) || (how.mode && !(how.flags & (O_CREAT | LINUX_O_TMPFILE_BIT))))
        return -EINVAL;
    if (how.resolve & LINUX_RESOLVE_CACHED)
        return -EAGAIN;
    if (how.resolve & ~(uint64_t)(LINUX_RESOLVE_NO_XDEV | LINUX_RESOLVE_NO_MAGICLINKS | LINUX_RESOLVE_NO_SYMLINKS | LINUX_RESOLVE_BENEATH | LINUX_RESOLVE_IN_ROOT))
        return -EINVAL;
    unsigned walk = (how.resolve & LINUX_RESOLVE_BENEATH ? WALK_BENEATH : 0) | (how.resolve & LINUX_RESOLVE_NO_XDEV ? WALK_NO_XDEV : 0) |
                    (how.resolve & LINUX_RESOLVE_IN_ROOT ? WALK_IN_ROOT : 0) | (how.resolve & LINUX_RESOLVE_NO_SYMLINKS ? WALK_NO_SYMLINKS : 0);
    return open_at(dirfd, path, (uint32_t)how.flags, (uint32_t)how.mode, walk);
}

int64_t sys_close(int fd)
{
    return fd_close(current()->process->fds, fd);
}

int64_t sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    struct process *p = current()->process;
    if (flags & ~(CLOSE_RANGE_UNSHARE_ | CLOSE_RANGE_CLOEXEC_))
        return -EINVAL;
    return fd_close_range(p->fds, first, last, flags & CLOSE_RANGE_CLOEXEC_);
}

int64_t sys_memfd_create(uaddr_t uname, unsigned flags)
{
    char name[250];
    struct file *f;
    if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
        return -EINVAL;
    int64_t n = user_string(name, uname, sizeof(name));
    if (n < 0)
        return n == -ENAMETOOLONG ? -EINVAL : n;
    int r = memfd_open(name, flags, &f);
    return r < 0 ? r : install(f, flags & MFD_CLOEXEC);
}

/* Owners, modes, times, kinds, space and advice of files; the older forms of calls that have *at
 * successors. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <utime.h>

#include "check.h"

static struct stat look(const char *name)
{
    struct stat st = { 0 };
    CHECK_EQ(fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st;
}

static void owners_and_modes(int fd)
{
    CHECK_EQ(fchmod(fd, 0640), 0);
    CHECK_EQ(look("file").st_mode, S_IFREG | 0640);
    CHECK_EQ(fchmodat(AT_FDCWD, "file", 0604, 0), 0);
    CHECK_EQ(look("file").st_mode & 07777, 0604);
    CHECK_ERRNO(syscall(SYS_fchmodat, AT_FDCWD, "nothing", 0600), ENOENT);
    CHECK_ERRNO(fchmod(-1, 0600), EBADF);
    CHECK_EQ(chown("file", getuid(), getgid()), 0);
    CHECK_EQ(fchown(fd, -1, -1), 0);
    CHECK_EQ(symlink("nothing", "dangling"), 0);
    CHECK_EQ(lchown("dangling", getuid(), -1), 0);
    CHECK_ERRNO(chown("dangling", 0, 0), ENOENT);
    CHECK_EQ(fchownat(AT_FDCWD, "dangling", getuid(), getgid(), AT_SYMLINK_NOFOLLOW), 0);
    CHECK_EQ(fchownat(fd, "", -1, getgid(), AT_EMPTY_PATH), 0);
    CHECK_ERRNO(fchownat(AT_FDCWD, "file", 0, 0, 0x40000000), EINVAL);
    CHECK_ERRNO(fchown(1000, 0, 0), EBADF);
    CHECK_EQ(unlink("dangling"), 0);
}

static void times(int fd)
{
    struct timeval tv[2] = { { 1000, 500000 }, { 2000, 250000 } },
                   bad[2] = { { 0, 1000000 }, { 0, 0 } };
    struct utimbuf u = { 111, 222 };
    CHECK_EQ(syscall(SYS_utimes, "file", tv), 0);
    struct stat st = look("file");
    CHECK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 500000000 &&
          st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 250000000);
    CHECK_ERRNO(syscall(SYS_utimes, "file", bad), EINVAL);
    CHECK_ERRNO(syscall(SYS_utimes, "nothing", tv), ENOENT);
    CHECK_EQ(syscall(SYS_utime, "file", &u), 0);
    CHECK_EQ(look("file").st_mtim.tv_sec, 222);
    CHECK_EQ(syscall(SYS_utime, "file", NULL), 0);
    CHECK(look("file").st_mtim.tv_sec > 1000000);
    CHECK_EQ(syscall(SYS_futimesat, AT_FDCWD, "file", tv), 0);
    CHECK_EQ(syscall(SYS_futimesat, fd, NULL, tv), 0);
    CHECK_EQ(look("file").st_atim.tv_sec, 1000);
    CHECK_ERRNO(syscall(SYS_futimesat, AT_FDCWD, "file", bad), EINVAL);
    CHECK_ERRNO(syscall(SYS_futimesat, -1, "file", tv), EBADF);
}

static void kinds(void)
{
    CHECK_EQ(syscall(SYS_mknod, "plain", S_IFREG | 0600, 0), 0);
    CHECK_ERRNO(syscall(SYS_mknod, "plain", S_IFREG | 0600, 0), EEXIST);
    CHECK_ERRNO(syscall(SYS_mknod, "dir", S_IFDIR | 0600, 0), EPERM);
    CHECK_ERRNO(syscall(SYS_mknod, "odd", 0170000 | 0600, 0), EINVAL);
    CHECK_EQ(syscall(SYS_mknodat, AT_FDCWD, "fifo", S_IFIFO | 0600, 0), 0);
    CHECK_EQ(look("fifo").st_mode, S_IFIFO | 0600);
    int fd = creat("made", 0600);
    CHECK(fd >= 0);
    CHECK_ERRNO(read(fd, &(char){ 0 }, 1), EBADF);
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(creat("nothing/made", 0600), ENOENT);
    CHECK_ERRNO(creat(".", 0600), EISDIR);
    CHECK_EQ(linkat(AT_FDCWD, "made", AT_FDCWD, "second", 0), 0);
    CHECK_EQ(look("second").st_nlink, 2);
    CHECK_ERRNO(linkat(AT_FDCWD, "made", AT_FDCWD, "second", 0), EEXIST);
    CHECK_ERRNO(linkat(AT_FDCWD, "made", AT_FDCWD, "third", 0x8), EINVAL);
    CHECK_ERRNO(linkat(AT_FDCWD, ".", AT_FDCWD, "third", 0), EPERM);
    char text[8] = "";
    CHECK_EQ(symlink("0123456789", "link"), 0);
    CHECK_EQ(readlinkat(AT_FDCWD, "link", text, 8), 8);
    CHECK_EQ(memcmp(text, "01234567", 8), 0);
    CHECK_ERRNO(readlinkat(AT_FDCWD, "made", text, 8), EINVAL);
    CHECK_ERRNO(readlinkat(AT_FDCWD, "link", text, 0), EINVAL);
    for (const char *const *p =
             (const char *const[]){ "plain", "fifo", "made", "second", "link", NULL };
         *p; p++)
        CHECK_EQ(unlink(*p), 0);
}

static void space(int fd)
{
    struct statfs st;
    struct stat file;
    CHECK_EQ(statfs(".", &st), 0);
    CHECK(st.f_bsize > 0 && st.f_namelen == 255);
    CHECK_EQ(fstatfs(fd, &st), 0);
    CHECK_ERRNO(fstatfs(-1, &st), EBADF);
    CHECK_EQ(ftruncate(fd, 0), 0);
    CHECK_EQ(fallocate(fd, 0, 0, 8192), 0);
    CHECK_EQ(fstat(fd, &file), 0);
    CHECK_EQ(file.st_size, 8192);
    CHECK_EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE, 8192, 8192), 0);
    CHECK_EQ(fstat(fd, &file), 0);
    CHECK_EQ(file.st_size, 8192);
    CHECK_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
    CHECK_ERRNO(fallocate(fd, 0, -1, 10), EINVAL);
    CHECK_ERRNO(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
    CHECK_ERRNO(fallocate(-1, 0, 0, 10), EBADF);
    int pipes[2];
    CHECK_EQ(pipe(pipes), 0);
    CHECK_ERRNO(fallocate(pipes[1], 0, 0, 10), ESPIPE);
    CHECK_EQ(close(pipes[0]) + close(pipes[1]), 0);
}

static void advice_and_sync(int fd)
{
    int pipes[2];
    CHECK_EQ(pipe(pipes), 0);
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
    CHECK_EQ(posix_fadvise(fd, 0, 0, 77), EINVAL);
    CHECK_EQ(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL), EINVAL);
    CHECK_EQ(posix_fadvise(pipes[0], 0, 0, POSIX_FADV_NORMAL), ESPIPE);
    CHECK_EQ(posix_fadvise(-1, 0, 0, POSIX_FADV_NORMAL), EBADF);
    CHECK_EQ(readahead(fd, 0, 4096), 0);
    CHECK_ERRNO(readahead(-1, 0, 4096), EBADF);
    CHECK_ERRNO(readahead(pipes[0], 0, 4096), EINVAL);
    CHECK_EQ(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE), 0);
    CHECK_ERRNO(sync_file_range(fd, 0, 0, 0x80), EINVAL);
    CHECK_ERRNO(sync_file_range(fd, -1, 0, 0), EINVAL);
    CHECK_ERRNO(sync_file_range(-1, 0, 0, 0), EBADF);
    CHECK_EQ(syncfs(fd), 0);
    CHECK_ERRNO(syncfs(-1), EBADF);
    sync();
    CHECK_EQ(close(pipes[0]) + close(pipes[1]), 0);
    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    int other = open("file", O_RDWR);
    CHECK_ERRNO(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    CHECK_EQ(flock(fd, LOCK_UN), 0);
    CHECK_EQ(flock(other, LOCK_SH | LOCK_NB), 0);
    CHECK_ERRNO(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_ERRNO(flock(fd, 77), EINVAL);
    CHECK_ERRNO(flock(-1, LOCK_EX), EBADF);
    CHECK_EQ(close(other), 0);
    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(flock(fd, LOCK_UN), 0);
}

static void moving_data(int fd)
{
    char data[64], back[64] = "";
    struct iovec v = { data, 64 }, w = { back, 64 };
    int to = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600), pipes[2];
    memset(data, 'm', sizeof(data));
    CHECK_EQ(ftruncate(fd, 0), 0);
    CHECK_EQ(pwritev2(fd, &v, 1, 0, RWF_DSYNC), 64);
    CHECK_EQ(preadv2(fd, &w, 1, 0, 0), 64);
    CHECK_EQ(memcmp(data, back, 64), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(preadv2(fd, &w, 1, -1, 0), 64);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 64);
    CHECK_ERRNO(preadv2(fd, &w, 1, 0, 0x4000), EOPNOTSUPP);
    CHECK_ERRNO(preadv2(-1, &w, 1, 0, 0), EBADF);
    CHECK_ERRNO(pwritev2(fd, &v, 1, -2, 0), EINVAL);
    loff_t from = 10, at = 0;
    CHECK_EQ(copy_file_range(fd, &from, to, &at, 40, 0), 40);
    CHECK(from == 50 && at == 40);
    CHECK_ERRNO(copy_file_range(fd, &from, to, &at, 40, 1), EINVAL);
    CHECK_ERRNO(copy_file_range(fd, NULL, -1, NULL, 40, 0), EBADF);
    from = 0, at = 10;
    CHECK_ERRNO(copy_file_range(fd, &from, fd, &at, 40, 0), EINVAL); /* onto itself */
    at = 1 << 20;
    CHECK_EQ(copy_file_range(fd, &from, fd, &at, 0x60000000, 0),
             64); /* the end of now, not one that moves on */
    CHECK_EQ(ftruncate(fd, 64), 0);
    from = 1000;
    CHECK_EQ(copy_file_range(fd, &from, to, &at, 40, 0), 0);
    from = 0x7ffffffffffffff0;
    CHECK_ERRNO(copy_file_range(fd, &from, to, &at, ~0ul, 0), EOVERFLOW);
    int appending = open("copy", O_WRONLY | O_APPEND);
    CHECK_ERRNO(copy_file_range(fd, NULL, appending, NULL, 40, 0), EBADF);
    CHECK_EQ(close(appending), 0);
    CHECK_EQ(pipe(pipes), 0);
    CHECK_ERRNO(copy_file_range(pipes[0], NULL, to, NULL, 40, 0), EINVAL);
    from = 0;
    CHECK_EQ(splice(fd, &from, pipes[1], NULL, 64, 0), 64);
    CHECK_EQ(from, 64);
    CHECK_EQ(read(pipes[0], back, 64), 64);
    CHECK_EQ(memcmp(data, back, 64), 0);
    CHECK_ERRNO(splice(pipes[0], &from, to, NULL, 1, 0), ESPIPE);
    CHECK_ERRNO(splice(fd, NULL, to, NULL, 1, 0), EINVAL);
    CHECK_ERRNO(splice(pipes[0], NULL, to, NULL, 1, 0x100), EINVAL);
    CHECK_ERRNO(splice(pipes[0], NULL, to, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_ERRNO(splice(-1, NULL, to, NULL, 1, 0), EBADF);
    CHECK_EQ(close(pipes[0]) + close(pipes[1]) + close(to), 0);
    CHECK_EQ(unlink("copy"), 0);
}

static void opening_and_closing(void)
{
    struct open_how how = { .flags = O_RDONLY, .resolve = 0 };
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how));
    CHECK(fd >= 0);
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "file", &how, 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "file", &how, 5000), E2BIG);
    how.mode = 0600;
    CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)), EINVAL);
    how = (struct open_how){ .resolve = RESOLVE_BENEATH };
    CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "/x", &how, sizeof(how)), EXDEV);
    how = (struct open_how){ .resolve = 1u << 30 };
    CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)), EINVAL);
    int low = dup2(0, 50);
    CHECK(low == 50 && dup2(0, 52) == 52);
    CHECK_EQ(syscall(SYS_close_range, 51, 60, 4 /* CLOEXEC */), 0);
    CHECK_EQ(fcntl(52, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(syscall(SYS_close_range, 50, 60, 0), 0);
    CHECK_ERRNO(fcntl(50, F_GETFD), EBADF);
    CHECK_ERRNO(syscall(SYS_close_range, 60, 50, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_close_range, 60, 61, 0x100), EINVAL);
    char entries[2048];
    fd = open(".", O_RDONLY | O_DIRECTORY);
    CHECK(syscall(SYS_getdents, fd, entries, sizeof(entries)) > 0);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_ERRNO(syscall(SYS_getdents, fd, entries, 4), EINVAL);
    CHECK_ERRNO(syscall(SYS_getdents, -1, entries, 100), EBADF);
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(chroot("nothing"), ENOENT);
    CHECK_ERRNO(chroot("file"), ENOTDIR);
}

/* Attributes that are not there; values and limits of those that are: xattrs.c. */
static void attributes(int fd)
{
    char value[16];
    CHECK_ERRNO(getxattr("nothing", "user.a", value, 16), ENOENT);
    CHECK_ERRNO(lgetxattr("nothing", "user.a", value, 16), ENOENT);
    CHECK_ERRNO(fgetxattr(-1, "user.a", value, 16), EBADF);
    CHECK_ERRNO(setxattr("nothing", "user.a", value, 1, 0), ENOENT);
    CHECK_ERRNO(lsetxattr("file", "", value, 1, 0), ERANGE);
    CHECK_ERRNO(fsetxattr(fd, "user.a", value, 1, 4), EINVAL);
    CHECK_ERRNO(listxattr("nothing", value, 16), ENOENT);
    CHECK_ERRNO(llistxattr("nothing", value, 16), ENOENT);
    CHECK_ERRNO(flistxattr(-1, value, 16), EBADF);
    CHECK_ERRNO(removexattr("nothing", "user.a"), ENOENT);
    CHECK_ERRNO(lremovexattr("nothing", "user.a"), ENOENT);
    CHECK_ERRNO(fremovexattr(-1, "user.a"), EBADF);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    NEED(fd >= 0);
    owners_and_modes(fd);
    times(fd);
    kinds();
    space(fd);
    advice_and_sync(fd);
    moving_data(fd);
    opening_and_closing();
    attributes(fd);
    return check_result();
}

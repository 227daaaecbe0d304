/* Calls that glibc no longer makes, having newer ones: programs of other makers (musl, Go) still
 * do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static void files(void)
{
    struct stat st, same;
    int fd = (int)syscall(SYS_open, "file", O_RDWR | O_CREAT | O_TRUNC, 0640);
    NEED(fd >= 0);
    CHECK_ERRNO(syscall(SYS_open, "nothing/file", O_RDONLY), ENOENT);
    CHECK_ERRNO(syscall(SYS_open, "file", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_ERRNO(syscall(SYS_open, ".", O_WRONLY), EISDIR);
    CHECK_EQ(write(fd, "12345", 5), 5);
    CHECK_EQ(syscall(SYS_fstat, fd, &st), 0);
    CHECK_EQ(st.st_size, 5);
    CHECK_ERRNO(syscall(SYS_fstat, -1, &st), EBADF);
    unlink("link");
    CHECK_EQ(symlink("file", "link"), 0);
    CHECK_EQ(syscall(SYS_stat, "link", &same), 0);
    CHECK(same.st_ino == st.st_ino && S_ISREG(same.st_mode));
    CHECK_EQ(syscall(SYS_lstat, "link", &same), 0);
    CHECK(S_ISLNK(same.st_mode) && same.st_size == 4);
    CHECK_ERRNO(syscall(SYS_stat, "nothing", &st), ENOENT);
    CHECK_ERRNO(syscall(SYS_lstat, "file/x", &st), ENOTDIR);
    CHECK_EQ(syscall(SYS_faccessat, AT_FDCWD, "file", R_OK | W_OK), 0);
    CHECK_ERRNO(syscall(SYS_faccessat, AT_FDCWD, "file", 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_faccessat, AT_FDCWD, "nothing", F_OK), ENOENT);
    CHECK_ERRNO(syscall(SYS_faccessat, -1, "file", F_OK), EBADF);
    CHECK_EQ(close(fd), 0);
}

static void waits(void)
{
    int fds[2];
    long now = 0;
    struct timeval none = { 0, 0 }, bad = { 0, -1 };
    struct timespec ms = { 0, 1000000 }, wrong = { 0, 1000000000 };
    struct timex x = { .modes = 0 };
    fd_set in;
    unsigned long mask = 1ul << (SIGUSR1 - 1);
    CHECK_EQ(syscall(SYS_pipe, fds), 0);
    FD_ZERO(&in);
    FD_SET(fds[0], &in);
    CHECK_EQ(syscall(SYS_select, fds[0] + 1, &in, NULL, NULL, &none), 0);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    FD_SET(fds[0], &in);
    CHECK_EQ(syscall(SYS_select, fds[0] + 1, &in, NULL, NULL, NULL), 1);
    CHECK(FD_ISSET(fds[0], &in));
    CHECK_ERRNO(syscall(SYS_select, -1, &in, NULL, NULL, &none), EINVAL);
    CHECK_ERRNO(syscall(SYS_select, 1, NULL, NULL, NULL, &bad), EINVAL);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
    CHECK_EQ(syscall(SYS_nanosleep, &ms, NULL), 0);
    CHECK_ERRNO(syscall(SYS_nanosleep, &wrong, NULL), EINVAL);
    int event = (int)syscall(SYS_eventfd, 7);
    CHECK_EQ(read(event, &now, 8), 8);
    CHECK_EQ(now, 7);
    CHECK_EQ(close(event), 0);
    long seconds = syscall(SYS_time, &now);
    CHECK_EQ(seconds, now);
    CHECK(now > 1600000000);
    CHECK(syscall(SYS_adjtimex, &x) >= 0);
    CHECK(x.time.tv_sec >= now && x.tick > 0);
    sigprocmask(SIG_BLOCK, (sigset_t *)&(unsigned long[16]){ mask }, NULL);
    int signals = (int)syscall(SYS_signalfd, -1, &mask, 8);
    CHECK(signals >= 0);
    raise(SIGUSR1);
    unsigned info[32];
    CHECK_EQ(read(signals, info, sizeof(info)), 128);
    CHECK_EQ(info[0], SIGUSR1);
    CHECK_ERRNO(syscall(SYS_signalfd, -1, &mask, 4), EINVAL);
    CHECK_ERRNO(syscall(SYS_signalfd, 0, &mask, 8), EINVAL);
    CHECK_EQ(close(signals), 0);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    files();
    waits();
    return check_result();
}

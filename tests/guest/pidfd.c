/* A process as a descriptor: opening, signals, descriptors of it, waiting. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define NOBODY 4190000

static volatile int g_signals;
static siginfo_t g_info;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    g_info = *info;
    g_signals++;
}

static int pidfd_open(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static long send_signal(int fd, int sig, siginfo_t *info, unsigned flags)
{
    return syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}

static void *tid_is_no_process(void *arg)
{
    errno = 0;
    int fd = pidfd_open((pid_t)syscall(SYS_gettid), 0);
    CHECK(fd < 0 && (errno == EINVAL || errno == ENOENT)); /* ENOENT since Linux 6.15 */
    return NULL;
}

static void opening(int fd)
{
    pthread_t t;
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
    int other = pidfd_open(getpid(), O_NONBLOCK);
    CHECK_EQ(fcntl(other, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    close(other);
    CHECK_ERRNO(pidfd_open(0, 0), EINVAL);
    CHECK_ERRNO(pidfd_open(-1, 0), EINVAL);
    CHECK_ERRNO(pidfd_open(NOBODY, 0), ESRCH);
    CHECK_ERRNO(pidfd_open(getpid(), 2), EINVAL);
    NEED(pthread_create(&t, NULL, tid_is_no_process, NULL) == 0);
    pthread_join(t, NULL);
    char byte;
    CHECK_ERRNO(read(fd, &byte, 1), EINVAL);
    CHECK_ERRNO(write(fd, &byte, 1), EINVAL);
    struct pollfd p = { fd, POLLIN, 0 };
    CHECK_EQ(poll(&p, 1, 0), 0); /* still running */
}

static void signals(int fd)
{
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    sigaction(SIGUSR1, &sa, NULL);
    CHECK_EQ(send_signal(fd, 0, NULL, 0), 0);
    CHECK_EQ(send_signal(fd, SIGUSR1, NULL, 0), 0);
    CHECK_EQ(g_signals, 1);
    CHECK(g_info.si_code == SI_USER && g_info.si_pid == getpid() && g_info.si_uid == getuid());
    siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
    info.si_value.sival_int = 4711;
    CHECK_EQ(send_signal(fd, SIGUSR1, &info, 0), 0);
    CHECK(g_signals == 2 && g_info.si_code == SI_QUEUE && g_info.si_value.sival_int == 4711);
    CHECK_ERRNO(send_signal(fd, SIGUSR2, &info, 0), EINVAL); /* not the one in info */
    CHECK_ERRNO(send_signal(fd, SIGUSR1, (void *)16, 0), EFAULT);
    CHECK_ERRNO(send_signal(fd, 65, NULL, 0), EINVAL);
    CHECK_ERRNO(send_signal(fd, SIGUSR1, NULL, 0x80), EINVAL);
    CHECK_ERRNO(send_signal(-1, SIGUSR1, NULL, 0), EBADF);
    CHECK_ERRNO(send_signal(0, SIGUSR1, NULL, 0), EBADF);
    int dir = open("/proc/self", O_DIRECTORY | O_RDONLY),
        fds = open("/proc/self/fd", O_DIRECTORY | O_RDONLY);
    CHECK_EQ(send_signal(dir, SIGUSR1, NULL, 0), 0);
    CHECK_EQ(g_signals, 3);
    CHECK_ERRNO(send_signal(fds, SIGUSR1, NULL, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, dir, 0, 0), EBADF);
    close(dir);
    close(fds);
}

static void descriptors(int fd)
{
    int pipes[2];
    char text[8] = "";
    NEED(pipe(pipes) == 0);
    int copy = (int)syscall(SYS_pidfd_getfd, fd, pipes[1], 0);
    CHECK(copy > 0 && copy != pipes[1]);
    CHECK_EQ(fcntl(copy, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(copy, "same", 4), 4);
    CHECK(read(pipes[0], text, sizeof(text)) == 4 && !strcmp(text, "same"));
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, fd, 9999, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, pipes[0], 0, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, -1, 0, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, fd, 0, 1), EINVAL);
    close(pipes[0]);
    close(pipes[1]);
    close(copy);
}

static void waiting(int fd)
{
    siginfo_t info;
    CHECK_ERRNO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG),
                ECHILD); /* not a child of ours */
    CHECK_ERRNO(waitid(P_PIDFD, 0, &info, WEXITED), EBADF);
    CHECK_ERRNO(waitid(P_PIDFD, (id_t)-1, &info, WEXITED), EINVAL);
    CHECK_ERRNO(waitid(P_PIDFD, 9999, &info, WEXITED), EBADF);
}

static void fdinfo(int fd)
{
    char path[64], line[128], wanted[32];
    int found = 0;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    snprintf(wanted, sizeof(wanted), "Pid:\t%d\n", getpid());
    FILE *f = fopen(path, "r");
    NEED(f);
    while (fgets(line, sizeof(line), f))
        found += !strcmp(line, wanted);
    fclose(f);
    CHECK_EQ(found, 1);
}

int main(void)
{
    int fd = pidfd_open(getpid(), 0);
    NEED(fd > 2);
    opening(fd);
    signals(fd);
    descriptors(fd);
    waiting(fd);
    fdinfo(fd);
    return check_result();
}

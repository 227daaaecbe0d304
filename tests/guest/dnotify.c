/* fcntl(F_NOTIFY), F_SETOWN, F_SETSIG: signals about a directory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include "check.h"

static int g_count, g_signal, g_code, g_fd;
static long g_band;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    g_count++;
    g_signal = sig;
    g_code = info->si_code;
    g_fd = info->si_fd;
    g_band = info->si_band;
}

static int count(void)
{
    int n = g_count;
    g_count = 0;
    return n;
}

static void make(const char *name)
{
    close(open(name, O_CREAT | O_WRONLY, 0644));
}

static void once(int fd)
{
    CHECK_EQ(fcntl(fd, F_GETOWN), 0);
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_CREATE | DN_DELETE), 0);
    CHECK_EQ(fcntl(fd, F_GETOWN), getpid());
    make("d/a");
    CHECK_EQ(count(), 1);
    CHECK_EQ(g_signal, SIGIO);
    unlink("d/a");
    CHECK_EQ(count(), 0); /* one event only */
}

static void many(int fd)
{
    CHECK_EQ(fcntl(fd, F_GETSIG), 0);
    CHECK_EQ(fcntl(fd, F_SETSIG, SIGRTMIN + 2), 0);
    CHECK_EQ(fcntl(fd, F_GETSIG), SIGRTMIN + 2);
    CHECK_ERRNO(fcntl(fd, F_SETSIG, 65), EINVAL);
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_CREATE | DN_DELETE | DN_MULTISHOT), 0);
    make("d/a");
    CHECK_EQ(count(), 1);
    CHECK(g_signal == SIGRTMIN + 2 && g_code == POLL_MSG && g_fd == fd && g_band == 0x441);
    unlink("d/a");
    CHECK_EQ(count(), 1);
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_ATTRIB | DN_MODIFY | DN_MULTISHOT), 0); /* adds */
    make("d/a");
    CHECK_EQ(count(), 1);
    chmod("d/a", 0600);
    CHECK_EQ(count(), 1);
    int file = open("d/a", O_RDWR);
    CHECK_EQ(write(file, "x", 1), 1);
    CHECK_EQ(count(), 1);
    close(file);
    CHECK_EQ(count(), 0);
    CHECK_EQ(rename("d/a", "a"), 0);
    CHECK_EQ(count(), 1);
    CHECK_EQ(rename("a", "d/a"), 0);
    CHECK_EQ(count(), 1);
    CHECK_EQ(fcntl(fd, F_NOTIFY, 0), 0);
    unlink("d/a");
    CHECK_EQ(count(), 0);
}

static void renames(int fd)
{
    make("d/a");
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_RENAME | DN_MULTISHOT), 0);
    CHECK_EQ(rename("d/a", "d/b"), 0);
    CHECK(count() >= 1);
    unlink("d/b");
    CHECK_EQ(count(), 0);
}

static void closing(int fd)
{
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT), 0);
    close(dup(fd)); /* any close of this open file ends it */
    make("d/a");
    CHECK_EQ(count(), 0);
    unlink("d/a");
}

static void owners(int fd)
{
    struct f_owner_ex ex;
    CHECK_EQ(fcntl(fd, F_SETOWN, 0), 0);
    CHECK_EQ(fcntl(fd, F_GETOWN), 0);
    CHECK_EQ(fcntl(fd, F_SETOWN, -getpgrp()), 0);
    CHECK_EQ(fcntl(fd, F_GETOWN_EX, &ex), 0);
    CHECK(ex.type == F_OWNER_PGRP && ex.pid == getpgrp());
    ex = (struct f_owner_ex){ F_OWNER_TID, (pid_t)syscall(SYS_gettid) };
    CHECK_EQ(fcntl(fd, F_SETOWN_EX, &ex), 0);
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_CREATE), 0);
    make("d/a");
    CHECK_EQ(count(), 1);
    unlink("d/a");
    ex.type = 3;
    CHECK_ERRNO(fcntl(fd, F_SETOWN_EX, &ex), EINVAL);
    CHECK_ERRNO(fcntl(fd, F_SETOWN, 0x3ffffff), ESRCH);
    CHECK_ERRNO(fcntl(fd, F_SETOWN, -0x7fffffff - 1), EINVAL);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigaction(SIGIO, &sa, NULL);
    sigaction(SIGRTMIN + 2, &sa, NULL);
    mkdir("d", 0755);
    int fd = open("d", O_RDONLY | O_DIRECTORY);
    once(fd);
    many(fd);
    renames(fd);
    closing(fd);
    owners(fd);
    close(fd);
    make("f");
    fd = open("f", O_RDONLY);
    CHECK_ERRNO(fcntl(fd, F_NOTIFY, DN_CREATE), ENOTDIR);
    close(fd);
    unlink("f"), rmdir("d");
    printf("dnotify: done\n");
    return check_result();
}

/*
 * The files that the calls find, on a host directory ("h/") and on tmpfs ("t/"), and descriptors of
 * every kind at low numbers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"

_Noreturn void world_no_start(const char *path)
{
    int error = errno;
    struct stat st = { 0 };
    lstat(path, &st);
    sweep_tell("/");
    die(96, "fuzz: cannot make or enter %s: errno %d; it is there with mode %#o\n", path, error,
        st.st_mode);
}

static void make_file(const char *path)
{
    char data[6000];
    memset(data, 'd', sizeof(data));
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, data, sizeof(data)) != sizeof(data))
        world_no_start(path);
    close(fd);
}

void world_make_files(void)
{
    char name[64];
    for (unsigned where = 0; where < 2; where++) {
        const char *at = where ? "t" : "h";
        for (unsigned i = 0; i < 3; i++) {
            snprintf(name, sizeof(name), "%s/f%u", at, i);
            make_file(name);
        }
        for (unsigned i = 0; i < 2; i++) {
            snprintf(name, sizeof(name), "%s/d%u", at, i);
            mkdir(name, 0755);
        }
        snprintf(name, sizeof(name), "%s/d0/f0", at);
        make_file(name);
        snprintf(name, sizeof(name), "%s/l0", at);
        symlink("f0", name);
        snprintf(name, sizeof(name), "%s/l1", at);
        symlink("l1", name);
        snprintf(name, sizeof(name), "%s/fifo", at);
        mkfifo(name, 0644);
    }
}

static int bound_socket(int type, bool listens)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listens)
        listen(fd, 4);
    return fd;
}

/* One of each kind, at the lowest numbers; those of the pairs twice. */
void world_make_descriptors(void)
{
    int pair[2];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    static const char *const opened[] = { "h/f0",
                                          "t/f0",
                                          "h/f1",
                                          "t/f1",
                                          "h",
                                          "t",
                                          "h/d0",
                                          "t/d0",
                                          "/proc/self",
                                          "/dev/null",
                                          "/dev/zero",
                                          "/proc/self/status",
                                          "/proc/meminfo",
                                          "/dev/urandom",
                                          "/sys/devices/system/cpu",
                                          "/dev/full" };
    for (unsigned i = 0; i < 3; i++)
        open("/dev/null", O_RDWR);
    for (unsigned i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
        if (open(opened[i], O_RDWR) < 0)
            open(opened[i], O_RDONLY);
    pipe2(pair, 0);
    pipe2(pair, O_NONBLOCK);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair);
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
    bound_socket(SOCK_STREAM, true);
    bound_socket(SOCK_STREAM, false);
    bound_socket(SOCK_DGRAM, false);
    socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "t/sock" };
    unlink(a.sun_path);
    if (bind(listening, (struct sockaddr *)&a, sizeof(a)) == 0)
        listen(listening, 4);
    int epoll = epoll_create1(0), event = eventfd(3, 0);
    struct epoll_event e = { .events = EPOLLIN };
    epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e);
    eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
    timerfd_create(CLOCK_MONOTONIC, 0);
    signalfd(-1, &set, SFD_NONBLOCK);
    int memory = memfd_create("fuzz", MFD_ALLOW_SEALING);
    ftruncate(memory, 16384);
    memfd_create("fuzz2", 0);
    open("t/f2", O_RDWR | O_APPEND);
    open("h/f2", O_RDWR | O_APPEND);
    open("t/f0", O_PATH);
    RAW(SYS_inotify_init1, 0);
    RAW(SYS_pidfd_open, g_pid, 0);
}

/* After the storm: does the library OS still do what it should? Every answer here is known. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define MUST(cond)                                                                                 \
    ((cond) ? (void)0 : die(94, "fuzz: SELF-CHECK FAILED: %s (line %d)\n", #cond, __LINE__))

static void files(const char *at)
{
    char name[64], other[64], data[9000], back[9000];
    struct stat st;
    snprintf(name, sizeof(name), "%s/check", at);
    snprintf(other, sizeof(other), "%s/check2", at);
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 7);
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    MUST(fd >= 0);
    MUST(write(fd, data, sizeof(data)) == sizeof(data));
    MUST(pread(fd, back, sizeof(back), 0) == sizeof(back) && !memcmp(data, back, sizeof(data)));
    MUST(fstat(fd, &st) == 0 && st.st_size == sizeof(data));
    MUST(rename(name, other) == 0 && stat(name, &st) == -1 && stat(other, &st) == 0);
    char *p = mmap(NULL, sizeof(data), PROT_READ, MAP_PRIVATE, fd, 0);
    MUST(p != MAP_FAILED && !memcmp(p, data, sizeof(data)));
    MUST(munmap(p, sizeof(data)) == 0);
    MUST(ftruncate(fd, 10) == 0 && fstat(fd, &st) == 0 && st.st_size == 10);
    MUST(close(fd) == 0 && unlink(other) == 0 && access(other, F_OK) == -1);
}

static void channels(void)
{
    int fds[2];
    char data[16] = "fifteen letters", back[16];
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = 77 }, got;
    MUST(pipe(fds) == 0 && write(fds[1], data, 16) == 16);
    int epoll = epoll_create1(0);
    MUST(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &e) == 0 &&
         epoll_wait(epoll, &got, 1, 0) == 1 && got.data.u64 == 77);
    MUST(read(fds[0], back, 16) == 16 && !memcmp(data, back, 16) &&
         epoll_wait(epoll, &got, 1, 0) == 0);
    MUST(close(fds[0]) == 0 && close(fds[1]) == 0 && close(epoll) == 0);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && send(fds[0], data, 16, 0) == 16 &&
         recv(fds[1], back, 16, 0) == 16 && !memcmp(data, back, 16));
    MUST(close(fds[0]) == 0 && recv(fds[1], back, 16, 0) == 0 && close(fds[1]) == 0);
    uint64_t count = 5;
    int event = eventfd(2, 0);
    MUST(write(event, &count, 8) == 8 && read(event, &count, 8) == 8 && count == 7 &&
         close(event) == 0);
}

static void memory(void)
{
    char *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(p != MAP_FAILED);
    for (unsigned i = 0; i < 64 * PAGE; i++)
        MUST(p[i] == 0);
    memset(p, 1, 64 * PAGE);
    MUST(munmap(p + PAGE, PAGE) == 0 && mprotect(p, 3 * PAGE, PROT_READ) == -1 &&
         madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED) == 0);
    MUST(p[0] == 1 && p[3 * PAGE] == 1 && p[2 * PAGE] == 0 && munmap(p, 64 * PAGE) == 0);
}

static void time_and_ids(void)
{
    struct timespec a, b, wait = { 0, 1000000 };
    uint32_t word = 5;
    MUST(getpid() == g_pid && RAW(SYS_gettid, 0) == g_pid);
    RAW(SYS_clock_gettime, CLOCK_MONOTONIC, &a);
    MUST(RAW(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &wait) == -110);
    MUST(RAW(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 6, &wait) == -11);
    RAW(SYS_clock_gettime, CLOCK_MONOTONIC, &b);
    MUST((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 1000000);
    MUST(RAW(SYS_getdents64, -1, &word, 4) == -9 && RAW(511, 0) == -38);
}

void selfcheck(void)
{
    files("h");
    files("t");
    channels();
    memory();
    time_and_ids();
    world_check();
}

/* Every pointer argument of many calls, bad in every way: the answer is EFAULT, and nobody crashes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "check.h"

static long g_bad[16];
static const char *g_bad_name[16];
static int g_bad_count;

static void add(const char *name, unsigned long address)
{
    g_bad[g_bad_count] = (long)address;
    g_bad_name[g_bad_count++] = name;
}

static unsigned long gs_base(void)
{
    unsigned long base = 0;
#ifdef __FSGSBASE__
    base = __builtin_ia32_rdgsbase64();
#else
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xc8" : "=a"(base)); /* rdgsbase %rax */
#endif
    return base;
}

static void find_bad_addresses(void)
{
    char *none = mmap(NULL, 4096 * 3, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *gap = mmap(NULL, 4096 * 3, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(gap, 4096 * 3);
    add("page without access", (unsigned long)none);
    add("unmapped", (unsigned long)gap);
    add("first page", 8);
    add("last user page", 0x7ffffffff000);
    add("above user", 0x800000000000);
    add("not canonical", 0x8000000000000000);
    add("kernel text", 0xffffffff81000000);
    add("kernel data", 0xffff888000000000);
    add("last byte", ~0ul);
    if (gs_base())
        add("below the wall", gs_base()); /* with cloister: a block of the library OS */
}

static void try(const char *what, long nr, int argument, const long *good)
{
    for (int i = 0; i < g_bad_count; i++) {
        long a[6];
        memcpy(a, good, sizeof(a));
        a[argument] = g_bad[i];
        errno = 0;
        long ret = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (ret == -1 && errno == EFAULT)
            continue;
        printf("%s: argument %d is %s: got %ld, errno %d (%s)\n", what, argument, g_bad_name[i], ret, errno, strerror(errno));
        g_failures++;
    }
}

#define TRY(name, argument, ...) try(#name, SYS_##name, argument, (const long[6]){ __VA_ARGS__ })

static void files(int fd)
{
    static char data[4096];
    long p = (long)data;
    int at = AT_FDCWD;
    CHECK_EQ(write(fd, data, 100), 100);
    lseek(fd, 0, SEEK_SET);
    TRY(read, 1, fd, 0, 10);
    TRY(pread64, 1, fd, 0, 10, 0);
    TRY(write, 1, fd, 0, 10);
    TRY(pwrite64, 1, fd, 0, 10, 0);
    TRY(readv, 1, fd, 0, 1);
    TRY(writev, 1, fd, 0, 1);
    TRY(preadv, 1, fd, 0, 1, 0);
    TRY(open, 0, 0, O_RDONLY);
    TRY(openat, 1, at, 0, O_RDONLY);
    TRY(stat, 0, 0, p);
    TRY(stat, 1, (long)".", 0);
    TRY(lstat, 1, (long)".", 0);
    TRY(fstat, 1, fd, 0);
    TRY(newfstatat, 1, at, 0, p, 0);
    TRY(newfstatat, 2, at, (long)".", 0, 0);
    TRY(statx, 4, at, (long)".", 0, 0xfff, 0);
    TRY(access, 0, 0, 0);
    TRY(getcwd, 0, 0, 4096);
    TRY(chdir, 0, 0);
    TRY(mkdir, 0, 0, 0700);
    TRY(unlink, 0, 0);
    TRY(rename, 0, 0, (long)"x");
    TRY(rename, 1, (long)"file", 0);
    TRY(symlink, 0, 0, (long)"x");
    TRY(link, 1, (long)"file", 0);
    TRY(truncate, 0, 0, 0);
    TRY(chmod, 0, 0, 0600);
    TRY(statfs, 1, (long)".", 0);
    TRY(fstatfs, 1, fd, 0);
    TRY(utimensat, 2, at, (long)"file", 0, 0);
    symlink("file", "link");
    TRY(readlink, 0, 0, p, 10);
    TRY(readlink, 1, (long)"link", 0, 10);
    int dir = open(".", O_RDONLY);
    TRY(getdents64, 1, dir, 0, 4096);
    close(dir);
}

static void processes(void)
{
    TRY(clock_gettime, 1, CLOCK_MONOTONIC, 0);
    TRY(clock_getres, 1, CLOCK_MONOTONIC, 0);
    TRY(nanosleep, 0, 0, 0);
    TRY(rt_sigaction, 1, SIGUSR1, 0, 0, 8);
    TRY(rt_sigaction, 2, SIGUSR1, 0, 0, 8);
    TRY(rt_sigprocmask, 1, SIG_BLOCK, 0, 0, 8);
    TRY(rt_sigprocmask, 2, SIG_BLOCK, 0, 0, 8);
    TRY(rt_sigpending, 0, 0, 8);
    TRY(rt_sigtimedwait, 0, 0, 0, 0, 8);
    TRY(sigaltstack, 0, 0, 0);
    TRY(sigaltstack, 1, 0, 0);
    TRY(uname, 0, 0);
    TRY(sysinfo, 0, 0);
    TRY(getrusage, 1, 0, 0);
    TRY(getrlimit, 1, 7, 0);
    TRY(prlimit64, 3, 0, 7, 0, 0);
    TRY(times, 0, 0);
    TRY(getrandom, 0, 0, 16, 0);
    TRY(sched_getaffinity, 2, 0, 128, 0);
    TRY(getresuid, 0, 0, 0, 0);
    TRY(setitimer, 1, 0, 0, 0);
    TRY(getitimer, 1, 0, 0);
    TRY(timer_create, 2, 1, 0, 0);
}

static void descriptors(void)
{
    static char data[64];
    long p = (long)data;
    int fds[2], ep = epoll_create1(0), event = eventfd(1, 0), pair[2];
    struct iovec iov = { data, 4 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(write(fds[1], data, 10), 10);
    CHECK_EQ(write(pair[1], data, 10), 10);
    struct epoll_event e = { .events = EPOLLIN };
    epoll_ctl(ep, EPOLL_CTL_ADD, event, &e);
    TRY(pipe2, 0, 0, 0);
    TRY(read, 1, fds[0], 0, 5);
    TRY(write, 1, fds[1], 0, 5);
    TRY(poll, 0, 0, 1, 0);
    TRY(ppoll, 2, p, 0, 0, 0, 8);
    TRY(select, 1, 8, 0, 0, 0, 0);
    TRY(select, 4, 8, 0, 0, 0, 0);
    TRY(epoll_ctl, 3, ep, EPOLL_CTL_MOD, event, 0);
    TRY(epoll_wait, 1, ep, 0, 1, 0);
    TRY(write, 1, event, 0, 8);
    TRY(socketpair, 3, AF_UNIX, SOCK_STREAM, 0, 0);
    TRY(sendto, 1, pair[0], 0, 5, 0, 0, 0);
    TRY(recvfrom, 1, pair[0], 0, 5, 0, 0, 0);
    TRY(sendmsg, 1, pair[0], 0, 0);
    TRY(recvmsg, 1, pair[0], 0, 0);
    m.msg_iov = (void *)8;
    CHECK_ERRNO(sendmsg(pair[0], &m, 0), EFAULT);
    CHECK_ERRNO(recvmsg(pair[0], &m, 0), EFAULT);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    TRY(bind, 1, s, 0, 16);
    TRY(connect, 1, s, 0, 16);
    memcpy(data, &(int){ 16 }, sizeof(int));
    TRY(getsockname, 1, s, 0, p);
    TRY(getsockname, 2, s, p, 0);
    TRY(getsockopt, 4, s, SOL_SOCKET, SO_TYPE, p, 0);
    TRY(setsockopt, 3, s, SOL_SOCKET, SO_REUSEADDR, 0, 4);
    for (int i = 0; i < 2; i++)
        close(fds[i]), close(pair[i]);
    close(s), close(ep), close(event);
}

/* A buffer that begins well and ends badly: what fits is used where Linux does so. */
static void straddling(int fd)
{
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 4096, 4096);
    CHECK_ERRNO(stat(".", (struct stat *)(p + 4096 - 16)), EFAULT);
    memset(p, 'x', 4096);
    CHECK_ERRNO(open(p + 4090, O_RDONLY), EFAULT);
    memcpy(p + 4094, ".", 2);
    int dir = open(p + 4094, O_RDONLY);
    CHECK(dir >= 0);
    close(dir);
    CHECK_ERRNO(clock_nanosleep(CLOCK_MONOTONIC, 0, (void *)(p + 4088), NULL) == EFAULT ? (errno = EFAULT, -1) : 0, EFAULT);
    struct iovec v[2] = { { p + 4000, 96 }, { p + 4096, 10 } };
    lseek(fd, 0, SEEK_SET);
    long n = readv(fd, v, 2);
    CHECK(n == 96 || (n == -1 && errno == EFAULT));
    munmap(p, 4096);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    int fd = open("file", O_CREAT | O_TRUNC | O_RDWR, 0600);
    NEED(fd >= 0);
    find_bad_addresses();
    files(fd);
    processes();
    descriptors();
    straddling(fd);
    return check_result();
}

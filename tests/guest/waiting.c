/* Pipes, eventfd, poll, select, epoll: data, readiness, edges, blocking, hang-ups. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static short ready(int fd, short events, int timeout)
{
    struct pollfd p = { .fd = fd, .events = events };
    int n = poll(&p, 1, timeout);
    CHECK_EQ(n, p.revents != 0);
    return p.revents;
}

static void pipes(void)
{
    int p[2], left = 0;
    static char data[65536], text[65536];
    CHECK_EQ(pipe2(p, O_NONBLOCK | O_CLOEXEC), 0);
    CHECK_ERRNO(read(p[0], text, 1), EAGAIN);
    CHECK_EQ(ready(p[0], POLLIN, 0), 0);
    CHECK_EQ(ready(p[1], POLLOUT, 0), POLLOUT);
    CHECK_EQ(write(p[1], "hello", 5), 5);
    CHECK_EQ(ready(p[0], POLLIN, 0), POLLIN);
    CHECK_EQ(ioctl(p[0], FIONREAD, &left), 0);
    CHECK_EQ(left, 5);
    CHECK_EQ(read(p[0], text, 3), 3);
    CHECK_EQ(read(p[0], text + 3, 100), 2);
    CHECK(memcmp(text, "hello", 5) == 0);
    CHECK_EQ(write(p[1], data, sizeof(data)), sizeof(data));
    CHECK_ERRNO(write(p[1], data, 1), EAGAIN);
    CHECK_EQ(ready(p[1], POLLOUT, 0), 0);
    CHECK_EQ(read(p[0], text, sizeof(text)), sizeof(text));
    CHECK_ERRNO(lseek(p[0], 0, SEEK_SET), ESPIPE);
    CHECK_ERRNO(pread(p[0], text, 1, 0), ESPIPE);
    CHECK_ERRNO(write(p[0], "x", 1), EBADF);
    CHECK_EQ(write(p[1], "end", 3), 3);
    close(p[1]);
    CHECK_EQ(ready(p[0], POLLIN, 0), POLLIN | POLLHUP);
    CHECK_EQ(read(p[0], text, 100), 3);
    CHECK_EQ(read(p[0], text, 100), 0);
    close(p[0]);
    CHECK_EQ(pipe(p), 0);
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
    CHECK_EQ(ready(p[1], POLLOUT, 0), POLLOUT | POLLERR);
    close(p[1]);
}

static void *feed(void *arg)
{
    static unsigned char data[1 << 20];
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i % 251);
    CHECK_EQ(write(*(int *)arg, data, sizeof(data)), sizeof(data));
    close(*(int *)arg);
    return NULL;
}

static void blocking_pipe(void)
{
    int p[2];
    pthread_t t;
    unsigned char data[7777];
    unsigned total = 0, wrong = 0;
    CHECK_EQ(pipe(p), 0);
    pthread_create(&t, NULL, feed, &p[1]);
    for (ssize_t n; (n = read(p[0], data, sizeof(data))) > 0;)
        for (ssize_t i = 0; i < n; i++)
            wrong += data[i] != total++ % 251;
    CHECK_EQ(total, 1 << 20);
    CHECK_EQ(wrong, 0);
    pthread_join(t, NULL);
    close(p[0]);
}

static void *write_soon(void *arg)
{
    usleep(20000);
    CHECK_EQ(write(*(int *)arg, "late", 4), 4);
    return NULL;
}

static void tees(void)
{
    int a[2], b[2], full[2];
    char got[16] = "";
    pthread_t t;
    NEED(pipe(a) == 0 && pipe(b) == 0 && pipe2(full, O_NONBLOCK) == 0);
    CHECK_EQ(write(a[1], "abcdef", 6), 6);
    CHECK_EQ(tee(a[0], b[1], 4, 0), 4);
    CHECK_EQ(tee(a[0], b[1], 100, SPLICE_F_NONBLOCK), 6);
    CHECK_EQ(read(b[0], got, sizeof(got)), 10);
    CHECK(memcmp(got, "abcdabcdef", 10) == 0);
    CHECK_EQ(read(a[0], got, sizeof(got)), 6); /* all of it is still there */
    CHECK_ERRNO(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
    NEED(pthread_create(&t, NULL, write_soon, &a[1]) == 0);
    CHECK_EQ(tee(a[0], b[1], 100, 0), 4);
    pthread_join(t, NULL);
    while (write(full[1], got, sizeof(got)) > 0)
        ;
    CHECK_ERRNO(tee(a[0], full[1], 1, 0), EAGAIN);
    CHECK_EQ(tee(a[0], b[1], 0, 0), 0);
    CHECK_ERRNO(tee(a[0], a[1], 1, 0), EINVAL);
    CHECK_ERRNO(tee(a[1], b[1], 1, 0), EBADF);
    CHECK_ERRNO(tee(a[0], b[0], 1, 0), EBADF);
    CHECK_ERRNO(tee(a[0], 999, 1, 0), EBADF);
    CHECK_ERRNO(tee(a[0], b[1], 1, 64), EINVAL);
    int null = open("/dev/null", O_RDWR);
    CHECK_ERRNO(tee(a[0], null, 1, 0), EINVAL);
    close(null), close(b[0]);
    CHECK_ERRNO(tee(a[0], b[1], 1, 0), EPIPE);
    close(a[1]);
    CHECK_EQ(read(a[0], got, sizeof(got)), 4);
    int c[2];
    NEED(pipe(c) == 0);
    CHECK_EQ(tee(a[0], c[1], 1, 0), 0); /* nobody writes any more */
    close(a[0]), close(b[1]), close(c[0]), close(c[1]), close(full[0]), close(full[1]);
}

static void event_descriptors(void)
{
    unsigned long value = 5;
    int fd = eventfd(3, EFD_NONBLOCK);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 3);
    CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
    value = 4;
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(ready(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 8);
    value = ~0ul;
    CHECK_ERRNO(write(fd, &value, 8), EINVAL);
    value = ~0ul - 1;
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(ready(fd, POLLOUT, 0), 0);
    CHECK_ERRNO(write(fd, &value, 4), EINVAL);
    close(fd);
    fd = eventfd(2, EFD_SEMAPHORE);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 1);
    close(fd);
}

static void *later(void *arg)
{
    unsigned long one = 1;
    usleep(30000);
    CHECK_EQ(write(*(int *)arg, &one, 8), 8);
    return NULL;
}

static void polls(void)
{
    pthread_t t;
    int a = eventfd(0, 0), b = eventfd(0, 0);
    struct pollfd p[4] = { { a, POLLIN, 0 }, { b, POLLIN, 0 }, { -1, POLLIN, 99 }, { 999, POLLIN, 0 } };
    CHECK_EQ(poll(p, 4, 0), 1);
    CHECK_EQ(p[3].revents, POLLNVAL);
    CHECK_EQ(p[2].revents, 0);
    CHECK_EQ(poll(p, 2, 20), 0);
    CHECK_EQ(poll(NULL, 0, 10), 0);
    pthread_create(&t, NULL, later, &b);
    CHECK_EQ(poll(p, 2, 5000), 1);
    CHECK_EQ(p[1].revents, POLLIN);
    pthread_join(t, NULL);
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(a, &in);
    FD_SET(b, &in);
    FD_SET(a, &out);
    CHECK_EQ(select(b + 1, &in, &out, NULL, NULL), 2);
    CHECK(!FD_ISSET(a, &in) && FD_ISSET(b, &in) && FD_ISSET(a, &out));
    FD_ZERO(&in);
    FD_SET(a, &in);
    struct timeval tv = { 0, 10000 };
    CHECK_EQ(select(a + 1, &in, NULL, NULL, &tv), 0);
    CHECK(!FD_ISSET(a, &in));
    FD_SET(40, &in);
    CHECK_ERRNO(select(41, &in, NULL, NULL, &tv), EBADF);
    struct timespec none = { 0, 0 };
    CHECK_EQ(ppoll(p, 1, &none, NULL), 0);
    close(a), close(b);
}

static void epolls(void)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = 0x1234567890 }, got[4];
    pthread_t t;
    unsigned long value = 1;
    int ep = epoll_create1(EPOLL_CLOEXEC), fd = eventfd(0, EFD_NONBLOCK);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), EEXIST);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_MOD, 0x7fff, &e), EBADF);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    CHECK_EQ(epoll_wait(ep, got, 4, 10), 0);
    CHECK_ERRNO(epoll_wait(ep, got, 0, 0), EINVAL);
    pthread_create(&t, NULL, later, &fd);
    CHECK_EQ(epoll_wait(ep, got, 4, 5000), 1);
    CHECK_EQ(got[0].data.u64, 0x1234567890);
    CHECK_EQ(got[0].events, EPOLLIN);
    pthread_join(t, NULL);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 1);
    e.events = EPOLLIN | EPOLLET;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), 0);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 1);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 1);
    e.events = EPOLLIN | EPOLLONESHOT;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), 0);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 1);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    CHECK_EQ(ready(ep, POLLIN, 0), 0);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), 0);
    CHECK_EQ(ready(ep, POLLIN, 0), POLLIN);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), 0);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), ENOENT);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    e.events = EPOLLIN;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
    close(fd);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    int file = open("/etc/hostname", O_RDONLY);
    if (file >= 0)
        CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, file, &e), EPERM);
    close(ep);
}

static void vmsplicing(void)
{
    int p[2];
    char text[100] = "";
    struct iovec out[] = { { "hello ", 6 }, { "there", 5 } }, in[] = { { text, 3 }, { text + 3, 90 } };
    struct iovec null = { (void *)16, 8 }, none = { NULL, 0 };
    NEED(pipe(p) == 0);
    CHECK_EQ(vmsplice(p[1], out, 2, 0), 11);
    CHECK_EQ(vmsplice(p[0], in, 2, 0), 11);
    CHECK(!strcmp(text, "hello there"));
    CHECK_ERRNO(vmsplice(p[0], in, 2, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(vmsplice(p[1], &none, 1, 0), 0);
    CHECK_EQ(vmsplice(p[0], NULL, 0, SPLICE_F_NONBLOCK), 0);
    CHECK_ERRNO(vmsplice(p[1], out, 2, 16), EINVAL);
    CHECK_ERRNO(vmsplice(p[1], out, 1025, 0), EINVAL);
    CHECK_ERRNO(vmsplice(p[1], (void *)16, 1, 0), EFAULT);
    CHECK_ERRNO(vmsplice(p[1], &null, 1, 0), EFAULT);
    CHECK_ERRNO(vmsplice(-1, out, 1, 0), EBADF);
    int file = open("/dev/null", O_RDWR);
    CHECK_ERRNO(vmsplice(file, out, 1, 0), EBADF);
    close(file);
    static _Alignas(4096) char page[4096];
    struct iovec full = { page, sizeof(page) };
    long moved = 0, n;
    while ((n = vmsplice(p[1], &full, 1, SPLICE_F_NONBLOCK)) > 0)
        moved += n;
    CHECK(moved == 65536 && n == -1 && errno == EAGAIN);
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERRNO(vmsplice(p[1], out, 1, 0), EPIPE);
    close(p[1]);
}

/* What has room now is moved, without waiting for the reader, who here is ourselves. */
static void splicing_into_what_is_not_empty(void)
{
    int p[2], zero = open("/dev/zero", O_RDONLY);
    NEED(zero >= 0 && pipe(p) == 0 && write(p[1], "x", 1) == 1);
    alarm(10);
    ssize_t n = splice(zero, NULL, p[1], NULL, 65536, 0);
    alarm(0);
    CHECK(n > 0 && n < 65536);
    int left = 0;
    CHECK(ioctl(p[0], FIONREAD, &left) == 0 && left == n + 1);
    CHECK_ERRNO(splice(zero, NULL, p[1], NULL, 65536, SPLICE_F_NONBLOCK), EAGAIN);
    NEED(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERRNO(splice(zero, NULL, p[1], NULL, 65536, 0), EAGAIN);
    close(p[0]);
    close(p[1]);
    close(zero);
}

int main(void)
{
    pipes();
    blocking_pipe();
    tees();
    vmsplicing();
    splicing_into_what_is_not_empty();
    event_descriptors();
    polls();
    epolls();
    return check_result();
}

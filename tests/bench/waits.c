/* What do pipes, eventfd, poll, epoll and signal masks cost when nobody has to wait? */
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "tests/bench/bench.h"

static void pipe_to_self(void *arg, uint64_t n)
{
    int *p = arg;
    char c = 0;
    while (n--)
        bench_need(write(p[1], &c, 1) == 1 && read(p[0], &c, 1) == 1, "pipe");
}

static void event(void *arg, uint64_t n)
{
    uint64_t v = 1;
    while (n--)
        bench_need(write(*(int *)arg, &v, 8) == 8 && read(*(int *)arg, &v, 8) == 8, "eventfd");
}

static void poll_one(void *arg, uint64_t n)
{
    struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };
    while (n--)
        bench_need(poll(&p, 1, 0) == 1, "poll");
}

static void epoll_one(void *arg, uint64_t n)
{
    struct epoll_event e;
    while (n--)
        bench_need(epoll_wait(*(int *)arg, &e, 1, 0) == 1, "epoll_wait");
}

static void mask(void *arg, uint64_t n)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    while (n--)
        bench_need(sigprocmask(n & 1 ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL) == 0, "sigprocmask");
}

int main(void)
{
    int p[2], idle = eventfd(0, 0), ready = eventfd(1, 0), ep = epoll_create1(0);
    struct epoll_event e = { .events = EPOLLIN };
    bench_need(pipe(p) == 0 && epoll_ctl(ep, EPOLL_CTL_ADD, ready, &e) == 0, "set up");
    const struct bench rows[] = {
        { "pipe-to-self", pipe_to_self, p }, { "eventfd", event, &idle },
        { "poll", poll_one, &ready },        { "epoll_wait", epoll_one, &ep },
        { "sigprocmask", mask, NULL },
    };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    return 0;
}

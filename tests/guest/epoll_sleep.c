/* Sleeping in epoll_wait over sockets of the network and eventfds together: no wake-up is lost, none is told twice. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "tcp_pair.h"

enum { TURNS = 2000, WORKERS = 4, MESSAGES = 2000, PATIENCE = 5000 };

static volatile sig_atomic_t g_signals;

static void on_signal(int sig)
{
    g_signals++;
}

static void add(int ep, int fd, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.fd = fd };
    NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
}

static void change(int ep, int fd, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.fd = fd };
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), 0);
}

static void count_up(int fd)
{
    uint64_t one = 1;
    CHECK_EQ(write(fd, &one, sizeof(one)), sizeof(one));
}

static void count_down(int fd)
{
    uint64_t value;
    CHECK_EQ(read(fd, &value, sizeof(value)), sizeof(value));
}

static void pause_ms(int ms)
{
    struct timespec t = { 0, ms * 1000000L };
    nanosleep(&t, NULL);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A set of an eventfd and a socket, and what writes to them. */
struct set {
    int ep, counter, end[2];
};

static struct set new_set(void)
{
    struct set s = { epoll_create1(0), eventfd(0, EFD_NONBLOCK), { 0 } };
    tcp_pair(s.end, SOCK_NONBLOCK);
    add(s.ep, s.counter, EPOLLIN);
    add(s.ep, s.end[1], EPOLLIN);
    return s;
}

static void free_set(const struct set *s)
{
    close(s->ep);
    close(s->counter);
    close(s->end[0]);
    close(s->end[1]);
}

/* The one event, of fd. */
static void expect_event(int ep, int fd)
{
    struct epoll_event got[4] = { 0 };
    CHECK_EQ(epoll_wait(ep, got, 4, PATIENCE), 1);
    CHECK_EQ(got[0].data.fd, fd);
}

static struct set g_sets[2];

/* By the socket each third time, else by the eventfd. */
static void tell(const struct set *s, int turn)
{
    if (turn % 3)
        count_up(s->counter);
    else
        CHECK_EQ(write(s->end[0], "x", 1), 1);
}

static void await_told(const struct set *s, int turn)
{
    char c;
    expect_event(s->ep, turn % 3 ? s->counter : s->end[1]);
    if (turn % 3)
        count_down(s->counter);
    else
        CHECK_EQ(read(s->end[1], &c, 1), 1);
}

static void *answer(void *arg)
{
    for (int i = 0; i < TURNS && !g_failures; i++) {
        await_told(&g_sets[1], i);
        tell(&g_sets[0], i);
    }
    return NULL;
}

static void turns(void)
{
    pthread_t t;
    g_sets[0] = new_set();
    g_sets[1] = new_set();
    NEED(pthread_create(&t, NULL, answer, NULL) == 0);
    for (int i = 0; i < TURNS && !g_failures; i++) {
        tell(&g_sets[1], i);
        await_told(&g_sets[0], i);
    }
    pthread_join(t, NULL);
    free_set(&g_sets[0]);
    free_set(&g_sets[1]);
}

/* ---- changing a set in which another thread sleeps */

static void *sleep_in(void *arg)
{
    struct epoll_event got;
    CHECK_EQ(epoll_wait(*(int *)arg, &got, 1, PATIENCE), 1);
    return (void *)(intptr_t)got.data.fd;
}

static pthread_t sleeper(int *ep)
{
    pthread_t t;
    NEED(pthread_create(&t, NULL, sleep_in, ep) == 0);
    pause_ms(20);
    return t;
}

static void expect_woken(pthread_t t, int fd)
{
    void *got;
    pthread_join(t, &got);
    CHECK_EQ((intptr_t)got, fd);
}

static void changed_sets(void)
{
    int ep = epoll_create1(0), ready = eventfd(1, 0), later = eventfd(0, 0), end[2];
    char c = 'x';
    tcp_pair(end, SOCK_NONBLOCK);
    pthread_t t = sleeper(&ep); /* in an empty set */
    add(ep, ready, EPOLLIN);
    expect_woken(t, ready);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, ready, NULL), 0);
    add(ep, later, EPOLLIN);
    t = sleeper(&ep); /* nothing of the network in it yet */
    add(ep, end[1], EPOLLIN);
    pause_ms(20);
    CHECK_EQ(write(end[0], &c, 1), 1);
    expect_woken(t, end[1]);
    CHECK_EQ(read(end[1], &c, 1), 1);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, later, NULL), 0);
    t = sleeper(&ep); /* only the network */
    add(ep, later, EPOLLIN);
    pause_ms(20);
    count_up(later);
    expect_woken(t, later);
    change(ep, later, 0);
    t = sleeper(&ep);
    change(ep, later, EPOLLIN);
    expect_woken(t, later);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, later, NULL), 0);
    CHECK_EQ(write(end[0], &c, 1), 1);
    change(ep, end[1], 0);
    t = sleeper(&ep);
    change(ep, end[1], EPOLLIN | EPOLLET);
    expect_woken(t, end[1]);
    CHECK_EQ(epoll_wait(ep, &(struct epoll_event){ 0 }, 1, 0), 0); /* the edge was told */
    t = sleeper(&ep);
    close(end[1]); /* goes from the set, and wakes nobody */
    pause_ms(20);
    add(ep, ready, EPOLLIN);
    expect_woken(t, ready);
    close(end[0]);
    close(later);
    close(ready);
    close(ep);
}

/* ---- several threads in one set */

struct work {
    struct set set;
    _Atomic int done, busy;
    uint32_t flags;
};

/* One byte; by the edge all there are. true: the end. */
static int take_bytes(struct work *w)
{
    char c = 0;
    ssize_t n;
    do {
        n = read(w->set.end[1], &c, 1);
        w->done += n == 1 && c == 'x';
    } while (n == 1 && c == 'x' && w->flags & EPOLLET);
    if (n == 1 && c == 'q')
        CHECK_EQ(write(w->set.end[0], "q", 1), 1); /* for the next */
    return n == 1 && c == 'q';
}

static void *work(void *arg)
{
    struct work *w = arg;
    struct epoll_event got;
    uint64_t value;
    int end = 0, told = 1;
    while (!end && (told = epoll_wait(w->set.ep, &got, 1, PATIENCE)) == 1) {
        if (got.data.fd == w->set.counter) {
            w->done += read(got.data.fd, &value, sizeof(value)) == sizeof(value);
            continue;
        }
        if (w->flags & EPOLLONESHOT)
            CHECK_EQ(w->busy++, 0);
        end = take_bytes(w);
        if (w->flags & EPOLLONESHOT) {
            w->busy--;
            change(w->set.ep, got.data.fd, EPOLLIN | w->flags);
        }
    }
    CHECK_EQ(told, 1); /* in time */
    return NULL;
}

/* Whoever sends waits now and then for all to be taken, so that the others sleep. */
static void await_done(struct work *w, int count)
{
    for (int i = 0; i < PATIENCE && w->done < count; i++)
        pause_ms(1);
    CHECK_EQ(w->done, count);
}

static void shared_set(uint32_t flags)
{
    struct work w = { .set = new_set(), .flags = flags };
    pthread_t t[WORKERS];
    close(w.set.counter);
    w.set.counter = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
    add(w.set.ep, w.set.counter, EPOLLIN);
    change(w.set.ep, w.set.end[1], EPOLLIN | flags);
    for (int i = 0; i < WORKERS; i++)
        NEED(pthread_create(&t[i], NULL, work, &w) == 0);
    for (int i = 0; i < MESSAGES && !g_failures; i++) {
        if (i % 2)
            count_up(w.set.counter);
        else
            CHECK_EQ(write(w.set.end[0], "x", 1), 1);
        if (i % 50 == 0)
            await_done(&w, i + 1);
    }
    await_done(&w, MESSAGES);
    CHECK_EQ(write(w.set.end[0], "q", 1), 1);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(t[i], NULL);
    free_set(&w.set);
}

/* ---- signals and time */

static void *interrupt(void *arg)
{
    pause_ms(30);
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    return NULL;
}

static _Atomic int g_enough;

/* Again and again: the first may come before the call that it is to end. */
static void *keep_interrupting(void *arg)
{
    while (!g_enough)
        interrupt(arg);
    return NULL;
}

static void signals(void)
{
    struct set s = new_set();
    struct epoll_event got[2];
    pthread_t self = pthread_self(), t;
    sigset_t usr1, none;
    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    NEED(pthread_create(&t, NULL, keep_interrupting, &self) == 0);
    CHECK_ERRNO(epoll_wait(s.ep, got, 2, PATIENCE), EINTR);
    g_enough = 1;
    pthread_join(t, NULL);
    CHECK(g_signals > 0);
    g_signals = 1;
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    NEED(pthread_create(&t, NULL, interrupt, &self) == 0);
    CHECK_EQ(epoll_wait(s.ep, got, 2, 60), 0); /* blocked: it waits */
    pthread_join(t, NULL);
    CHECK_EQ(g_signals, 1);
    CHECK_ERRNO(epoll_pwait(s.ep, got, 2, PATIENCE, &none), EINTR);
    CHECK_EQ(g_signals, 2);
    NEED(pthread_create(&t, NULL, interrupt, &self) == 0);
    CHECK_ERRNO(epoll_pwait(s.ep, got, 2, PATIENCE, &none), EINTR);
    pthread_join(t, NULL);
    CHECK_EQ(g_signals, 3);
    pthread_kill(self, SIGUSR1);
    CHECK_EQ(write(s.end[0], "x", 1), 1);
    CHECK_EQ(epoll_wait(s.ep, got, 2, PATIENCE), 1); /* still blocked */
    CHECK_EQ(got[0].data.fd, s.end[1]);
    CHECK_EQ(g_signals, 3);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    CHECK_EQ(g_signals, 4);
    free_set(&s);
}

static void times(void)
{
    struct set s = new_set();
    struct epoll_event got[2];
    int64_t start = now_us();
    CHECK_EQ(epoll_wait(s.ep, got, 2, 20), 0);
    CHECK(now_us() - start >= 20000);
    struct timespec short_time = { 0, 300000 };
    start = now_us();
    CHECK_EQ(epoll_pwait2(s.ep, got, 2, &short_time, NULL), 0);
    CHECK(now_us() - start >= 300);
    count_up(s.counter);
    CHECK_EQ(write(s.end[0], "x", 1), 1);
    pause_ms(20);
    CHECK_EQ(epoll_wait(s.ep, got, 2, PATIENCE), 2); /* both at once */
    free_set(&s);
}

/* ---- an epoll that others look at */

static void looked_at(void)
{
    struct set s = new_set(), other = new_set();
    struct pollfd p = { .fd = s.ep, .events = POLLIN };
    int outer = epoll_create1(0);
    for (int i = 0; i < 20; i++) { /* we are woken in both, by another thread */
        pthread_t t;
        struct set *which = i % 2 ? &other : &s;
        t = sleeper(&which->ep);
        count_up(which->counter);
        expect_woken(t, which->counter);
        count_down(which->counter);
        t = sleeper(&which->ep);
        CHECK_EQ(write(which->end[0], "x", 1), 1);
        expect_woken(t, which->end[1]);
        CHECK_EQ(read(which->end[1], &(char){ 0 }, 1), 1);
        if (i >= 10)
            CHECK_EQ(poll(&p, 1, 0), 0);
        if (i == 15)
            add(outer, s.ep, EPOLLIN);
        if (i >= 15)
            CHECK_EQ(epoll_wait(outer, &(struct epoll_event){ 0 }, 1, 0), 0);
    }
    pthread_t t = sleeper(&outer);
    CHECK_EQ(write(s.end[0], "x", 1), 1);
    expect_woken(t, s.ep);
    CHECK_EQ(poll(&p, 1, 0), 1);
    close(outer);
    free_set(&s);
    free_set(&other);
}

int main(void)
{
    struct sigaction a = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &a, NULL);
    turns();
    changed_sets();
    shared_set(0);
    shared_set(EPOLLET);
    shared_set(EPOLLONESHOT);
    signals();
    times();
    looked_at();
    return check_result();
}

/* Signals: masks, queues, alternate stacks, flags, nesting, waiting, timers, threads, contexts. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "check.h"

static volatile int g_count, g_last, g_depth, g_deepest, g_raise, g_value[16], g_code, g_pid, g_tid;
static volatile uintptr_t g_stack;

static void on(int sig, int flags, void (*handler)(int, siginfo_t *, void *), int blocked)
{
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };
    if (blocked)
        sigaddset(&sa.sa_mask, blocked);
    CHECK_EQ(sigaction(sig, &sa, NULL), 0);
}

static void record(int sig, siginfo_t *info, void *context)
{
    char here;
    if (g_count < 16)
        g_value[g_count] = info->si_value.sival_int;
    g_count++;
    g_last = sig;
    g_code = info->si_code;
    g_pid = info->si_pid;
    g_tid = (int)syscall(SYS_gettid);
    g_stack = (uintptr_t)&here;
}

static void block(int how, int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    CHECK_EQ(pthread_sigmask(how, &set, NULL), 0);
}

static void masks(void)
{
    sigset_t pending, set;
    on(SIGUSR1, 0, record, 0);
    g_count = 0;
    raise(SIGUSR1);
    CHECK_EQ(g_count, 1);
    CHECK_EQ(g_last, SIGUSR1);
    CHECK_EQ(g_code, SI_TKILL);
    CHECK_EQ(g_pid, getpid());
    kill(getpid(), SIGUSR1);
    CHECK_EQ(g_count, 2);
    CHECK_EQ(g_code, SI_USER);
    block(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK_EQ(g_count, 2);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGUSR1));
    block(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(g_count, 3);
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGUSR1));
    sigemptyset(&set);
    sigaddset(&set, SIGKILL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigprocmask(SIG_BLOCK, NULL, &set);
    CHECK(!sigismember(&set, SIGKILL));
    struct sigaction sa = { .sa_handler = SIG_IGN };
    CHECK_ERRNO(sigaction(SIGKILL, &sa, NULL), EINVAL);
    CHECK_ERRNO(kill(getpid(), 99), EINVAL);
    CHECK_EQ(kill(getpid(), 0), 0);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    CHECK_EQ(g_count, 3);
}

static void queues(void)
{
    int sig = SIGRTMIN + 1;
    on(sig, 0, record, 0);
    g_count = 0;
    block(SIG_BLOCK, sig);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(sigqueue(getpid(), sig, (union sigval){ .sival_int = 100 + i }), 0);
    CHECK_EQ(g_count, 0);
    block(SIG_UNBLOCK, sig);
    CHECK_EQ(g_count, 10);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(g_value[i], 100 + i);
    CHECK_EQ(g_code, SI_QUEUE);
}

static void nest(int sig, siginfo_t *info, void *context)
{
    g_depth++;
    if (g_depth > g_deepest)
        g_deepest = g_depth;
    if (g_depth < 4 && g_raise-- > 0)
        raise(sig);
    if (sig == SIGUSR1)
        raise(SIGUSR2);
    g_depth--;
    g_count++;
}

static void nesting(void)
{
    on(SIGUSR1, SA_NODEFER, nest, SIGUSR2);
    on(SIGUSR2, 0, record, 0);
    g_count = g_deepest = 0;
    g_raise = 100;
    raise(SIGUSR1);
    CHECK_EQ(g_deepest, 4);
    CHECK(g_count >= 5);
    CHECK_EQ(g_last, SIGUSR2);
    on(SIGUSR1, 0, nest, 0);
    g_deepest = 0;
    g_raise = 3;
    raise(SIGUSR1);
    CHECK_EQ(g_deepest, 1);
    CHECK(g_raise < 0);
    on(SIGUSR1, SA_RESETHAND, record, 0);
    struct sigaction now;
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &now);
    CHECK(now.sa_handler == SIG_DFL);
}

static void alternate_stack(void)
{
    static char stack[65536];
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) }, old;
    CHECK_EQ(sigaltstack(&ss, NULL), 0);
    on(SIGUSR1, SA_ONSTACK, record, 0);
    raise(SIGUSR1);
    CHECK(g_stack >= (uintptr_t)stack && g_stack < (uintptr_t)stack + sizeof(stack));
    on(SIGUSR1, 0, record, 0);
    raise(SIGUSR1);
    CHECK(!(g_stack >= (uintptr_t)stack && g_stack < (uintptr_t)stack + sizeof(stack)));
    ss.ss_flags = SS_DISABLE;
    CHECK_EQ(sigaltstack(&ss, &old), 0);
    CHECK(old.ss_sp == stack && old.ss_size == sizeof(stack));
    ss = (stack_t){ .ss_sp = stack, .ss_size = 100 };
    CHECK_ERRNO(sigaltstack(&ss, NULL), ENOMEM);
}

static void *interrupt(void *arg)
{
    usleep(60000);
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    usleep(60000);
    CHECK_EQ(write(((int *)arg)[8], "x", 1), 1);
    return NULL;
}

static void restarting(void)
{
    struct { pthread_t main; char pad[24]; int fd; } arg = { .main = pthread_self() };
    int fds[2];
    char c;
    pthread_t t;
    CHECK_EQ(pipe(fds), 0);
    arg.fd = fds[1];
    on(SIGUSR1, SA_RESTART, record, 0);
    g_count = 0;
    pthread_create(&t, NULL, interrupt, &arg);
    CHECK_EQ(read(fds[0], &c, 1), 1);
    CHECK_EQ(g_count, 1);
    pthread_join(t, NULL);
    on(SIGUSR1, 0, record, 0);
    pthread_create(&t, NULL, interrupt, &arg);
    CHECK_ERRNO(read(fds[0], &c, 1), EINTR);
    CHECK_EQ(read(fds[0], &c, 1), 1);
    pthread_join(t, NULL);
    on(SIGUSR1, SA_RESTART, record, 0);
    pthread_create(&t, NULL, interrupt, &arg);
    struct timespec left, wait = { 5, 0 };
    CHECK_ERRNO(nanosleep(&wait, &left), EINTR);
    CHECK(left.tv_sec == 4);
    CHECK_EQ(read(fds[0], &c, 1), 1);
    pthread_join(t, NULL);
    close(fds[0]), close(fds[1]);
}

static void waiting(void)
{
    sigset_t set, old;
    siginfo_t info;
    struct timespec soon = { 0, 20000000 };
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    CHECK_ERRNO(sigtimedwait(&set, &info, &soon), EAGAIN);
    raise(SIGUSR2);
    CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR2);
    CHECK_EQ(info.si_signo, SIGUSR2);
    struct itimerval timer = { .it_value = { 0, 20000 } };
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    int sig = 0;
    CHECK_EQ(sigwait(&set, &sig), 0);
    CHECK_EQ(sig, SIGALRM);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    struct signalfd_siginfo si;
    CHECK_ERRNO(read(fd, &si, sizeof(si)), EAGAIN);
    raise(SIGUSR2);
    CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
    CHECK_EQ(si.ssi_signo, SIGUSR2);
    close(fd);
    on(SIGUSR2, 0, record, 0);
    g_count = 0;
    raise(SIGUSR2);
    sigset_t open_mask = old;
    sigdelset(&open_mask, SIGUSR2);
    CHECK_ERRNO(sigsuspend(&open_mask), EINTR);
    CHECK_EQ(g_count, 1);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void timers(void)
{
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value.sival_int = 55 };
    on(SIGRTMIN + 2, 0, record, 0);
    g_count = 0;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    struct itimerspec when = { .it_value = { 0, 5000000 }, .it_interval = { 0, 5000000 } }, left;
    CHECK_EQ(timer_settime(timer, 0, &when, NULL), 0);
    for (int i = 0; i < 400 && g_count < 3; i++)
        usleep(5000);
    CHECK(g_count >= 3);
    CHECK_EQ(g_value[0], 55);
    CHECK_EQ(g_code, SI_TIMER);
    CHECK_EQ(timer_gettime(timer, &left), 0);
    CHECK_EQ(left.it_interval.tv_nsec, 5000000);
    CHECK_EQ(timer_delete(timer), 0);
    CHECK_ERRNO(syscall(SYS_timer_delete, 4711), EINVAL);
    struct itimerval alarm = { .it_value = { 0, 10000 } };
    on(SIGALRM, 0, record, 0);
    g_count = 0;
    setitimer(ITIMER_REAL, &alarm, NULL);
    while (g_count == 0)
        ; /* a handler must run although this thread makes no system call */
    CHECK_EQ(g_last, SIGALRM);
}

static volatile int g_other_tid, g_stop;

static void *spin(void *arg)
{
    g_other_tid = (int)syscall(SYS_gettid);
    while (!g_stop)
        ;
    return NULL;
}

static void threads(void)
{
    pthread_t t;
    on(SIGUSR1, 0, record, 0);
    g_count = 0;
    pthread_create(&t, NULL, spin, NULL);
    while (!g_other_tid)
        sched_yield();
    CHECK_EQ(pthread_kill(t, SIGUSR1), 0);
    for (int i = 0; i < 1000 && !g_count; i++)
        usleep(1000);
    CHECK_EQ(g_count, 1);
    CHECK_EQ(g_tid, g_other_tid);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), g_other_tid, SIGUSR1), 0);
    for (int i = 0; i < 1000 && g_count < 2; i++)
        usleep(1000);
    CHECK_EQ(g_count, 2);
    g_stop = 1;
    pthread_join(t, NULL);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 1 << 22, SIGUSR1), ESRCH);
}

int main(void)
{
    masks();
    queues();
    nesting();
    alternate_stack();
    restarting();
    waiting();
    timers();
    threads();
    return check_result();
}

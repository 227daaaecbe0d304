/* Waiting and being woken in the less common ways; many messages at once; clocks that must not be
 * set; random bytes. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

static volatile sig_atomic_t g_got, g_code, g_value;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)context;
    g_got = sig;
    g_code = info->si_code;
    g_value = info->si_value.sival_int;
}

static void alarms(void)
{
    struct itimerval it = { { 0, 0 }, { 0, 20000 } }, left;
    sigset_t none, alarm_only;
    sigemptyset(&none);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &alarm_only, NULL), 0);
    CHECK_EQ(alarm(100), 0);
    CHECK_EQ(alarm(0), 100);
    CHECK_EQ(setitimer(ITIMER_REAL, &it, NULL), 0);
    CHECK_EQ(getitimer(ITIMER_REAL, &left), 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_usec <= 20000);
    CHECK_ERRNO(getitimer(77, &left), EINVAL);
    CHECK_ERRNO(setitimer(77, &it, NULL), EINVAL);
    CHECK_ERRNO(sigsuspend(&none), EINTR);
    CHECK_EQ(g_got, SIGALRM);
    CHECK_EQ(sigprocmask(SIG_UNBLOCK, &alarm_only, NULL), 0);
    g_got = 0;
    struct itimerval again = { { 0, 2000 }, { 0, 2000 } }, off = { { 0, 0 }, { 0, 0 } };
    CHECK_EQ(setitimer(ITIMER_REAL, &again, NULL), 0);
    CHECK_ERRNO(pause(), EINTR);
    CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
    timer_t t;
    struct sigevent none_event = { .sigev_notify = SIGEV_NONE };
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &none_event, &t), 0);
    CHECK_EQ(timer_getoverrun(t), 0);
    CHECK_EQ(timer_delete(t), 0);
    CHECK_ERRNO(syscall(SYS_timer_getoverrun, 12345), EINVAL);
}

static void signals_with_more(void)
{
    siginfo_t info = { .si_code = SI_QUEUE };
    info.si_value.sival_int = 42;
    info.si_pid = getpid();
    CHECK_EQ(syscall(SYS_tkill, gettid(), SIGUSR1), 0);
    CHECK_EQ(g_got, SIGUSR1);
    CHECK_EQ(g_code, SI_TKILL);
    CHECK_ERRNO(syscall(SYS_tkill, -1, SIGUSR1), EINVAL);
    CHECK_ERRNO(syscall(SYS_tkill, 999999, SIGUSR1), ESRCH);
    CHECK_ERRNO(syscall(SYS_tkill, gettid(), 65), EINVAL);
    CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR2, &info), 0);
    CHECK(g_got == SIGUSR2 && g_code == SI_QUEUE && g_value == 42);
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGUSR2, &info), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), 999999, SIGUSR2, &info), ESRCH);
    CHECK_ERRNO(syscall(SYS_restart_syscall), EINTR);
    CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
    CHECK_ERRNO(syscall(SYS_wait4, -1, NULL, 0x10, NULL), EINVAL);
    CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    CHECK_ERRNO(waitid(P_ALL, 0, &info, 0), EINVAL);
    CHECK_ERRNO(waitid(77, 0, &info, WEXITED), EINVAL);
}

static void epolls(void)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = 9 }, got;
    sigset_t mask;
    sigemptyset(&mask);
    CHECK_ERRNO(syscall(SYS_epoll_create, 0), EINVAL);
    int ep = epoll_create(1), event = eventfd(1, 0);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, event, &e), 0);
    CHECK_EQ(epoll_pwait(ep, &got, 1, 0, &mask), 1);
    CHECK_EQ(got.data.u32, 9);
    CHECK_ERRNO(syscall(SYS_epoll_pwait, ep, &got, 1, 0, &mask, 4), EINVAL);
    CHECK_ERRNO(epoll_pwait(ep, &got, 0, 0, NULL), EINVAL);
    CHECK_ERRNO(epoll_pwait(event, &got, 1, 0, NULL), EINVAL);
    CHECK_ERRNO(epoll_pwait(-1, &got, 1, 0, NULL), EBADF);
    struct timespec none = { 0, 0 }, bad = { 0, 1000000000 };
    CHECK_EQ(syscall(SYS_epoll_pwait2, ep, &got, 1, &none, &mask, 8), 1);
    CHECK_ERRNO(syscall(SYS_epoll_pwait2, ep, &got, 1, &bad, NULL, 8), EINVAL);
    CHECK_EQ(close(ep) + close(event), 0);
}

static void many_messages(void)
{
    char data[3][8] = { "one", "two", "three" }, back[3][8] = { "" };
    struct iovec out[3], in[3];
    struct mmsghdr send[3] = { 0 }, recv[3] = { 0 };
    int pair[2];
    NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    for (int i = 0; i < 3; i++) {
        out[i] = (struct iovec){ data[i], 8 };
        in[i] = (struct iovec){ back[i], 8 };
        send[i].msg_hdr = (struct msghdr){ .msg_iov = &out[i], .msg_iovlen = 1 };
        recv[i].msg_hdr = (struct msghdr){ .msg_iov = &in[i], .msg_iovlen = 1 };
    }
    CHECK_EQ(sendmmsg(pair[0], send, 3, 0), 3);
    CHECK_EQ(send[2].msg_len, 8);
    CHECK_EQ(recvmmsg(pair[1], recv, 2, 0, NULL), 2);
    CHECK(!strcmp(back[0], "one") && !strcmp(back[1], "two") && recv[1].msg_len == 8);
    struct timespec t = { 0, 1000000 }, bad = { -1, 0 };
    CHECK_EQ(recvmmsg(pair[1], recv, 3, MSG_WAITFORONE, &t), 1);
    CHECK_ERRNO(recvmmsg(pair[1], recv, 3, MSG_DONTWAIT, NULL), EAGAIN);
    CHECK_ERRNO(recvmmsg(pair[1], recv, 3, 0, &bad), EINVAL);
    CHECK_ERRNO(recvmmsg(-1, recv, 3, 0, NULL), EBADF);
    CHECK_ERRNO(sendmmsg(-1, send, 3, 0), EBADF);
    CHECK_ERRNO(sendmmsg(0, send, 3, 0), ENOTSOCK);
    CHECK_EQ(close(pair[0]) + close(pair[1]), 0);
}

static int g_cleared;
static _Alignas(16) char g_stack[65536];

static int life(void *argument)
{
    *(int *)argument = (int)syscall(SYS_set_tid_address, &g_cleared);
    return 0;
}

static void threads(void)
{
    int seen = 0, child = 0;
    void *head = NULL;
    size_t size = 0;
    g_cleared = 1;
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                CLONE_PARENT_SETTID;
    int tid = clone(life, g_stack + sizeof(g_stack), flags, &seen, &child);
    CHECK(tid > 0);
    while (__atomic_load_n(&g_cleared, __ATOMIC_SEQ_CST))
        sched_yield();
    CHECK(child == tid && seen == tid);
    CHECK_ERRNO(clone(life, g_stack + sizeof(g_stack), CLONE_THREAD | CLONE_VM, &seen), EINVAL);
    CHECK_ERRNO(clone(life, g_stack + sizeof(g_stack), CLONE_SIGHAND, &seen), EINVAL);
    CHECK_EQ(syscall(SYS_get_robust_list, 0, &head, &size), 0);
    CHECK_EQ(size, 24);
    CHECK_ERRNO(syscall(SYS_get_robust_list, 999999, &head, &size), ESRCH);
    CHECK_ERRNO(syscall(SYS_set_robust_list, head, 8), EINVAL);
}

static void clocks_and_system(void)
{
    struct sysinfo info;
    struct timex x = { .modes = 0 };
    struct timeval bad = { 0, 1000000 };
    struct timespec t = { 0, 0 };
    CHECK_EQ(sysinfo(&info), 0);
    CHECK(info.totalram > 0 && info.procs > 0 && info.mem_unit > 0);
    CHECK(adjtimex(&x) >= 0);
    CHECK(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &x) >= 0);
    CHECK_ERRNO(syscall(SYS_clock_adjtime, 77, &x), EINVAL);
    CHECK_ERRNO(syscall(SYS_settimeofday, &bad, NULL), EINVAL);
    CHECK_ERRNO(clock_settime(CLOCK_MONOTONIC, &t), EINVAL);
    CHECK_ERRNO(clock_settime(77, &t), EINVAL);
    t.tv_nsec = -1;
    CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &t), EINVAL);
    unsigned char bytes[300] = { 0 };
    int zeros = 0;
    CHECK_EQ(getrandom(bytes, 256, GRND_NONBLOCK), 256);
    CHECK_EQ(getrandom(bytes, 256, GRND_RANDOM), 256);
    for (int i = 0; i < 256; i++)
        zeros += bytes[i] == 0;
    CHECK(zeros < 20 && bytes[256] == 0);
    CHECK_EQ(getrandom(bytes, 0, 0), 0);
    CHECK_ERRNO(getrandom(bytes, 1, 0x80), EINVAL);
    CHECK_ERRNO(getrandom(bytes, 1, 6), EINVAL);
    char *const none[] = { NULL };
    CHECK_ERRNO(syscall(SYS_execve, "/nothing/there", none, none), ENOENT);
    CHECK_ERRNO(syscall(SYS_execve, "/", none, none), EACCES);
}

int main(void)
{
    struct sigaction a = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    sigaction(SIGALRM, &a, NULL);
    sigaction(SIGUSR1, &a, NULL);
    sigaction(SIGUSR2, &a, NULL);
    alarms();
    signals_with_more();
    epolls();
    many_messages();
    threads();
    clocks_and_system();
    return check_result();
}

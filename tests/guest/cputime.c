/* CPU time: its clocks, the timers over it, sleeping on it, and RLIMIT_CPU. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "check.h"

#define MS 1000000L

static atomic_int g_signals, g_stop;
static siginfo_t g_info;

static long read_ns(clockid_t clock)
{
    struct timespec ts;
    return clock_gettime(clock, &ts) ? -1 : ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    g_info = *info;
    g_signals++;
}

static void handle(int sig)
{
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    sigaction(sig, &sa, NULL);
    g_signals = 0;
}

/* Use CPU time until so many signals came; false: not within 5 s of it. */
static int burn_until(int signals)
{
    long end = read_ns(CLOCK_PROCESS_CPUTIME_ID) + 5000 * MS;
    while (g_signals < signals)
        if (read_ns(CLOCK_PROCESS_CPUTIME_ID) > end)
            return 0;
    return 1;
}

static void *spin(void *arg)
{
    while (!g_stop)
        ;
    return NULL;
}

static void interval_timer(int which, int sig)
{
    struct itimerval set = { { 0, 20000 }, { 0, 50000 } }, now, old;
    long before = read_ns(CLOCK_PROCESS_CPUTIME_ID);
    handle(sig);
    CHECK_EQ(setitimer(which, &set, NULL), 0);
    CHECK_EQ(getitimer(which, &now), 0);
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec > 0 && now.it_value.tv_usec <= 54000);
    CHECK_EQ(now.it_interval.tv_usec, 20000);
    CHECK(burn_until(3));
    CHECK_EQ(g_info.si_signo, sig);
    CHECK_EQ(g_info.si_code, SI_KERNEL);
    if (which == ITIMER_PROF) /* 50 + 20 + 20 ms; the kernel samples in ticks */
        CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - before > 40 * MS);
    set = (struct itimerval){ 0 };
    CHECK_EQ(setitimer(which, &set, &old), 0);
    CHECK(old.it_value.tv_usec > 0 && old.it_interval.tv_usec == 20000);
    CHECK_EQ(getitimer(which, &now), 0);
    CHECK(!now.it_value.tv_usec && !now.it_value.tv_sec);
    CHECK_ERRNO(setitimer(3, &set, NULL), EINVAL);
    CHECK_ERRNO(getitimer(-1, &now), EINVAL);
}

/* A process that sleeps uses no CPU time. */
static void sleeping_does_not_count(void)
{
    struct itimerval set = { { 0, 0 }, { 0, 30000 } }, off = { 0 };
    struct timespec nap = { 0, 150 * MS };
    handle(SIGPROF);
    setitimer(ITIMER_PROF, &set, NULL);
    CHECK_EQ(nanosleep(&nap, NULL), 0);
    CHECK_EQ(g_signals, 0);
    setitimer(ITIMER_PROF, &off, NULL);
}

static void posix_timer(clockid_t clock)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
                              .sigev_signo = SIGUSR1,
                              .sigev_value.sival_int = 77 };
    struct itimerspec set = { { 0, 10 * MS }, { 0, 20 * MS } }, left;
    timer_t id;
    handle(SIGUSR1);
    CHECK_EQ(timer_create(clock, &event, &id), 0);
    long before = read_ns(clock);
    CHECK_EQ(timer_settime(id, 0, &set, NULL), 0);
    CHECK_EQ(timer_gettime(id, &left), 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec > 0 &&
          left.it_value.tv_nsec <= 20 * MS);
    CHECK(burn_until(2));
    CHECK(read_ns(clock) - before >= 30 * MS);
    CHECK(g_info.si_code == SI_TIMER && g_info.si_value.sival_int == 77);
    struct timespec at = { 0 };
    clock_gettime(clock, &at);
    at.tv_sec++; /* absolute: a second of CPU time from now */
    set = (struct itimerspec){ { 0 }, at };
    CHECK_EQ(timer_settime(id, TIMER_ABSTIME, &set, NULL), 0);
    CHECK_EQ(timer_gettime(id, &left), 0);
    CHECK(left.it_value.tv_sec <= 1 &&
          left.it_value.tv_nsec + left.it_value.tv_sec * 1000 * MS > 800 * MS);
    CHECK_EQ(timer_delete(id), 0);
}

static void clocks_of_threads(void)
{
    pthread_t other;
    clockid_t clock, own;
    struct timespec res;
    g_stop = 0;
    NEED(pthread_create(&other, NULL, spin, NULL) == 0);
    CHECK_EQ(pthread_getcpuclockid(other, &clock), 0);
    CHECK_EQ(pthread_getcpuclockid(pthread_self(), &own), 0);
    CHECK_EQ(clock_getres(clock, &res), 0);
    CHECK_EQ(res.tv_nsec, 1);
    struct timespec nap = { 0, 20 * MS }, tiny = { 0, 1000 };
    /* the whole first: what is used while these are read counts for it too */
    long all = read_ns(CLOCK_PROCESS_CPUTIME_ID), mine = read_ns(own), theirs = read_ns(clock);
    while (read_ns(clock) - theirs < 20 * MS)
        nanosleep(&tiny, NULL);
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - all >= 20 * MS);
    CHECK(read_ns(own) >= mine && read_ns(own) <= read_ns(CLOCK_THREAD_CPUTIME_ID));
    /* sleeping on another's CPU time, and on the process's, which the other uses */
    theirs = read_ns(clock);
    CHECK_EQ(syscall(SYS_clock_nanosleep, clock, 0, &nap, NULL), 0);
    CHECK(read_ns(clock) - theirs >= 20 * MS);
    all = read_ns(CLOCK_PROCESS_CPUTIME_ID);
    CHECK_EQ(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &nap, NULL), 0);
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) - all >= 20 * MS);
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, own, 0, &nap, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &nap, NULL), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &nap, NULL), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, 12, 0, &nap, NULL), EINVAL);
    posix_timer(clock);
    g_stop = 1;
    pthread_join(other, NULL);
    int tries = 1000; /* the joiner may know before the kernel has let it go */
    while (tries-- && !syscall(SYS_clock_gettime, clock, &res))
        nanosleep(&tiny, NULL);
    CHECK_ERRNO(syscall(SYS_clock_gettime, clock, &res), EINVAL);
}

static void clocks_of_the_process(void)
{
    clockid_t clock;
    struct timespec ts;
    CHECK_EQ(clock_getcpuclockid(0, &clock), 0);
    CHECK_EQ(clock, -6);
    CHECK(syscall(SYS_clock_gettime, -6, &ts) == 0 &&
          ts.tv_sec < 60);                           /* pid 0, scheduler's count */
    CHECK(syscall(SYS_clock_gettime, -2, &ts) == 0); /* own thread */
    CHECK(syscall(SYS_clock_gettime, -8, &ts) == 0 && syscall(SYS_clock_gettime, -7, &ts) == 0);
    CHECK(syscall(SYS_clock_getres, -8, &ts) == 0 && ts.tv_nsec >= MS); /* a tick */
    CHECK_ERRNO(syscall(SYS_clock_gettime, -5, &ts), EINVAL); /* a descriptor's clock, of -1 */
    int nobody = (int)(~4190000u << 3 | 2);
    CHECK_ERRNO(syscall(SYS_clock_gettime, nobody, &ts), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_getres, nobody | 4, &ts), EINVAL);
    CHECK_ERRNO(syscall(SYS_timer_create, nobody, NULL, &ts), EINVAL);
}

static void usage_of_a_thread(void)
{
    struct rusage all, mine;
    CHECK_EQ(getrusage(RUSAGE_THREAD, &mine), 0);
    CHECK_EQ(getrusage(RUSAGE_SELF, &all), 0);
    CHECK(mine.ru_utime.tv_sec <= all.ru_utime.tv_sec);
    CHECK_ERRNO(getrusage(2, &all), EINVAL);
    CHECK_ERRNO(getrusage(-2, &all), EINVAL);
}

/* SIGXCPU at the soft limit, which then moves by a second. */
static void cpu_limit(void)
{
    struct rlimit limit, now;
    long used = read_ns(CLOCK_PROCESS_CPUTIME_ID) / (1000 * MS);
    handle(SIGXCPU);
    getrlimit(RLIMIT_CPU, &limit);
    struct rlimit set = { (rlim_t)used + 1, limit.rlim_max };
    CHECK_EQ(setrlimit(RLIMIT_CPU, &set), 0);
    CHECK(burn_until(1));
    CHECK_EQ(g_info.si_code, SI_KERNEL);
    CHECK(read_ns(CLOCK_PROCESS_CPUTIME_ID) >= (used + 1) * 1000 * MS - 500 * MS); /* sampled */
    CHECK_EQ(getrlimit(RLIMIT_CPU, &now), 0);
    CHECK_EQ(now.rlim_cur, used + 2);
    CHECK_EQ(setrlimit(RLIMIT_CPU, &limit), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* to the hard limit: must not return */
        struct rlimit hard = { 1, 1 };
        signal(SIGXCPU, SIG_IGN);
        CHECK_EQ(setrlimit(RLIMIT_CPU, &hard), 0);
        printf("until killed\n");
        fflush(stdout);
        spin(NULL);
    }
    clocks_of_the_process();
    interval_timer(ITIMER_PROF, SIGPROF);
    interval_timer(ITIMER_VIRTUAL, SIGVTALRM);
    sleeping_does_not_count();
    posix_timer(CLOCK_PROCESS_CPUTIME_ID);
    posix_timer(CLOCK_THREAD_CPUTIME_ID);
    clocks_of_threads();
    usage_of_a_thread();
    cpu_limit();
    return check_result();
}

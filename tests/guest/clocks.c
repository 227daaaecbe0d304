/* Time: clocks go forwards on every thread, agree with each other and with the raw calls; sleeping. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <time.h>

#include "check.h"

static long now_ns(int clock, int raw)
{
    struct timespec t = { 0 };
    CHECK_EQ(raw ? syscall(SYS_clock_gettime, clock, &t) : clock_gettime(clock, &t), 0);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static _Atomic long g_latest;

static void *forwards(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        long seen = g_latest, now = now_ns(CLOCK_MONOTONIC, i % 8 == 7);
        if (now < seen)
            check_failed(__FILE_NAME__, __LINE__, "time went backwards between threads", now, seen);
        while (now > seen && !__atomic_compare_exchange_n((long *)&g_latest, &seen, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
    }
    return NULL;
}

static void monotonic(void)
{
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, forwards, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

static void agreement(void)
{
    static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                  CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME };
    for (int i = 0; i < 6; i++) {
        struct timespec res;
        long raw = now_ns(clocks[i], 1), fast = now_ns(clocks[i], 0);
        CHECK(fast - raw > -20000000 && fast - raw < 200000000);
        CHECK_EQ(clock_getres(clocks[i], &res), 0);
        CHECK(res.tv_sec == 0 && res.tv_nsec >= 1 && res.tv_nsec <= 10000000);
    }
    struct timeval tv;
    CHECK_EQ(gettimeofday(&tv, NULL), 0);
    CHECK_EQ(syscall(SYS_gettimeofday, &tv, NULL), 0); /* the libraries' goes to the vDSO */
    long from_timeval = tv.tv_sec * 1000000000 + tv.tv_usec * 1000, real = now_ns(CLOCK_REALTIME, 0);
    CHECK(real - from_timeval > -2000 && real - from_timeval < 200000000);
    time_t seconds = time(NULL);
    CHECK(seconds >= tv.tv_sec && seconds <= tv.tv_sec + 1);
    CHECK(seconds > 1700000000);
    CHECK_ERRNO(syscall(SYS_clock_gettime, 99, &tv), EINVAL);
}

static void sleeping(void)
{
    long before = now_ns(CLOCK_MONOTONIC, 0);
    struct timespec t = { 0, 20000000 }, bad = { 0, -1 };
    CHECK_EQ(nanosleep(&t, NULL), 0);
    long after = now_ns(CLOCK_MONOTONIC, 0);
    CHECK(after - before >= 20000000);
    CHECK_ERRNO(nanosleep(&bad, NULL), EINVAL);
    long until = after + 20000000;
    t = (struct timespec){ until / 1000000000, until % 1000000000 };
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
    CHECK(now_ns(CLOCK_MONOTONIC, 0) >= until);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
    CHECK_EQ(clock_nanosleep(1234, 0, &t, NULL), EINVAL);
}

static void processor_time(void)
{
    struct rusage usage;
    struct tms tms;
    long before = now_ns(CLOCK_PROCESS_CPUTIME_ID, 0), thread = now_ns(CLOCK_THREAD_CPUTIME_ID, 0);
    for (volatile long i = 0; i < 20000000; i++)
        ;
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID, 0) > before);
    CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID, 0) > thread);
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
    CHECK(times(&tms) != -1);
}

static void timer_descriptors(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    unsigned long expirations = 0;
    struct itimerspec when = { .it_value = { 0, 10000000 }, .it_interval = { 0, 10000000 } }, left;
    CHECK(fd >= 0);
    CHECK_ERRNO(read(fd, &expirations, 8), EAGAIN);
    CHECK_EQ(timerfd_settime(fd, 0, &when, NULL), 0);
    usleep(35000);
    CHECK_EQ(read(fd, &expirations, 8), 8);
    CHECK(expirations >= 3);
    CHECK_EQ(timerfd_gettime(fd, &left), 0);
    CHECK_EQ(left.it_interval.tv_nsec, 10000000);
    CHECK_ERRNO(read(fd, &expirations, 4), EINVAL);
    close(fd);
}

int main(void)
{
    monotonic();
    agreement();
    sleeping();
    processor_time();
    timer_descriptors();
    return check_result();
}

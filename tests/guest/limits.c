/*
 * Scheduling policies and the limit of file sizes, as stress-ng's schedpolicy, cyclic and fsize ask
 * for them; and timers that are due more often than they can be served.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#include "check.h"

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};

static void policies_are_remembered(void)
{
    struct sched_param none = { 0 }, one = { .sched_priority = 1 };
    int policies[] = { SCHED_BATCH, SCHED_IDLE, SCHED_OTHER };
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(sched_setscheduler(0, policies[i], &none), 0);
        CHECK_EQ(sched_getscheduler(0), policies[i]);
        CHECK_EQ(sched_getscheduler(getpid()), policies[i]);
        CHECK_EQ(sched_setparam(0, &none), 0);
        CHECK_EQ(sched_getscheduler(0), policies[i]);
    }
    CHECK_ERRNO(sched_setparam(0, &one), EINVAL);
    CHECK_ERRNO(sched_setscheduler(0, 77, &none), EINVAL);
    CHECK_ERRNO(sched_setscheduler(-1, SCHED_OTHER, &none), EINVAL);
    CHECK_ERRNO(sched_getscheduler(-1), EINVAL);
    CHECK_ERRNO(sched_getscheduler(999999), ESRCH);
}

static void attributes_are_set_and_got(void)
{
    struct attr a = { .size = sizeof(a), .policy = SCHED_BATCH, .nice = 3 };
    CHECK_EQ(syscall(SYS_sched_setattr, 0, &a, 0), 0);
    memset(&a, 0xff, sizeof(a));
    CHECK_EQ(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0), 0);
    CHECK_EQ(a.policy, SCHED_BATCH);
    CHECK_EQ(a.nice, 3);
    CHECK_EQ(a.priority, 0);
    CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &a, 47, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    a = (struct attr){ .size = 40 };
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG);
    CHECK(a.size >= 48);
    a = (struct attr){ .size = sizeof(a), .policy = 77 };
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
    a = (struct attr){ .size = sizeof(a), .policy = SCHED_OTHER, .nice = 3 };
    CHECK_EQ(syscall(SYS_sched_setattr, 0, &a, 0), 0);
}

static volatile sig_atomic_t g_xfsz;

static void on_xfsz(int sig)
{
    (void)sig;
    g_xfsz++;
}

/* Refused, with one signal. */
#define CHECK_TOO_BIG(call)                                                                        \
    do {                                                                                           \
        int before = g_xfsz;                                                                       \
        CHECK_ERRNO(call, EFBIG);                                                                  \
        CHECK_EQ(g_xfsz, before + 1);                                                              \
    } while (0)

static void files_end_at_their_limit(void)
{
    char data[3000] = "";
    struct rlimit old;
    signal(SIGXFSZ, on_xfsz);
    int fd = open("limited", O_RDWR | O_CREAT | O_TRUNC, 0600), fds[2];
    NEED(fd >= 0);
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(ftruncate(fd, 20000), 0);
    getrlimit(RLIMIT_FSIZE, &old);
    struct rlimit limit = { 8192, old.rlim_max };
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ(pwrite(fd, data, sizeof(data), 8192 - 1000), 1000);
    CHECK_TOO_BIG(pwrite(fd, data, sizeof(data), 8192));
    CHECK_EQ(pwrite(fd, data, 0, 9000), 0);
    CHECK_EQ(ftruncate(fd, 10000), 0); /* shorter is allowed, whatever the limit */
    CHECK_TOO_BIG(ftruncate(fd, 10001));
    CHECK_TOO_BIG(truncate("limited", 10001));
    CHECK_TOO_BIG(fallocate(fd, 0, 0, 10001));
    CHECK_EQ(ftruncate(fd, 8000), 0);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    CHECK_EQ(lseek(fd, 6000, SEEK_SET), 6000);
    CHECK_EQ(write(fd, data, sizeof(data)), 2192);
    CHECK_TOO_BIG(write(fd, data, sizeof(data)));
    CHECK_EQ(write(fds[1], data, sizeof(data)), (long)sizeof(data)); /* pipes have no size */
    int end = open("limited", O_WRONLY | O_APPEND);
    CHECK_TOO_BIG(write(end, data, 1));
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
    CHECK_EQ(write(end, data, 1), 1);
    close(end), close(fd), close(fds[0]), close(fds[1]);
    unlink("limited");
}

static void on_alarm(int sig)
{
    (void)sig;
}

/* Hundreds of timers a microsecond apart: the program goes on, every read counts, and an alarm
 * comes between them. */
static void timers_do_not_starve_the_program(void)
{
    enum { COUNT = 300 };
    static int fds[COUNT];
    uint64_t n;
    struct itimerspec each = { { 0, 1000 }, { 0, 1000 } }, now;
    struct sigaction act = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &act, NULL);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = timerfd_create(CLOCK_MONOTONIC, 0);
        CHECK_EQ(timerfd_settime(fds[i], 0, &each, NULL), 0);
    }
    ualarm(200000, 0);
    CHECK_ERRNO(pause(), EINTR);
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < COUNT; i++) {
            n = 0;
            CHECK_EQ(read(fds[i], &n, sizeof(n)), 8);
            CHECK(n > 0 && (round > 0 || n > 1000));
        }
    CHECK_EQ(timerfd_gettime(fds[0], &now), 0);
    CHECK_EQ(now.it_interval.tv_nsec, 1000);
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec <= 1000); /* due again already: 0 */
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
}

static void periods_that_nobody_read_are_counted(void)
{
    uint64_t n = 0;
    struct itimerspec each = { { 0, 20000000 }, { 0, 20000000 } }, now, stop = { 0 };
    struct pollfd p = { .fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), .events = POLLIN };
    CHECK_EQ(timerfd_settime(p.fd, 0, &each, NULL), 0);
    CHECK_EQ(poll(&p, 1, -1), 1);
    usleep(100000);
    CHECK_EQ(timerfd_gettime(p.fd, &now), 0);
    CHECK(now.it_value.tv_nsec <= 20000000);
    CHECK_EQ(read(p.fd, &n, sizeof(n)), 8);
    CHECK(n >= 5);
    CHECK_EQ(poll(&p, 1, -1), 1); /* armed again by the read */
    CHECK_EQ(timerfd_settime(p.fd, 0, &stop, &now), 0);
    CHECK_EQ(now.it_interval.tv_nsec, 20000000);
    CHECK_ERRNO(read(p.fd, &n, sizeof(n)), EAGAIN);
    CHECK_EQ(poll(&p, 1, 50), 0);
    close(p.fd);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    policies_are_remembered();
    attributes_are_set_and_got();
    files_end_at_their_limit();
    timers_do_not_starve_the_program();
    periods_that_nobody_read_are_counted();
    return check_result();
}

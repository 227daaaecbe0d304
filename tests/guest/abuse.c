/* What the fuzzer of the system-call table (tests/fuzz/syscalls) found once: each would have
 * brought the library OS down. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "check.h"

/* A vector that is too long was freed although it had never been made. */
static void vectors_too_long(void)
{
    static struct iovec v[2000];
    struct msghdr m = { .msg_iov = v, .msg_iovlen = 2000 };
    struct mmsghdr mm = { .msg_hdr = m };
    int pair[2];
    NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    for (int i = 0; i < 100; i++) {
        CHECK_ERRNO(sendmsg(pair[0], &m, 0), EMSGSIZE);
        CHECK_ERRNO(recvmsg(pair[0], &m, MSG_DONTWAIT), EMSGSIZE);
        CHECK_ERRNO(sendmmsg(pair[0], &mm, 1, 0), EMSGSIZE);
        CHECK_ERRNO(recvmmsg(pair[0], &mm, 1, MSG_DONTWAIT, NULL), EMSGSIZE);
    }
    m.msg_iovlen = ~0ul;
    CHECK_ERRNO(sendmsg(pair[0], &m, 0), EMSGSIZE);
    m.msg_iovlen = 1;
    CHECK_EQ(sendmsg(pair[0], &m, 0), 0);
    close(pair[0]), close(pair[1]);
}

static volatile sig_atomic_t g_ticks;

static void on_tick(int sig)
{
    (void)sig;
    g_ticks++;
}

/* A timer of a nanosecond kept its service busy, and everybody else's timers waiting, for ever. */
static void tiny_period(void)
{
    timer_t fast, slow;
    struct sigevent none = { .sigev_notify = SIGEV_NONE };
    struct itimerspec ns = { { 0, 1 }, { 0, 1 } }, ms = { { 0, 0 }, { 0, 1000000 } }, left;
    signal(SIGALRM, on_tick);
    NEED(timer_create(CLOCK_MONOTONIC, &none, &fast) == 0 &&
         timer_create(CLOCK_MONOTONIC, NULL, &slow) == 0);
    CHECK_EQ(timer_settime(fast, 0, &ns, NULL), 0);
    CHECK_EQ(timer_settime(slow, 0, &ms, NULL), 0);
    for (int i = 0; i < 1000 && !g_ticks; i++)
        nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
    CHECK_EQ(g_ticks, 1);
    CHECK_EQ(timer_gettime(fast, &left), 0);
    CHECK_EQ(left.it_interval.tv_nsec, 1);
    CHECK_EQ(timer_delete(fast), 0);
    CHECK_EQ(timer_delete(slow), 0);
}

int main(void)
{
    vectors_too_long();
    tiny_period();
    return check_result();
}

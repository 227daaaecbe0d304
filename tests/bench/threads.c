/* What do threads cost: a futex ping-pong between two, and making one? */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "tests/bench/bench.h"

static _Atomic uint32_t g_ball;
static uint64_t g_rounds;

static void pass_ball(uint32_t mine, uint64_t n)
{
    while (n--) {
        while (g_ball != mine)
            syscall(SYS_futex, &g_ball, FUTEX_WAIT_PRIVATE, !mine, NULL, NULL, 0);
        g_ball = !mine;
        syscall(SYS_futex, &g_ball, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void *other(void *arg)
{
    pass_ball(1, g_rounds);
    return NULL;
}

static void ping_pong(void *arg, uint64_t n)
{
    pthread_t t;
    g_rounds = n;
    bench_need(pthread_create(&t, NULL, other, NULL) == 0, "pthread_create");
    pass_ball(0, n);
    pthread_join(t, NULL);
}

static void *nothing(void *arg)
{
    return arg;
}

static void create_join(void *arg, uint64_t n)
{
    pthread_t t;
    while (n--) {
        bench_need(pthread_create(&t, NULL, nothing, NULL) == 0, "pthread_create");
        pthread_join(t, NULL);
    }
}

int main(void)
{
    bench_each("futex-ping-pong", ping_pong, NULL);
    bench_each("thread-create-join", create_join, NULL);
    return 0;
}

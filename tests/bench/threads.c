/*
 * What do threads cost: a ball passed between two by a futex and by a condition variable, on one
 * CPU or on two, and making one?
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "tests/bench/bench.h"

static _Atomic uint32_t g_ball;
static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_passed = PTHREAD_COND_INITIALIZER;

static void pass_by_futex(uint32_t mine, uint64_t n)
{
    while (n--) {
        while (g_ball != mine)
            syscall(SYS_futex, &g_ball, FUTEX_WAIT_PRIVATE, !mine, NULL, NULL, 0);
        g_ball = !mine;
        syscall(SYS_futex, &g_ball, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void pass_by_condition(uint32_t mine, uint64_t n)
{
    pthread_mutex_lock(&g_mu);
    while (n--) {
        while (g_ball != mine)
            pthread_cond_wait(&g_passed, &g_mu);
        g_ball = !mine;
        pthread_cond_signal(&g_passed);
    }
    pthread_mutex_unlock(&g_mu);
}

struct game {
    void (*pass)(uint32_t mine, uint64_t n);
    int one_cpu;
    uint64_t n;
};

static void *other(void *arg)
{
    const struct game *g = arg;
    g->pass(1, g->n);
    return NULL;
}

static void play(void *arg, uint64_t n)
{
    struct game g = *(const struct game *)arg;
    cpu_set_t all, one;
    pthread_t t;
    g.n = n;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    bench_need(sched_getaffinity(0, sizeof(all), &all) == 0, "sched_getaffinity");
    bench_need(!g.one_cpu || sched_setaffinity(0, sizeof(one), &one) == 0,
               "sched_setaffinity"); /* threads made from here on are there too */
    bench_need(pthread_create(&t, NULL, other, &g) == 0, "pthread_create");
    g.pass(0, n);
    pthread_join(t, NULL);
    bench_need(sched_setaffinity(0, sizeof(all), &all) == 0, "sched_setaffinity");
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
    static struct game futex = { pass_by_futex, 1, 0 }, condition = { pass_by_condition, 1, 0 },
                       apart = { pass_by_futex, 0, 0 };
    const struct bench rows[] = {
        { "futex-ping-pong", play, &futex },
        { "condvar-ping-pong", play, &condition },
        { "futex-ping-pong-2-cpus", play, &apart },
        { "thread-create-join", create_join, NULL },
    };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    return 0;
}

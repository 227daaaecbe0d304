/* The futex call itself: wait, wake, bitsets, requeue, wake_op, timeouts, priority inheritance, robust lists. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#include "check.h"

static _Atomic uint32_t g_a, g_b, g_waiting, g_woken;

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const void *timeout, void *word2, uint32_t value3)
{
    return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static void *wait_on_a(void *arg)
{
    uint32_t bits = (uint32_t)(uintptr_t)arg;
    g_waiting++;
    long ret;
    do
        ret = bits ? futex(&g_a, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, bits) : futex(&g_a, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    while (ret == -1 && errno == EINTR);
    CHECK_EQ(ret, 0);
    g_woken++;
    return NULL;
}

static void start(pthread_t *t, int count, uint32_t bits)
{
    g_waiting = g_woken = 0;
    for (int i = 0; i < count; i++)
        NEED(pthread_create(&t[i], NULL, wait_on_a, (void *)(uintptr_t)bits) == 0);
    while (g_waiting < (uint32_t)count)
        sched_yield();
    usleep(50000);
}

static void join(pthread_t *t, int count)
{
    for (int i = 0; i < count; i++)
        pthread_join(t[i], NULL);
}

static void errors(void)
{
    struct timespec none = { 0, 0 }, bad = { 0, 2000000000 };
    g_a = 5;
    CHECK_ERRNO(futex(&g_a, FUTEX_WAIT_PRIVATE, 4, NULL, NULL, 0), EAGAIN);
    CHECK_ERRNO(futex(&g_a, FUTEX_WAIT_PRIVATE, 5, &none, NULL, 0), ETIMEDOUT);
    CHECK_ERRNO(futex(&g_a, FUTEX_WAIT_PRIVATE, 5, &bad, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((void *)((char *)&g_a + 1), FUTEX_WAIT_PRIVATE, 5, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((void *)8, FUTEX_WAIT_PRIVATE, 5, NULL, NULL, 0), EFAULT);
    CHECK_ERRNO(futex(&g_a, 77, 5, NULL, NULL, 0), ENOSYS);
    CHECK_ERRNO(futex(&g_a, FUTEX_WAIT_BITSET_PRIVATE, 5, NULL, NULL, 0), EINVAL);
    CHECK_EQ(futex(&g_a, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
    g_a = 0;
}

static void timeouts(void)
{
    struct timespec before, after, wait = { 0, 30000000 }, until;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK_ERRNO(futex(&g_a, FUTEX_WAIT_PRIVATE, 0, &wait, NULL, 0), ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long ns = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
    CHECK(ns >= 30000000);
    until = after;
    until.tv_nsec += 30000000;
    if (until.tv_nsec >= 1000000000)
        until.tv_sec++, until.tv_nsec -= 1000000000;
    CHECK_ERRNO(futex(&g_a, FUTEX_WAIT_BITSET_PRIVATE, 0, &until, NULL, ~0u), ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &until);
    CHECK_ERRNO(futex(&g_a, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &until, NULL, ~0u), ETIMEDOUT);
}

static void waking(void)
{
    pthread_t t[4];
    start(t, 4, 0);
    CHECK_EQ(futex(&g_a, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
    CHECK_EQ(futex(&g_a, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0), 3);
    join(t, 4);
    start(t, 2, 1);
    CHECK_EQ(futex(&g_a, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 2), 0);
    CHECK_EQ(futex(&g_a, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 3), 2);
    join(t, 2);
}

static void requeueing(void)
{
    pthread_t t[4];
    start(t, 4, 0);
    CHECK_ERRNO(futex(&g_a, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &g_b, 9), EAGAIN);
    CHECK_EQ(futex(&g_a, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &g_b, 0), 3);
    CHECK_EQ(futex(&g_a, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0), 1);
    CHECK_EQ(futex(&g_b, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0), 2);
    join(t, 4);
}

static void wake_op(void)
{
    pthread_t t[2];
    start(t, 2, 0);
    g_b = 3;
    CHECK_EQ(futex(&g_b, FUTEX_WAKE_OP_PRIVATE, 1, (void *)2, &g_a, FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)), 2);
    join(t, 2);
    CHECK_EQ(futex(&g_a, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &g_b, FUTEX_OP(FUTEX_OP_ADD, 4, FUTEX_OP_CMP_GT, 100)), 0);
    CHECK_EQ(g_b, 7);
}

static pthread_mutex_t g_robust;

static void *die_holding(void *arg)
{
    pthread_mutex_lock(&g_robust);
    return NULL;
}

static void robust(void)
{
    pthread_t t;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&g_robust, &attr);
    pthread_create(&t, NULL, die_holding, NULL);
    pthread_join(t, NULL);
    CHECK_EQ(pthread_mutex_lock(&g_robust), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&g_robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&g_robust), 0);
}

int main(void)
{
    errors();
    timeouts();
    waking();
    requeueing();
    wake_op();
    robust();
    return check_result();
}

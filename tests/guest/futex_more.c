/* futex_waitv, and condition variables over PI locks: FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI,
 * FUTEX_LOCK_PI2. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#include "check.h"

static _Atomic uint32_t g_words[4], g_cond, g_lock, g_waiting, g_done;

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const void *timeout, void *word2,
                  uint32_t value3)
{
    return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, word2, value3);
}

static long waitv(struct futex_waitv *v, unsigned count, unsigned flags,
                  const struct timespec *timeout, int clock)
{
    return syscall(SYS_futex_waitv, v, count, flags, timeout, clock);
}

static void fill(struct futex_waitv *v, int count)
{
    for (int i = 0; i < count; i++)
        v[i] = (struct futex_waitv){ .uaddr = (uintptr_t)&g_words[i],
                                     .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG };
}

static struct timespec soon(int clock, long ms)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    ts.tv_nsec += ms * 1000000;
    ts.tv_sec += ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;
    return ts;
}

static void waitv_errors(void)
{
    struct futex_waitv v[4];
    struct timespec at = soon(CLOCK_MONOTONIC, 20), bad = { 0, -1 };
    fill(v, 4);
    CHECK_ERRNO(waitv(v, 4, 1, NULL, 0), EINVAL);
    CHECK_ERRNO(waitv(v, 0, 0, NULL, 0), EINVAL);
    CHECK_ERRNO(waitv(v, 129, 0, NULL, 0), EINVAL);
    CHECK_ERRNO(waitv(NULL, 1, 0, NULL, 0), EINVAL);
    CHECK_ERRNO(waitv((void *)16, 1, 0, NULL, 0), EFAULT);
    CHECK_ERRNO(waitv(v, 4, 0, &at, CLOCK_BOOTTIME), EINVAL);
    CHECK_ERRNO(waitv(v, 4, 0, &bad, CLOCK_MONOTONIC), EINVAL);
    CHECK_ERRNO(waitv(v, 4, 0, (void *)16, CLOCK_MONOTONIC), EFAULT);
    CHECK_ERRNO(waitv(v, 4, 0, &at, CLOCK_MONOTONIC), ETIMEDOUT);
    at = soon(CLOCK_REALTIME, 20);
    CHECK_ERRNO(waitv(v, 4, 0, &at, CLOCK_REALTIME), ETIMEDOUT);
    v[3].val = 1;
    CHECK_ERRNO(waitv(v, 4, 0, NULL, 0), EAGAIN);
    CHECK_EQ(futex(&g_words[0], FUTEX_WAKE, 1, NULL, NULL, 0), 0); /* nobody was left behind */
    fill(v, 4);
    v[1].flags = 0x80000002;
    CHECK_ERRNO(waitv(v, 4, 0, NULL, 0), EINVAL);
    v[1].flags = FUTEX_PRIVATE_FLAG; /* a size of 8 bits */
    CHECK_ERRNO(waitv(v, 4, 0, NULL, 0), EINVAL);
    fill(v, 4);
    v[2].__reserved = 1;
    CHECK_ERRNO(waitv(v, 4, 0, NULL, 0), EINVAL);
    fill(v, 4);
    v[2].uaddr += 2;
    CHECK_ERRNO(waitv(v, 4, 0, NULL, 0), EINVAL);
    v[2].uaddr = 4096;
    CHECK_ERRNO(waitv(v, 4, 0, NULL, 0), EFAULT);
}

static void *wait_for_any(void *arg)
{
    struct futex_waitv v[4];
    fill(v, 4);
    g_waiting++;
    return (void *)waitv(v, 4, 0, NULL, 0);
}

static void waitv_wakes(void)
{
    for (int i = 0; i < 4; i++) {
        pthread_t t;
        void *which;
        NEED(pthread_create(&t, NULL, wait_for_any, NULL) == 0);
        while (futex(&g_words[i], FUTEX_WAKE, 5, NULL, NULL, 0) == 0)
            usleep(1000);
        pthread_join(t, &which);
        CHECK_EQ((long)which, i);
    }
    CHECK_EQ(futex(&g_words[0], FUTEX_WAKE, 5, NULL, NULL, 0), 0);
}

static void nothing(int sig) {}

/* A handler without SA_RESTART ends it, one with it does not. */
static void *interrupted(void *arg)
{
    struct futex_waitv v[4];
    fill(v, 4);
    g_waiting++;
    CHECK_ERRNO(waitv(v, 4, 0, NULL, 0), EINTR);
    g_done++;
    return NULL;
}

static void waitv_and_signals(void)
{
    struct sigaction sa = { .sa_handler = nothing };
    pthread_t t;
    sigaction(SIGUSR1, &sa, NULL);
    g_waiting = g_done = 0;
    NEED(pthread_create(&t, NULL, interrupted, NULL) == 0);
    while (!g_waiting)
        usleep(1000);
    while (!g_done) {
        usleep(20000);
        if (!g_done)
            pthread_kill(t, SIGUSR1);
    }
    pthread_join(t, NULL);
}

/* ---- PI */

static uint32_t tid(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

static void lock(void)
{
    uint32_t free = 0;
    if (!__atomic_compare_exchange_n((uint32_t *)&g_lock, &free, tid(), 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        CHECK_EQ(futex(&g_lock, FUTEX_LOCK_PI2, 0, NULL, NULL, 0), 0);
}

static void unlock(void)
{
    uint32_t own = tid();
    if (!__atomic_compare_exchange_n((uint32_t *)&g_lock, &own, 0, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        CHECK_EQ(futex(&g_lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
}

static void *wait_on_condition(void *arg)
{
    g_waiting++;
    CHECK_EQ(futex(&g_cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &g_lock, FUTEX_BITSET_MATCH_ANY), 0);
    CHECK_EQ(g_lock & FUTEX_TID_MASK, tid()); /* it is ours */
    g_done++;
    unlock();
    return NULL;
}

static void requeue(int hold)
{
    pthread_t t[5];
    g_waiting = g_done = 0;
    for (int i = 0; i < 5; i++)
        NEED(pthread_create(&t[i], NULL, wait_on_condition, NULL) == 0);
    while (g_waiting < 5)
        usleep(1000);
    usleep(50000);
    CHECK_ERRNO(futex(&g_cond, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex(&g_cond, FUTEX_REQUEUE, 1, (void *)1, &g_words[0], 0), EINVAL);
    CHECK_ERRNO(futex(&g_cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &g_lock, 7), EAGAIN);
    CHECK_ERRNO(futex(&g_cond, FUTEX_CMP_REQUEUE_PI, 2, (void *)1, &g_lock, 0), EINVAL);
    CHECK_ERRNO(futex(&g_cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &g_cond, 0), EINVAL);
    CHECK_ERRNO(futex(&g_cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &g_words[1], 0), EINVAL);
    if (hold)
        lock();
    CHECK_EQ(futex(&g_cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &g_lock, 0), 2);
    CHECK_EQ(futex(&g_cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1000, &g_lock, 0), 3);
    CHECK_EQ(futex(&g_cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1000, &g_lock, 0), 0);
    if (hold) {
        usleep(20000);
        CHECK_EQ(g_done, 0); /* not one while we hold it */
        unlock();
    }
    for (int i = 0; i < 5; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(g_done, 5);
    CHECK_EQ(g_lock & FUTEX_TID_MASK, 0);
    g_lock = 0;
}

static void requeue_errors(void)
{
    struct timespec at = soon(CLOCK_MONOTONIC, 20), real = soon(CLOCK_REALTIME, 20);
    CHECK_ERRNO(futex(&g_cond, FUTEX_WAIT_REQUEUE_PI, 0, &at, &g_lock, FUTEX_BITSET_MATCH_ANY),
                ETIMEDOUT);
    CHECK_ERRNO(futex(&g_cond, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &real, &g_lock,
                      FUTEX_BITSET_MATCH_ANY),
                ETIMEDOUT);
    CHECK_ERRNO(futex(&g_cond, FUTEX_WAIT_REQUEUE_PI, 1, &at, &g_lock, FUTEX_BITSET_MATCH_ANY),
                EAGAIN);
    CHECK_ERRNO(futex(&g_cond, FUTEX_WAIT_REQUEUE_PI, 0, &at, &g_cond, FUTEX_BITSET_MATCH_ANY),
                EINVAL);
    CHECK_ERRNO(
        futex(&g_cond, FUTEX_CMP_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 1, (void *)1, &g_lock, 0),
        ENOSYS);
    CHECK_ERRNO(futex(&g_cond, FUTEX_FD, 0, NULL, NULL, 0), ENOSYS);
    lock();
    CHECK_ERRNO(futex(&g_lock, FUTEX_LOCK_PI2, 0, NULL, NULL, 0), EDEADLK);
    unlock();
}

int main(void)
{
    waitv_errors();
    waitv_wakes();
    waitv_and_signals();
    requeue_errors();
    for (int i = 0; i < 3; i++) {
        requeue(0);
        requeue(1);
    }
    return check_result();
}

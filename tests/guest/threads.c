/* Threads: many short ones, thread-local storage, mutexes, conditions, counters, detached threads, stacks. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>

#include "check.h"

static _Thread_local long g_local = 7;
static _Thread_local char g_local_big[5000];
static pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_changed = PTHREAD_COND_INITIALIZER;
static long g_locked_count, g_turn;
static _Atomic long g_atomic_count, g_detached;

static void *use_local(void *arg)
{
    CHECK_EQ(g_local, 7);
    CHECK_EQ(g_local_big[4999], 0);
    g_local = (long)arg;
    g_local_big[4999] = 1;
    sched_yield();
    CHECK_EQ(g_local, (long)arg);
    return (void *)(2 * (long)arg);
}

static void many_short_ones(void)
{
    pthread_t t[8];
    for (long round = 0; round < 40; round++) {
        for (long i = 0; i < 8; i++)
            NEED(pthread_create(&t[i], NULL, use_local, (void *)(round * 8 + i)) == 0);
        for (long i = 0; i < 8; i++) {
            void *result;
            CHECK_EQ(pthread_join(t[i], &result), 0);
            CHECK_EQ((long)result, 2 * (round * 8 + i));
        }
    }
    CHECK_EQ(g_local, 7);
}

static void *count_up(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&g_lock);
        g_locked_count++;
        pthread_mutex_unlock(&g_lock);
        g_atomic_count++;
    }
    return NULL;
}

static void counters(void)
{
    pthread_t t[8];
    for (int i = 0; i < 8; i++)
        NEED(pthread_create(&t[i], NULL, count_up, NULL) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(g_locked_count, 160000);
    CHECK_EQ(g_atomic_count, 160000);
}

static void *take_turns(void *arg)
{
    pthread_mutex_lock(&g_lock);
    for (int i = 0; i < 200; i++) {
        while (g_turn % 4 != (long)arg)
            pthread_cond_wait(&g_changed, &g_lock);
        g_turn++;
        pthread_cond_broadcast(&g_changed);
    }
    pthread_mutex_unlock(&g_lock);
    return NULL;
}

static void conditions(void)
{
    pthread_t t[4];
    for (long i = 0; i < 4; i++)
        NEED(pthread_create(&t[i], NULL, take_turns, (void *)i) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(g_turn, 800);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000)
        until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&g_lock);
    int ret;
    do
        ret = pthread_cond_timedwait(&g_changed, &g_lock, &until);
    while (ret == 0);
    CHECK_EQ(ret, ETIMEDOUT);
    pthread_mutex_unlock(&g_lock);
}

static void *detached(void *arg)
{
    g_detached++;
    sem_post(arg);
    return NULL;
}

static void detached_threads(void)
{
    sem_t done;
    pthread_attr_t attr;
    sem_init(&done, 0, 0);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 100; i++) {
        pthread_t t;
        int ret = pthread_create(&t, &attr, detached, &done);
        CHECK_EQ(ret, 0);
        if (ret == 0)
            sem_wait(&done);
    }
    CHECK_EQ(g_detached, 100);
}

static void *identity(void *arg)
{
    *(long *)arg = syscall(SYS_gettid);
    CHECK_EQ(getpid(), syscall(SYS_getpid));
    CHECK(*(long *)arg != getpid());
    return NULL;
}

static void identities(void)
{
    long tid[4];
    pthread_t t[4];
    CHECK_EQ(syscall(SYS_gettid), getpid());
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, identity, &tid[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            CHECK(tid[i] > 0);
    cpu_set_t cpus;
    CHECK_EQ(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
    CHECK(CPU_COUNT(&cpus) >= 1);
    unsigned cpu = 9999;
    CHECK_EQ(syscall(SYS_getcpu, &cpu, NULL, NULL), 0);
    CHECK(cpu < 9999);
}

static pthread_barrier_t g_barrier;
static pthread_key_t g_key;
static _Atomic long g_destroyed;

static void destroy(void *value)
{
    g_destroyed += (long)value;
}

static void *meet(void *arg)
{
    pthread_setspecific(g_key, arg);
    for (int i = 0; i < 50; i++)
        pthread_barrier_wait(&g_barrier);
    return NULL;
}

static void barriers(void)
{
    pthread_t t[6];
    pthread_key_create(&g_key, destroy);
    pthread_barrier_init(&g_barrier, NULL, 6);
    for (int i = 0; i < 6; i++)
        NEED(pthread_create(&t[i], NULL, meet, (void *)1L) == 0);
    for (int i = 0; i < 6; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(g_destroyed, 6);
}

int main(void)
{
    many_short_ones();
    counters();
    conditions();
    detached_threads();
    identities();
    barriers();
    return check_result();
}

/*
 * membarrier: its registration and errors, and that it is a barrier: of two threads that each store
 * and then load what the other stores, not both may miss the other, though only one of them pays
 * for a fence.
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "check.h"

#define ROUNDS  3000 /* or as many as there is time for */
#define MOST_NS 500000000L

static atomic_int g_x, g_y, g_round, g_reached, g_seen_by_fast, g_stop;

static long membarrier(int command, unsigned flags)
{
    return syscall(SYS_membarrier, command, flags, 0);
}

static void rules(void)
{
    long offered = membarrier(MEMBARRIER_CMD_QUERY, 0), least = 0x1f;
    CHECK_EQ(offered & least, least);
    CHECK_ERRNO(membarrier(MEMBARRIER_CMD_QUERY, 4), EINVAL);
    CHECK_ERRNO(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM); /* not registered */
    CHECK_EQ(membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0), 0);         /* needs none */
    CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0), 0);
    CHECK_ERRNO(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 4), EINVAL);
    CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
    CHECK_EQ(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), 0);
    CHECK_EQ(membarrier(MEMBARRIER_CMD_GLOBAL, 0), 0);
    CHECK_ERRNO(membarrier(1 << 20, 0), EINVAL);
    CHECK_ERRNO(membarrier(-1, 0), EINVAL);
    CHECK_ERRNO(membarrier(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EINVAL);
}

static long now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static void *fast(void *arg)
{
    for (int i = 1;; i++) {
        int round;
        while ((round = atomic_load(&g_round)) != i && round >= 0)
            ;
        if (round < 0)
            return NULL;
        atomic_store_explicit(&g_x, i, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst); /* the compiler's, not the CPU's */
        g_seen_by_fast = atomic_load_explicit(&g_y, memory_order_relaxed);
        atomic_store(&g_reached, i);
    }
    return NULL;
}

static void it_is_a_barrier(void)
{
    pthread_t t;
    int missed = 0;
    NEED(pthread_create(&t, NULL, fast, NULL) == 0);
    long start = now_ns();
    for (int i = 1; i <= ROUNDS && now_ns() - start < MOST_NS; i++) {
        atomic_store(&g_round, i);
        atomic_store_explicit(&g_y, i, memory_order_relaxed);
        missed += membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) != 0;
        int seen = atomic_load_explicit(&g_x, memory_order_relaxed);
        while (atomic_load(&g_reached) != i)
            sched_yield();
        missed += seen != i && g_seen_by_fast != i;
    }
    atomic_store(&g_round, -1);
    pthread_join(t, NULL);
    CHECK_EQ(missed, 0);
}

static int g_pipe[2];

static void *reads(void *arg)
{
    char c;
    CHECK_EQ(read(g_pipe[0], &c, 1), 1);
    return NULL;
}

static void *naps(void *arg)
{
    struct timespec nap = { 0, 200000000 };
    CHECK_EQ(nanosleep(&nap, NULL), 0);
    return NULL;
}

static void *spins(void *arg)
{
    while (!g_stop)
        ;
    return NULL;
}

static void *asks(void *arg)
{
    long start = now_ns();
    for (int i = 0; i < 200 && now_ns() - start < MOST_NS; i++)
        if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0))
            return (void *)1;
    return NULL;
}

/* Those who sleep are not disturbed, several may ask at once, and threads come and go. */
static void others_do_not_notice(void)
{
    pthread_t reader, sleeper, spinner, asker[3];
    NEED(pipe(g_pipe) == 0);
    NEED(!pthread_create(&reader, NULL, reads, NULL) &&
         !pthread_create(&sleeper, NULL, naps, NULL) &&
         !pthread_create(&spinner, NULL, spins, NULL));
    for (int i = 0; i < 3; i++)
        NEED(pthread_create(&asker[i], NULL, asks, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(asker[i], &failed);
        CHECK(!failed);
    }
    g_stop = 1;
    CHECK_EQ(write(g_pipe[1], "", 1), 1);
    pthread_join(reader, NULL);
    pthread_join(sleeper, NULL);
    pthread_join(spinner, NULL);
}

int main(void)
{
    rules();
    it_is_a_barrier();
    others_do_not_notice();
    return check_result();
}

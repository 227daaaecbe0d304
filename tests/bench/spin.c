/*
 * What does a parallel region cost when OpenMP's threads spin for each other
 * (OMP_WAIT_POLICY=active): as many as there are CPUs, and twice as many?
 *
 * The regions run in a thread of their own, which takes OpenMP's pool with it when it ends:
 * otherwise the pool would spin on through the turns of the other processes, whose figures would
 * then tell of it.
 */
#include <omp.h>
#include <pthread.h>

#include "tests/bench/bench.h"

static double g_sum[64][8];

/* A few microseconds of work for each thread, then the barrier where they spin. */
static void work(int me)
{
    double sum = g_sum[me][0];
    for (int i = 1; i <= 2000; i++)
        sum += 1.0 / (i + sum);
    g_sum[me][0] = sum;
}

struct regions {
    int per_cpu;
    uint64_t count;
};

static void *run_regions(void *arg)
{
    const struct regions *r = arg;
    int threads = omp_get_num_procs() * r->per_cpu;
    bench_need(threads <= 64, "more than 64 threads");
    for (uint64_t i = 0; i < r->count; i++) {
#pragma omp parallel num_threads(threads)
        work(omp_get_thread_num());
    }
    return NULL;
}

static void regions(void *arg, uint64_t n)
{
    struct regions r = { *(const int *)arg, n };
    pthread_t t;
    bench_need(pthread_create(&t, NULL, run_regions, &r) == 0, "pthread_create");
    pthread_join(t, NULL);
}

int main(void)
{
    int once = 1, twice = 2;
    const struct bench rows[] = { { "omp-spin-n", regions, &once },
                                  { "omp-spin-2n", regions, &twice } };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    return 0;
}

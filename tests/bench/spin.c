/*
 * What does a parallel region cost when OpenMP's threads spin for each other
 * (OMP_WAIT_POLICY=active): as many as there are CPUs, and twice as many?
 */
#include <omp.h>

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

static void regions(void *arg, uint64_t n)
{
    int threads = omp_get_num_procs() * *(const int *)arg;
    bench_need(threads <= 64, "more than 64 threads");
    while (n--) {
#pragma omp parallel num_threads(threads)
        work(omp_get_thread_num());
    }
}

int main(void)
{
    int once = 1, twice = 2;
    const struct bench rows[] = { { "omp-spin-n", regions, &once },
                                  { "omp-spin-2n", regions, &twice } };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    return 0;
}

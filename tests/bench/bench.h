#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

/*
 * One question per program, one line per answer: `NAME VALUE UNIT`, the median of five. The operation is
 * repeated until a round takes a twentieth of a second.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5 };

static inline uint64_t bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int bench_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), bench_by_value);
    return values[count / 2];
}

/* Print ns per operation; run(arg, n) does it n times. */
static inline void bench_each(const char *name, void (*run)(void *arg, uint64_t n), void *arg)
{
    double ns[ROUNDS];
    uint64_t n = 1, start, took;
    for (;; n *= 2) {
        start = bench_now();
        run(arg, n);
        took = bench_now() - start;
        if (took > 25000000 || n >= (1ul << 26))
            break;
    }
    for (int i = 0; i < ROUNDS; i++) {
        start = bench_now();
        run(arg, n);
        ns[i] = (double)(bench_now() - start) / (double)n;
    }
    printf("%s %.1f ns\n", name, bench_median(ns, ROUNDS));
    fflush(stdout);
}

static inline void bench_need(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

#endif

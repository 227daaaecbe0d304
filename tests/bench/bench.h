#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

/*
 * One question per program, asked on stdin: a line `NAME COUNT` is answered by `NANOSECONDS`, what
 * COUNT operations took. So run.py can let a native, a direct and a soft process take turns in one
 * run, and by hand:
 *
 *     echo stat 100000 | build/tests/bench/bench_files /tmp /tmp me
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct bench {
    const char *name;
    void (*run)(void *arg, uint64_t n); /* does it n times */
    void *arg;
};

static inline uint64_t bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline void bench_need(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline void bench_serve(const struct bench *rows, size_t count)
{
    char name[64];
    unsigned long n;
    while (scanf("%63s %lu", name, &n) == 2) {
        const struct bench *b = rows;
        while (b < rows + count && strcmp(b->name, name) != 0)
            b++;
        errno = ENOENT;
        bench_need(b < rows + count, name);
        uint64_t start = bench_now();
        b->run(b->arg, n);
        printf("%lu\n", bench_now() - start);
        fflush(stdout);
    }
}

#endif

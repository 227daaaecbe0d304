/* What does memory cost: one page mapped, touched and unmapped; 256 MiB touched once? */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "tests/bench/bench.h"

static void one_page(void *arg, uint64_t n)
{
    while (n--) {
        char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bench_need(p != MAP_FAILED, "mmap");
        *p = 1;
        munmap(p, 4096);
    }
}

int main(void)
{
    enum { SIZE = 256 << 20 };
    double ms[ROUNDS];
    bench_each("mmap-touch-munmap", one_page, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = bench_now();
        char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bench_need(p != MAP_FAILED, "mmap");
        for (size_t at = 0; at < SIZE; at += 4096)
            p[at] = 1;
        munmap(p, SIZE);
        ms[i] = (double)(bench_now() - start) / 1e6;
    }
    printf("touch-256m %.1f ms\n", bench_median(ms, ROUNDS));
    return 0;
}

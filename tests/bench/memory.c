/* What does memory cost: one page mapped, touched and unmapped; 256 MiB touched once? */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "tests/bench/bench.h"

static void touch(size_t size, uint64_t n)
{
    while (n--) {
        char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bench_need(p != MAP_FAILED, "mmap");
        for (size_t at = 0; at < size; at += 4096)
            p[at] = 1;
        bench_need(munmap(p, size) == 0, "munmap");
    }
}

static void one_page(void *arg, uint64_t n)
{
    touch(4096, n);
}

static void much(void *arg, uint64_t n)
{
    touch(256 << 20, n);
}

int main(void)
{
    const struct bench rows[] = { { "mmap-touch-munmap", one_page, NULL },
                                  { "touch-256m", much, NULL } };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    return 0;
}

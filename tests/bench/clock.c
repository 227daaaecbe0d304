/* What does it cost to ask for the time? */
#include "tests/bench/bench.h"

static void run(void *arg, uint64_t n)
{
    struct timespec t;
    while (n--)
        clock_gettime(CLOCK_MONOTONIC, &t);
}

int main(void)
{
    bench_serve(&(struct bench){ "clock_gettime", run, NULL }, 1);
    return 0;
}

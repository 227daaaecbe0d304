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
    bench_each("clock_gettime", run, NULL);
    return 0;
}

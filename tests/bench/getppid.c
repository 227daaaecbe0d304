/* What does the cheapest system call cost? The program's name says how it is linked. */
#include "tests/bench/bench.h"

static void run(void *arg, uint64_t n)
{
    while (n--)
        getppid();
}

int main(void)
{
    bench_serve(&(struct bench){ "getppid", run, NULL }, 1);
    return 0;
}

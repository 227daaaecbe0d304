/* What does the cheapest system call cost? The name says how the program is linked. */
#include <sys/syscall.h>

#include "tests/bench/bench.h"

static void run(void *arg, uint64_t n)
{
    while (n--)
        getppid();
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    bench_each(slash ? slash + 1 : argv[0], run, NULL);
    return 0;
}

/* How fast is a 64 MiB file written and read in order, 128 KiB at a time? argv[1]: the directory. */
#include <fcntl.h>

#include "tests/bench/bench.h"

enum { SIZE = 64 << 20, CHUNK = 128 << 10 };
static char g_data[CHUNK];

static double pass(const char *name, int flags, int writing)
{
    uint64_t start = bench_now();
    int fd = open(name, flags, 0600);
    bench_need(fd >= 0, name);
    for (size_t done = 0; done < SIZE; done += CHUNK)
        bench_need((writing ? write(fd, g_data, CHUNK) : read(fd, g_data, CHUNK)) == CHUNK, name);
    bench_need(close(fd) == 0, name);
    return SIZE / 1048576.0 / ((double)(bench_now() - start) / 1e9);
}

int main(int argc, char **argv)
{
    char name[4200];
    double in[ROUNDS], out[ROUNDS];
    bench_need(argc == 2, "usage: stream DIRECTORY");
    snprintf(name, sizeof(name), "%s/bench-stream", argv[1]);
    for (size_t i = 0; i < CHUNK; i++)
        g_data[i] = (char)(i * 31 + (i >> 8));
    for (int i = 0; i < ROUNDS; i++) {
        out[i] = pass(name, O_CREAT | O_TRUNC | O_WRONLY, 1);
        in[i] = pass(name, O_RDONLY, 0);
    }
    printf("encrypted-write %.0f MB/s\nencrypted-read %.0f MB/s\n", bench_median(out, ROUNDS), bench_median(in, ROUNDS));
    unlink(name);
    return 0;
}

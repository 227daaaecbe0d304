/* How fast is a file written and read in order, 128 KiB at a time? argv[1]: the directory;
 * argv[2]: a name no other run has there at the same time (in an enclave every program is process
 * 1). */
#include <fcntl.h>

#include "tests/bench/bench.h"

enum { CHUNK = 128 << 10, CHUNKS = 256 };
static char g_data[CHUNK];
static char g_written[4200], g_read[4200];

static int begin(const char *name, int flags)
{
    int fd = open(name, flags, 0600);
    bench_need(fd >= 0, name);
    return fd;
}

/* n chunks: the file from its start, as often as that takes. */
static void write_chunks(void *name, uint64_t n)
{
    int fd = begin(name, O_CREAT | O_TRUNC | O_WRONLY);
    for (uint64_t i = 0; i < n; i++) {
        bench_need(i % CHUNKS != 0 || lseek(fd, 0, SEEK_SET) == 0, name);
        bench_need(write(fd, g_data, CHUNK) == CHUNK, name);
    }
    bench_need(close(fd) == 0, name);
}

static void read_chunks(void *name, uint64_t n)
{
    int fd = begin(name, O_RDONLY);
    for (uint64_t i = 0; i < n; i++) {
        bench_need(i % CHUNKS != 0 || lseek(fd, 0, SEEK_SET) == 0, name);
        bench_need(read(fd, g_data, CHUNK) == CHUNK, name);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    bench_need(argc == 3, "usage: stream DIRECTORY NAME");
    snprintf(g_written, sizeof(g_written), "%s/bench-written-%s", argv[1], argv[2]);
    snprintf(g_read, sizeof(g_read), "%s/bench-read-%s", argv[1], argv[2]);
    for (size_t i = 0; i < CHUNK; i++)
        g_data[i] = (char)(i * 31 + (i >> 8));
    write_chunks(g_read, CHUNKS);
    const struct bench rows[] = { { "encrypted-write", write_chunks, g_written },
                                  { "encrypted-read", read_chunks, g_read } };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    unlink(g_written);
    unlink(g_read);
    return 0;
}

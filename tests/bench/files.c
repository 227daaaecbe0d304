/* What do calls on files cost? argv[1]: a directory of the host. */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/bench/bench.h"

static char g_buffer[4096];
static char g_file[4200], g_missing[4200];

static void read_one(void *arg, uint64_t n)
{
    while (n--)
        bench_need(read(*(int *)arg, g_buffer, 1) == 1, "read");
}

static void read_page(void *arg, uint64_t n)
{
    while (n--)
        bench_need(read(*(int *)arg, g_buffer, 4096) == 4096, "read");
}

static void pread_page(void *arg, uint64_t n)
{
    while (n--)
        bench_need(pread(*(int *)arg, g_buffer, 4096, (off_t)((n & 15) * 4096)) == 4096, "pread");
}

static void open_close(void *arg, uint64_t n)
{
    while (n--) {
        int fd = open(g_file, O_RDONLY);
        bench_need(fd >= 0 && close(fd) == 0, g_file);
    }
}

static void stat_file(void *arg, uint64_t n)
{
    struct stat st;
    while (n--)
        bench_need(stat(g_file, &st) == 0, g_file);
}

static void stat_missing(void *arg, uint64_t n)
{
    struct stat st;
    while (n--)
        bench_need(stat(g_missing, &st) == -1, g_missing);
}

int main(int argc, char **argv)
{
    bench_need(argc == 2, "usage: files DIRECTORY");
    snprintf(g_file, sizeof(g_file), "%s/bench-file", argv[1]);
    snprintf(g_missing, sizeof(g_missing), "%s/bench-missing", argv[1]);
    int zero = open("/dev/zero", O_RDONLY), fd = open(g_file, O_CREAT | O_RDWR | O_TRUNC, 0600);
    bench_need(zero >= 0 && fd >= 0, g_file);
    for (int i = 0; i < 16; i++)
        bench_need(write(fd, g_buffer, sizeof(g_buffer)) == sizeof(g_buffer), "write");
    bench_each("read-zero-1", read_one, &zero);
    bench_each("read-zero-4k", read_page, &zero);
    bench_each("pread-4k", pread_page, &fd);
    bench_each("open-close", open_close, NULL);
    bench_each("stat", stat_file, NULL);
    bench_each("stat-missing", stat_missing, NULL);
    unlink(g_file);
    return 0;
}

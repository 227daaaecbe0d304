/* What do calls on files cost? argv[1]: a directory of the host; argv[2]: one with the trusted file
 * bench-trusted; argv[3]: a name no other run has at the same time (in an enclave every program is
 * process 1). */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/bench/bench.h"

enum { PAGE = 4096, PAGES = 16 };
static char g_buffer[PAGE];
static char g_file[4200], g_missing[4200], g_trusted[4200], g_trusted_missing[4200];

static void read_one(void *arg, uint64_t n)
{
    while (n--)
        bench_need(read(*(int *)arg, g_buffer, 1) == 1, "read");
}

static void read_page(void *arg, uint64_t n)
{
    while (n--)
        bench_need(read(*(int *)arg, g_buffer, PAGE) == PAGE, "read");
}

static void seek(void *arg, uint64_t n)
{
    while (n--)
        bench_need(lseek(*(int *)arg, (off_t)(n & 15), SEEK_SET) == (off_t)(n & 15), "lseek");
}

static void stat_open(void *arg, uint64_t n)
{
    struct stat st;
    while (n--)
        bench_need(fstat(*(int *)arg, &st) == 0, "fstat");
}

static void pread_page(void *arg, uint64_t n)
{
    while (n--)
        bench_need(pread(*(int *)arg, g_buffer, PAGE, (off_t)((n & 15) * PAGE)) == PAGE, "pread");
}

static void pwrite_page(void *arg, uint64_t n)
{
    while (n--)
        bench_need(pwrite(*(int *)arg, g_buffer, PAGE, (off_t)((n & 15) * PAGE)) == PAGE, "pwrite");
}

static void open_close(void *arg, uint64_t n)
{
    while (n--) {
        int fd = open(arg, O_RDONLY);
        bench_need(fd >= 0 && close(fd) == 0, arg);
    }
}

static void stat_file(void *arg, uint64_t n)
{
    struct stat st;
    while (n--)
        bench_need(stat(arg, &st) == 0, arg);
}

static void stat_missing(void *arg, uint64_t n)
{
    struct stat st;
    while (n--)
        bench_need(stat(arg, &st) == -1, arg);
}

int main(int argc, char **argv)
{
    bench_need(argc == 4, "usage: files DIRECTORY TRUSTED NAME");
    snprintf(g_file, sizeof(g_file), "%s/bench-file-%s", argv[1], argv[3]);
    snprintf(g_missing, sizeof(g_missing), "%s/bench-missing", argv[1]);
    snprintf(g_trusted, sizeof(g_trusted), "%s/bench-trusted", argv[2]);
    snprintf(g_trusted_missing, sizeof(g_trusted_missing), "%s/bench-missing", argv[2]);
    int zero = open("/dev/zero", O_RDONLY), fd = open(g_file, O_CREAT | O_RDWR | O_TRUNC, 0600);
    int trusted = open(g_trusted, O_RDONLY);
    bench_need(zero >= 0 && fd >= 0 && trusted >= 0, g_file);
    for (int i = 0; i < PAGES; i++)
        bench_need(write(fd, g_buffer, PAGE) == PAGE, "write");
    const struct bench rows[] = {
        { "read-zero-1", read_one, &zero },
        { "read-zero-4k", read_page, &zero },
        { "lseek", seek, &fd },
        { "fstat", stat_open, &trusted },
        { "fstat-allowed", stat_open, &fd },
        { "pread-4k", pread_page, &fd },
        { "pwrite-4k", pwrite_page, &fd },
        { "open-close", open_close, g_file },
        { "open-close-trusted", open_close, g_trusted },
        { "stat", stat_file, g_trusted },
        { "stat-allowed", stat_file, g_file },
        { "stat-missing", stat_missing, g_missing },
        { "stat-missing-trusted", stat_missing, g_trusted_missing },
    };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    unlink(g_file);
    return 0;
}

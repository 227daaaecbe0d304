/*
 * The stressors of stress-ng that need a child with memory of its own, as threads: sockpair, pipe, mprotect.
 *
 * usage: hammer NAME SECONDS. Prints how many operations were done, and each mismatch; exit status 1 when there was one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 8
#define PAGE    4096

static _Atomic bool g_stop;
static _Atomic long g_ops, g_failures;

static void failed(const char *what, long got, long expected)
{
    if (++g_failures < 20)
        printf("hammer: %s: got %ld, expected %ld (%s)\n", what, got, expected, strerror(errno));
}

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* ---- sockpair: a stream whose byte at position n is n * 7; pairs come and go */

static void *pair_writer(void *arg)
{
    int fd = *(int *)arg;
    uint8_t data[PAGE];
    uint32_t seed = (uint32_t)fd;
    uint64_t at = 0, end = 1 << 18;
    while (at < end) {
        size_t n = 1 + random_next(&seed) % sizeof(data);
        for (size_t i = 0; i < n; i++)
            data[i] = (uint8_t)((at + i) * 7);
        ssize_t put = write(fd, data, n);
        if (put <= 0) {
            failed("write", put, (long)n);
            break;
        }
        at += (uint64_t)put;
        g_ops++;
    }
    if (shutdown(fd, SHUT_WR))
        failed("shutdown", -1, 0);
    return (void *)at;
}

static void *sockpair_thread(void *arg)
{
    uint32_t seed = (uint32_t)(uintptr_t)arg;
    while (!g_stop) {
        int fds[2];
        pthread_t writer;
        uint8_t data[PAGE];
        uint64_t at = 0;
        void *sent;
        ssize_t n;
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
            return failed("socketpair", -1, 0), NULL;
        pthread_create(&writer, NULL, pair_writer, &fds[0]);
        while ((n = read(fds[1], data, 1 + random_next(&seed) % sizeof(data))) > 0) {
            for (ssize_t i = 0; i < n; i++)
                if (data[i] != (uint8_t)((at + (uint64_t)i) * 7))
                    failed("a byte of the stream", data[i], (uint8_t)((at + (uint64_t)i) * 7));
            at += (uint64_t)n;
        }
        pthread_join(writer, &sent);
        if (n < 0 || at != (uint64_t)sent)
            failed("bytes read", (long)at, (long)(uintptr_t)sent);
        close(fds[0]), close(fds[1]);
    }
    return NULL;
}

/* ---- pipe: one pipe, many writers and readers: a write up to PIPE_BUF is never torn */

static int g_pipe[2];
static _Atomic long g_sent, g_got;

#define RECORD 512

static void *pipe_writer(void *arg)
{
    uint32_t record[RECORD / 4];
    for (uint32_t n = 0; !g_stop; n++) {
        for (int i = 0; i < RECORD / 4; i++)
            record[i] = n ^ (uint32_t)(uintptr_t)arg << 24;
        if (write(g_pipe[1], record, RECORD) != RECORD)
            failed("write to a pipe", -1, RECORD);
        g_sent++;
    }
    return NULL;
}

static void *pipe_reader(void *arg)
{
    uint32_t record[RECORD / 4];
    ssize_t n;
    (void)arg;
    while ((n = read(g_pipe[0], record, RECORD)) == RECORD) {
        for (int i = 1; i < RECORD / 4; i++)
            if (record[i] != record[0])
                failed("a torn record", record[i], record[0]);
        g_got++;
        g_ops++;
    }
    if (n)
        failed("the end of a pipe", n, 0);
    return NULL;
}

static void *pipe_thread(void *arg)
{
    return (uintptr_t)arg % 2 ? pipe_reader(arg) : pipe_writer(arg);
}

/* ---- mprotect: each thread's own pages of one mapping; every access is allowed or faults as their protection says */

static uint8_t *g_pages;
static __thread sigjmp_buf g_back;

static void on_fault(int sig)
{
    (void)sig;
    siglongjmp(g_back, 1);
}

static bool faults(volatile uint8_t *p, bool write)
{
    if (sigsetjmp(g_back, 1))
        return true;
    if (write)
        *p = *p + 1;
    else
        (void)*p;
    return false;
}

static void *mprotect_thread(void *arg)
{
    static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
    uint32_t seed = (uint32_t)(uintptr_t)arg;
    uint8_t *mine = g_pages + (uintptr_t)arg * 16 * PAGE;
    while (!g_stop) {
        int which = (int)(random_next(&seed) % 3);
        size_t first = random_next(&seed) % 16, count = 1 + random_next(&seed) % (16 - first);
        if (mprotect(mine + first * PAGE, count * PAGE, prots[which]))
            failed("mprotect", -1, 0);
        volatile uint8_t *p = mine + (first + random_next(&seed) % count) * PAGE;
        if (faults(p, false) != (which == 0))
            failed("a read that faults", which != 0, which == 0);
        if (faults(p, true) != (which < 2))
            failed("a write that faults", which >= 2, which < 2);
        g_ops++;
    }
    return NULL;
}

static void run(void *(*f)(void *), int seconds)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, f, (void *)i);
    sleep((unsigned)seconds);
    g_stop = true;
    for (int i = 0; i < THREADS; i += 2) /* even: the writers of the pipe */
        pthread_join(threads[i], NULL);
    if (f == pipe_thread)
        close(g_pipe[1]);
    for (int i = 1; i < THREADS; i += 2)
        pthread_join(threads[i], NULL);
    if (g_sent != g_got)
        failed("records read", g_got, g_sent);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    signal(SIGSEGV, on_fault);
    g_pages = mmap(NULL, THREADS * 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pipe(g_pipe) || g_pages == MAP_FAILED)
        return 1;
    void *(*f)(void *) = !strcmp(argv[1], "sockpair") ? sockpair_thread : !strcmp(argv[1], "pipe") ? pipe_thread : mprotect_thread;
    printf("hammer: dispatching hogs\n");
    fflush(stdout);
    run(f, atoi(argv[2]));
    printf("hammer: %ld operations, %ld failures\n", g_ops, g_failures);
    return g_failures ? 1 : 0;
}

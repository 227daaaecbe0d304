/*
 * Do threads hinder each other? Two threads, one for each CPU, call at the same time, each on
 * objects of its own: what a call takes then, to be held against what it takes a thread alone.
 * Where a lock is shared, or a cache line, it shows.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/bench/bench.h"

#define THREADS 2

struct own {
    _Alignas(128) int zero;
    int event;
    uint32_t word;
    void *page;
};

static void read_zero(struct own *own, uint64_t n)
{
    char c;
    while (n--)
        bench_need(read(own->zero, &c, 1) == 1, "read");
}

static void event(struct own *own, uint64_t n)
{
    uint64_t v = 1;
    while (n--)
        bench_need(write(own->event, &v, 8) == 8 && read(own->event, &v, 8) == 8, "eventfd");
}

static void poll_one(struct own *own, uint64_t n)
{
    struct pollfd p = { .fd = own->zero, .events = POLLIN };
    while (n--)
        bench_need(poll(&p, 1, 0) == 1, "poll");
}

static void wake_nobody(struct own *own, uint64_t n)
{
    while (n--)
        bench_need(syscall(SYS_futex, &own->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0,
                   "futex");
}

static void look_up(struct own *own, uint64_t n)
{
    unsigned char resident;
    while (n--)
        bench_need(mincore(own->page, 4096, &resident) == 0, "mincore");
}

struct job {
    void (*call)(struct own *own, uint64_t n);
    struct own *own;
    uint64_t n;
    pthread_barrier_t *start;
};

static void *work(void *arg)
{
    const struct job *j = arg;
    pthread_barrier_wait(j->start);
    j->call(j->own, j->n);
    return NULL;
}

struct kind {
    void (*call)(struct own *own, uint64_t n);
    int threads;
};

static void own_init(struct own *own)
{
    own->zero = open("/dev/zero", O_RDONLY);
    own->event = eventfd(0, 0);
    own->page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bench_need(own->zero >= 0 && own->event >= 0 && own->page != MAP_FAILED, "set up");
}

static void run(void *arg, uint64_t n)
{
    static struct own owns[THREADS];
    const struct kind *k = arg;
    pthread_barrier_t start;
    pthread_t threads[THREADS];
    struct job jobs[THREADS];
    if (!owns[0].page)
        for (int i = 0; i < THREADS; i++)
            own_init(&owns[i]);
    pthread_barrier_init(&start, NULL, (unsigned)k->threads);
    for (int i = 0; i < k->threads; i++) {
        jobs[i] = (struct job){ k->call, &owns[i], n, &start };
        bench_need(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0, "pthread_create");
    }
    for (int i = 0; i < k->threads; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

int main(void)
{
    static struct kind kinds[][THREADS] = {
        { { read_zero, 1 }, { read_zero, 2 } }, { { event, 1 }, { event, 2 } },
        { { poll_one, 1 }, { poll_one, 2 } },   { { wake_nobody, 1 }, { wake_nobody, 2 } },
        { { look_up, 1 }, { look_up, 2 } },
    };
    const struct bench rows[] = {
        { "thread-read", run, &kinds[0][0] },    { "threads-read", run, &kinds[0][1] },
        { "thread-eventfd", run, &kinds[1][0] }, { "threads-eventfd", run, &kinds[1][1] },
        { "thread-poll", run, &kinds[2][0] },    { "threads-poll", run, &kinds[2][1] },
        { "thread-futex", run, &kinds[3][0] },   { "threads-futex", run, &kinds[3][1] },
        { "thread-mincore", run, &kinds[4][0] }, { "threads-mincore", run, &kinds[4][1] },
    };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    return 0;
}

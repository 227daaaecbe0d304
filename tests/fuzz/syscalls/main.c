/*
 * usage: fuzz_syscalls SEED SECONDS [THREADS]
 *
 * Random calls by WORKERS threads and a stream of dying ones, in phases: each begins with the same
 * files, descriptors and memory, and ends with a check that everything works and nothing is left.
 * run.py starts it in Cloister, measures what it leaves behind, and tells a dead library OS from a
 * dead program. Of one seed, one thread makes the same calls in each run; several meet in any
 * order.
 *
 * Exit status: 0 clean; 93 a thread hangs; 94 the library OS no longer works; 95 an answer that
 * Linux never gives; 96 a phase cannot begin; 97 no start; 98 this program's own fault, or memory
 * that a call changed behind its back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define PHASE_CALLS 4000u /* per thread */
#define HANG_MS     60000u
#define HANG_LOOKS  5000u
#define LOOK_MS     20000u /* for run.py to look at the stacks of one that hangs */

struct slot g_slots[SLOTS];
int g_pid;
bool g_drop;
static unsigned g_workers = WORKERS;
static uint64_t g_phase, g_resting; /* workers wait while g_phase is what they have done */

static void pause_ms(unsigned ms)
{
    struct timespec t = { 0, ms * 1000000 };
    RAW(SYS_nanosleep, &t, 0);
}

static void *worker(void *argument)
{
    struct slot *s = argument;
    __atomic_store_n(&s->tid, (int32_t)RAW(SYS_gettid, 0), __ATOMIC_SEQ_CST);
    for (uint64_t done = 0;;) {
        while (__atomic_load_n(&g_phase, __ATOMIC_SEQ_CST) == done)
            pause_ms(1);
        done++;
        for (unsigned n = 0; n < PHASE_CALLS; n++) {
            work_once(s);
            if (n % 300 == 299) {
                RAW(SYS_chdir, "/fuzz");
                RAW(SYS_close_range, 100, FD_MOST, 0);
            }
        }
        __atomic_fetch_add(&g_resting, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void tell_calls(const struct slot *s)
{
    for (unsigned i = 0; i < LAST; i++) {
        const struct call *c = &s->calls[(s->sequence + i) % LAST];
        const char *name = "?";
        for (unsigned k = 0; k < g_row_count; k++)
            if (g_rows[k].nr == c->nr)
                name = g_rows[k].name;
        if (c->sequence)
            say("fuzz:   %lu %s(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx) = %ld%s\n", c->sequence, name,
                c->args[0], c->args[1], c->args[2], c->args[3], c->args[4], c->args[5], c->result,
                c->ended ? "" : " (not ended)");
    }
}

/* A thread that has been in one call for a while gets a signal; one that does not come out of it
 * hangs. */
static void watch(struct slot *s, uint64_t now)
{
    uint64_t sequence = __atomic_load_n(&s->sequence, __ATOMIC_SEQ_CST);
    if (sequence != s->kicked || !__atomic_load_n(&s->inside, __ATOMIC_SEQ_CST)) {
        s->kicked = sequence;
        s->since = now;
        s->looks = 0;
        return;
    }
    s->looks++; /* a machine that was paused shows in the time, not in these */
    if (now - s->since >= 3)
        RAW(SYS_tgkill, g_pid, s->tid, SIGUSR1);
    if (now - s->since < HANG_MS || s->looks < HANG_LOOKS)
        return;
    say("fuzz: HANG: thread %d does not come back from its last call:\n", s->tid);
    tell_calls(s);
    for (unsigned i = 0; i < LOOK_MS / 500; i++)
        pause_ms(500);
    die(93, "fuzz: given up\n");
}

static void run_phase(void)
{
    uint64_t all = ~0ul & ~(1ul << (SIGSEGV - 1));
    world_renew();
    signals_install();
    __atomic_store_n(&g_resting, 0, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&g_phase, 1, __ATOMIC_SEQ_CST);
    RAW(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
    for (bool more = true, victim = false; more || victim;) {
        pause_ms(2);
        uint64_t now = now_ms();
        more = __atomic_load_n(&g_resting, __ATOMIC_SEQ_CST) < g_workers;
        victim = victim_tend(more);
        for (unsigned i = 0; i < SLOTS; i++)
            if (g_slots[i].tid && (i < WORKERS || victim))
                watch(&g_slots[i], now);
    }
    world_clean();
    world_renew();
    selfcheck();
    world_clean();
}

static uint64_t calls_made(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < g_row_count; i++)
        sum += g_counts[i];
    return sum;
}

static void tell_rows(void)
{
    for (unsigned i = 0; i < g_row_count; i++)
        if (!g_successes[i])
            say("fuzz: never succeeded: %s, of %lu\n", g_rows[i].name, g_counts[i]);
}

/* Remembered calls live in a file, so that they can be read when this program is dead. */
static void start_slots(uint64_t seed)
{
    size_t size = SLOTS * LAST * sizeof(struct call);
    int fd = open("/fuzz-log/calls", O_RDWR | O_CREAT, 0644);
    if (fd < 0 || ftruncate(fd, (off_t)size))
        die(97, "fuzz: no /fuzz-log/calls\n");
    struct call *calls = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (calls == MAP_FAILED)
        die(97, "fuzz: /fuzz-log/calls cannot be mapped\n");
    for (unsigned i = 0; i < SLOTS; i++) {
        g_slots[i].calls = calls + i * LAST;
        g_slots[i].random = (seed + 1) * 0x9E3779B97F4A7C15ull ^ (i + 1) * 0xBF58476D1CE4E5B9ull;
        g_slots[i].victim = i == WORKERS;
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1,
             seconds = argc > 2 ? strtoul(argv[2], NULL, 0) : 10;
    if (argc > 3)
        g_workers = (unsigned)strtoul(argv[3], NULL, 0) % (WORKERS + 1);
    dup2(1, LOG_FD);
    /* run.py's manifest has these and nothing of the host's: never run on Linux itself. */
    if (access("/fuzz/h/inside-cloister", F_OK) || !access("/bin/sh", F_OK))
        die(97, "fuzz: runs in Cloister with run.py's manifest only\n");
    g_pid = getpid();
    g_drop = seed % 8 == 7;
    start_slots(seed);
    world_start();
    for (unsigned i = 0; i < g_workers; i++) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 4 * SIGNAL_STACK);
        if (pthread_create(&thread, &attributes, worker, &g_slots[i]))
            die(97, "fuzz: no threads\n");
    }
    while (__atomic_load_n(&g_slots[g_workers - 1].tid, __ATOMIC_SEQ_CST) == 0)
        pause_ms(1);
    world_protect();
    RAW(SYS_close_range, 0, 2, 0);
    say("fuzz: seed %lu, %lu s, %u threads, %u rows\n", seed, seconds, g_workers, g_row_count);
    uint64_t start = now_ms();
    for (unsigned n = 1; now_ms() - start < seconds * 1000; n++) {
        run_phase();
        uint64_t ms = now_ms() - start, calls = calls_made();
        say("fuzz: phase %u: %lu calls, %lu a second, %lu KiB\n", n, calls,
            calls * 1000 / (ms ? ms : 1), world_used());
        pause_ms(20); /* run.py looks at what is left */
    }
    tell_rows();
    die(0, "fuzz: done: seed %lu, %lu calls\n", seed, calls_made());
}

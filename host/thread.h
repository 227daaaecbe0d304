#ifndef HOST_THREAD_H
#define HOST_THREAD_H

/*
 * The launcher's two objects: the process (one enclave) and a host thread that runs one TCS.
 *
 * A host thread stands at the low end of a THREAD_BLOCK_SIZE-aligned block whose rest is its alternate
 * signal stack: a handler finds its thread by rounding its stack pointer down, because neither FS nor
 * GS is ours while a program in the enclave runs.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/boundary/hostcall.h"
#include "lib/sgx/layout.h"

#define THREAD_BLOCK_SIZE (UINT64_C(64) << 10)
#define THREAD_STACK_SIZE (UINT64_C(64) << 10) /* the serve loop is shallow */

struct thread_counters {
    uint64_t eenter, eexit, aex, bytes;
    uint64_t calls[HC_COUNT];
};

struct host_thread {
    volatile uint64_t pending; /* bit n-1: host signal n came while in host code; offset 0, see enter_*.S */
    uint64_t index;            /* thread number = TCS number */
    uint64_t tcs;              /* its linear address */
    uint64_t staging;
    uint64_t stack;            /* top of the host stack */
    uint32_t tid;              /* 0 when no host thread runs it: cleared by the kernel (CLEARTID) */
    uint32_t wake_token;       /* thread_wait and thread_wake: 1 when woken */
    uint32_t kick_sent;        /* a kick is on its way: real-time signals queue, one is enough */
    uint32_t pad;
    bool cpuid_faults;      /* soft: CPUID traps in this thread, as in an enclave */
    struct soft_tcs *soft;     /* the software device's state of this TCS */
    struct thread_counters counters;
};

struct device;

struct host_process {
    const struct device *device;
    uint64_t enclave_size; /* the enclave is [0, enclave_size) */
    uint32_t thread_count;
    uint32_t stats; /* enum host_stats */
    uint64_t start; /* struct start *, passed once by thread 0 */
    uint64_t staging;
    uint64_t host_signals; /* bit n-1: passed on to the enclave */
    uint64_t load_ns;      /* how long the enclave took to build */
    const char *aesm_path;
    uint64_t tcs[LAYOUT_MAX_THREADS];                /* their linear addresses */
    struct host_thread *threads[LAYOUT_MAX_THREADS]; /* made when first used; never freed */
};

extern struct host_process g_host;

/* Make the block of thread `index`. Returns 0, or negative errno. Called at start and by thread_create. */
int thread_new(uint32_t index);

/* Start a host thread that enters TCS `index` with ENTER_THREAD. Returns 0, -EAGAIN, -ENOMEM, -EINVAL. */
int64_t thread_start(uint64_t index);

/* What each host thread does first: alternate stack, the device's own preparations. */
void thread_prepare(struct host_thread *t);

/* End this host thread; its block is used again by the next thread_start() of its number. */
_Noreturn void thread_exit(struct host_thread *t);

int64_t thread_wait(struct host_thread *t, uint64_t timeout_ns);
int64_t thread_wake(uint64_t index);
int64_t thread_kick(uint64_t index);
/* CPU time of the host thread as a struct timespec at `out`; kind: enclave/clock.h. */
int64_t thread_cputime(uint64_t index, uint64_t kind, uint64_t out);

#endif

/*
 * Host threads: each runs one TCS. Served code: no libc. Threads are made with raw clone(2), because
 * libc's would want thread-local storage; see thread.h for where a thread's state stands.
 */
#include "host/thread.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <signal.h>
#include <sys/mman.h>

#include "host/device.h"
#include "host/say.h"
#include "host/serve.h"
#include "host/signals.h"
#include "host/syscall.h"
#include "host/syscall_stub.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/boundary/start.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define CLONE_FLAGS                                                                                \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

struct host_process g_host;

static_assert(offsetof(struct host_thread, pending) == 0, "enter_*.S");
static_assert(sizeof(struct host_thread) < THREAD_BLOCK_SIZE / 4, "the rest is a signal stack");

static uint64_t map_memory(uint64_t size)
{
    int64_t p = sys6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0);
    return p < 0 && p > -4096 ? 0 : (uint64_t)p;
}

/* Block, guard page, stack, in one mapping with room to align the block. */
int thread_new(uint32_t index)
{
    uint64_t p = map_memory(2 * THREAD_BLOCK_SIZE + PAGE_SIZE + THREAD_STACK_SIZE);
    if (!p)
        return -ENOMEM;
    uint64_t block = ALIGN_UP(p, THREAD_BLOCK_SIZE);
    uint64_t guard = block + THREAD_BLOCK_SIZE;
    if (sys3(__NR_mprotect, guard, PAGE_SIZE, PROT_NONE))
        return -ENOMEM;
    struct host_thread *t = pointer_to(block);
    t->index = index;
    t->tcs = g_host.tcs[index];
    t->staging = g_host.staging + index * STAGING_SIZE;
    t->stack = guard + PAGE_SIZE + THREAD_STACK_SIZE;
    __atomic_store_n(&g_host.threads[index], t, __ATOMIC_RELEASE);
    return 0;
}

/* NULL: there never was one. */
static struct host_thread *thread_get(uint64_t index)
{
    return index < g_host.thread_count ? __atomic_load_n(&g_host.threads[index], __ATOMIC_ACQUIRE) : NULL;
}

void thread_prepare(struct host_thread *t)
{
    uint64_t low = ALIGN_UP(address_of(t) + sizeof(*t), 64);
    stack_t alt = { .ss_sp = pointer_to(low), .ss_size = address_of(t) + THREAD_BLOCK_SIZE - low };
    if (sys2(__NR_sigaltstack, address_of(&alt), 0))
        host_fail("cannot set a signal stack");
    signals_unblock();
    g_host.device->prepare(t);
}

static void thread_main(void *arg)
{
    struct host_thread *t = arg;
    thread_prepare(t);
    serve_thread(t, ENTER_THREAD, 0);
}

/* The number may have been used before: wait until the kernel is done with the old thread's stack. */
static void wait_until_gone(struct host_thread *t)
{
    uint32_t tid;
    while ((tid = __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE)) != 0)
        sys4(__NR_futex, address_of(&t->tid), FUTEX_WAIT, tid, 0);
}

int64_t thread_start(uint64_t index)
{
    if (index == 0 || index >= g_host.thread_count)
        return -EAGAIN;
    if (!g_host.threads[index] && thread_new((uint32_t)index))
        return -ENOMEM;
    struct host_thread *t = g_host.threads[index];
    wait_until_gone(t);
    t->pending = 0;
    t->wake_token = 0;
    t->kick_sent = 0;
    /* Until it has its signal stack, by which a handler finds its thread: a kick before that would
     * be lost for good. */
    uint64_t mask = signals_block();
    int64_t ret = host_thread_clone(CLONE_FLAGS, t->stack, &t->tid, &t->tid, thread_main, t);
    signals_restore(mask);
    return ret < 0 ? (ret == -ENOMEM ? -ENOMEM : -EAGAIN) : 0;
}

_Noreturn void thread_exit(struct host_thread *t)
{
    for (;;)
        sys1(__NR_exit, 0);
}

/* A wake before the wait leaves a token, so it is not lost. */
int64_t thread_wait(struct host_thread *t, uint64_t timeout_ns)
{
    struct __kernel_timespec until = { 0 }, *timeout = NULL;
    if (timeout_ns != UINT64_MAX) {
        sys2(__NR_clock_gettime, 1, address_of(&until));
        uint64_t ns = (uint64_t)until.tv_nsec + timeout_ns % NS_PER_SECOND;
        until.tv_sec += (int64_t)(timeout_ns / NS_PER_SECOND + ns / NS_PER_SECOND);
        until.tv_nsec = (int64_t)(ns % NS_PER_SECOND);
        timeout = &until;
    }
    /* BITSET: an absolute time, so that waiting again after a stray wake-up does not wait longer. */
    const uint64_t args[6] = { address_of(&t->wake_token), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0,
                               address_of(timeout), 0, FUTEX_BITSET_MATCH_ANY };
    for (;;) {
        if (__atomic_exchange_n(&t->wake_token, 0, __ATOMIC_ACQUIRE))
            return 0;
        int64_t ret = host_blocking_syscall(&t->pending, __NR_futex, args);
        if (ret < 0 && ret != -EAGAIN)
            return ret == -ETIMEDOUT || ret == -EINTR ? ret : -EAGAIN;
    }
}

int64_t thread_wake(uint64_t index)
{
    struct host_thread *t = thread_get(index);
    if (!t)
        return -ESRCH;
    if (__atomic_exchange_n(&t->wake_token, 1, __ATOMIC_RELEASE) == 0)
        sys3(__NR_futex, address_of(&t->wake_token), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
    return 0;
}

int64_t thread_kick(uint64_t index)
{
    struct host_thread *t = thread_get(index);
    if (!t)
        return -ESRCH;
    uint32_t tid = __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE);
    if (tid == 0)
        return -ESRCH;
    if (__atomic_exchange_n(&t->kick_sent, 1, __ATOMIC_ACQ_REL))
        return 0; /* the handler clears it first, so what we want to tell will be seen */
    if (sys3(__NR_tgkill, (uint64_t)sys1(__NR_getpid, 0), tid, KICK_SIGNAL) == 0)
        return 0;
    __atomic_store_n(&t->kick_sent, 0, __ATOMIC_RELEASE);
    return -ESRCH;
}

int64_t thread_cputime(uint64_t index, uint64_t kind, uint64_t out)
{
    struct host_thread *t = thread_get(index);
    uint32_t tid = t ? __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE) : 0;
    if (tid == 0)
        return -ESRCH;
    if (kind > 2)
        return -EINVAL;
    uint64_t clock =
        (uint64_t)(int64_t)(int32_t)(~tid << 3 | 4 |
                                     (uint32_t)kind); /* posix-timers.h: of one thread */
    return sys2(__NR_clock_gettime, clock, out);
}

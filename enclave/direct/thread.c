/*
 * Threads in a plain process: each has a libos stack, an alternate signal stack and a thread block, carved
 * from the zone once and reused when the kernel says (CLONE_CHILD_CLEARTID) that the thread is gone.
 */
#include "enclave/backend.h"
#include "enclave/direct/direct.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/sync.h"
#include "enclave/zone_alloc.h"
#include "lib/base/bytes.h"
#include "lib/boundary/start.h"

#define CLONE_FLAGS 0x350f00 /* VM FS FILES SIGHAND THREAD SYSVSEM PARENT_SETTID CHILD_CLEARTID */

struct direct_thread {
    struct thread_block tb; /* first: GS base */
    struct direct_thread *next; /* g_lock */
    uint64_t altstack;
    void (*entry)(void *arg);
    void *arg;
};

extern const char syscall_door[];

static struct spinlock g_lock;
static struct direct_thread *g_threads; /* g_lock: all there ever were */
static uint32_t g_count;                /* g_lock */

int64_t direct_clone(uint64_t flags, uint64_t stack, int32_t *ptid, int32_t *ctid, struct thread_block *tb);
void direct_thread_main(struct direct_thread *t);

static struct direct_thread *reuse_thread(void)
{
    spin_lock(&g_lock);
    for (struct direct_thread *t = g_threads; t; t = t->next) {
        int32_t gone = 0;
        /* -1 marks it as taken until the kernel writes the new tid. */
        if (__atomic_compare_exchange_n(&t->tb.host_tid, &gone, -1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            spin_unlock(&g_lock);
            return t;
        }
    }
    spin_unlock(&g_lock);
    return NULL;
}

static struct direct_thread *carve_thread(void)
{
    uint64_t total = PAGE_SIZE + LAYOUT_STACK_SIZE + DIRECT_ALTSTACK_SIZE + PAGE_SIZE;
    uint8_t *area = zone_bump(total);
    if (!area)
        return NULL;
    uint64_t low = (uintptr_t)area + PAGE_SIZE;
    direct_sys(NR_MPROTECT, (uintptr_t)area, PAGE_SIZE, 0); /* guard: a stack overflow is a bug, not a corruption */
    struct direct_thread *t = (struct direct_thread *)(low + LAYOUT_STACK_SIZE + DIRECT_ALTSTACK_SIZE);
    memset(t, 0, sizeof(*t));
    t->altstack = low + LAYOUT_STACK_SIZE;
    t->tb.layout.self = (uintptr_t)t;
    t->tb.layout.stack_low = low;
    t->tb.layout.stack_top = low + LAYOUT_STACK_SIZE;
    t->tb.syscall_entry = (uintptr_t)syscall_door;
    t->tb.wake_fd = -1;
    t->tb.host_tid = -1;
    spin_lock(&g_lock);
    t->tb.layout.index = g_count++;
    t->next = g_threads;
    g_threads = t;
    spin_unlock(&g_lock);
    return t;
}

struct thread_block *direct_thread_block_new(void)
{
    struct direct_thread *t = carve_thread();
    return t ? &t->tb : NULL;
}

void direct_thread_main(struct direct_thread *t)
{
    direct_signals_thread(t->altstack);
    t->entry(t->arg);
    direct_thread_exit();
}

int direct_thread_create(void (*entry)(void *arg), void *arg, struct thread_block **out)
{
    struct direct_thread *t = reuse_thread();
    if (!t)
        t = carve_thread();
    if (!t)
        return -ENOMEM;
    t->entry = entry;
    t->arg = arg;
    t->tb.pending = 0;
    t->tb.park_token = 0;
    t->tb.park_sleeping = 0;
    t->tb.thread = NULL;
    *out = &t->tb;
    /* Blocked until it has its own GS base and alternate stack: a kick before that would count as ours. */
    uint64_t all = UINT64_MAX, before;
    direct_sys(NR_RT_SIGPROCMASK, 2 /* SETMASK */, (uintptr_t)&all, (uintptr_t)&before, 8);
    int64_t tid = direct_clone(CLONE_FLAGS, t->tb.layout.stack_top - 256, &t->tb.host_tid, &t->tb.host_tid, &t->tb);
    direct_sys(NR_RT_SIGPROCMASK, 2, (uintptr_t)&before, 0, 8);
    if (tid < 0) {
        __atomic_store_n(&t->tb.host_tid, 0, __ATOMIC_RELEASE);
        return tid == -EAGAIN || tid == -ENOMEM ? (int)tid : -EAGAIN;
    }
    return 0;
}

_Noreturn void direct_thread_end(void);

void direct_thread_exit(void)
{
    direct_thread_end();
}

void direct_thread_kick(struct thread_block *tb)
{
    int32_t tid = __atomic_load_n(&tb->host_tid, __ATOMIC_ACQUIRE);
    if (tid > 0)
        direct_sys(NR_TGKILL, g_direct_pid, (uint64_t)tid, KICK_SIGNAL);
}

int64_t direct_thread_cputime(uint64_t number, uint64_t kind, uint64_t out)
{
    int32_t tid = 0;
    spin_lock(&g_lock);
    for (struct direct_thread *t = g_threads; t && tid == 0; t = t->next)
        if (t->tb.layout.index == number)
            tid = __atomic_load_n(&t->tb.host_tid, __ATOMIC_ACQUIRE);
    spin_unlock(&g_lock);
    if (tid <= 0)
        return -ESRCH;
    return direct_sys(NR_CLOCK_GETTIME,
                      (uint64_t)(int64_t)(int32_t)(~(uint32_t)tid << 3 | 4 | (uint32_t)kind), out);
}

/*
 * An enclave's threads: TCSs are given at build time, so a thread is a number. A number is free, asked for
 * (the host was told to enter it), or running; a host that enters a TCS nobody asked for is refused.
 */
#include "enclave/event.h"
#include "enclave/gate.h"
#include "enclave/machine.h"
#include "enclave/sgx/sgx.h"
#include "enclave/sync.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/boundary/start.h"

enum slot_state { SLOT_FREE, SLOT_ASKED, SLOT_RUNNING }; /* door.S stores SLOT_FREE as 0 */

struct slot {
    uint32_t state; /* atomic enum slot_state */
    bool used;      /* had a life before: its block keeps the wake descriptor */
    void (*entry)(void *arg);
    void *arg;
};

extern const char syscall_door[];

static struct slot g_slots[LAYOUT_MAX_THREADS];
static uint64_t g_first_block, g_stride, g_staging;
static uint32_t g_count;

static struct thread_block *block_of(uint32_t n)
{
    return (struct thread_block *)(g_first_block + n * g_stride);
}

void sgx_threads_init(const struct thread_block *first, uint64_t staging, uint32_t count)
{
    g_first_block = (uintptr_t)first;
    g_stride = LAYOUT_THREAD_STRIDE;
    g_staging = staging;
    g_count = count;
    g_slots[0].state = SLOT_RUNNING;
}

static void prepare_block(struct thread_block *tb, uint32_t n)
{
    tb->syscall_entry = (uintptr_t)syscall_door;
    tb->staging = g_staging + n * STAGING_SIZE;
    tb->pending = 0;
    tb->call_rsp = 0;
    if (!g_slots[n].used)
        tb->wake_fd = -1;
    g_slots[n].used = true;
    tb->thread = NULL;
    tb->park_token = 0;
    tb->park_sleeping = 0;
    if (tb->layout.index != n)
        BUG();
}

int sgx_thread_create(void (*entry)(void *arg), void *arg, struct thread_block **out)
{
    for (uint32_t n = 1; n < g_count; n++) {
        struct slot *s = &g_slots[n];
        uint32_t free = SLOT_FREE;
        if (!__atomic_compare_exchange_n(&s->state, &free, SLOT_ASKED, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            continue;
        struct thread_block *tb = block_of(n);
        s->entry = entry;
        s->arg = arg;
        prepare_block(tb, n);
        __atomic_store_n(&tb->state, THREAD_FRESH, __ATOMIC_RELEASE);
        *out = tb;
        int64_t err = host_call(thread_create, n);
        uint32_t asked = SLOT_ASKED;
        /* host may enter the thread and then say that it could not: the caller would free what the thread uses */
        if (err && !__atomic_compare_exchange_n(&s->state, &asked, SLOT_FREE, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            machine_exit(134);
        return (int)err;
    }
    return -EAGAIN;
}

/* First code of a thread that was asked for. */
void sgx_thread_started(void)
{
    struct slot *s = &g_slots[thread_block()->layout.index];
    uint32_t asked = SLOT_ASKED;

    if (!__atomic_compare_exchange_n(&s->state, &asked, SLOT_RUNNING, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        machine_exit(134); /* host entered a TCS that is not to be entered */
    s->entry(s->arg);
    sgx_thread_exit_loop();
}

_Noreturn void sgx_thread_end(struct hostcall_frame *frame, uint32_t *slot);

_Noreturn void sgx_thread_exit_loop(void)
{
    struct thread_block *tb = thread_block();
    struct hostcall_frame f = { .nr = HC_thread_exit, .r = { tb->layout.index } };

    tb->thread = NULL;
    sgx_copy_out(tb->staging, &f, sizeof(f));
    sgx_thread_end((struct hostcall_frame *)tb->staging, &g_slots[tb->layout.index].state);
}

/*
 * The back end for an enclave: pages were added by the host before EINIT, threads are TCSs, reports and keys
 * are instructions. Also the first C code after the enclave's door.
 */
#include "enclave/backend.h"
#include "enclave/clock.h"
#include "enclave/cpu.h"
#include "enclave/event.h"
#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/park.h"
#include "enclave/ranges.h"
#include "enclave/sgx/sgx.h"
#include "enclave/zone.h"
#include "enclave/zone_alloc.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/boundary/start.h"
#include "lib/crypto/crypto.h"
#include "lib/sgx/arch.h"

#define WORDS_MAX  10000000 /* argv and environment, each */
#define ARENA_LEAST (UINT64_C(8) << 20)
#define ARENA_MOST  (UINT64_C(512) << 20)

extern const char syscall_door[];
_Noreturn void sgx_refuse(void);
void sgx_ereport(const void *target_info, const void *data, void *report);
uint64_t sgx_egetkey(const void *request, void *key);
int uaccess_tsc(void);
size_t uaccess_set(void *dst, size_t size);
size_t uaccess_clear(void *dst, size_t size);

/* SGX1-style: pages are there, RWX, and hold whatever was there before. The host may say that they are
   writable and leave them closed: an error, not a fault of ours. */
static int commit(uint64_t address, uint64_t size, unsigned prot, size_t (*clear)(void *dst, size_t size))
{
    host_call(page_protect, address, size, PAGE_R | PAGE_W);
    if (clear((void *)address, size))
        return -ENOMEM;
    if (prot != (PAGE_R | PAGE_W))
        host_call(page_protect, address, size, prot);
    return 0;
}

static int sgx_pages_commit(uint64_t address, uint64_t size, unsigned prot)
{
    return commit(address, size, prot, uaccess_set);
}

static int sgx_pages_commit_sparse(uint64_t address, uint64_t size, unsigned prot)
{
    return commit(address, size, prot, uaccess_clear);
}

static int sgx_pages_protect(uint64_t address, uint64_t size, unsigned prot)
{
    int64_t err = host_call(page_protect, address, size, prot);
    return err == -ENOMEM ? -ENOMEM : 0;
}

/* Pages that nobody owns must fault: guard pages and unmapped memory depend on it. */
static int sgx_pages_release(uint64_t address, uint64_t size)
{
    host_call(page_protect, address, size, PAGE_NONE);
    return 0;
}

/* Pages with content that may not be written just now (PROT_NONE, read-only, or closed by a host that lies) are an error. */
static int sgx_pages_discard(uint64_t address, uint64_t size)
{
    return uaccess_clear((void *)address, size) ? -EFAULT : 0;
}

static int sgx_pages_map_file(uint64_t address, uint64_t size, unsigned prot, int flags, int fd, uint64_t offset)
{
    return -EOPNOTSUPP;
}

static int sgx_thread_rseq(uint64_t area, uint32_t size, uint32_t flags, uint32_t signature)
{
    return -ENOSYS;
}

static int sgx_pages_move(uint64_t from, uint64_t from_size, uint64_t to, uint64_t to_size)
{
    return -EOPNOTSUPP;
}

static int sgx_pages_advise(uint64_t address, uint64_t size, int advice)
{
    return 0;
}

static void sgx_thread_exit(void)
{
    sgx_thread_exit_loop();
}

static void sgx_thread_kick(struct thread_block *tb)
{
    host_call(thread_kick, tb->layout.index);
}

static int sgx_thread_wait(struct thread_block *tb, int64_t timeout)
{
    return (int)host_call(thread_wait, tb->layout.index, timeout == PARK_FOREVER ? UINT64_MAX : (uint64_t)timeout);
}

static void sgx_thread_wake(struct thread_block *tb)
{
    host_call(thread_wake, tb->layout.index);
}

static void sgx_lock_wait(const uint32_t *word, uint32_t value)
{
    if (__atomic_load_n(word, __ATOMIC_RELAXED) == value)
        host_call(sched_yield, 0);
}

static void sgx_lock_wake(const uint32_t *word)
{
}

static void sgx_exit(int status)
{
    for (;;)
        host_call(exit, (uint64_t)status);
}

static int sgx_random(void *out, size_t size)
{
    uint8_t *p = out;
    while (size) {
        uint64_t v;
        uint8_t ok = 0;
        for (int i = 0; i < 1000 && !ok; i++)
            __asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(ok) : : "cc");
        if (!ok)
            machine_exit(134); /* a CPU without randomness must not run anything that needs it */
        size_t n = MIN(size, sizeof(v));
        memcpy(p, &v, n);
        p += n;
        size -= n;
    }
    return 0;
}

/* Operands of EREPORT and EGETKEY have their own alignment: bounce through aligned memory. */
static int sgx_report_now(const void *target_info, const void *data, void *report)
{
    _Alignas(512) struct sgx_targetinfo target;
    _Alignas(512) uint8_t out[512];
    _Alignas(128) uint8_t user_data[64];

    memcpy(&target, target_info, sizeof(target));
    /* host (quote_target) or program may set what is reserved: EREPORT would raise #GP in the image */
    if (target.reserved1 || !bytes_are_zero(target.reserved2, sizeof(target.reserved2)) || !bytes_are_zero(target.reserved3, sizeof(target.reserved3)))
        return -EINVAL;
    memcpy(user_data, data, sizeof(user_data));
    sgx_ereport(&target, user_data, out);
    memcpy(report, out, sizeof(struct sgx_report));
    return 0;
}

static int sgx_key_now(const struct sgx_keyrequest *request, uint8_t key[16])
{
    _Alignas(512) uint8_t in[512];
    _Alignas(16) uint8_t out[16];

    memcpy(in, request, sizeof(in));
    uint64_t err = sgx_egetkey(in, out);
    if (err == 0)
        memcpy(key, out, sizeof(out));
    bytes_wipe(out, sizeof(out));
    return err == 0 ? 0 : err == SGX_INVALID_ATTRIBUTE ? -EPERM : -EINVAL;
}

const struct backend backend_sgx = {
    .call = sgx_call,
    .transfer_max = STAGING_SIZE - STAGING_DATA - 2048,
    .pages_commit = sgx_pages_commit,
    .pages_commit_sparse = sgx_pages_commit_sparse,
    .pages_protect = sgx_pages_protect,
    .pages_release = sgx_pages_release,
    .pages_discard = sgx_pages_discard,
    .pages_map_file = sgx_pages_map_file,
    .pages_move = sgx_pages_move,
    .thread_rseq = sgx_thread_rseq,
    .pages_advise = sgx_pages_advise,
    .thread_create = sgx_thread_create,
    .thread_exit = sgx_thread_exit,
    .thread_kick = sgx_thread_kick,
    .thread_wait = sgx_thread_wait,
    .thread_wake = sgx_thread_wake,
    .lock_wait = sgx_lock_wait,
    .lock_wake = sgx_lock_wake,
    .exit = sgx_exit,
    .random = sgx_random,
    .report = sgx_report_now,
    .key = sgx_key_now,
};

/* Copy one of the host's word blocks in; it must end with NUL. NULL: empty, too long, or not outside. */
static const char *take_words(uint64_t address, uint64_t size)
{
    if (size == 0 || size > WORDS_MAX || !IS_ALIGNED(address, 8) || !sgx_is_outside(address, ALIGN_UP(size, 8)))
        return NULL;
    cpu_speculation_barrier();
    char *copy = mem_alloc(size);
    if (!copy || !sgx_copy_in(copy, address, size) || copy[size - 1] != 0) {
        mem_free(copy);
        return NULL;
    }
    return copy;
}

static void take_start(const struct start *s)
{
    static char g_hostname[sizeof(s->hostname)];
    static struct start_dns g_dns;

    memcpy(g_hostname, s->hostname, sizeof(g_hostname) - 1);
    g_machine.hostname = g_hostname;
    g_dns = s->dns;
    g_machine.dns = &g_dns;
    g_machine.cpu_features = s->cpu_features;
    g_machine.tsc_hz = uaccess_tsc() ? 0 : s->tsc_hz; /* no RDTSC in an enclave of SGX1: the host is asked each time */
    g_machine.cpu_count = MIN(MAX(s->cpu_count, 1u), 1024u);
    g_machine.log_fd = (int)s->log_fd;
    g_machine.verity_fd = (int)s->verity_fd;
    g_machine.trace = s->trace;
    g_machine.stats = s->stats;
    g_machine.argv = take_words(s->argv, s->argv_size);
    g_machine.argv_size = g_machine.argv ? s->argv_size : 0;
    g_machine.envp = take_words(s->envp, s->envp_size);
    g_machine.envp_size = g_machine.envp ? s->envp_size : 0;
    if (s->log_level != UINT32_MAX)
        g_log_level = s->log_level;
    /* What the program does is not the host's to see, unless the measured manifest says debug. */
    bool debug = g_machine.plan.h->flags & PLAN_DEBUG;
    bool stats = g_machine.plan.h->flags & (PLAN_DEBUG | PLAN_STATS);
    if (!stats)
        g_machine.stats = 0;
    if (!debug) {
        g_machine.trace = 0;
        g_log_level = g_machine.plan.h->log_level;
    }
    g_trace = g_machine.trace;
}

static void init_memory(const struct layout_thread *l)
{
    uint64_t heap = l->heap_end - l->heap_start;
    uint64_t arena = MIN(MAX(ALIGN_DOWN(heap / 8, PAGE_SIZE), ARENA_LEAST), ARENA_MOST);
    if (arena > heap / 2)
        arena = ALIGN_DOWN(heap / 2, PAGE_SIZE);
    uint64_t user_high = l->heap_end - arena;

    g_zone.user_low = l->heap_start;
    g_zone.user_high = user_high;
    g_zone.low = user_high;
    g_zone.high = l->base + l->size;
    g_zone.image_low = l->image_start;
    g_zone.image_high = l->image_end;
    zone_set_arena(user_high, l->heap_end);
    host_call(page_protect, user_high, arena, PAGE_R | PAGE_W);
    host_call(page_protect, l->heap_start, user_high - l->heap_start, PAGE_NONE); /* until committed */
    ranges_init(l->heap_start, user_high);
    g_machine.range_low = l->heap_start;
    g_machine.range_high = user_high;
    g_machine.image_start = l->image_start;
    g_machine.image_end = l->image_end;
}

static _Noreturn void enclave_start(uint64_t start_address)
{
    struct thread_block *tb = thread_block();
    const struct layout_thread *l = &tb->layout;
    struct start s;

    if (!IS_ALIGNED(start_address, 8) || !sgx_is_outside(start_address, ALIGN_UP(sizeof(s), 8)) ||
        !sgx_copy_in(&s, start_address, sizeof(s)) || s.version != BOUNDARY_VERSION || s.thread_count == 0 ||
        s.thread_count > LAYOUT_MAX_THREADS || !IS_ALIGNED(s.staging, 16) ||
        !sgx_is_outside(s.staging, s.thread_count * STAGING_SIZE))
        sgx_refuse();
    cpu_speculation_barrier();
    tb->staging = s.staging;
    tb->syscall_entry = (uintptr_t)syscall_door;
    tb->wake_fd = -1;
    g_machine.is_enclave = true;
    if (plan_open((const void *)l->plan, l->plan_size, &g_machine.plan))
        machine_exit(134);
    g_machine.thread_max = MIN(s.thread_count, g_machine.plan.h->max_threads);
    sgx_threads_init(tb, s.staging, g_machine.thread_max);
    init_memory(l);
    if (crypto_init((uint32_t)s.cpu_features))
        machine_exit(134);
    g_log_level = g_machine.plan.h->log_level;
    take_start(&s);
    if (clock_init(g_machine.tsc_hz))
        machine_exit(134);
    libos_main();
}

void sgx_enter(uint64_t reason, uint64_t a, uint64_t b);

/* Called by enclave_entry at CSSA 0, once in each life of a thread. */
void sgx_enter(uint64_t reason, uint64_t a, uint64_t b)
{
    static uint32_t g_started;

    if (thread_block()->layout.index == 0) {
        /* host may enter the first thread again: only its first life exists */
        if (reason != ENTER_START || __atomic_exchange_n(&g_started, 1, __ATOMIC_SEQ_CST))
            sgx_refuse();
        image_relocate();
        g_backend = &backend_sgx;
        enclave_start(a);
    }
    /* host may enter a thread that was never asked for: it has no way out yet */
    if (reason != ENTER_THREAD || !thread_block()->staging)
        sgx_refuse();
    sgx_thread_started();
}

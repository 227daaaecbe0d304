/*
 * The back end for a plain process: host calls are the syscall instruction, pages are the kernel's. Also the
 * first C code after the direct door. Protects nothing: the launcher and the kernel are trusted here.
 */
#include "enclave/backend.h"
#include "enclave/clock.h"
#include "enclave/direct/direct.h"
#include "enclave/event.h"
#include "enclave/gate.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/park.h"
#include "enclave/ranges.h"
#include "enclave/zone.h"
#include "enclave/zone_alloc.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/boundary/message.h"
#include "lib/boundary/start.h"
#include "lib/crypto/crypto.h"
#include "lib/linux/time.h"

#define MAP_SHARED_FLAG 0x01
#define MAP_FLAGS_ANON  0x32    /* PRIVATE | FIXED | ANONYMOUS */
#define MAP_FIXED_FLAG  0x10
#define MAP_NORESERVE   0x4000
#define MADV_DONTNEED   4
#define MREMAP_FLAGS    3       /* MAYMOVE | FIXED */
#define USER_LOW        UINT64_C(0x10000)
#define USER_HIGH       UINT64_C(0x7ffffffff000)
#define ZONE_SIZE       (UINT64_C(16) << 30)

uint64_t g_direct_pid;

static uint64_t linux_prot(unsigned prot)
{
    return prot; /* PAGE_R, W, X are PROT_READ, WRITE, EXEC */
}

/* sendmsg and recvmsg, whose msghdr the table has flattened. */
static int64_t direct_message(bool sending, const uint64_t r[6])
{
    struct host_message *m = (struct host_message *)r[4];
    struct linux_msghdr h;
    uint64_t iov[2];
    host_message_open(m, sending, r[1], r[2], &h, iov);
    int64_t ret = direct_sys(sending ? NR_SENDMSG : NR_RECVMSG, r[0], (uintptr_t)&h, r[3]);
    if (!sending)
        host_message_close(m, &h);
    return ret;
}

static int64_t direct_call(enum hostcall_nr nr, const struct hostcall *hc, const uint64_t r[6])
{
    if (nr == HC_sendmsg || nr == HC_recvmsg)
        return direct_message(nr == HC_sendmsg, r);
    if (hc->linux_nr < 0)
        return gate_check_return(hc, r, nr == HC_thread_cputime ? direct_thread_cputime(r[0], r[1], r[2]) : -ENOENT);
    uint64_t linux_nr = (uint64_t)hc->linux_nr;
    return gate_check_return(hc, r, gate_blocks(nr) ? direct_syscall_blocking(linux_nr, r) : direct_sys6(linux_nr, r));
}

static int direct_pages_commit(uint64_t address, uint64_t size, unsigned prot)
{
    int64_t at = direct_sys(NR_MMAP, address, size, linux_prot(prot), MAP_FLAGS_ANON | MAP_NORESERVE, UINT64_MAX, 0);
    return at == (int64_t)address ? 0 : -ENOMEM;
}

static int direct_pages_protect(uint64_t address, uint64_t size, unsigned prot)
{
    return (int)direct_sys(NR_MPROTECT, address, size, linux_prot(prot));
}

static int direct_pages_release(uint64_t address, uint64_t size)
{
    return (int)direct_sys(NR_MUNMAP, address, size);
}

static int direct_pages_discard(uint64_t address, uint64_t size)
{
    return (int)direct_sys(NR_MADVISE, address, size, MADV_DONTNEED);
}

static int direct_pages_map_file(uint64_t address, uint64_t size, unsigned prot, int flags, int fd, uint64_t offset)
{
    uint64_t host_flags = (uint64_t)(flags & 3) | MAP_FIXED_FLAG | (fd < 0 ? 0x20 | MAP_NORESERVE : 0);
    int64_t at = direct_sys(NR_MMAP, address, size, linux_prot(prot), host_flags, (uint64_t)(int64_t)fd, offset);
    return at == (int64_t)address ? 0 : at < 0 ? (int)at : -ENOMEM;
}

static int direct_thread_rseq(uint64_t area, uint32_t size, uint32_t flags, uint32_t signature)
{
    return (int)direct_sys(NR_RSEQ, area, size, flags, signature);
}

static int direct_pages_move(uint64_t from, uint64_t from_size, uint64_t to, uint64_t to_size)
{
    int64_t at = direct_sys(NR_MREMAP, from, from_size, to_size, MREMAP_FLAGS, to);
    return at == (int64_t)to ? 0 : -ENOMEM;
}

static int direct_pages_advise(uint64_t address, uint64_t size, int advice)
{
    return (int)direct_sys(NR_MADVISE, address, size, (uint64_t)advice);
}

static int direct_thread_wait(struct thread_block *tb, int64_t timeout)
{
    struct linux_timespec ts = { timeout / NSEC_PER_SEC, timeout % NSEC_PER_SEC };
    uint64_t r[6] = { (uintptr_t)&tb->park_token, 128 /* WAIT | PRIVATE */, 0,
                      timeout == PARK_FOREVER ? 0 : (uintptr_t)&ts, 0, 0 };
    int64_t err = direct_syscall_blocking(NR_FUTEX, r);
    return err == -ETIMEDOUT || err == -EINTR ? (int)err : 0;
}

static void direct_thread_wake(struct thread_block *tb)
{
    direct_sys6(NR_FUTEX, (const uint64_t[6]){ (uintptr_t)&tb->park_token, 129 /* WAKE | PRIVATE */, 1 });
}

static void direct_lock_wait(const uint32_t *word, uint32_t value)
{
    direct_sys(NR_FUTEX, (uintptr_t)word, 128, value, 0);
}

static void direct_lock_wake(const uint32_t *word)
{
    direct_sys(NR_FUTEX, (uintptr_t)word, 129, 1);
}

static void direct_exit(int status)
{
    direct_sys(NR_EXIT_GROUP, (uint64_t)status);
}

static int direct_random(void *out, size_t size)
{
    uint8_t *p = out;
    while (size) {
        int64_t n = direct_sys(NR_GETRANDOM, (uintptr_t)p, size, 0);
        if (n <= 0)
            continue; /* only -EINTR is possible */
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

static int direct_report(const void *target_info, const void *data, void *report)
{
    return -ENOSYS;
}

static int direct_key(const struct sgx_keyrequest *request, uint8_t key[16])
{
    return -ENOSYS;
}

const struct backend backend_direct = {
    .call = direct_call,
    .transfer_max = DIRECT_TRANSFER_MAX,
    .pages_commit = direct_pages_commit,
    .pages_commit_sparse = direct_pages_commit,
    .pages_protect = direct_pages_protect,
    .pages_release = direct_pages_release,
    .pages_discard = direct_pages_discard,
    .pages_map_file = direct_pages_map_file,
    .pages_move = direct_pages_move,
    .thread_rseq = direct_thread_rseq,
    .pages_advise = direct_pages_advise,
    .thread_create = direct_thread_create,
    .thread_exit = direct_thread_exit,
    .thread_kick = direct_thread_kick,
    .thread_wait = direct_thread_wait,
    .thread_wake = direct_thread_wake,
    .lock_wait = direct_lock_wait,
    .lock_wake = direct_lock_wake,
    .exit = direct_exit,
    .random = direct_random,
    .report = direct_report,
    .key = direct_key,
};

static void take_ranges(const struct start *s)
{
    const struct start_range *taken = (const struct start_range *)s->ranges;
    for (uint64_t i = 0; i < s->range_count; i++) {
        uint64_t low = MAX(ALIGN_DOWN(taken[i].address, PAGE_SIZE), USER_LOW);
        uint64_t high = MIN(ALIGN_UP(taken[i].address + taken[i].size, PAGE_SIZE), USER_HIGH);
        if (low < high)
            range_take(low, high - low);
    }
}

static bool init_zone(const struct start *s)
{
    g_zone.user_low = USER_LOW;
    g_zone.user_high = USER_HIGH;
    g_zone.image_low = s->image_start;
    g_zone.image_high = s->image_start + s->image_size;
    for (uint64_t size = ZONE_SIZE; size >= UINT64_C(64) << 20; size /= 2) {
        int64_t at = direct_sys(NR_MMAP, 0, size, 3, 0x4022 /* PRIVATE|ANONYMOUS|NORESERVE */, UINT64_MAX, 0);
        if (at > 0) {
            g_zone.low = (uint64_t)at;
            g_zone.high = (uint64_t)at + size;
            zone_set_arena(g_zone.low, g_zone.high);
            return true;
        }
    }
    return false;
}

static void fill_machine(const struct start *s)
{
    g_machine.range_low = USER_LOW;
    g_machine.range_high = USER_HIGH;
    g_machine.image_start = g_zone.image_low;
    g_machine.image_end = g_zone.image_high;
    g_machine.thread_max = s->thread_count;
    g_machine.cpu_features = s->cpu_features;
    g_machine.cpu_count = s->cpu_count;
    g_machine.log_fd = (int)s->log_fd;
    g_machine.verity_fd = (int)s->verity_fd;
    g_machine.trace = s->trace;
    g_machine.stats = s->stats;
    g_machine.hostname = s->hostname;
    g_machine.argv = (const char *)s->argv;
    g_machine.argv_size = s->argv_size;
    g_machine.envp = (const char *)s->envp;
    g_machine.envp_size = s->envp_size;
    g_machine.dns = &s->dns;
}

static _Noreturn void die(const char *what)
{
    direct_sys(1 /* write */, 2, (uintptr_t)what, strlen(what));
    for (;;)
        direct_exit(1);
}

_Noreturn void direct_main(const struct start *s);

_Noreturn void direct_main(const struct start *s)
{
    image_relocate();
    g_backend = &backend_direct;
    if (s->version != BOUNDARY_VERSION)
        die("cloister: the launcher and the image are from different builds: reinstall both\n");
    if (!init_zone(s))
        die("cloister: no address space for the library OS: raise the limit on virtual memory (ulimit -v)\n");
    struct thread_block *tb = direct_thread_block_new();
    __asm__ volatile("wrgsbase %0" : : "r"(tb));
    fill_machine(s);
    g_direct_pid = (uint64_t)direct_sys(NR_GETPID, 0);
    tb->host_tid = (int32_t)direct_sys(NR_GETTID, 0);
    if (plan_open((const void *)s->plan, s->plan_size, &g_machine.plan))
        die("cloister: the plan is malformed\n");
    g_log_level = s->log_level == UINT32_MAX ? g_machine.plan.h->log_level : s->log_level;
    g_trace = s->trace;
    if (crypto_init((uint32_t)s->cpu_features))
        die("cloister: this CPU has no AES instructions\n");
    ranges_init(USER_LOW, USER_HIGH);
    take_ranges(s);
    range_take(g_zone.low, g_zone.high - g_zone.low);
    if (clock_init(s->tsc_hz))
        die("cloister: out of memory at start\n");
    direct_signals_init();
    direct_signals_allow(g_machine.plan.h->host_signals);
    direct_signals_thread(tb->layout.stack_top);
    libos_main();
}

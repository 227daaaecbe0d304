/*
 * Lies, one function each, by name. Each is told rarely enough that the program gets going first (after
 * LIE_AFTER honest calls of the kind), then always. What must happen: the program sees an error, or the
 * enclave stops; never a wrong result taken for true. tests/attack runs the real image against each.
 */
#include "host/conduct.h"

#include "host/device.h"
#include "host/say.h"
#include "host/soft_device.h"
#include "host/syscall.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/boundary/message.h"
#include "lib/boundary/start.h"

#define LIE_AFTER 3

/* ret: what the honest host would answer. Returns what is answered instead. */
typedef int64_t lie_result(struct host_thread *t, const struct hostcall_frame *f, int64_t ret);
typedef void lie_entry(struct host_thread *t, uint64_t *reason, uint64_t *argument);

struct lie {
    const char *name;
    lie_result *result;
    lie_entry *entry;
    uint16_t calls[6]; /* of these numbers + 1; none: every call */
    bool at_once;      /* without honest calls before */
};

static const struct lie *g_lie; /* chosen at start */
static uint64_t g_told;         /* calls of the kind so far */

static int64_t read_long(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return (int64_t)f->r[2] + 1;
}

static int64_t length_huge(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return INT64_MAX;
}

static int64_t write_long(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return (int64_t)f->r[2] + 4096;
}

static int64_t fd_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return INT64_C(1) << 40;
}

static int64_t fd_stdin(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return 0;
}

static int64_t errno_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return -4095;
}

static int64_t errno_overflow(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return INT64_MIN;
}

static int64_t zero_positive(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return 1;
}

/* The call says that it worked, and the struct is rubbish. */
static int64_t rubbish_struct(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    memset(pointer_to(t->staging + STAGING_DATA), 0xa5, 512);
    return 0;
}

static int64_t data_flipped(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    if (ret > 0)
        ((uint8_t *)pointer_to(f->r[1]))[ret / 2] ^= 1;
    return ret;
}

static int64_t size_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    uint64_t st = f->nr == HC_fstat ? f->r[1] : f->r[2];
    store_le64(pointer_to(st + 48), UINT64_MAX - 4095); /* st_size */
    return ret;
}

static int64_t time_back(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    uint64_t seconds = load_le64(pointer_to(f->r[1]));
    store_le64(pointer_to(f->r[1]), seconds > 1000 ? seconds - 1000 : 0);
    return ret;
}

static int64_t time_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    store_le64(pointer_to(f->r[1] + 8), UINT64_C(1) << 63); /* tv_nsec */
    return ret;
}

/* CPU time of a century, then none at all. */
static int64_t cputime_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    if (f->nr == HC_clock_gettime && (int32_t)f->r[0] >= 0)
        return ret;
    uint64_t out = f->nr == HC_thread_cputime ? f->r[2] : f->r[1];
    store_le64(pointer_to(out), g_told % 2 ? UINT64_C(3000000000) : 0);
    store_le64(pointer_to(out + 8), 0);
    return 0;
}

/* The frame is ours: an enclave that reads it back after the call is lost. */
static int64_t frame_changed(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    struct hostcall_frame *mine = pointer_to(t->staging);
    for (int i = 0; i < 6; i++)
        mine->r[i] = g_host.enclave_size / 2 + (uint64_t)i * 4096;
    return ret;
}

static int64_t poll_many(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return 100000;
}

static int64_t spurious_wake(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return 0;
}

static int64_t address_long(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    uint64_t length = f->nr == HC_recvfrom ? f->r[5] : f->nr == HC_getsockopt ? f->r[4] : f->r[2];
    if (length)
        *(uint32_t *)pointer_to(length) = UINT32_MAX;
    return ret;
}

static void fill(uint64_t at, int byte, size_t size)
{
    if (at)
        memset(pointer_to(at), byte, size);
}

/* More XSAVE components, leaves and features than there are. */
static int64_t cpuid_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    fill(f->r[2], 0xff, 16);
    return 0;
}

/* Descriptors and events of the asker's own table, rewritten; everything is ready. */
static int64_t poll_rewritten(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    fill(f->r[0], 0xff, f->r[1] * 8);
    return (int64_t)f->r[1];
}

/* Events for items that nobody added. */
static int64_t epoll_forged(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    fill(f->r[1], 0xff, f->r[2] * 12);
    return (int64_t)f->r[2];
}

/* One control message with this header and first word, whatever was asked for. */
static int64_t tell_control(const struct hostcall_frame *f, uint64_t length, int level, int type, uint32_t word, int64_t ret)
{
    struct host_message *m = pointer_to(f->r[4]);
    const struct linux_cmsghdr h = { .length = length, .level = level, .type = type };
    if (ret < 0)
        return ret;
    memcpy(m->control, &h, sizeof(h));
    store_le32(m->control + sizeof(h), word);
    m->control_size = 24;
    return ret;
}

static int64_t control_long(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return tell_control(f, UINT64_MAX - 6, IPPROTO_IP, IP_TTL, 64, ret);
}

static int64_t control_short(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return tell_control(f, 0, IPPROTO_IP, IP_TTL, 64, ret);
}

static int64_t control_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return tell_control(f, 20, IPPROTO_IP, IP_TTL, UINT32_MAX, ret);
}

/* Descriptors from nowhere. */
static int64_t control_unasked(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return tell_control(f, 20, SOL_SOCKET, SCM_RIGHTS, 0, ret);
}

static int64_t control_sizes(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    struct host_message *m = pointer_to(f->r[4]);
    m->control_size = m->name_size = UINT32_MAX;
    return ret;
}

/* A plausible size and type; a block size to allocate, times that are none. */
static int64_t stat_odd(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    uint64_t st = f->nr == HC_fstat ? f->r[1] : f->r[2];
    store_le64(pointer_to(st + 56), INT64_MAX); /* st_blksize */
    store_le64(pointer_to(st + 64), UINT64_MAX); /* st_blocks */
    for (uint64_t i = 80; i <= 112; i += 16)
        store_le64(pointer_to(st + i), UINT64_MAX); /* tv_nsec */
    return ret;
}

/* A list of names without an end, and with an empty one. */
static int64_t xattr_list(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    fill(f->r[1], 'a', f->r[2]);
    fill(f->r[1] + 8, 0, 2);
    return (int64_t)f->r[2];
}

static int64_t xattr_long(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return (int64_t)f->r[3] + 1;
}

static int64_t statfs_odd(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    fill(f->r[1] + 8, 0, 8); /* f_bsize */
    return 0;
}

/* One directory entry with this record length and name. */
static int64_t tell_entry(const struct hostcall_frame *f, uint16_t length, const char *name, size_t size)
{
    uint8_t record[64] = { 1 };
    store_le64(record + 8, UINT64_C(1) << 62); /* d_off */
    store_le16(record + 16, length);
    record[18] = 99; /* d_type */
    memcpy(record + 19, name, size);
    memcpy(pointer_to(f->r[1]), record, sizeof(record));
    return 64;
}

static int64_t entry_slash(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return f->r[2] < 64 ? ret : tell_entry(f, 64, "../../etc/x", 12);
}

static int64_t entry_without_end(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return f->r[2] < 64 ? ret : tell_entry(f, 64, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 45);
}

static int64_t entry_empty(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return f->r[2] < 64 ? ret : tell_entry(f, 0, "a", 2);
}

static int64_t entry_long(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return f->r[2] < 64 ? ret : tell_entry(f, UINT16_MAX, "a", 2);
}

static int64_t link_nul(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    if (f->r[3] >= 8)
        memcpy(pointer_to(f->r[2]), "/etc\0/..", 8);
    return MIN((int64_t)f->r[3], 8);
}

static int64_t seek_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return INT64_MAX;
}

static int64_t affinity_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    fill(f->r[2], 0xff, f->r[1]);
    return (int64_t)ALIGN_DOWN(f->r[1], 8);
}

static int64_t usage_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    if (f->nr == HC_sysinfo)
        fill(f->r[0], 0xff, 112);
    else
        fill(f->r[1], 0x80, 144);
    return 0;
}

static int64_t target_wild(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    fill(f->r[0], 0xff, 512);
    return 0;
}

/* It worked, and the pages are closed. */
static int64_t pages_closed(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    sys3(__NR_mprotect, (long)f->r[0], (long)f->r[1], 0);
    return 0;
}

static int64_t quote_long(struct host_thread *t, const struct hostcall_frame *f, int64_t ret)
{
    return (int64_t)f->r[2] + 1;
}

/* An exception that never happened. */
static void event_forged(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    *reason = ENTER_EVENT;
    *argument = SIGSEGV;
}

static void start_again(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    *reason = ENTER_START;
    *argument = g_host.start;
}

static void thread_again(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    *reason = ENTER_THREAD;
    *argument = 0;
}

static void reason_wild(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    *reason = UINT64_C(1) << 63;
}

/* The same TCS twice: the device must refuse, as hardware does. */
static void enter_twice(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    uint64_t frame;
    if (t->soft)
        t->soft->busy = 1;
    g_host.device->enter(t, ENTER_RETURN, 0, 0, &frame);
}

/* start's pointers point into the enclave: it must not read its own memory as if it were the host's. */
static void pointer_into_enclave(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    if (*reason != ENTER_START)
        return;
    struct start *s = pointer_to(*argument);
    s->argv = s->envp = t->tcs - (UINT64_C(64) << 10);
    s->argv_size = s->envp_size = 4096;
}

static void staging_into_enclave(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    if (*reason == ENTER_START)
        ((struct start *)pointer_to(*argument))->staging = t->tcs - (UINT64_C(64) << 10);
}

static void start_into_enclave(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    if (*reason == ENTER_START)
        *argument = t->tcs - (UINT64_C(64) << 10);
}

static void sizes_wild(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    if (*reason != ENTER_START)
        return;
    struct start *s = pointer_to(*argument);
    s->argv_size = UINT64_MAX - 4095;
    s->thread_count = UINT32_MAX;
}

static const struct lie g_lies[] = {
    { "read-long", read_long, NULL, { HC_read + 1, HC_pread64 + 1, HC_getdents64 + 1, HC_recvfrom + 1, HC_recvmsg + 1 } },
    { "length-huge", length_huge, NULL, { HC_read + 1, HC_pread64 + 1, HC_getdents64 + 1, HC_recvfrom + 1, HC_recvmsg + 1 } },
    { "write-long", write_long, NULL, { HC_write + 1, HC_pwrite64 + 1, HC_sendto + 1, HC_sendmsg + 1 } },
    { "fd-wild", fd_wild, NULL, { HC_openat + 1, HC_socket + 1, HC_accept4 + 1, HC_eventfd2 + 1 } },
    { "fd-stdin", fd_stdin, NULL, { HC_openat + 1, HC_socket + 1 } },
    { "errno-wild", errno_wild, NULL, { 0 } },
    { "errno-overflow", errno_overflow, NULL, { 0 } },
    { "zero-positive", zero_positive, NULL, { HC_close + 1, HC_fstat + 1, HC_newfstatat + 1 } },
    { "short-struct", rubbish_struct, NULL, { HC_fstat + 1, HC_newfstatat + 1, HC_statfs + 1 } },
    { "data-flipped", data_flipped, NULL, { HC_read + 1, HC_pread64 + 1 } },
    { "size-wild", size_wild, NULL, { HC_fstat + 1, HC_newfstatat + 1 } },
    { "time-back", time_back, NULL, { HC_clock_gettime + 1 } },
    { "time-wild", time_wild, NULL, { HC_clock_gettime + 1 } },
    { "cputime-wild", cputime_wild, NULL, { HC_clock_gettime + 1, HC_thread_cputime + 1 } },
    { "frame-changed", frame_changed, NULL, { 0 } },
    { "poll-many", poll_many, NULL, { HC_ppoll + 1, HC_epoll_pwait + 1 } },
    { "spurious-wake", spurious_wake, NULL, { HC_thread_wait + 1 } },
    { "address-long", address_long, NULL, { HC_accept4 + 1, HC_getsockname + 1, HC_getpeername + 1, HC_recvfrom + 1, HC_getsockopt + 1 } },
    { "quote-long", quote_long, NULL, { HC_quote_get + 1 } },
    { "cpuid-wild", cpuid_wild, NULL, { HC_cpuid + 1 }, .at_once = true },
    { "poll-rewritten", poll_rewritten, NULL, { HC_ppoll + 1 } },
    { "epoll-forged", epoll_forged, NULL, { HC_epoll_pwait + 1 } },
    { "control-long", control_long, NULL, { HC_recvmsg + 1 } },
    { "control-short", control_short, NULL, { HC_recvmsg + 1 } },
    { "control-wild", control_wild, NULL, { HC_recvmsg + 1 } },
    { "control-unasked", control_unasked, NULL, { HC_recvmsg + 1 } },
    { "control-sizes", control_sizes, NULL, { HC_recvmsg + 1 } },
    { "stat-odd", stat_odd, NULL, { HC_fstat + 1, HC_newfstatat + 1 } },
    { "statfs-odd", statfs_odd, NULL, { HC_statfs + 1 }, .at_once = true },
    { "entry-slash", entry_slash, NULL, { HC_getdents64 + 1 }, .at_once = true },
    { "entry-without-end", entry_without_end, NULL, { HC_getdents64 + 1 }, .at_once = true },
    { "entry-empty", entry_empty, NULL, { HC_getdents64 + 1 }, .at_once = true },
    { "entry-long", entry_long, NULL, { HC_getdents64 + 1 }, .at_once = true },
    { "link-nul", link_nul, NULL, { HC_readlinkat + 1 }, .at_once = true },
    { "xattr-list", xattr_list, NULL, { HC_listxattr + 1, HC_llistxattr + 1 }, .at_once = true },
    { "xattr-long", xattr_long, NULL, { HC_getxattr + 1, HC_lgetxattr + 1 }, .at_once = true },
    { "seek-wild", seek_wild, NULL, { HC_lseek + 1 } },
    { "affinity-wild", affinity_wild, NULL, { HC_sched_getaffinity + 1 }, .at_once = true },
    { "usage-wild", usage_wild, NULL, { HC_getrusage + 1, HC_sysinfo + 1 }, .at_once = true },
    { "target-wild", target_wild, NULL, { HC_quote_target + 1 }, .at_once = true },
    { "pages-closed", pages_closed, NULL, { HC_page_protect + 1 } },
    { "event-forged", NULL, event_forged, { 0 } },
    { "start-again", NULL, start_again, { 0 } },
    { "thread-again", NULL, thread_again, { 0 } },
    { "reason-wild", NULL, reason_wild, { 0 } },
    { "enter-twice", NULL, enter_twice, { 0 } },
    { "pointer-into-enclave", NULL, pointer_into_enclave, { 0 } },
    { "staging-into-enclave", NULL, staging_into_enclave, { 0 } },
    { "start-into-enclave", NULL, start_into_enclave, { 0 } },
    { "sizes-wild", NULL, sizes_wild, { 0 } },
};

/* These are told at the first entry, the others after some honest ones. */
static bool is_about_start(const struct lie *l)
{
    return l->entry == pointer_into_enclave || l->entry == staging_into_enclave ||
           l->entry == start_into_enclave || l->entry == sizes_wild;
}

void conduct_choose(const char *name)
{
    bool list = name && str_equal(name, "list");
    for (size_t i = 0; i < ARRAY_COUNT(g_lies); i++) {
        if (list)
            host_print("%s\n", g_lies[i].name);
        else if (name && str_equal(name, g_lies[i].name))
            g_lie = &g_lies[i];
    }
    if (list)
        sys1(__NR_exit_group, 0);
    if (name && !g_lie)
        host_fail("no such lie: %s: see --lie list", name);
}

static bool is_about(const struct lie *l, uint64_t nr)
{
    for (size_t i = 0; i < ARRAY_COUNT(l->calls) && l->calls[i]; i++)
        if (l->calls[i] == nr + 1)
            return true;
    return l->calls[0] == 0;
}

int64_t conduct_serve(struct host_thread *t, const struct hostcall_frame *f, serve_function *honest)
{
    const struct hostcall_frame asked = *f;
    int64_t ret = honest(t, f);
    if (!g_lie || !g_lie->result || !is_about(g_lie, asked.nr))
        return ret;
    return __atomic_add_fetch(&g_told, 1, __ATOMIC_RELAXED) > (g_lie->at_once ? 0 : LIE_AFTER) ? g_lie->result(t, &asked, ret) : ret;
}

void conduct_before_enter(struct host_thread *t, uint64_t *reason, uint64_t *argument)
{
    if (!g_lie || !g_lie->entry)
        return;
    if (is_about_start(g_lie) || __atomic_add_fetch(&g_told, 1, __ATOMIC_RELAXED) > LIE_AFTER)
        g_lie->entry(t, reason, argument);
}

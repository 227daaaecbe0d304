/*
 * What the calls find: files and descriptors (world_files.c), a field of memory to be mapped and
 * unmapped. And what they must leave alone: this program's own mappings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"

#define ROOT "/fuzz"

uint8_t *g_field;
static struct range {
    uint64_t start, end;
} g_protected[128];
static unsigned g_protected_count;
static uint64_t g_brk;
static uint8_t *g_gap, *g_none;
static int64_t g_segment; /* shared memory */

/* Read-only once it is made: nothing that a call writes can turn it into something else. */
static struct fixed {
    uint64_t masks[16];
    struct {
        uint64_t mask, size;
    } mask_arguments[4];
    char long_name[300], long_path[5000];
} * g_fixed;

static const char *const plain_paths[] = {
    "h/f0",
    "h/f1",
    "h/f2",
    "h/f3",
    "t/f0",
    "t/f1",
    "t/f2",
    "t/f3",
    "h/d0",
    "h/d1",
    "t/d0",
    "t/d1",
    "h/d0/f0",
    "h/d0/f1",
    "t/d0/f0",
    "t/d0/f1",
    "h/d1/d2",
    "t/d1/d2",
    "h/l0",
    "t/l0",
    "h/l1",
    "t/l1",
    "h/fifo",
    "t/fifo",
    "h/sock",
    "t/sock",
    "",
    ".",
    "..",
    "/",
    "h",
    "t",
    "h/",
    "t/.",
    "h/d0/..",
    "t/d0/../f1",
    "h/f0/x",
    "t/f0/x",
    "h/none/x",
    "t/d0/",
    "f0",
    "d0",
    "//",
    "../..",
    ROOT "/h/f0",
    ROOT "/t/f0",
    "/proc",
    "/proc/self",
    "/proc/self/fd",
    "/proc/self/fd/3",
    "/proc/self/fd/20",
    "/proc/self/status",
    "/proc/self/maps",
    "/proc/self/stat",
    "/proc/self/task",
    "/proc/self/cmdline",
    "/proc/self/cwd",
    "/proc/self/root",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/stat",
    "/proc/mounts",
    "/proc/self/mountinfo",
    "/proc/1",
    "/proc/999999/stat",
    "/proc/self/oom_score_adj",
    "/proc/sys/kernel/pid_max",
    "/dev",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/shm",
    "/dev/shm/x",
    "/dev/fd/5",
    "/dev/stdin",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/pts/0",
    "/dev/attestation",
    "/dev/attestation/quote",
    "/dev/attestation/user_report_data",
    "/dev/attestation/keys",
    "/dev/attestation/keys/default",
    "/sys",
    "/sys/devices/system/cpu",
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/node",
    "/etc",
    "/etc/resolv.conf",
    "/etc/hosts",
};
static const char *const names[] = { "user.a",    "user.b",     "user.",
                                     "trusted.a", "security.a", "system.posix_acl_access",
                                     "a",         "",           "user.abcdefghijklmnopqrstuvwxyz",
                                     "target" };

uint64_t world_brk(void)
{
    return g_brk;
}

bool world_is_mask(uint64_t address)
{
    uint64_t at = address - (uint64_t)g_fixed->masks;
    return at < sizeof(g_fixed->masks) && at % sizeof(g_fixed->masks[0]) == 0;
}

bool world_is_mask_argument(uint64_t address)
{
    uint64_t at = address - (uint64_t)g_fixed->mask_arguments;
    return at < sizeof(g_fixed->mask_arguments) && at % sizeof(g_fixed->mask_arguments[0]) == 0;
}

const char *world_root(void)
{
    return "/";
}

const char *world_path(struct slot *s)
{
    unsigned which = below(s, 40);
    if (which == 0)
        return g_fixed->long_name;
    if (which == 1)
        return g_fixed->long_path + below(s, 2) * 903; /* 4999 or 4096 bytes */
    if (which == 2)
        return g_fixed->long_name + 45; /* 254 */
    return chance(s, 60) ? plain_paths[below(s, 26)] : PICK(s, plain_paths);
}

bool world_is_path(uint64_t address)
{
    for (unsigned i = 0; i < sizeof(plain_paths) / sizeof(plain_paths[0]); i++)
        if (address == (uint64_t)plain_paths[i])
            return true;
    return address == (uint64_t)g_fixed->long_name + 45;
}

const char *world_name(struct slot *s)
{
    return chance(s, 5) ? g_fixed->long_name + below(s, 300) : PICK(s, names);
}

uint64_t world_mask(struct slot *s)
{
    return (uint64_t)&PICK(s, g_fixed->masks);
}

uint64_t world_mask_argument(struct slot *s)
{
    return (uint64_t)&PICK(s, g_fixed->mask_arguments);
}

static uint64_t gs_base(void)
{
    uint64_t base;
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xc8" : "=a"(base)); /* rdgsbase %rax */
    return base;
}

/* Nothing is mapped there that could run: no byte of ours, and none of the library OS, which shares
 * our addresses. */
uint64_t world_no_code(struct slot *s)
{
    switch (below(s, 9)) {
    case 0: return 0;
    case 1: return below(s, 4096);
    case 2: return (uint64_t)g_none + below(s, PAGE);
    case 3: return (uint64_t)g_fixed + below(s, PAGE);
    case 4: return USER_TOP - below(s, 64);
    case 5: return 0x800000000000ul - below(s, 2);
    case 6: return 0x8000000000000000ul + below(s, 64);
    case 7: return 0xffffffff81000000ul;
    default: return ~0ul - below(s, 4096);
    }
}

uint64_t world_bad_address(struct slot *s)
{
    switch (below(s, 14)) {
    case 0:
    case 1:
    case 2:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: return world_no_code(s);
    case 3: return (uint64_t)g_gap + below(s, PAGE);
    case 9: return gs_base() + below(s, 4096);
    case 10: return gs_base() + (below(s, 1ul << 31) - (1ul << 30));
    case 11: return (gs_base() & ~0xfffffful) + (below(s, 1ul << 26) & ~(PAGE - 1));
    case 12: return (uint64_t)g_fixed + below(s, sizeof(*g_fixed)); /* readable only */
    default: return rnd(s);
    }
}

/* An address in the field, and a size that may reach over what is mapped differently or beyond the
 * end. */
uint64_t world_address(struct slot *s, uint64_t *size)
{
    uint64_t page = chance(s, 90) ? below(s, 64) : below(s, FIELD_SIZE / PAGE);
    if (size)
        *size = (1 + below(s, chance(s, 90) ? 16 : 1024)) * PAGE -
                (chance(s, 10) ? below(s, PAGE) : 0);
    return (uint64_t)g_field + page * PAGE + (chance(s, 10) ? below(s, PAGE) : 0);
}

static void make_fixed(void)
{
    g_fixed = mmap(NULL, (sizeof(*g_fixed) + PAGE) & ~(PAGE - 1), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const uint64_t bits[] = {
        0,          ~0ul,     1, 1ul << (SIGALRM - 1), 1ul << (SIGUSR2 - 1), 0xffffffff00000000,
        0x7fffffff, 1ul << 63
    };
    /* The watchdog's, and faults: a blocked fault ends the program. */
    uint64_t never = 1ul << (SIGUSR1 - 1) | 1ul << (SIGSEGV - 1) | 1ul << (SIGBUS - 1) |
                     1ul << (SIGILL - 1) | 1ul << (SIGFPE - 1) | 1ul << (SIGTRAP - 1);
    for (unsigned i = 0; i < 16; i++)
        g_fixed->masks[i] = bits[i % 8] & ~never;
    for (unsigned i = 0; i < 4; i++) {
        g_fixed->mask_arguments[i].mask = i == 1 ? 0 : (uint64_t)&g_fixed->masks[i];
        g_fixed->mask_arguments[i].size = i == 2 ? 16 : 8;
    }
    memset(g_fixed->long_name, 'n', sizeof(g_fixed->long_name) - 1);
    for (unsigned i = 0; i < sizeof(g_fixed->long_path) - 1; i++)
        g_fixed->long_path[i] = i % 2 ? '/' : '.';
    mprotect(g_fixed, sizeof(*g_fixed), PROT_READ);
}

void world_start(void)
{
    make_fixed();
    g_field = mmap(NULL, FIELD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    g_none = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_gap = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(g_gap, 3 * PAGE);
    for (unsigned i = 0; i < SLOTS; i++) {
        uint8_t *p = mmap(NULL, SLAB_SIZE + 64 * 1024, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                          0);
        if (p == MAP_FAILED || mprotect(p, SLAB_SIZE, PROT_READ | PROT_WRITE))
            die(97, "fuzz: no memory to start with\n");
        g_slots[i].slab = p;
        g_slots[i].signal_stack = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (g_slots[i].signal_stack == MAP_FAILED)
            die(97, "fuzz: no memory to start with\n");
    }
    g_brk = (uint64_t)RAW(SYS_brk, 0);
    sweep_start();
}

/* Every mapping of now but the field: no memory call may name them. */
void world_protect(void)
{
    char text[32768];
    size_t used = 0;
    int fd = open("/proc/self/maps", O_RDONLY);
    for (ssize_t n; fd >= 0 && (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0;)
        used += (size_t)n;
    close(fd);
    text[used] = 0;
    for (char *line = text; line && *line;
         line = strchr(line, '\n'), line = line ? line + 1 : line) {
        uint64_t start = strtoul(line, &line, 16), end = strtoul(line + 1, &line, 16);
        if (start >= (uint64_t)g_field && end <= (uint64_t)g_field + FIELD_SIZE)
            continue;
        char *tail = strchr(line, '\n');
        bool stack = tail && tail - line > 7 && !strncmp(tail - 7, "[stack]", 7);
        if (g_protected_count == sizeof(g_protected) / sizeof(g_protected[0]))
            die(97, "fuzz: too many mappings\n");
        g_protected[g_protected_count++] = (struct range){ stack ? start - (16ul << 20) : start,
                                                           end };
    }
    if (g_protected_count < 5)
        die(97, "fuzz: /proc/self/maps has %u lines\n", g_protected_count);
    /* The heap of libc, wherever it ends. */
    g_protected[g_protected_count++] = (struct range){ g_brk - (4ul << 20), g_brk };
}

bool world_is_protected(uint64_t start, uint64_t size)
{
    uint64_t first = start & ~(PAGE - 1), end = start + size + PAGE - 1;
    if (end < start || end > USER_TOP + PAGE)
        end = USER_TOP + PAGE; /* a call may stop at the first fault rather than at once */
    for (unsigned i = 0; i < g_protected_count; i++)
        if (first < g_protected[i].end && end > g_protected[i].start)
            return true;
    return false;
}

uint64_t world_segment(void)
{
    return (uint64_t)g_segment;
}

static void make_memory(void)
{
    g_segment = RAW(SYS_shmget, IPC_PRIVATE, 8 * PAGE, IPC_CREAT | 0600);
    mmap(g_field, FIELD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
         -1, 0);
    mprotect(g_field, 16 * PAGE, PROT_READ | PROT_WRITE);
    mprotect(g_field + 16 * PAGE, 8 * PAGE, PROT_READ);
    munmap(g_field + 24 * PAGE, 8 * PAGE);
    int fd = open("t/f0", O_RDWR);
    mmap(g_field + 32 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
    close(fd);
    fd = open("h/f0", O_RDWR);
    mmap(g_field + 40 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    mmap(g_field + 48 * PAGE, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
    close(fd);
}

static void reset_process(void)
{
    struct rlimit files = { 900, 0 }, all = { RLIM_INFINITY, 0 };
    for (unsigned i = 0; i < 16; i++) {
        struct rlimit old;
        if (getrlimit(i, &old) == 0) {
            struct rlimit *wanted = i == RLIMIT_NOFILE ? &files : &all;
            old.rlim_cur = wanted->rlim_cur < old.rlim_max ? wanted->rlim_cur : old.rlim_max;
            setrlimit(i, &old);
        }
    }
    RAW(SYS_umask, 022);
    if (chdir(ROOT))
        world_no_start(ROOT);
    chmod("h", 0755);
    chmod("t", 0755);
}

void world_renew(void)
{
    reset_process();
    world_make_files();
    world_make_descriptors();
    make_memory();
}

/* Whatever memory calls have mapped: all that is not protected. */
static void clean_memory(void)
{
    char text[65536];
    size_t used = 0;
    int fd = open("/proc/self/maps", O_RDONLY);
    for (ssize_t n; fd >= 0 && (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0;)
        used += (size_t)n;
    close(fd);
    text[used] = 0;
    for (char *line = text; line && *line;
         line = strchr(line, '\n'), line = line ? line + 1 : line) {
        uint64_t start = strtoul(line, &line, 16), end = strtoul(line + 1, &line, 16);
        if (end > start && !world_is_protected(start, end - start))
            munmap((void *)start, end - start);
    }
    mmap(g_field, FIELD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
         -1, 0);
    RAW(SYS_brk, g_brk);
}

/* System V objects, found by their index, and the message queues of rules.c. */
static void clean_ipc(void)
{
    for (unsigned i = 0; i < sizeof(plain_paths) / sizeof(plain_paths[0]); i++)
        RAW(SYS_mq_unlink, plain_paths[i]);
    RAW(SYS_mq_unlink, g_fixed->long_name + 45);
    static uint64_t told[32];
    for (int index = 0; index < 1024; index++) {
        RAW(SYS_shmctl, RAW(SYS_shmctl, index, SHM_STAT_ANY, told), IPC_RMID, 0);
        RAW(SYS_semctl, RAW(SYS_semctl, index, 0, SEM_STAT_ANY, told), 0, IPC_RMID);
        RAW(SYS_msgctl, RAW(SYS_msgctl, index, MSG_STAT_ANY, told), IPC_RMID, 0);
    }
}

/* This thread blocks nearly all signals: what was sent to it waits, and real-time ones in any
 * number. */
static void take_signals(void)
{
    static const uint64_t all = ~0ul, now[2];
    while (RAW(SYS_rt_sigtimedwait, &all, 0, now, 8) > 0)
        continue;
}

void world_clean(void)
{
    static const uint64_t off[4];
    reset_process();
    for (unsigned i = 0; i < 3; i++)
        RAW(SYS_setitimer, i, off, 0);
    for (int id = 0; id < 256; id++)
        RAW(SYS_timer_delete, id);
    take_signals();
    clean_ipc();
    RAW(SYS_close_range, 0, LOG_FD - 1, 0);
    RAW(SYS_close_range, LOG_FD + 1, ~0u, 0);
    clean_memory();
    sweep_all();
}

uint64_t world_used(void)
{
    char text[4096];
    int fd = open("/proc/meminfo", O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *slab = strstr(text, "Slab:");
    if (!slab)
        die(94, "fuzz: SELF-CHECK FAILED: /proc/meminfo has no Slab\n");
    return strtoul(slab + 5, NULL, 10);
}

/* What no call can name must be as it was: the read-only page, and each slab's guard. */
void world_check(void)
{
    static uint64_t expected;
    uint64_t sum = 0;
    for (unsigned i = 0; i < sizeof(*g_fixed) / 8; i++)
        sum = sum * 31 + ((uint64_t *)g_fixed)[i];
    for (const uint64_t *p = (const uint64_t *)g_rows; p < (const uint64_t *)&g_rows[g_row_count];
         p++)
        sum = sum * 31 + *p;
    if (expected && sum != expected)
        die(94, "fuzz: SELF-CHECK FAILED: read-only memory has changed\n");
    expected = sum;
}

/*
 * /proc files about the machine: memory, CPUs, versions. What a program may learn of the machine is what
 * the enclave knows itself (its own size, the number of CPUs), and the host's word for names of the CPU.
 */
#include "enclave/clock.h"
#include "enclave/cpuid.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/fs/inotify.h"
#include "libos/fs/proc_fs.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"

static void memory(uint64_t *total, uint64_t *used)
{
    struct mm_stats m = { 0 };
    mm_stats(current()->process->mm, &m);
    *total = g_machine.is_enclave ? g_machine.range_high - g_machine.range_low : MAX(g_machine.plan.h->enclave_size, UINT64_C(1) << 30);
    *used = MIN(m.committed, *total);
}

int proc_load_meminfo(const struct pseudo_id *id, struct text *t)
{
    uint64_t total, used;
    memory(&total, &used);
    const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = {
        { "MemTotal:", total }, { "MemFree:", total - used }, { "MemAvailable:", total - used }, { "Buffers:", 0 }, { "Cached:", 0 },
        { "SwapCached:", 0 },   { "Active:", 0 },             { "Inactive:", 0 },                { "SwapTotal:", 0 }, { "SwapFree:", 0 },
        { "Dirty:", 0 },        { "Writeback:", 0 },          { "Mapped:", 0 },                  { "Shmem:", 0 },   { "Slab:", mem_used() },
        { "Committed_AS:", used }, { "VmallocTotal:", total }, { "VmallocUsed:", 0 },            { "VmallocChunk:", 0 },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        text_print(t, "%-15s%8lu kB\n", rows[i].name, (unsigned long)(rows[i].bytes / 1024));
    return 0;
}

/* Names of the feature bits that programs look for in `flags`, in Linux's order. */
static const struct {
    uint8_t leaf, reg, bit; /* leaf 1, 7, or 0x81 for 0x80000001; reg 0..3 = eax..edx */
    const char *name;
} flags[] = {
    { 1, 3, 0, "fpu" },      { 1, 3, 4, "tsc" },       { 1, 3, 5, "msr" },      { 1, 3, 8, "cx8" },       { 1, 3, 15, "cmov" },   { 1, 3, 19, "clflush" },
    { 1, 3, 23, "mmx" },     { 1, 3, 24, "fxsr" },     { 1, 3, 25, "sse" },     { 1, 3, 26, "sse2" },     { 1, 3, 28, "ht" },     { 0x81, 3, 11, "syscall" },
    { 0x81, 3, 20, "nx" },   { 0x81, 3, 27, "rdtscp" }, { 0x81, 3, 29, "lm" },  { 1, 2, 0, "pni" },       { 1, 2, 1, "pclmulqdq" }, { 1, 2, 9, "ssse3" },
    { 1, 2, 12, "fma" },     { 1, 2, 13, "cx16" },     { 1, 2, 19, "sse4_1" },  { 1, 2, 20, "sse4_2" },   { 1, 2, 22, "movbe" },  { 1, 2, 23, "popcnt" },
    { 1, 2, 25, "aes" },     { 1, 2, 26, "xsave" },    { 1, 2, 28, "avx" },     { 1, 2, 29, "f16c" },     { 1, 2, 30, "rdrand" }, { 0x81, 2, 0, "lahf_lm" },
    { 0x81, 2, 5, "abm" },   { 7, 1, 0, "fsgsbase" },  { 7, 1, 3, "bmi1" },     { 7, 1, 5, "avx2" },      { 7, 1, 8, "bmi2" },    { 7, 1, 9, "erms" },
    { 7, 1, 16, "avx512f" }, { 7, 1, 17, "avx512dq" }, { 7, 1, 18, "rdseed" },  { 7, 1, 19, "adx" },      { 7, 1, 21, "avx512ifma" }, { 7, 1, 28, "avx512cd" },
    { 7, 1, 29, "sha_ni" },  { 7, 1, 30, "avx512bw" }, { 7, 1, 31, "avx512vl" }, { 7, 2, 8, "gfni" },     { 7, 2, 9, "vaes" },    { 7, 2, 11, "avx512_vnni" },
    { 7, 3, 22, "amx_bf16" }, { 7, 3, 24, "amx_tile" }, { 7, 3, 25, "amx_int8" },
};

static void print_flags(struct text *t)
{
    uint32_t leaf1[4], leaf7[4], leaf81[4];
    cpuid_get(1, 0, leaf1);
    cpuid_get(7, 0, leaf7);
    cpuid_get(0x80000001, 0, leaf81);
    text_print(t, "flags\t\t:");
    for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
        const uint32_t *regs = flags[i].leaf == 1 ? leaf1 : flags[i].leaf == 7 ? leaf7 : leaf81;
        if (regs[flags[i].reg] >> flags[i].bit & 1)
            text_print(t, " %s", flags[i].name);
    }
    text_print(t, "\n");
}

/* The host's strings, printable characters only. */
static void copy_name(char *out, const uint32_t *regs, size_t size)
{
    memcpy(out, regs, size);
    out[size] = 0;
    for (size_t i = 0; i < size && out[i]; i++)
        if (out[i] < 32 || out[i] > 126)
            out[i] = '?';
}

int proc_load_cpuinfo(const struct pseudo_id *id, struct text *t)
{
    uint32_t leaf[4], brand[12];
    char vendor[13], model[49];
    cpuid_get(0, 0, leaf);
    uint32_t order[3] = { leaf[1], leaf[3], leaf[2] };
    copy_name(vendor, order, 12);
    for (uint32_t i = 0; i < 3; i++)
        cpuid_get(0x80000002 + i, 0, brand + 4 * i);
    copy_name(model, brand, 48);
    cpuid_get(1, 0, leaf);
    uint32_t family = leaf[0] >> 8 & 15, number = leaf[0] >> 4 & 15;
    if (family == 6 || family == 15)
        number |= (leaf[0] >> 16 & 15) << 4;
    if (family == 15)
        family += leaf[0] >> 20 & 255;
    unsigned long mhz = (unsigned long)(g_machine.tsc_hz / 1000000);
    for (uint32_t cpu = 0; cpu < g_machine.cpu_count; cpu++) {
        text_print(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %lu.000\n", cpu,
                   vendor, family, number, model, leaf[0] & 15, mhz);
        text_print(t, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\nfpu\t\t: yes\n", g_machine.cpu_count, cpu,
                   g_machine.cpu_count);
        print_flags(t);
        text_print(t, "bogomips\t: %lu.00\nclflush size\t: 64\ncache_alignment\t: 64\n\n", mhz * 2);
    }
    return 0;
}

int proc_load_system_stat(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "cpu  0 0 0 0 0 0 0 0 0 0\n");
    for (uint32_t cpu = 0; cpu < g_machine.cpu_count; cpu++)
        text_print(t, "cpu%u 0 0 0 0 0 0 0 0 0 0\n", cpu);
    text_print(t, "ctxt 0\nbtime %ld\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n",
               (long)((clock_realtime() - clock_monotonic()) / NSEC_PER_SEC));
    return 0;
}

int proc_load_version(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "Linux version 5.15.0 (cloister) #1 SMP\n");
    return 0;
}

int proc_load_uptime(const struct pseudo_id *id, struct text *t)
{
    int64_t now = clock_monotonic();
    text_print(t, "%ld.%02ld 0.00\n", (long)(now / NSEC_PER_SEC), (long)(now % NSEC_PER_SEC / 10000000));
    return 0;
}

int proc_load_loadavg(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "0.00 0.00 0.00 1/%u %d\n", current()->process->thread_count, current()->tid);
    return 0;
}

int proc_load_filesystems(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "nodev\tproc\nnodev\ttmpfs\nnodev\tsysfs\nnodev\thost\nnodev\tencrypted\n");
    return 0;
}

/* ---- /proc/sys: fixed words */

#define WORD(fn, word)                                            \
    static int fn(const struct pseudo_id *id, struct text *t)     \
    {                                                             \
        text_print(t, "%s\n", word);                              \
        return 0;                                                 \
    }

WORD(load_pid_max, "4194304")
WORD(load_ngroups_max, "65536")
WORD(load_cap_last_cap, "40")
WORD(load_osrelease, "6.1.0")
WORD(load_ostype, "Linux")
WORD(load_overcommit, "1")
WORD(load_max_map_count, "65530")
WORD(load_file_max, "1048576")
WORD(load_pipe_max, "1048576")
WORD(load_somaxconn, "4096")
WORD(load_randomize, "2")

static int load_hostname(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "%s\n", g_machine.hostname);
    return 0;
}

static int load_threads_max(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "%u\n", g_machine.thread_max);
    return 0;
}

/* Different at each start; the same for all who ask in this one. */
static int load_boot_id(const struct pseudo_id *id, struct text *t)
{
    static uint8_t g_boot_id[16]; /* written once; a race would only write it twice before anyone relies on it */
    static uint32_t g_made;
    if (!__atomic_load_n(&g_made, __ATOMIC_ACQUIRE)) {
        if (machine_random(g_boot_id, sizeof(g_boot_id)) < 0)
            return -5;
        __atomic_store_n(&g_made, 1, __ATOMIC_RELEASE);
    }
    for (int i = 0; i < 16; i++)
        text_print(t, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", g_boot_id[i]);
    text_print(t, "\n");
    return 0;
}

/* By the row's name: max_queued_events, max_user_instances, max_user_watches. */
static uint32_t *inotify_limit(const struct pseudo_id *id)
{
    return id->node->name[4] == 'q' ? &g_inotify_limits.queued_events : id->node->name[9] == 'i' ? &g_inotify_limits.instances : &g_inotify_limits.watches;
}

static int load_inotify(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "%u\n", __atomic_load_n(inotify_limit(id), __ATOMIC_RELAXED));
    return 0;
}

static int store_inotify(const struct pseudo_id *id, const void *data, size_t size)
{
    uint64_t value;
    const char *digits = data;
    while (size && digits[size - 1] == '\n')
        size--;
    if (str_parse_u64(digits, size, &value) < 0 || value > INT32_MAX)
        return -EINVAL;
    __atomic_store_n(inotify_limit(id), (uint32_t)value, __ATOMIC_RELAXED);
    return 0;
}

#define FILE_ROW(text, fn) { .name = text, .mode = S_IFREG | 0444, .load = fn }
#define INOTIFY_ROW(text) { .name = text, .mode = S_IFREG | 0644, .load = load_inotify, .store = store_inotify }

static const struct pseudo_node random_children[] = { FILE_ROW("boot_id", load_boot_id), { 0 } };
static const struct pseudo_node kernel_children[] = {
    FILE_ROW("cap_last_cap", load_cap_last_cap),
    FILE_ROW("hostname", load_hostname),
    FILE_ROW("msgmax", proc_load_ipc_limit),
    FILE_ROW("msgmnb", proc_load_ipc_limit),
    FILE_ROW("msgmni", proc_load_ipc_limit),
    FILE_ROW("ngroups_max", load_ngroups_max),
    FILE_ROW("osrelease", load_osrelease),
    FILE_ROW("ostype", load_ostype),
    FILE_ROW("pid_max", load_pid_max),
    { .name = "random", .mode = S_IFDIR | 0555, .children = random_children },
    FILE_ROW("randomize_va_space", load_randomize),
    FILE_ROW("sem", proc_load_ipc_limit),
    FILE_ROW("shmall", proc_load_ipc_limit),
    FILE_ROW("shmmax", proc_load_ipc_limit),
    FILE_ROW("shmmni", proc_load_ipc_limit),
    FILE_ROW("threads-max", load_threads_max),
    { 0 },
};
static const struct pseudo_node vm_children[] = { FILE_ROW("max_map_count", load_max_map_count), FILE_ROW("overcommit_memory", load_overcommit), { 0 } };
static const struct pseudo_node inotify_children[] = { INOTIFY_ROW("max_queued_events"), INOTIFY_ROW("max_user_instances"), INOTIFY_ROW("max_user_watches"), { 0 } };
static const struct pseudo_node mqueue_children[] = {
    FILE_ROW("msg_default", proc_load_ipc_limit),
    FILE_ROW("msg_max", proc_load_ipc_limit),
    FILE_ROW("msgsize_default", proc_load_ipc_limit),
    FILE_ROW("msgsize_max", proc_load_ipc_limit),
    FILE_ROW("queues_max", proc_load_ipc_limit),
    { 0 },
};
static const struct pseudo_node fs_children[] = { FILE_ROW("file-max", load_file_max), { .name = "inotify", .mode = S_IFDIR | 0555, .children = inotify_children },
                                                  { .name = "mqueue", .mode = S_IFDIR | 0555, .children = mqueue_children },
                                                  FILE_ROW("pipe-max-size", load_pipe_max), { 0 } };
static const struct pseudo_node core_children[] = { FILE_ROW("somaxconn", load_somaxconn), { 0 } };
static const struct pseudo_node net_children[] = { { .name = "core", .mode = S_IFDIR | 0555, .children = core_children }, { 0 } };

const struct pseudo_node proc_sys_children[] = {
    { .name = "fs", .mode = S_IFDIR | 0555, .children = fs_children },
    { .name = "kernel", .mode = S_IFDIR | 0555, .children = kernel_children },
    { .name = "net", .mode = S_IFDIR | 0555, .children = net_children },
    { .name = "vm", .mode = S_IFDIR | 0555, .children = vm_children },
    { 0 },
};

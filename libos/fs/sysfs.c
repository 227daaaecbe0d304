/*
 * /sys/devices/system/cpu and node: how many CPUs there are, one package, one memory node.
 */
#include "enclave/machine.h"
#include "lib/base/fmt.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/fs/mount.h"
#include "libos/fs/pseudo.h"

static void print_range(struct text *t)
{
    if (g_machine.cpu_count > 1)
        text_print(t, "0-%u\n", g_machine.cpu_count - 1);
    else
        text_print(t, "0\n");
}

static int load_range(const struct pseudo_id *id, struct text *t)
{
    print_range(t);
    return 0;
}

static int load_empty(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "\n");
    return 0;
}

static int load_kernel_max(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "8191\n");
    return 0;
}

static int load_zero(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "0\n");
    return 0;
}

static int load_one(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "1\n");
    return 0;
}

static int load_own_number(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "%ld\n", (long)id->a);
    return 0;
}

/* CPU masks: 32-bit words in hex, highest first, separated by commas. */
static void print_mask(struct text *t, uint32_t first, uint32_t last)
{
    uint32_t words = (g_machine.cpu_count + 31) / 32;
    for (uint32_t w = words; w-- > 0;) {
        uint32_t bits = 0;
        for (uint32_t i = 0; i < 32; i++)
            if (w * 32 + i >= first && w * 32 + i <= last)
                bits |= 1u << i;
        text_print(t, words > 1 ? "%08x%s" : "%x%s", bits, w ? "," : "\n");
    }
}

static int load_all_mask(const struct pseudo_id *id, struct text *t)
{
    print_mask(t, 0, g_machine.cpu_count - 1);
    return 0;
}

static int load_own_mask(const struct pseudo_id *id, struct text *t)
{
    print_mask(t, (uint32_t)id->a, (uint32_t)id->a);
    return 0;
}

static int load_distance(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "10\n");
    return 0;
}

static int load_node_meminfo(const struct pseudo_id *id, struct text *t)
{
    unsigned long kb = (unsigned long)((g_machine.range_high - g_machine.range_low) / 1024);
    text_print(t, "Node 0 MemTotal:       %lu kB\nNode 0 MemFree:        %lu kB\nNode 0 MemUsed:        0 kB\n", kb, kb);
    return 0;
}

#define FILE_ROW(text, fn) { .name = text, .mode = S_IFREG | 0444, .load = fn }
#define DIR_ROW(text, rows) { .name = text, .mode = S_IFDIR | 0555, .children = rows }

static const struct pseudo_node topology[] = {
    FILE_ROW("core_id", load_own_number),
    FILE_ROW("core_siblings", load_all_mask),
    FILE_ROW("physical_package_id", load_zero),
    FILE_ROW("thread_siblings", load_own_mask),
    { 0 },
};

static const struct pseudo_node cpu0_children[] = { DIR_ROW("topology", topology), { 0 } };
static const struct pseudo_node cpuN_children[] = { FILE_ROW("online", load_one), DIR_ROW("topology", topology), { 0 } };
static const struct pseudo_node cpu0_node = { .name = "cpu", .mode = S_IFDIR | 0555, .children = cpu0_children };
static const struct pseudo_node cpuN_node = { .name = "cpu", .mode = S_IFDIR | 0555, .children = cpuN_children };

static int cpu_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child)
{
    if (length < 4 || !str_starts_with(name, "cpu") || pseudo_number(name + 3, length - 3, &child->a) < 0 || child->a >= g_machine.cpu_count)
        return -ENOENT;
    child->node = child->a ? &cpuN_node : &cpu0_node;
    return 0;
}

static int cpu_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child)
{
    if (*cursor >= g_machine.cpu_count)
        return 0;
    child->node = *cursor ? &cpuN_node : &cpu0_node;
    child->a = (int64_t)*cursor;
    fmt_print(name, VFS_NAME_MAX + 1, "cpu%u", (unsigned)*cursor);
    return 1;
}

static const struct pseudo_node cpu_children[] = {
    FILE_ROW("kernel_max", load_kernel_max), FILE_ROW("offline", load_empty), FILE_ROW("online", load_range),
    FILE_ROW("possible", load_range),        FILE_ROW("present", load_range), { 0 },
};

static const struct pseudo_node node0_children[] = {
    FILE_ROW("cpulist", load_range), FILE_ROW("cpumap", load_all_mask), FILE_ROW("distance", load_distance), FILE_ROW("meminfo", load_node_meminfo), { 0 },
};

static const struct pseudo_node node_children[] = {
    DIR_ROW("node0", node0_children),
    FILE_ROW("online", load_zero),
    FILE_ROW("possible", load_zero),
    { 0 },
};

static const struct pseudo_node system_children[] = {
    { .name = "cpu", .mode = S_IFDIR | 0555, .children = cpu_children, .find = cpu_find, .list = cpu_list },
    DIR_ROW("node", node_children),
    { 0 },
};
static const struct pseudo_node devices_children[] = { DIR_ROW("system", system_children), { 0 } };
static const struct pseudo_node root_children[] = { DIR_ROW("devices", devices_children), { 0 } };
static const struct pseudo_node root = { .name = "sys", .mode = S_IFDIR | 0555, .children = root_children };

int sysfs_mount(struct mount *m)
{
    return pseudo_mount(m, &root, "sysfs", LINUX_SYSFS_MAGIC);
}

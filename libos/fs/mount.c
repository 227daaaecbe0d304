/*
 * Mounting: the root, our own file systems, then the manifest's mounts in order; a later mount hides what
 * is below it. All of it comes from the measured plan.
 */
#include "libos/fs/mount.h"

#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/fs/dcache.h"
#include "libos/fs/encrypted.h"
#include "libos/fs/host.h"
#include "libos/fs/keys.h"
#include "libos/fs/resolv.h"
#include "libos/fs/tmpfs.h"
#include "libos/fs/walk.h"

struct list g_mounts = LIST_INIT(g_mounts);
static struct dentry *g_root; /* constant after vfs_init */
static uint64_t g_next_dev = 0x20;

struct dentry *mount_root(void)
{
    return g_root;
}

/* Visible mounts but the first, longest path first; constant after vfs_init. */
struct mount_place {
    struct dentry *root;
    size_t length;
    char path[];
};
static struct mount_place **g_places;
static uint32_t g_place_count;
static uint64_t g_place_letters; /* bit (c % 64) of each first character c behind the slash */

static uint64_t letter_bit(const char *path)
{
    return UINT64_C(1) << ((uint8_t)path[1] & 63);
}

struct dentry *mount_of_path(const char *path, size_t length, size_t *used)
{
    uint32_t count = g_place_letters & letter_bit(path) ? g_place_count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct mount_place *p = g_places[i];
        if (p->length >= length || path[p->length] != '/' || memcmp(path, p->path, p->length) != 0)
            continue;
        *used = p->length;
        return p->root;
    }
    *used = 0;
    return g_root;
}

static struct mount *mount_new(void)
{
    struct mount *m = mem_zalloc(sizeof(*m));
    if (m)
        m->dev = g_next_dev++;
    return m;
}

/* Put a mount's root over the place that path names. */
static int attach(struct mount *m, const char *path)
{
    if (!g_root) {
        g_root = m->root;
        dcache_pin(m->root);
    } else {
        struct dentry *at;
        int r = walk_pin(g_root, path, &at);
        if (r < 0)
            return r;
        while (at->mounted) {
            struct dentry *inner = dentry_get(at->mounted->root);
            dentry_put(at);
            at = inner;
        }
        dcache_pin(m->root);
        m->covers = at; /* keeps the reference */
        at->mounted = m;
    }
    list_push_back(&g_mounts, &m->link);
    return 0;
}

static int build(struct mount *m, const struct plan_mount *plan)
{
    m->plan = plan;
    switch (plan->type) {
    case PLAN_MOUNT_HOST: return host_mount(plan, m);
    case PLAN_MOUNT_ENCRYPTED: return encrypted_mount(plan, m);
    case PLAN_MOUNT_TMPFS: return tmpfs_mount(m, 0777 | S_ISVTX);
    default: return -ENODEV;
    }
}

static int mount_plan(const struct plan_mount *plan)
{
    const char *path = plan_string(&g_machine.plan, plan->path), *host = plan_string(&g_machine.plan, plan->host);
    struct mount *m = mount_new();
    int r = m ? build(m, plan) : -ENOMEM;
    if (r == 0)
        r = attach(m, path);
    if (r == -ENODEV)
        log_error("cannot mount \"%s\": mounts of type \"untrusted_shm\" are not supported; use tmpfs", path);
    else if (r < 0)
        log_error("cannot mount \"%s\" from \"%s\": error %d; see fs.mounts in the manifest", path, host, -r);
    return r;
}

static int shm_mount(struct mount *m)
{
    return tmpfs_mount(m, 0777 | S_ISVTX);
}

static int mount_ours(mount_constructor *construct, const char *path)
{
    struct mount *m = mount_new();
    int r = m ? construct(m) : -ENOMEM;
    if (r == 0)
        r = attach(m, path);
    if (r < 0)
        log_error("cannot mount %s: error %d", path, -r);
    return r;
}

/* A mount that a later one hides has no place. */
static int add_place(struct fs_view *v, struct mount *m)
{
    char path[VFS_PATH_MAX];
    struct dentry *d;
    int64_t length = mount_path(m, path, sizeof(path));
    if (length < 0 || vfs_walk(v, NULL, path, WALK_NOFOLLOW, &d) < 0)
        return 0; /* it keeps the long way */
    bool visible = d == m->root;
    dentry_put(d);
    if (!visible)
        return 0;
    struct mount_place *p = mem_alloc(sizeof(*p) + strlen(path) + 1);
    if (!p)
        return -ENOMEM;
    p->root = m->root;
    p->length = strlen(path);
    memcpy(p->path, path, p->length + 1);
    g_place_letters |= letter_bit(path);
    uint32_t i = g_place_count++;
    for (; i > 0 && g_places[i - 1]->length < p->length; i--)
        g_places[i] = g_places[i - 1];
    g_places[i] = p;
    return 0;
}

static int find_places(struct fs_view *v)
{
    uint32_t count = 0;
    list_for_each(it, &g_mounts)
        count++;
    g_places = mem_alloc(count * sizeof(*g_places));
    int r = g_places ? 0 : -ENOMEM;
    list_for_each(it, &g_mounts) {
        struct mount *m = list_entry(it, struct mount, link);
        if (r == 0 && m->root != g_root)
            r = add_place(v, m);
    }
    return r;
}

static int enter_start_dir(struct fs_view *v)
{
    const struct plan_header *h = g_machine.plan.h;
    const char *path = plan_string(&g_machine.plan, h->start_dir);
    struct dentry *d;
    if (!h->start_dir.length)
        return 0;
    int r = vfs_walk(v, NULL, path, WALK_DIRECTORY, &d);
    if (r < 0) {
        log_error("fs.start_dir \"%s\": error %d: it must be an existing directory", path, -r);
        return r;
    }
    fs_view_set_cwd(v, d);
    return 0;
}

int vfs_init(struct fs_view **out)
{
    const struct plan_header *h = g_machine.plan.h;
    const struct plan_mount *mounts = plan_items(&g_machine.plan, h->mounts);
    int r = keys_init();
    if (r == 0)
        r = mount_plan(&mounts[0]);
    if (r == 0)
        r = mount_ours(procfs_mount, "/proc");
    if (r == 0)
        r = mount_ours(devfs_mount, "/dev");
    if (r == 0)
        r = mount_ours(shm_mount, "/dev/shm");
    if (r == 0)
        r = mount_ours(sysfs_mount, "/sys");
    for (uint32_t i = 1; i < h->mounts.count && r == 0; i++)
        r = mount_plan(&mounts[i]);
    if (r == 0)
        r = resolv_check();
    if (r == 0 && (h->flags & PLAN_DOMAIN_CONF)) /* last: it hides what the manifest mounts there */
        r = mount_ours(resolv_mount, "/etc/resolv.conf");
    struct fs_view *v = NULL;
    if (r == 0) {
        v = fs_view_new(g_root);
        r = v ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = find_places(v);
    if (r == 0)
        r = enter_start_dir(v);
    if (r < 0) {
        fs_view_put(v);
        return r;
    }
    *out = v;
    return 0;
}

int64_t mount_path(const struct mount *m, char *buf, size_t size)
{
    return dcache_path(g_root, m->root, buf, size);
}

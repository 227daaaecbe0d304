/*
 * Pairs of pseudo-terminals, and their names: /dev/ptmx makes one, /dev/pts lists those whose master is open. Nothing
 * of them is the host's.
 */
#include "libos/fs/pty.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"
#include "libos/fs/pseudo.h"
#include "libos/fs/pts.h"
#include "libos/ipc/poll.h"
#include "libos/proc/process.h"

#define PTYS_MAX 4096u /* Linux's kernel.pty.max */

struct mutex g_ptys_mu = MUTEX_INIT;
struct list g_ptys = LIST_INIT(g_ptys); /* g_ptys_mu; by index */

static struct pty *pty_at(const struct list *it)
{
    return container_of(it, struct pty, link);
}

/* The lowest free number, and the place in the list that keeps it sorted. */
static uint32_t free_index_locked(struct list **before)
{
    uint32_t index = 0;
    list_for_each(it, &g_ptys) {
        *before = it;
        if (pty_at(it)->index != index)
            return index;
        index++;
    }
    *before = &g_ptys;
    return index;
}

static int pty_new(struct pty **out)
{
    struct list *before;
    struct pty *p = mem_zalloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->refs = 1;
    p->locked = p->master_open = true;
    line_reset(p);
    ring_init(&p->output, PTY_OUTPUT);
    wait_queue_init(&p->slave_wait);
    wait_queue_init(&p->master_wait);
    mutex_lock(&g_ptys_mu);
    p->index = free_index_locked(&before);
    if (p->index < PTYS_MAX)
        list_push_back(before, &p->link);
    mutex_unlock(&g_ptys_mu);
    if (p->index >= PTYS_MAX) {
        mem_free(p);
        return -ENOSPC;
    }
    *out = p;
    return 0;
}

void pty_put(struct pty *p)
{
    if (!p)
        return;
    mutex_lock(&g_ptys_mu); /* nobody finds it between the last reference and its leaving the list */
    bool last = ref_put(&p->refs);
    if (last)
        list_remove(&p->link);
    mutex_unlock(&g_ptys_mu);
    if (!last)
        return;
    ring_fini(&p->output);
    mem_free(p);
}

struct pty *pty_next(uint32_t index)
{
    struct pty *found = NULL;
    mutex_lock(&g_ptys_mu);
    list_for_each(it, &g_ptys) {
        struct pty *p = pty_at(it);
        if (p->index < index || !__atomic_load_n(&p->master_open, __ATOMIC_RELAXED))
            continue;
        ref_get(&p->refs);
        found = p;
        break;
    }
    mutex_unlock(&g_ptys_mu);
    return found;
}

struct pty *pty_find(uint32_t index)
{
    struct pty *p = pty_next(index);
    if (p && p->index == index)
        return p;
    pty_put(p);
    return NULL;
}

void pty_signal_group(int32_t group, uint64_t signals)
{
    for (int32_t pid = 0; group && (pid = process_next(pid)) != 0;) {
        struct process *p = process_find(pid);
        for (int sig = 1; p && p->pgid == group && sig <= LINUX_NSIG; sig++)
            if (signals & SIGBIT(sig))
                (void)signal_send_process(p, sig, NULL);
        process_put(p);
    }
}

void pty_unlock(struct pty *p)
{
    uint64_t signals = p->signals;
    int32_t group = p->foreground;
    bool changed = p->changed;
    p->signals = 0;
    p->changed = false;
    mutex_unlock(&p->mu);
    if (signals)
        pty_signal_group(group, signals);
    if (changed) {
        wake_all(&p->slave_wait, 0);
        wake_all(&p->master_wait, 0);
    }
}

/* ---- opening */

int pty_open_master(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    struct pty *p;
    int r = pty_new(&p);
    if (r < 0)
        return r;
    *out = pty_new_end(p, true, d, flags);
    pty_put(p);
    return *out ? 0 : -ENOMEM;
}

int pty_open_end(struct pty *p, struct dentry *d, uint32_t flags, struct file **out)
{
    mutex_lock(&p->mu);
    int r = p->locked || p->hung_up ? -EIO : p->exclusive && current()->process->cred.euid ? -EBUSY : 0;
    struct file *f = r == 0 ? pty_new_end(p, false, d, flags) : NULL;
    if (f) {
        p->slaves++;
        p->other_closed = false;
        p->changed = true;
        if (!(flags & O_NOCTTY))
            pty_maybe_control(p);
    } else if (r == 0) {
        r = -ENOMEM;
    }
    pty_unlock(p);
    *out = f;
    return r;
}

static int slave_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    struct pty *p = pty_find((uint32_t)id->a);
    if (!p)
        return -EIO; /* its master went while the name was looked up */
    int r = pty_open_end(p, d, flags, out);
    pty_put(p);
    return r;
}

int pty_open_controlling(struct dentry *d, uint32_t flags, struct file **out)
{
    int32_t session = current()->process->sid;
    int r = -ENXIO;
    for (struct pty *p = pty_next(0), *next; p; p = next) {
        next = pty_next(p->index + 1);
        bool ours = __atomic_load_n(&p->session, __ATOMIC_RELAXED) == session;
        if (ours)
            r = pty_open_end(p, d, flags | O_NOCTTY, out);
        pty_put(p);
        if (ours) {
            pty_put(next);
            break;
        }
    }
    return r;
}

/* ---- /dev/pts */

static uint64_t slave_rdev(const struct pseudo_id *id)
{
    return UINT64_C(136) << 8 | ((uint64_t)id->a & 0xff) | ((uint64_t)id->a & ~UINT64_C(0xff)) << 12;
}

static const struct pseudo_node slave_node = { .name = "slave", .mode = S_IFCHR | 0620, .rdev_of = slave_rdev, .open = slave_open };

static int child_of(struct dentry *dir, const char *name, size_t length, struct dentry **out)
{
    struct inode *inode;
    int r = dir->inode->ops->lookup(dir->inode, name, length, &inode);
    if (r < 0)
        return r;
    *out = dentry_new(dir, name, length, inode);
    return *out ? 0 : -ENOMEM;
}

int pts_dentry(struct dentry *root, uint32_t index, struct dentry **out)
{
    char name[12];
    struct dentry *pts;
    int r = child_of(root, "pts", 3, &pts);
    if (r < 0)
        return r;
    r = child_of(pts, name, fmt_print(name, sizeof(name), "%u", index), out);
    dentry_put(pts);
    return r;
}

int pts_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child)
{
    int r = pseudo_number(name, length, &child->a);
    struct pty *p = r == 0 ? pty_find((uint32_t)child->a) : NULL;
    child->node = &slave_node;
    pty_put(p);
    return p ? 0 : -ENOENT;
}

int pts_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child)
{
    struct pty *p = pty_next((uint32_t)*cursor);
    if (!p)
        return 0;
    *cursor = p->index;
    child->a = p->index;
    child->node = &slave_node;
    fmt_print(name, VFS_NAME_MAX + 1, "%u", p->index);
    pty_put(p);
    return 1;
}

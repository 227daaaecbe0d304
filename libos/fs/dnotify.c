/*
 * dnotify, the older sibling of inotify: a signal to the owner of an open directory when something in it changes.
 * A watch belongs to an open file and a descriptor table and ends with the close of any descriptor of theirs, so it
 * needs no reference to the file.
 */
#include "libos/fs/dnotify.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/notify.h"
#include "libos/fs/owner.h"
#include "libos/fs/vfs.h"
#include "libos/proc/process.h"

static struct list g_dnotify = LIST_INIT(g_dnotify); /* g_notify_mu */

struct dnotify {
    struct notify_mark mark; /* owner: the file */
    struct list link;        /* g_dnotify */
    struct fdtable *table;
    int fd;
    uint32_t asked; /* DN_* */
};

static uint32_t events_of(uint32_t asked)
{
    return (asked & DN_ACCESS ? IN_ACCESS : 0) | (asked & DN_MODIFY ? IN_MODIFY : 0) | (asked & DN_CREATE ? IN_CREATE | IN_MOVED_TO : 0) |
           (asked & DN_DELETE ? IN_DELETE | IN_MOVED_FROM : 0) | (asked & DN_RENAME ? IN_MOVED_FROM : 0) | (asked & DN_ATTRIB ? IN_ATTRIB : 0);
}

static void remove_locked(struct dnotify *d)
{
    notify_remove_locked(&d->mark);
    list_remove(&d->link);
    mem_free(d);
}

static void on_event(struct notify_mark *m, const struct notify_event *e)
{
    struct dnotify *d = container_of(m, struct dnotify, mark);
    bool renamed = (d->asked & DN_RENAME) && e->within;
    if (!renamed && !(e->mask & events_of(d->asked & ~DN_RENAME)))
        return; /* moved out to elsewhere, and only renaming was asked for */
    file_signal_owner((struct file *)(uintptr_t)m->owner, d->fd, LINUX_POLL_MSG);
    if (!(d->asked & DN_MULTISHOT))
        remove_locked(d);
}

/* The directory was removed. */
static void on_gone(struct notify_mark *m)
{
    struct dnotify *d = container_of(m, struct dnotify, mark);
    list_remove(&d->link);
    mem_free(d);
}

static const struct notify_mark_ops dnotify_ops = { on_event, on_gone };

static int add_locked(struct notify_object *o, struct fdtable *t, struct file *f, int fd, uint32_t asked)
{
    struct notify_mark *m = notify_find_locked(o, &dnotify_ops, f);
    if (m) {
        struct dnotify *d = container_of(m, struct dnotify, mark);
        d->fd = fd;
        d->asked |= asked;
        notify_set_mask_locked(m, events_of(d->asked));
        return 0;
    }
    struct dnotify *d = mem_zalloc(sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->mark.ops = &dnotify_ops;
    d->mark.owner = f;
    d->mark.mask = events_of(asked);
    d->table = t;
    d->fd = fd;
    d->asked = asked;
    list_push_back(&g_dnotify, &d->link);
    notify_add_locked(o, &d->mark);
    f->dnotify = true;
    return 0;
}

/* Is the descriptor still there? A close after this looks for the watch. */
static bool still_open(struct fdtable *t, const struct file *f, int fd)
{
    struct file *now = fd_lookup(t, fd);
    file_put(now);
    return now == f;
}

int dnotify_set(struct fdtable *t, struct file *f, int fd, uint32_t arg)
{
    struct notify_target target;
    if (!(arg & DN_ALL)) {
        dnotify_forget(t, f);
        return 0;
    }
    int r = f->dentry ? inode_type(f->dentry->inode) : -ENOTDIR;
    if (r >= 0)
        r = r == S_IFDIR ? notify_target(f->dentry->inode, &target) : -ENOTDIR;
    if (r < 0)
        return r;
    if (!f->owner)
        (void)file_set_owner(f, FILE_OWNER_PROCESS, current()->process->pid);
    mutex_lock(&g_notify_mu);
    struct notify_object *o = notify_object_locked(&target);
    r = !o ? -ENOMEM : still_open(t, f, fd) ? add_locked(o, t, f, fd, arg & (DN_ALL | DN_MULTISHOT)) : 0;
    notify_object_check_locked(o);
    mutex_unlock(&g_notify_mu);
    notify_target_drop(&target);
    return r;
}

void dnotify_forget(struct fdtable *t, struct file *f)
{
    if (!f->dnotify)
        return;
    mutex_lock(&g_notify_mu);
    list_for_each_safe(it, &g_dnotify) {
        struct dnotify *d = list_entry(it, struct dnotify, link);
        struct notify_object *o = d->mark.object;
        if (d->mark.owner != f || d->table != t)
            continue;
        remove_locked(d);
        notify_object_check_locked(o);
    }
    mutex_unlock(&g_notify_mu);
}

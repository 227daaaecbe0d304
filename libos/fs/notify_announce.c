/*
 * The announcements: which watched files an operation concerns, in Linux's order
 * (fs/notify/fsnotify.c and include/linux/fsnotify.h of the kernel say it): the directory with the
 * name first, then the file itself.
 */
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/host.h"
#include "libos/fs/notify.h"
#include "libos/fs/notify_object.h"
#include "libos/fs/vfs.h"
#include "libos/fs/walk.h"
#include "libos/proc/process.h"

static bool side_wanted(const struct inode *inode, uint32_t mask)
{
    return __atomic_load_n(&g_notify_sides[inode->ops->whole_path], __ATOMIC_RELAXED) & mask;
}

/* Nothing that a watcher could be told of: host files cost a host call to look at, ours do not. */
static bool nobody_asks(const struct inode *inode, uint32_t mask)
{
    return inode->ops->whole_path && !side_wanted(inode, mask);
}

static struct notify_key key_of(const struct linux_stat *st, bool outside)
{
    return (struct notify_key){ st->dev, st->ino, outside };
}

static void tell(const struct notify_key *key, const struct notify_event *e)
{
    mutex_lock(&g_notify_mu);
    struct notify_object *o = notify_lookup_locked(key);
    if (o) {
        notify_tell_locked(o, e);
        notify_object_check_locked(o);
    }
    mutex_unlock(&g_notify_mu);
}

/* Where the file's name is. false: nowhere, or nobody asks. */
static bool parent_key(struct dentry *d, uint32_t mask, char name[VFS_NAME_MAX + 1],
                       struct notify_key *key)
{
    struct dentry *parent;
    struct linux_stat st;
    if (walk_parent(d, &parent, name) < 0)
        return false;
    bool found = side_wanted(parent->inode, mask) && notify_identify(parent->inode, &st, key) == 0;
    dentry_put(parent);
    return found;
}

/* Tell the directory and the file. Returns whether anybody watches either. */
static bool announce(struct dentry *d, const struct linux_stat *st, uint32_t mask)
{
    char name[VFS_NAME_MAX + 1];
    struct notify_key parent, self = key_of(st, d->inode->ops->whole_path);
    bool has_parent = parent_key(d, mask, name, &parent);
    struct notify_event e = { .mask = mask | ((st->mode & S_IFMT) == S_IFDIR ? IN_ISDIR : 0),
                              .name = name };
    e.unlinked = d->deleted || (self.outside && st->nlink == 0);
    mutex_lock(&g_notify_mu);
    struct notify_object *dir = has_parent ? notify_lookup_locked(&parent) : NULL;
    struct notify_object *o = notify_lookup_locked(&self);
    bool watched = dir || o;
    if (dir)
        notify_tell_locked(dir, &e);
    e.name = NULL;
    if (o)
        notify_tell_locked(o, &e);
    notify_object_check_locked(dir);
    if (o != dir)
        notify_object_check_locked(o);
    mutex_unlock(&g_notify_mu);
    return watched;
}

void notify_file_slow(struct file *f, uint32_t mask)
{
    struct linux_stat st;
    struct dentry *d = f->dentry;
    uint32_t now = __atomic_load_n(&g_notify_generation, __ATOMIC_RELAXED);
    if (!d || (f->flags & O_PATH) || __atomic_load_n(&f->unwatched, __ATOMIC_RELAXED) == now)
        return;
    if (nobody_asks(d->inode, mask))
        return;
    if (file_stat(f, &st) == 0 && !announce(d, &st, mask))
        __atomic_store_n(&f->unwatched, now, __ATOMIC_RELAXED);
}

void notify_dentry_slow(struct dentry *d, uint32_t mask)
{
    struct linux_stat st;
    struct notify_key key;
    if (!nobody_asks(d->inode, mask) && notify_identify(d->inode, &st, &key) == 0)
        (void)announce(d, &st, mask);
}

/* ---- names */

static void tell_name(struct dentry *dir, const struct notify_event *e)
{
    struct linux_stat st;
    struct notify_key key;
    if (notify_wanted(e->mask & IN_ALL_EVENTS) && side_wanted(dir->inode, e->mask) &&
        notify_identify(dir->inode, &st, &key) == 0)
        tell(&key, e);
}

void notify_look(struct inode *inode, struct notify_subject *out)
{
    struct linux_stat st;
    *out = (struct notify_subject){ 0 };
    if (!inode || !notify_wanted(IN_ALL_EVENTS) || nobody_asks(inode, IN_ALL_EVENTS) ||
        notify_identify(inode, &st, &out->key) < 0)
        return;
    out->known = true;
    out->directory = (st.mode & S_IFMT) == S_IFDIR;
}

void notify_made(struct dentry *dir, const char *name, bool directory)
{
    if (notify_wanted(IN_CREATE))
        tell_name(dir, &(struct notify_event){ .mask = IN_CREATE | (directory ? IN_ISDIR : 0),
                                               .name = name });
}

void notify_linked(struct dentry *dir, const char *name, const struct notify_subject *target)
{
    if (!target->known)
        return;
    notify_forget_answers(); /* open files of this one may have got a name in a watched directory */
    tell(&target->key, &(struct notify_event){ .mask = IN_ATTRIB });
    notify_made(dir, name, false);
}

/* ---- files that are gone */

/* Files of a process that are the one looked for. */
static bool process_has(struct process *p, const struct notify_key *key)
{
    struct linux_stat st;
    bool found = false;
    for (int fd = fd_next(p->fds, 0); fd >= 0 && !found; fd = fd_next(p->fds, fd + 1)) {
        struct file *f = fd_lookup(p->fds, fd);
        if (f && f->dentry && f->dentry->inode->ops->whole_path && file_stat(f, &st) == 0)
            found = st.dev == key->dev && st.ino == key->ino;
        file_put(f);
    }
    return found;
}

static bool is_open(const struct notify_key *key)
{
    struct process *p;
    bool found = false;
    for (int32_t pid = 0; !found && (pid = process_next(pid)) != 0;) {
        p = process_find(pid);
        found = p && p->fds && process_has(p, key);
        process_put(p);
    }
    return found;
}

/* Host files: when the last name and the last descriptor went, so did the file. Mappings are not
 * asked. */
static void check_gone_outside(const struct notify_key *key)
{
    struct linux_stat st;
    mutex_lock(&g_notify_mu);
    struct notify_object *o = notify_lookup_locked(key);
    bool nameless = o && host_pin_stat(o->pin, &st) == 0 && st.nlink == 0;
    mutex_unlock(&g_notify_mu);
    if (!nameless || is_open(key))
        return;
    mutex_lock(&g_notify_mu);
    o = notify_lookup_locked(key);
    if (o)
        notify_gone_locked(o);
    mutex_unlock(&g_notify_mu);
}

void notify_dentry_gone(struct dentry *d)
{
    struct linux_stat st;
    struct notify_key key;
    if (d->inode->ops->whole_path || !side_wanted(d->inode, IN_DELETE_SELF) ||
        notify_identify(d->inode, &st, &key) < 0 || st.nlink)
        return;
    mutex_lock(&g_notify_mu);
    struct notify_object *o = notify_lookup_locked(&key);
    if (o)
        notify_gone_locked(o);
    mutex_unlock(&g_notify_mu);
}

bool notify_close_begin(struct file *f, struct notify_key *key)
{
    struct linux_stat st;
    if (!f->dentry || (f->flags & O_PATH))
        return false;
    notify_file(f, file_can_write(f) ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    if (!f->dentry->inode->ops->whole_path || !side_wanted(f->dentry->inode, IN_DELETE_SELF) ||
        file_stat(f, &st) < 0)
        return false;
    *key = key_of(&st, true);
    return st.nlink == 0;
}

void notify_close_end(const struct notify_key *key)
{
    check_gone_outside(key);
}

void notify_removed(struct dentry *dir, const char *name, const struct notify_subject *victim)
{
    if (!victim->known)
        return;
    if (!victim->directory)
        tell(&victim->key, &(struct notify_event){ .mask = IN_ATTRIB });
    tell_name(dir, &(struct notify_event){ .mask = IN_DELETE | (victim->directory ? IN_ISDIR : 0),
                                           .name = name });
    if (victim->key.outside)
        check_gone_outside(&victim->key);
}

/* ---- moves */

static uint32_t next_cookie(void)
{
    static uint32_t g_cookie;
    uint32_t cookie = __atomic_add_fetch(&g_cookie, 1, __ATOMIC_RELAXED);
    return cookie ? cookie : __atomic_add_fetch(&g_cookie, 1, __ATOMIC_RELAXED);
}

static void tell_move(const struct notify_move *m, const struct notify_subject *moved,
                      const struct notify_subject *old)
{
    uint32_t directory = moved->directory ? IN_ISDIR : 0, cookie = next_cookie();
    struct linux_stat st;
    struct notify_key from, to;
    struct notify_event e = { .mask = IN_MOVED_FROM | directory,
                              .cookie = cookie,
                              .name = m->from };
    bool has_from = notify_identify(m->from_dir->inode, &st, &from) == 0,
         has_to = notify_identify(m->to_dir->inode, &st, &to) == 0;
    e.within = has_from && has_to && from.dev == to.dev && from.ino == to.ino;
    if (has_from)
        tell(&from, &e);
    if (has_to)
        tell(&to, &(struct notify_event){
                      .mask = IN_MOVED_TO | directory, .cookie = cookie, .name = m->to });
    if (old && old->known)
        tell(&old->key,
             &(struct notify_event){ .mask = IN_ATTRIB | (old->directory ? IN_ISDIR : 0) });
    tell(&moved->key, &(struct notify_event){ .mask = IN_MOVE_SELF });
}

void notify_renamed(const struct notify_move *m)
{
    if (!m->moved.known)
        return;
    notify_forget_answers();
    if (m->old.known && m->old.key.dev == m->moved.key.dev && m->old.key.ino == m->moved.key.ino)
        return; /* two names of one file: nothing happened */
    tell_move(m, &m->moved, m->exchange ? NULL : &m->old);
    if (m->exchange) {
        const struct notify_move back = {
            .from_dir = m->to_dir, .to_dir = m->from_dir, .from = m->to, .to = m->from
        };
        tell_move(&back, &m->old, NULL);
    } else if (m->old.known && m->old.key.outside) {
        check_gone_outside(&m->old.key);
    }
}

#ifndef LIBOS_FS_NOTIFY_H
#define LIBOS_FS_NOTIFY_H

/*
 * Changes of files, told to whoever watches them (inotify.c, dnotify.c). What this program itself
 * does through libos is announced here, on every mount; what others do to the host's files is not
 * seen.
 *
 * A file is known by (device, number): on mounts of ours those are ours; host files have the
 * host's, asked only while something on the host is watched. A watched host file is held open
 * (O_PATH), so that its number is not used again. The host can lie about numbers and so send events
 * astray: they are hints, as on any file server.
 *
 * Lock order: g_tree_lock, file.mu -> g_notify_mu -> inotify's queue, sighand.mu ->
 * wait_queue.lock.
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/sync.h"
#include "lib/base/list.h"
#include "lib/linux/inotify.h"

struct dentry;
struct file;
struct inode;
struct notify_mark;
struct notify_object;

struct notify_key {
    uint64_t dev, ino;
    bool outside; /* the host's numbers */
};

struct notify_event {
    uint32_t mask, cookie;
    const char *name; /* in the watched directory; NULL: the watched file itself */
    bool unlinked;    /* the name is gone, an open file lives on */
    bool within;      /* IN_MOVED_FROM: to the same directory */
};

struct notify_mark_ops {
    void (*event)(struct notify_mark *m,
                  const struct notify_event *e); /* may remove m, and only m */
    void (*gone)(struct notify_mark *m); /* the file was removed: m is off its object, free it */
};

/* One watcher of one file. Everything here is under g_notify_mu. */
struct notify_mark {
    struct list link; /* object->marks */
    struct notify_object *object;
    const struct notify_mark_ops *ops;
    const void *owner;
    uint32_t mask; /* IN_*; change it with notify_set_mask_locked */
};

extern struct mutex g_notify_mu;
extern uint32_t g_notify_interest; /* atomic: every IN_* bit that anybody watches for;
                                      IN_DELETE_SELF as long as there are marks */

static inline bool notify_wanted(uint32_t mask)
{
    return __builtin_expect(__atomic_load_n(&g_notify_interest, __ATOMIC_RELAXED) & mask, 0);
}

/* ---- announcing: each costs one load when nobody watches */

void notify_file_slow(struct file *f, uint32_t mask);
void notify_dentry_slow(struct dentry *d, uint32_t mask);

/* Something was done to an open file, or to a file by its name: told to who watches it or its
 * directory. */
static inline void notify_file(struct file *f, uint32_t mask)
{
    if (notify_wanted(mask))
        notify_file_slow(f, mask);
}

static inline void notify_dentry(struct dentry *d, uint32_t mask)
{
    if (notify_wanted(mask))
        notify_dentry_slow(d, mask);
}

/* A file as it is before a change of names. known: somebody watches on this side of the wall. */
struct notify_subject {
    bool known, directory;
    struct notify_key key;
};
void notify_look(struct inode *inode, struct notify_subject *out); /* NULL: not there */

void notify_made(struct dentry *dir, const char *name, bool directory);
void notify_linked(struct dentry *dir, const char *name, const struct notify_subject *target);
void notify_removed(struct dentry *dir, const char *name, const struct notify_subject *victim);

struct notify_move {
    struct dentry *from_dir, *to_dir;
    const char *from, *to;
    struct notify_subject moved, old; /* old: what `to` was before */
    bool exchange;
};
void notify_renamed(const struct notify_move *m);

/* The last reference to a file went. begin says whether end is wanted, after its release. */
bool notify_close_begin(struct file *f, struct notify_key *key);
void notify_close_end(const struct notify_key *key);
/* A dentry of ours that was removed is about to be freed: with the last name the file is gone. */
void notify_dentry_gone(struct dentry *d);

/* ---- watching */

struct notify_target {
    struct notify_key key;
    int pin; /* a descriptor of the host, or -1 */
};
int notify_target(struct inode *inode, struct notify_target *out);
void notify_target_drop(struct notify_target *t);

/* The object of a target (takes its pin), or NULL without memory. */
struct notify_object *notify_object_locked(struct notify_target *t);
void notify_object_check_locked(
    struct notify_object *o); /* frees it when nobody watches; NULL is fine */
struct notify_mark *notify_find_locked(struct notify_object *o, const struct notify_mark_ops *ops,
                                       const void *owner);
void notify_add_locked(struct notify_object *o, struct notify_mark *m);
void notify_set_mask_locked(struct notify_mark *m, uint32_t mask);
/* Off its object, which the caller checks unless this is in m's own event(). */
void notify_remove_locked(struct notify_mark *m);
struct notify_key notify_key_of_locked(const struct notify_object *o);

#endif

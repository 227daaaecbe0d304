/*
 * Changes of names. On file systems of ours each holds g_tree_lock from the look-up to the change
 * of the dentries; on host directories (whole_path) the host keeps order, and only what is ours in
 * them is looked at here: nodes, mount points and what leads to those.
 */
#include "libos/fs/change.h"

#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"
#include "libos/fs/nodes.h"
#include "libos/fs/notify.h"
#include "libos/fs/synthetic.h"
#include "libos/fs/walk.h"

static bool is_dots(const char *name)
{
    return str_equal(name, ".") || str_equal(name, "..");
}

enum names_lock { NAMES_TREE, NAMES_SHARED, NAMES_ALONE };

static enum names_lock lock_names(const struct walk_result *w, bool node)
{
    if (w->dentry->inode->ops->whole_path)
        return nodes_lock(node) ? NAMES_ALONE : NAMES_SHARED;
    mutex_lock(&g_tree_lock);
    return NAMES_TREE;
}

static void unlock_names(enum names_lock lock)
{
    if (lock == NAMES_TREE)
        mutex_unlock(&g_tree_lock);
    else
        nodes_unlock(lock == NAMES_ALONE);
}

/* The directory and the name of what is to be made or removed, and names locked. node: of ours over
 * a host's directory. */
static int parent_locked(struct fs_view *v, struct dentry *start, const char *path, bool node,
                         struct walk_result *w, enum names_lock *lock)
{
    int r = walk_path(v, start, path, WALK_PARENT, false, w);
    if (r == 0)
        *lock = lock_names(w, node);
    return r;
}

/* What is called so in dir: found, or looked up. Counted. g_tree_lock held on file systems of ours.
 */
static int child_locked(struct dentry *dir, const char *name, bool nofollow, struct dentry **out)
{
    size_t n = str_length(name, VFS_NAME_MAX);
    struct inode *inode;
    *out = walk_find_ours(dir, name, n);
    if (*out)
        return 0;
    int r = dir->inode->ops->lookup(dir->inode, name, n, &inode);
    if (r < 0)
        return r;
    if (dir->inode->ops->whole_path)
        inode->nofollow = nofollow;
    *out = dentry_new(dir, name, n, inode);
    if (!*out)
        return -ENOMEM;
    if (!dir->inode->ops->whole_path)
        *out = dcache_add(*out);
    return 0;
}

/* May something called so be made in dir? On host directories only what is ours is asked. */
static int check_make_locked(struct dentry *dir, const char *name)
{
    struct dentry *d;
    struct inode *inode;
    if (is_dots(name))
        return -EEXIST;
    size_t n = str_length(name, VFS_NAME_MAX);
    d = walk_find_ours(dir, name, n);
    dentry_put(d);
    if (d)
        return -EEXIST;
    if (dir->deleted)
        return -ENOENT;
    if (dir->inode->ops->whole_path)
        return 0;
    int r = dir->inode->ops->lookup(dir->inode, name, n, &inode);
    if (r == 0)
        inode_put(inode);
    return r == 0 ? -EEXIST : r == -ENOENT ? 0 : r;
}

/* Make the new inode findable; gives the dentry out if wanted. Takes the inode. */
static int publish(struct dentry *dir, const char *name, struct inode *inode, struct dentry **out)
{
    if (!out) {
        inode_put(inode);
        return 0;
    }
    struct dentry *d = dentry_new(dir, name, str_length(name, VFS_NAME_MAX), inode);
    if (!d)
        return -ENOMEM;
    *out = dcache_add(d);
    return 0;
}

int vfs_mkdir(struct fs_view *v, struct dentry *start, const char *path, uint32_t mode)
{
    struct walk_result w;
    enum names_lock lock;
    struct inode *inode = NULL;
    int r = parent_locked(v, start, path, false, &w, &lock);
    if (r < 0)
        return r;
    struct dentry *dir = w.dentry;
    r = check_make_locked(dir, w.last);
    if (r == 0)
        r = dir->inode->ops->mkdir
                ? dir->inode->ops->mkdir(dir->inode, w.last, str_length(w.last, VFS_NAME_MAX),
                                         mode & 01777, &inode)
                : -EPERM;
    unlock_names(lock);
    if (r == 0)
        notify_made(dir, w.last, true);
    inode_put(inode);
    dentry_put(dir);
    return r;
}

int vfs_mknod(struct fs_view *v, struct dentry *start, const char *path, uint32_t mode,
              struct dentry **out)
{
    struct walk_result w;
    enum names_lock lock;
    struct inode *inode = NULL;
    struct dentry *made = NULL;
    int r = parent_locked(v, start, path, true, &w, &lock);
    if (r < 0)
        return r;
    struct dentry *dir = w.dentry;
    const struct fs_ops *ops = dir->inode->ops;
    r = w.slash ? -ENOENT : check_make_locked(dir, w.last);
    if (r == 0) {
        if (ops->whole_path)
            r = nodes_make(dir, w.last, mode, &made);
        else if ((mode & S_IFMT) == S_IFREG)
            r = ops->create ? ops->create(dir->inode, w.last, str_length(w.last, VFS_NAME_MAX),
                                          mode & 07777, &inode)
                            : -EPERM;
        else
            r = ops->mknod
                    ? ops->mknod(dir->inode, w.last, str_length(w.last, VFS_NAME_MAX), mode, &inode)
                    : -EPERM;
    }
    if (r == 0 && inode)
        r = publish(dir, w.last, inode, out ? &made : NULL);
    unlock_names(lock);
    if (r == 0)
        notify_made(dir, w.last, false);
    dentry_put(dir);
    if (r == 0 && out)
        *out = made;
    else
        dentry_put(made);
    return r;
}

int vfs_symlink(struct fs_view *v, const char *target, struct dentry *start, const char *path)
{
    struct walk_result w;
    enum names_lock lock;
    struct inode *inode = NULL;
    int r = parent_locked(v, start, path, false, &w, &lock);
    if (r < 0)
        return r;
    struct dentry *dir = w.dentry;
    r = w.slash ? -ENOENT : check_make_locked(dir, w.last);
    if (r == 0)
        r = dir->inode->ops->symlink
                ? dir->inode->ops->symlink(dir->inode, w.last, str_length(w.last, VFS_NAME_MAX),
                                           target, &inode)
                : -EPERM;
    unlock_names(lock);
    if (r == 0)
        notify_made(dir, w.last, false);
    inode_put(inode);
    dentry_put(dir);
    return r;
}

int vfs_link(struct fs_view *v, struct dentry *from, struct dentry *start, const char *path)
{
    struct walk_result w;
    enum names_lock lock;
    struct notify_subject target;
    bool node = nodes_is(from);
    int r = parent_locked(v, start, path, node, &w, &lock);
    if (r < 0)
        return r;
    struct dentry *dir = w.dentry;
    r = w.slash ? -ENOENT : check_make_locked(dir, w.last);
    notify_look(from->inode, &target);
    node = node && dir->inode->ops->whole_path;
    if (r == 0 &&
        (from->inode->mount != dir->inode->mount || (!node && from->inode->ops != dir->inode->ops)))
        r = -EXDEV;
    if (r == 0 && node)
        r = nodes_link(dir, w.last, from->inode);
    else if (r == 0)
        r = dir->inode->ops->link
                ? dir->inode->ops->link(dir->inode, w.last, str_length(w.last, VFS_NAME_MAX),
                                        from->inode)
                : -EPERM;
    unlock_names(lock);
    if (r == 0)
        notify_linked(dir, w.last, &target);
    dentry_put(dir);
    return r;
}

/* Mount points, and what leads to one, stay. */
static int check_stays(const struct dentry *d, bool directory)
{
    if (d->pinned && !directory && d->inode->type == S_IFDIR)
        return -EISDIR;
    return d->mounted || d->pinned ? -EBUSY : 0;
}

/* Remove a dentry's name from the file system and from the tree. */
static int remove_name_locked(struct dentry *dir, struct dentry *d, const char *name,
                              bool directory)
{
    const struct fs_ops *ops = dir->inode->ops;
    int r = check_stays(d, directory);
    if (r < 0)
        return r;
    if (nodes_is(d)) {
        if (directory)
            return -ENOTDIR;
        nodes_forget(d);
        return 0;
    }
    if (directory && ops->whole_path && nodes_in(d->inode))
        return -ENOTEMPTY;
    int (*op)(struct inode *, const char *, size_t, struct inode *) = directory ? ops->rmdir
                                                                                : ops->unlink;
    r = op ? op(dir->inode, name, str_length(name, VFS_NAME_MAX), d->inode) : -EPERM;
    if (r == 0)
        dcache_remove(d);
    return r;
}

static int remove_locked(struct dentry *dir, struct dentry *d, const char *name, bool directory)
{
    struct notify_subject victim;
    notify_look(d->inode, &victim);
    int r = remove_name_locked(dir, d, name, directory);
    if (r == 0)
        notify_removed(dir, name, &victim);
    return r;
}

static int remove_name(struct fs_view *v, struct dentry *start, const char *path, bool directory)
{
    struct walk_result w;
    enum names_lock lock;
    struct dentry *d;
    int r = parent_locked(v, start, path, false, &w, &lock);
    if (r < 0)
        return r;
    if (is_dots(w.last)) {
        r = !directory ? -EISDIR
            : str_equal(w.last, ".")
                ? (path[str_length(path, VFS_PATH_MAX) - 1] == '/' && !path[1] ? -EBUSY : -EINVAL)
                : -ENOTEMPTY;
        unlock_names(lock);
        dentry_put(w.dentry);
        return r;
    }
    r = child_locked(w.dentry, w.last, true, &d);
    if (r == 0) {
        if (w.slash && !directory) {
            int type = inode_type(d->inode);
            r = type < 0 ? type : type == S_IFDIR ? -EISDIR : -ENOTDIR;
        }
        if (r == 0)
            r = remove_locked(w.dentry, d, w.last, directory);
        dentry_put(d);
    }
    unlock_names(lock);
    dentry_put(w.dentry);
    return r;
}

int vfs_unlink(struct fs_view *v, struct dentry *start, const char *path)
{
    return remove_name(v, start, path, false);
}

int vfs_rmdir(struct fs_view *v, struct dentry *start, const char *path)
{
    return remove_name(v, start, path, true);
}

static bool is_below(struct dentry *d, const struct dentry *top)
{
    for (; d; d = d->parent == d ? NULL : d->parent)
        if (d == top)
            return true;
    return false;
}

/* Bring the dentries in line with what the file system did. */
static void move_dentries_locked(struct dentry *moved, struct dentry *old, struct walk_result *from,
                                 struct walk_result *to, uint32_t flags)
{
    if (old && old != moved && !(flags & RENAME_EXCHANGE))
        dcache_remove(old);
    if (old == moved)
        return;
    if (flags & RENAME_EXCHANGE) {
        dcache_remove(old); /* open files keep working; only their names go stale */
        dcache_remove(moved);
        return;
    }
    dcache_move(moved, to->dentry, to->last, str_length(to->last, VFS_NAME_MAX));
}

/* What watchers will be told. On the host what the new name was is not looked up otherwise. */
static void look_before_rename(struct walk_result *from, struct walk_result *to,
                               struct dentry *moved, struct dentry *old, uint32_t flags,
                               struct notify_move *m)
{
    const struct fs_ops *ops = to->dentry->inode->ops;
    struct inode *inode = NULL;
    *m = (struct notify_move){
        .from_dir = from->dentry, .to_dir = to->dentry, .from = from->last, .to = to->last
    };
    if (!notify_wanted(IN_ALL_EVENTS))
        return;
    m->exchange = flags & RENAME_EXCHANGE;
    notify_look(moved->inode, &m->moved);
    if (ops->whole_path &&
        ops->lookup(to->dentry->inode, to->last, str_length(to->last, VFS_NAME_MAX), &inode) == 0)
        inode->nofollow = true;
    notify_look(old ? old->inode : inode, &m->old);
    inode_put(inode);
}

/* On file systems of ours. old: what has the new name, counted, or NULL. */
static int check_rename_locked(struct walk_result *from, struct walk_result *to,
                               struct dentry *moved, uint32_t flags, struct dentry **old)
{
    if (moved->pinned || moved->mounted || inode_is_synthetic(moved->inode))
        return -EBUSY;
    int r = child_locked(to->dentry, to->last, true, old);
    if (r < 0 && r != -ENOENT)
        return r;
    struct dentry *d = *old;
    if (!d && to->dentry->deleted)
        return -ENOENT;
    if (d && (d->pinned || d->mounted))
        return -EBUSY;
    if (is_below(to->dentry, moved))
        return -EINVAL;
    if (d && is_below(from->dentry, d))
        return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
    return moved->inode->type != S_IFDIR && (from->slash || to->slash) ? -ENOTDIR : 0;
}

static int rename_locked(struct walk_result *from, struct walk_result *to, uint32_t flags)
{
    struct dentry *moved, *old = NULL;
    struct notify_move change;
    const struct fs_ops *ops = from->dentry->inode->ops;
    int r = child_locked(from->dentry, from->last, true, &moved);
    if (r < 0)
        return r;
    if (ops->whole_path)
        old = walk_find_ours(to->dentry, to->last, str_length(to->last, VFS_NAME_MAX));
    else
        r = check_rename_locked(from, to, moved, flags, &old);
    if (r == 0)
        look_before_rename(from, to, moved, old, flags, &change);
    if (r == 0 && ops->whole_path)
        r = nodes_rename(from, to, moved, old, flags);
    else if (r == 0)
        r = ops->rename ? ops->rename(from->dentry->inode, from->last, to->dentry->inode, to->last,
                                      moved->inode, flags)
                        : -EPERM;
    if (r == 0 && !ops->whole_path && !(old && old->inode == moved->inode))
        move_dentries_locked(moved, old, from, to, flags);
    if (r == 0)
        notify_renamed(&change);
    dentry_put(moved);
    dentry_put(old);
    return r;
}

static int rename_walked(struct walk_result *a, struct walk_result *b, uint32_t flags)
{
    if (is_dots(a->last) || is_dots(b->last))
        return -EBUSY;
    if (a->dentry->inode->mount != b->dentry->inode->mount ||
        a->dentry->inode->ops != b->dentry->inode->ops)
        return -EXDEV;
    enum names_lock lock = lock_names(a, false);
    int r = rename_locked(a, b, flags);
    unlock_names(lock);
    return r;
}

int vfs_rename(struct fs_view *v, struct dentry *from_start, const char *from,
               struct dentry *to_start, const char *to, uint32_t flags)
{
    struct walk_result a, b;
    int r = walk_path(v, from_start, from, WALK_PARENT, false, &a);
    if (r < 0)
        return r;
    r = walk_path(v, to_start, to, WALK_PARENT, false, &b);
    if (r == 0) {
        r = rename_walked(&a, &b, flags);
        dentry_put(b.dentry);
    }
    dentry_put(a.dentry);
    return r;
}

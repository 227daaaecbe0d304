/*
 * FIFOs and sockets over host directories exist only inside: each is a dentry pinned under its full
 * path, found before the host is asked. Here they are made, and renames that touch them are done as
 * if they were the host's.
 */
#include "libos/fs/pinned.h"

#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"
#include "libos/fs/synthetic.h"
#include "libos/fs/walk.h"
#include "libos/mm/rwlock.h"

static struct rwlock g_names; /* held over calls of the host, none of which waits for anybody: opens
                                 do not block there */

int pinned_lock(uint32_t pins, bool alone, bool *is_alone)
{
    *is_alone = alone || __atomic_load_n(&g_late_pins, __ATOMIC_RELAXED);
    if (*is_alone)
        rwlock_write(&g_names);
    else
        rwlock_read(&g_names);
    if (__atomic_load_n(&g_late_pins, __ATOMIC_RELAXED) == pins)
        return 0;
    pinned_unlock(*is_alone);
    return PINNED_AGAIN;
}

void pinned_unlock(bool is_alone)
{
    if (is_alone)
        rwlock_write_end(&g_names);
    else
        rwlock_read_end(&g_names);
}

/* The type of what the host has of this name. 0: nothing. */
static int host_type(struct dentry *dir, const char *name, struct inode **out)
{
    struct inode *inode;
    int r = dir->inode->ops->lookup(dir->inode, name, str_length(name, VFS_NAME_MAX), &inode);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    inode->nofollow = true;
    r = inode_type(inode);
    if (r > 0 && out)
        *out = inode;
    else
        inode_put(inode);
    return r == -ENOENT ? 0 : r;
}

/*
 * The directory itself, pinned, for a node in it. Counted. The host is asked whether it is still there:
 * the caller may have it from a descriptor or its working directory, and it may be gone since.
 */
static int pin_directory(struct dentry *dir, struct dentry **out)
{
    char path[VFS_PATH_MAX];
    struct mount *mount = dir->inode->mount;
    int r = inode_is_synthetic(dir->inode) ? S_IFDIR : host_type(dir, ".", NULL);
    if (r != S_IFDIR)
        return r < 0 ? r : r == 0 ? -ENOENT : -ENOTDIR;
    int64_t n = dcache_path(mount->root, dir, path, sizeof(path));
    return n < 0 ? (int)n : walk_pin(mount->root, path, out);
}

/* Findable under this name, with room for every other one. Takes the inode. */
static int pin_node(struct dentry *at, const char *name, struct inode *inode, struct dentry **out)
{
    struct dentry *d = dentry_new_sized(at, name, str_length(name, VFS_NAME_MAX), VFS_NAME_MAX,
                                        inode);
    if (!d)
        return -ENOMEM;
    *out = dcache_add(d);
    dcache_pin(*out);
    __atomic_fetch_add(&g_late_pins, 1, __ATOMIC_RELEASE);
    return 0;
}

int pinned_make(struct dentry *dir, const char *name, uint32_t mode, struct dentry **out)
{
    struct dentry *at;
    struct inode *inode;
    int r = host_type(dir, name, NULL);
    if (r != 0)
        return r < 0 ? r : -EEXIST;
    r = pin_directory(dir, &at);
    if (r < 0)
        return r;
    r = synthetic_node(dir->inode->mount, mode, &inode);
    if (r == 0)
        r = pin_node(at, name, inode, out);
    dentry_put(at);
    return r;
}

/*
 * A host's directory is pinned for the sake of what only we know to be in it: towards a mount it
 * stays, with a FIFO or a socket it is not empty, and when those are gone it is like any other.
 */
int pinned_check(struct dentry *d)
{
    struct dentry *child = dcache_next_pinned(d, NULL);
    int r = !child ? 0 : child->mounted || child->inode->type == S_IFDIR ? -EBUSY : -ENOTEMPTY;
    dentry_put(child);
    return r;
}

bool pinned_is_gone(struct dentry *d)
{
    return d->pinned && !d->mounted && d->inode->ops->whole_path && !inode_is_synthetic(d->inode) &&
           pinned_check(d) == 0 && host_type(d, ".", NULL) == 0;
}

void pinned_forget(struct dentry *d)
{
    dcache_remove(d);
    dcache_unpin(d);
}

static bool is_node(const struct dentry *d)
{
    return d && inode_is_synthetic(d->inode) && d->inode->type != S_IFDIR;
}

/* A node gets another name: pin_node left room for it. */
static int move_node(struct dentry *d, struct dentry *at, const char *name)
{
    __atomic_fetch_add(&g_late_pins, 1, __ATOMIC_RELEASE);
    return dcache_move(d, at, name, str_length(name, VFS_NAME_MAX));
}

static int host_rename(struct walk_result *from, struct walk_result *to, struct inode *moved,
                       uint32_t flags)
{
    const struct fs_ops *ops = from->dentry->inode->ops;
    return ops->rename ? ops->rename(from->dentry->inode, from->last, to->dentry->inode, to->last,
                                     moved, flags)
                       : -EPERM;
}

/* Make way for a node of ours at its new name: type is what is there, of the host's when there is
 * none of ours. */
static int clear_target(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                        struct dentry *old, int type, struct inode *theirs, uint32_t flags)
{
    const struct fs_ops *ops = to->dentry->inode->ops;
    if (flags & RENAME_EXCHANGE)
        return theirs ? host_rename(to, from, theirs, RENAME_NOREPLACE)
                      : move_node(old, moved->parent, from->last);
    if (old)
        pinned_forget(old);
    else if (type)
        return ops->unlink ? ops->unlink(to->dentry->inode, to->last,
                                         str_length(to->last, VFS_NAME_MAX), theirs)
                           : -EPERM;
    return 0;
}

static int check_target(const struct walk_result *from, const struct walk_result *to, int type,
                        uint32_t flags)
{
    if (type && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (!type && (flags & RENAME_EXCHANGE))
        return -ENOENT;
    if (from->slash || (to->slash && !(flags & RENAME_EXCHANGE && type == S_IFDIR)))
        return -ENOTDIR;
    return type == S_IFDIR && !(flags & RENAME_EXCHANGE) ? -EISDIR : 0;
}

static int rename_node(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                       struct dentry *old, uint32_t flags)
{
    struct dentry *at;
    struct inode *theirs = NULL;
    int type = is_node(old) ? (int)old->inode->type : host_type(to->dentry, to->last, &theirs);
    int r = type < 0 ? type : check_target(from, to, type, flags);
    if (r == 0)
        r = pin_directory(to->dentry, &at);
    if (r == 0) {
        r = clear_target(from, to, moved, is_node(old) ? old : NULL, type, theirs, flags);
        if (r == 0 && theirs && old)
            pinned_forget(old); /* a directory that was pinned, under its old name */
        if (r == 0)
            r = move_node(moved, at, to->last);
        dentry_put(at);
    }
    inode_put(theirs);
    return r;
}

/* Something of the host's gets the name of a node of ours. */
static int rename_over_node(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                            struct dentry *old, uint32_t flags)
{
    struct dentry *at = NULL;
    int type = inode_type(moved->inode);
    bool exchange = flags & RENAME_EXCHANGE;
    if (type < 0)
        return type;
    if (flags & RENAME_NOREPLACE)
        return -EEXIST;
    if (to->slash || (type == S_IFDIR ? !exchange : from->slash))
        return -ENOTDIR;
    int r = exchange ? pin_directory(from->dentry, &at) : 0;
    if (r == 0)
        r = host_rename(from, to, moved->inode, RENAME_NOREPLACE); /* the host has nothing there */
    if (r == 0 && moved->pinned)
        pinned_forget(moved);
    if (r == 0 && exchange)
        r = move_node(old, at, from->last);
    else if (r == 0)
        pinned_forget(old);
    dentry_put(at);
    return r;
}

/* A directory that stays where it is, for what is mounted or known of in it. */
static int check_stays(struct dentry *d)
{
    if (d->mounted || (inode_is_synthetic(d->inode) && d->inode->type == S_IFDIR))
        return -EBUSY;
    return d->pinned && !is_node(d) && pinned_check(d) < 0 ? -EBUSY : 0;
}

/* A directory in the way. */
static int check_replaced(struct dentry *moved, struct dentry *old, uint32_t flags)
{
    if (flags & RENAME_NOREPLACE)
        return -EEXIST;
    int r = check_stays(old);
    if (r == 0 || (flags & RENAME_EXCHANGE) || old->mounted)
        return r;
    int type = inode_type(moved->inode);
    return type < 0 ? type : type == S_IFDIR ? pinned_check(old) : -EISDIR;
}

int pinned_rename(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                  struct dentry *old, uint32_t flags)
{
    int r = check_stays(moved);
    if (r == 0 && old && !is_node(old))
        r = check_replaced(moved, old, flags);
    if (r < 0)
        return r;
    if (old == moved)
        return flags & RENAME_NOREPLACE ? -EEXIST : 0;
    if (is_node(moved))
        return rename_node(from, to, moved, old, flags);
    if (is_node(old))
        return rename_over_node(from, to, moved, old, flags);
    r = host_rename(from, to, moved->inode, flags);
    if (r == 0 && moved->pinned)
        pinned_forget(moved);
    if (r == 0 && old)
        pinned_forget(old);
    return r;
}

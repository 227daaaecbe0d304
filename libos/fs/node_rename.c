/*
 * Renames in host directories that touch a node of ours, or a directory that leads to a mount. The
 * names are locked alone where there are nodes.
 */
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/nodes.h"
#include "libos/fs/synthetic.h"
#include "libos/fs/walk.h"

static bool is_node(const struct dentry *d)
{
    return d && nodes_is(d);
}

static int host_rename(struct walk_result *from, struct walk_result *to, struct inode *moved,
                       uint32_t flags)
{
    const struct fs_ops *ops = from->dentry->inode->ops;
    return ops->rename ? ops->rename(from->dentry->inode, from->last, to->dentry->inode, to->last,
                                     moved, flags)
                       : -EPERM;
}

/* A node gets another name. */
static int move_node(struct dentry *d, struct walk_result *to)
{
    struct node_dir *at;
    int r = nodes_dir_get(to->dentry, &at);
    if (r < 0)
        return r;
    nodes_move(d, at, to->dentry, to->last);
    nodes_dir_put(at);
    return 0;
}

static int exchange_nodes(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                          struct dentry *old)
{
    struct node_dir *back;
    int r = nodes_dir_get(from->dentry, &back);
    if (r < 0)
        return r;
    r = move_node(moved, to);
    if (r == 0)
        nodes_move(old, back, from->dentry, from->last);
    nodes_dir_put(back);
    return r;
}

/* Remove what the host has at the new name. */
static int unlink_target(struct walk_result *to, struct inode *theirs)
{
    const struct fs_ops *ops = to->dentry->inode->ops;
    return ops->unlink ? ops->unlink(to->dentry->inode, to->last,
                                     str_length(to->last, VFS_NAME_MAX), theirs)
                       : -EPERM;
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

/* A node, to where the host has something (theirs), or nothing. */
static int rename_node_among_host(struct walk_result *from, struct walk_result *to,
                                  struct dentry *moved, struct inode *theirs, uint32_t flags)
{
    struct node_dir *at;
    int r = nodes_dir_get(to->dentry, &at);
    if (r < 0)
        return r;
    if (flags & RENAME_EXCHANGE)
        r = host_rename(to, from, theirs, RENAME_NOREPLACE);
    else if (theirs)
        r = unlink_target(to, theirs);
    if (r == 0)
        nodes_move(moved, at, to->dentry, to->last);
    nodes_dir_put(at);
    return r;
}

static int rename_node(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                       struct dentry *old, uint32_t flags)
{
    struct inode *theirs = NULL;
    int type = is_node(old) ? (int)old->inode->type
                            : nodes_host_type(to->dentry, to->last, &theirs);
    int r = type < 0 ? type : check_target(from, to, type, flags);
    if (r < 0 || (is_node(old) && old->inode == moved->inode))
        ; /* two names of one node: both stay */
    else if (!is_node(old))
        r = rename_node_among_host(from, to, moved, theirs, flags);
    else if (flags & RENAME_EXCHANGE)
        r = exchange_nodes(from, to, moved, old);
    else if ((r = move_node(moved, to)) == 0)
        nodes_forget(old);
    inode_put(theirs);
    return r;
}

/* Something of the host's gets the name of a node of ours. */
static int rename_over_node(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                            struct dentry *old, uint32_t flags)
{
    struct node_dir *back = NULL;
    int type = inode_type(moved->inode);
    bool exchange = flags & RENAME_EXCHANGE;
    if (type < 0)
        return type;
    if (flags & RENAME_NOREPLACE)
        return -EEXIST;
    if (to->slash || (type == S_IFDIR ? !exchange : from->slash))
        return -ENOTDIR;
    int r = exchange ? nodes_dir_get(from->dentry, &back) : 0;
    if (r < 0)
        return r;
    r = host_rename(from, to, moved->inode, RENAME_NOREPLACE); /* the host has nothing there */
    if (r == 0 && exchange)
        nodes_move(old, back, from->dentry, from->last);
    else if (r == 0)
        nodes_forget(old);
    if (back)
        nodes_dir_put(back);
    return r;
}

/* The host sees an empty directory where we know nodes to be. */
static int check_replaced(struct walk_result *to, struct dentry *moved, uint32_t flags)
{
    struct inode *theirs = NULL;
    struct linux_stat a, b;
    if (!nodes_any() || (flags & (RENAME_EXCHANGE | RENAME_NOREPLACE)))
        return 0;
    int type = nodes_host_type(to->dentry, to->last, &theirs);
    bool full = type == S_IFDIR && inode_type(moved->inode) == S_IFDIR && nodes_in(theirs) &&
                theirs->ops->identify(theirs, &a, NULL) == 0 &&
                moved->inode->ops->identify(moved->inode, &b, NULL) == 0 &&
                (a.ino != b.ino || a.dev != b.dev); /* to itself: nothing happens */
    inode_put(theirs);
    return full ? -ENOTEMPTY : 0;
}

/* A directory that leads to a mount stays where it is. */
static bool stays(const struct dentry *d)
{
    return d && (d->mounted || d->pinned);
}

/* It is in the way. */
static int check_stays(struct dentry *moved, struct dentry *old, uint32_t flags)
{
    if (flags & (RENAME_NOREPLACE | RENAME_EXCHANGE))
        return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    int type = inode_type(moved->inode);
    if (type != S_IFDIR)
        return type < 0 ? type : -EISDIR;
    return old->mounted ? -EBUSY : -ENOTEMPTY;
}

int nodes_rename(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                 struct dentry *old, uint32_t flags)
{
    if (stays(moved))
        return -EBUSY;
    if (stays(old))
        return check_stays(moved, old, flags);
    if (old == moved)
        return flags & RENAME_NOREPLACE ? -EEXIST : 0;
    if (is_node(moved))
        return rename_node(from, to, moved, old, flags);
    if (is_node(old))
        return rename_over_node(from, to, moved, old, flags);
    int r = check_replaced(to, moved, flags);
    return r < 0 ? r : host_rename(from, to, moved->inode, flags);
}

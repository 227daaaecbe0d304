/*
 * Extended attributes of tmpfs nodes: a short list each, under g_tree_lock. Only user.* and trusted.* may
 * be set; nothing here gives security.* a meaning, so those are refused.
 */
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/fs/dcache.h"
#include "libos/fs/tmpfs_node.h"

#define XATTR_CREATE  1
#define XATTR_REPLACE 2

static struct tmpfs_xattr *find_locked(struct tmpfs_node *n, const char *name)
{
    list_for_each(it, &n->xattrs) {
        struct tmpfs_xattr *x = list_entry(it, struct tmpfs_xattr, link);
        if (str_equal(x->name, name))
            return x;
    }
    return NULL;
}

int64_t tmpfs_getxattr(struct inode *inode, const char *name, void *value, size_t size)
{
    struct tmpfs_node *n = container_of(inode, struct tmpfs_node, inode);
    int64_t r = -ENODATA;
    mutex_lock(&g_tree_lock);
    struct tmpfs_xattr *x = find_locked(n, name);
    if (x) {
        r = size && size < x->size ? -ERANGE : (int64_t)x->size;
        if (r >= 0 && size)
            memcpy(value, x->value, x->size);
    }
    mutex_unlock(&g_tree_lock);
    return r;
}

int tmpfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
    struct tmpfs_node *n = container_of(inode, struct tmpfs_node, inode);
    if (!str_starts_with(name, "user.") && !str_starts_with(name, "trusted."))
        return -EOPNOTSUPP;
    if (str_starts_with(name, "user.") && inode->type != S_IFREG && inode->type != S_IFDIR)
        return -EPERM;
    size_t length = str_length(name, VFS_NAME_MAX);
    struct tmpfs_xattr *x = mem_alloc(sizeof(*x) + length + 1 + size);
    if (!x)
        return -ENOSPC;
    memcpy(x->name, name, length);
    x->name[length] = 0;
    x->value = (uint8_t *)x->name + length + 1;
    x->size = size;
    memcpy(x->value, value, size);
    int r = 0;
    mutex_lock(&g_tree_lock);
    struct tmpfs_xattr *old = find_locked(n, name);
    if (old && (flags & XATTR_CREATE))
        r = -EEXIST;
    else if (!old && (flags & XATTR_REPLACE))
        r = -ENODATA;
    if (r == 0) {
        if (old)
            list_remove(&old->link);
        list_push_back(&n->xattrs, &x->link);
    }
    mutex_unlock(&g_tree_lock);
    mem_free(r == 0 ? old : x);
    return r;
}

int64_t tmpfs_listxattr(struct inode *inode, char *list, size_t size)
{
    struct tmpfs_node *n = container_of(inode, struct tmpfs_node, inode);
    size_t used = 0;
    mutex_lock(&g_tree_lock);
    list_for_each(it, &n->xattrs) {
        struct tmpfs_xattr *x = list_entry(it, struct tmpfs_xattr, link);
        size_t length = str_length(x->name, VFS_NAME_MAX) + 1;
        if (size && used + length <= size)
            memcpy(list + used, x->name, length);
        used += length;
    }
    mutex_unlock(&g_tree_lock);
    return size && used > size ? -ERANGE : (int64_t)used;
}

int tmpfs_removexattr(struct inode *inode, const char *name)
{
    struct tmpfs_node *n = container_of(inode, struct tmpfs_node, inode);
    mutex_lock(&g_tree_lock);
    struct tmpfs_xattr *x = find_locked(n, name);
    if (x)
        list_remove(&x->link);
    mutex_unlock(&g_tree_lock);
    mem_free(x);
    return x ? 0 : -ENODATA;
}

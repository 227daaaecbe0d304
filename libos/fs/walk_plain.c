/*
 * The short way to what a host path names: no dentry and no inode is made for it. Whatever is not plain is left to
 * walk.c, which alone decides what a path means; here nothing is answered that it would answer otherwise.
 */
#include "libos/fs/walk.h"

#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "libos/fs/dcache.h"
#include "libos/fs/mount.h"

/* Where the walk begins: the root of a mount, which is never freed, or a directory of the host, counted. */
static bool begin(struct fs_view *v, struct dentry *start, const char *path, struct walk_plain *w, size_t *used)
{
    w->counted = path[0] != '/';
    if (!w->counted) {
        w->dir = mount_of_path(path, strlen(path), used);
        return __atomic_load_n(&v->root, __ATOMIC_RELAXED) == mount_root();
    }
    if (!path[0] || __atomic_load_n(&g_late_pins, __ATOMIC_RELAXED))
        return false;
    if (start) {
        w->dir = dentry_get(start);
        return true;
    }
    mutex_lock(&v->mu);
    w->dir = dentry_get(v->cwd);
    mutex_unlock(&v->mu);
    return true;
}

/* The rest of the path, when it is normalised already. false: there is a component that is not plain. */
static bool take_name(const char *path, struct walk_plain *w)
{
    const char *first = path[0] == '/' ? path + 1 : path, *p = first;
    w->name = first;
    for (;; p++) {
        if (*p && *p != '/')
            continue;
        size_t n = (size_t)(p - first);
        if (n == 0 || n > VFS_NAME_MAX || (first[0] == '.' && (n == 1 || (n == 2 && first[1] == '.'))))
            return false;
        if (!*p)
            break;
        first = p + 1;
    }
    w->length = (size_t)(p - w->name);
    return true;
}

/* Is what the first component names a node of ours, or a mount? */
static bool begins_with_ours(struct walk_plain *w)
{
    size_t n = 0;
    if (!dcache_has_pinned(w->dir))
        return false;
    while (n < w->length && w->name[n] != '/')
        n++;
    struct dentry *ours = dcache_find(w->dir, w->name, n);
    dentry_put(ours);
    return ours;
}

bool walk_plain(struct fs_view *v, struct dentry *start, const char *path, struct walk_plain *w)
{
    size_t used = 0;
    w->dir = NULL;
    w->counted = false;
    if (begin(v, start, path, w, &used) && !w->dir->mounted) {
        const struct inode *inode = w->dir->inode;
        uint32_t type = __atomic_load_n(&inode->type, __ATOMIC_RELAXED);
        /* An unknown type: the host will say -ENOTDIR itself. */
        if (inode->ops->stat_name && (type == 0 || type == S_IFDIR) && take_name(path + used, w) && !begins_with_ours(w))
            return true;
    }
    walk_plain_end(w);
    return false;
}

void walk_plain_end(struct walk_plain *w)
{
    if (w->counted)
        dentry_put(w->dir);
}

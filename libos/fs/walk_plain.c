/*
 * The short way to what a host path names: no dentry and no inode is made for it. Whatever is not plain is left to
 * walk.c, which alone decides what a path means; here nothing is answered that it would answer otherwise.
 */
#include "libos/fs/walk.h"

#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "libos/fs/dcache.h"
#include "libos/fs/mount.h"
#include "libos/fs/nodes.h"

/* Where the walk begins: the root of a mount, which is never freed, or a directory of the host,
 * counted. */
static bool begin(struct fs_view *v, struct dentry *start, const char *path, size_t length,
                  struct walk_plain *w, size_t *used)
{
    w->counted = path[0] != '/';
    if (!w->counted) {
        w->dir = mount_of_path(path, length, used);
        return __atomic_load_n(&v->root, __ATOMIC_RELAXED) == mount_root();
    }
    if (!path[0])
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

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (uint8_t)(b))

/* Bit 7 of every byte of the word that is b; and perhaps of bytes that differ from b in bit 0 alone
 * and follow such a one, as `.` does a slash: that is as well. */
static uint64_t bytes_equal_to(uint64_t word, char b)
{
    uint64_t x = word ^ EACH_BYTE(b);
    return (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);
}

/* Normalised at a glance: components that are neither empty nor begin with a dot, all of them
 * short; eight bytes at a time. */
static bool is_normal_at_a_glance(const char *name, size_t length)
{
    uint64_t after_slash = 0x80; /* as it was before the first byte */
    if (length < 8 || length > VFS_NAME_MAX || name[length - 1] == '/')
        return false;
    for (size_t at = 0;; at += 8) {
        /* The last word overlaps the one before: moved up, its first bytes are those that nobody
         * saw. */
        size_t skip = at + 8 > length ? at + 8 - length : 0;
        uint64_t word = load_le64(name + at - skip) >> skip * 8;
        uint64_t slashes = bytes_equal_to(word, '/');
        if ((slashes << 8 | after_slash) & (slashes | bytes_equal_to(word, '.')))
            return false;
        after_slash = slashes >> 56;
        if (at + 8 >= length)
            return true;
    }
}

/* Is there no component that is empty, `.`, `..` or too long? */
static bool is_normal(const char *name, size_t length)
{
    size_t first = 0;
    for (size_t at = 0;; at++) {
        if (at < length && name[at] != '/')
            continue;
        size_t n = at - first;
        if (n == 0 || n > VFS_NAME_MAX ||
            (name[first] == '.' && (n == 1 || (n == 2 && name[first + 1] == '.'))))
            return false;
        if (at == length)
            return true;
        first = at + 1;
    }
}

/* The rest of the path, when it is normalised already. false: there is a component that is not
 * plain. */
static bool take_name(const char *path, size_t length, struct walk_plain *w)
{
    w->rooted = path[0] == '/';
    w->name = path + w->rooted;
    w->length = length - w->rooted;
    return is_normal_at_a_glance(w->name, w->length) || is_normal(w->name, w->length);
}

/* Is what the first component names a mount, or does it lead to one? */
static bool begins_with_ours(struct walk_plain *w)
{
    size_t n = 0;
    if (!dcache_has_letter(w->dir, w->name[0]) || !dcache_has_pinned(w->dir))
        return false;
    while (n < w->length && w->name[n] != '/')
        n++;
    struct dentry *ours = dcache_find(w->dir, w->name, n);
    dentry_put(ours);
    return ours;
}

bool walk_plain(struct fs_view *v, struct dentry *start, const char *path, struct walk_plain *w)
{
    size_t used = 0, length = strlen(path);
    w->dir = NULL;
    w->counted = false;
    if (begin(v, start, path, length, w, &used) && !w->dir->mounted) {
        const struct inode *inode = w->dir->inode;
        uint32_t type = __atomic_load_n(&inode->type, __ATOMIC_RELAXED);
        /* An unknown type: the host will say -ENOTDIR itself. */
        if (inode->ops->stat_name && (type == 0 || type == S_IFDIR) &&
            take_name(path + used, length - used, w) && !begins_with_ours(w) &&
            !nodes_may_be_on(w->name, w->length))
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

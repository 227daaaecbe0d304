/*
 * Names to files: a process's view, opening, attributes, paths. The walk itself is walk.c, names
 * that are in use dcache.c, changes of names change.c, the mounts mount.c.
 */
#include "libos/fs/vfs.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"
#include "libos/fs/file.h"
#include "libos/fs/nodes.h"
#include "libos/fs/notify.h"
#include "libos/fs/pathfile.h"
#include "libos/fs/walk.h"

struct fs_view *fs_view_new(struct dentry *root)
{
    struct fs_view *v = mem_zalloc(sizeof(*v));
    if (!v)
        return NULL;
    v->refs = 1;
    v->umask = 022;
    v->root = dentry_get(root);
    v->cwd = dentry_get(root);
    return v;
}

struct fs_view *fs_view_clone(struct fs_view *v)
{
    struct fs_view *copy = mem_zalloc(sizeof(*copy));
    if (!copy)
        return NULL;
    mutex_lock(&v->mu);
    copy->refs = 1;
    copy->umask = v->umask;
    copy->root = dentry_get(v->root);
    copy->cwd = dentry_get(v->cwd);
    mutex_unlock(&v->mu);
    return copy;
}

void fs_view_put(struct fs_view *v)
{
    if (!v || !ref_put(&v->refs))
        return;
    dentry_put(v->root);
    dentry_put(v->cwd);
    mem_free(v);
}

static void replace(struct fs_view *v, struct dentry **slot, struct dentry *d)
{
    mutex_lock(&v->mu);
    struct dentry *old = *slot;
    *slot = d;
    mutex_unlock(&v->mu);
    dentry_put(old);
}

void fs_view_set_cwd(struct fs_view *v, struct dentry *d)
{
    replace(v, &v->cwd, d);
}

void fs_view_set_root(struct fs_view *v, struct dentry *d)
{
    replace(v, &v->root, d);
}

uint32_t fs_view_umask(struct fs_view *v)
{
    return __atomic_load_n(&v->umask, __ATOMIC_RELAXED);
}

int vfs_stat(struct dentry *d, struct linux_stat *st)
{
    int r = d->inode->ops->stat(d->inode, st);
    if (r == 0 && !d->inode->type)
        d->inode->type = st->mode & S_IFMT;
    return r;
}

int64_t vfs_path(struct fs_view *v, struct dentry *d, char *buf, size_t size)
{
    mutex_lock(&v->mu);
    struct dentry *root = dentry_get(v->root);
    mutex_unlock(&v->mu);
    int64_t r = dcache_path(root, d, buf, size);
    dentry_put(root);
    return r;
}

/* Users other than the owner are not told apart: one program, one owner. Bits that nobody has bind
 * even root here. */
static int check_mode(const struct linux_stat *st, int mask)
{
    uint32_t bits = (st->mode | st->mode >> 3 | st->mode >> 6) & 7;
    if ((st->mode & S_IFMT) == S_IFDIR)
        bits |= 1;
    return ((uint32_t)mask & ~bits) ? -EACCES : 0;
}

int inode_access(struct inode *inode, int mask)
{
    if (inode->ops->access)
        return inode->ops->access(inode, mask);
    struct linux_stat st;
    int r = inode->ops->stat(inode, &st);
    return r < 0 ? r : check_mode(&st, mask);
}

/* By the short way, when there is one: then *r is the result. */
static IN_LINE bool stat_short(struct fs_view *v, struct dentry *start, const char *path,
                               unsigned walk_flags, struct linux_stat *st, int *r)
{
    struct walk_plain w;
    if ((walk_flags & ~(unsigned)WALK_NOFOLLOW) || !walk_plain(v, start, path, &w))
        return false;
    *r = w.dir->inode->ops->stat_name(&w, walk_flags & WALK_NOFOLLOW, st);
    walk_plain_end(&w);
    return true;
}

static IN_LINE int stat_path(struct fs_view *v, struct dentry *start, const char *path,
                             unsigned walk_flags, struct linux_stat *st)
{
    struct dentry *d;
    int r;
    if (stat_short(v, start, path, walk_flags, st, &r))
        return r;
    r = vfs_walk_lazy(v, start, path, walk_flags, &d);
    if (r < 0)
        return r;
    r = vfs_stat(d, st);
    dentry_put(d);
    return r;
}

IN_LINE int vfs_stat_path(struct fs_view *v, struct dentry *start, const char *path,
                          unsigned walk_flags, struct linux_stat *st)
{
    int r = stat_path(v, start, path, walk_flags, st);
    return walk_may_lead_to_node(r, walk_flags)
               ? stat_path(v, start, path, walk_flags | WALK_HOST_LINKS, st)
               : r;
}

static int access_path(struct fs_view *v, struct dentry *start, const char *path,
                       unsigned walk_flags, int mask)
{
    struct linux_stat st;
    struct dentry *d;
    int r;
    if (stat_short(v, start, path, walk_flags, &st, &r))
        return r < 0 ? r : check_mode(&st, mask);
    r = vfs_walk_lazy(v, start, path, walk_flags, &d);
    if (r < 0)
        return r;
    r = inode_access(d->inode, mask);
    dentry_put(d);
    return r;
}

int vfs_access_path(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags,
                    int mask)
{
    int r = access_path(v, start, path, walk_flags, mask);
    return walk_may_lead_to_node(r, walk_flags)
               ? access_path(v, start, path, walk_flags | WALK_HOST_LINKS, mask)
               : r;
}

/* Checks that Linux makes before it opens something that exists, on file systems of ours. */
static int check_open(struct inode *inode, uint32_t flags)
{
    uint32_t access = flags & O_ACCMODE;
    if (inode->type == S_IFLNK)
        return -ELOOP;
    if ((flags & O_DIRECTORY) && inode->type != S_IFDIR)
        return -ENOTDIR;
    if (inode->type == S_IFDIR && (access != O_RDONLY || (flags & O_CREAT)))
        return -EISDIR;
    if (inode->type == S_IFSOCK)
        return -ENXIO;
    int mask = access == O_RDONLY ? R_OK : access == O_WRONLY ? W_OK : R_OK | W_OK;
    return inode->type == S_IFREG || inode->type == S_IFCHR ? inode_access(inode, mask) : 0;
}

static int open_existing(struct dentry *d, uint32_t flags, struct file **out)
{
    struct inode *inode = d->inode;
    int r;
    if (!inode->ops->open)
        return -ENXIO;
    if (!inode->ops->whole_path) {
        r = check_open(inode, flags);
        if (r == 0 && (flags & O_TRUNC) && inode->type == S_IFREG && inode->ops->truncate)
            r = inode->ops->truncate(inode, 0);
        if (r < 0)
            return r;
    }
    return inode->ops->open(d, flags & ~(uint32_t)(O_CREAT | O_EXCL), 0, out);
}

/* Watchers are told: opened, and cut short if it was. */
static void announce_open(struct file *f, uint32_t flags, bool made)
{
    notify_file(f, IN_OPEN);
    if ((flags & O_TRUNC) && !made && f->dentry && f->dentry->inode->type == S_IFREG)
        notify_file(f, IN_MODIFY);
}

int vfs_open_dentry(struct dentry *d, uint32_t flags, struct file **out)
{
    if (flags & O_PATH)
        return pathfile_open(d, flags, out);
    int r = open_existing(d, flags, out);
    if (r == 0)
        announce_open(*out, flags, false);
    return r;
}

/* The file that just was found missing. */
static int create_missing(struct dentry *dir, const char *name, uint32_t flags, uint32_t mode,
                          struct file **out)
{
    size_t n = 0;
    while (name[n])
        n++;
    struct inode *inode = NULL;
    struct dentry *d = NULL;
    int r;
    if (!dir->inode->ops->create)
        return dir->inode->ops->mkdir ? -EPERM : -EACCES;
    mutex_lock(&g_tree_lock);
    if (dir->deleted) {
        r = -ENOENT;
    } else {
        r = dir->inode->ops->create(dir->inode, name, n, mode & 07777, &inode);
        if (r == 0) {
            d = dentry_new(dir, name, n, inode);
            d = d ? dcache_add(d) : NULL;
            r = d ? 0 : -ENOMEM;
        }
    }
    mutex_unlock(&g_tree_lock);
    if (r == 0) {
        notify_made(dir, name, false);
        r = dir->inode->ops->open(d, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC), 0, out);
    }
    if (r == 0)
        announce_open(*out, flags, true);
    dentry_put(d);
    return r;
}

static int open_tmpfile(struct dentry *dir, uint32_t flags, uint32_t mode, struct file **out)
{
    struct inode *inode;
    int type = inode_type(dir->inode);
    if (type < 0 || type != S_IFDIR)
        return type < 0 ? type : -ENOTDIR;
    if (!(flags & O_ACCMODE))
        return -EINVAL;
    if (!dir->inode->ops->tmpfile)
        return -EOPNOTSUPP;
    int r = dir->inode->ops->tmpfile(dir->inode, mode & 07777, &inode);
    if (r < 0)
        return r;
    struct dentry *d = dentry_new(dir, "#tmpfile", 8, inode);
    if (!d)
        return -ENOMEM;
    d->deleted = true;
    r = inode->ops->open(d, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TMPFILE), 0, out);
    dentry_put(d);
    return r;
}

/* A magic link led to an open file without a name, a pipe perhaps: opening it means sharing it. */
static int open_unnamed(struct file *f, uint32_t flags, struct file **out)
{
    uint32_t want = flags & O_ACCMODE, have = f->flags & O_ACCMODE;
    if ((flags & O_DIRECTORY) || (have != O_RDWR && want != have)) {
        file_put(f);
        return flags & O_DIRECTORY ? -ENOTDIR : -EACCES;
    }
    *out = f;
    return 0;
}

#define OPEN_AGAIN   1 /* a node of ours was made since the walk */
#define OPEN_FOLLOW  2 /* a symlink of the host's, which may lead to a node of ours */

static bool is_absolute_link(struct inode *inode)
{
    char target[VFS_PATH_MAX];
    int n = inode->ops->readlink ? inode->ops->readlink(inode, target, sizeof(target)) : 0;
    return n > 0 && target[0] == '/';
}

static bool is_node_now(struct dentry *d)
{
    char name[VFS_NAME_MAX + 1];
    struct dentry *dir, *node = NULL;
    if (walk_parent(d, &dir, name) < 0)
        return false;
    node = nodes_find(dir, name, str_length(name, VFS_NAME_MAX));
    dentry_put(dir);
    dentry_put(node);
    return node;
}

/* The host would make a file where a symlink leads though a node of ours is there: it must not
 * follow. */
static int open_among_nodes(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out)
{
    struct inode *inode = d->inode;
    if (is_node_now(d))
        return OPEN_AGAIN;
    if (inode->nofollow || d->pinned)
        return inode->ops->open(d, flags, mode, out);
    inode->nofollow = true;
    int r = inode->ops->open(d, flags, mode, out);
    bool relative = r == -ELOOP && !is_absolute_link(inode);
    inode->nofollow = false;
    if (r == 0)
        (*out)->flags &= ~(uint32_t)O_NOFOLLOW;
    if (r != -ELOOP)
        return r;
    return relative ? OPEN_FOLLOW : inode->ops->open(d, flags, mode, out);
}

static IN_LINE int open_host(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out)
{
    if (!(flags & O_CREAT))
        return d->inode->ops->open(d, flags, mode, out);
    bool alone = nodes_lock(false);
    int r = alone ? open_among_nodes(d, flags, mode, out)
                  : d->inode->ops->open(d, flags, mode, out);
    nodes_unlock(alone);
    return r;
}

/* Whether O_CREAT makes a file, only the host knows: looked at before when somebody watches. */
static IN_LINE int open_whole(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out)
{
    char name[VFS_NAME_MAX + 1];
    struct dentry *dir;
    struct linux_stat st;
    struct inode *inode = d->inode;
    bool made = (flags & O_CREAT) && notify_wanted(IN_ALL_EVENTS) &&
                inode->ops->identify(inode, &st, NULL) == -ENOENT;
    int r = open_host(d, flags, mode, out);
    if (r != 0)
        return r;
    if (made && walk_parent(d, &dir, name) == 0) {
        notify_made(dir, name, false);
        dentry_put(dir);
    }
    if (notify_wanted(IN_MODIFY) && (flags & O_TRUNC))
        (void)inode_type(inode);
    announce_open(*out, flags, made);
    return 0;
}

static int open_walked(struct walk_result *w, uint32_t flags, uint32_t mode, struct file **out)
{
    if (w->file)
        return open_unnamed(w->file, flags, out);
    if (w->missing)
        return w->slash ? -EISDIR : create_missing(w->dentry, w->last, flags, mode, out);
    if (flags & O_PATH)
        return pathfile_open(w->dentry, flags, out);
    struct inode *inode = w->dentry->inode;
    if ((flags & LINUX_O_TMPFILE_BIT) && !inode->ops->whole_path)
        return open_tmpfile(w->dentry, flags, mode, out);
    if (!inode->ops->whole_path) {
        if ((flags & O_CREAT) && (flags & O_EXCL))
            return -EEXIST;
        return vfs_open_dentry(w->dentry, flags, out);
    }
    if ((flags & O_CREAT) && w->slash)
        return -EISDIR;
    return open_whole(w->dentry, flags, mode & 07777, out);
}

/* By the short way: O_PATH and what openat2 adds to the walk go the long one. */
static IN_LINE bool open_short(struct fs_view *v, struct dentry *start, const char *path,
                               uint32_t flags, uint32_t mode, unsigned walk, struct file **out,
                               int *r)
{
    struct walk_plain w;
    struct dentry *d;
    if ((flags & O_PATH) || (walk & ~(unsigned)(WALK_NOFOLLOW | WALK_CREATE)) ||
        !walk_plain(v, start, path, &w))
        return false;
    *r = w.dir->inode->ops->lookup_dentry(w.dir, w.name, w.length, &d);
    if (*r == 0) {
        d->inode->nofollow = walk & WALK_NOFOLLOW;
        *r = open_whole(d, flags, mode & 07777, out);
        dentry_put(d);
    }
    walk_plain_end(&w);
    return true;
}

static IN_LINE int open_once(struct fs_view *v, struct dentry *start, const char *path,
                             uint32_t flags, uint32_t mode, unsigned walk, struct file **out)
{
    struct walk_result w;
    int r;
    do {
        if (open_short(v, start, path, flags, mode, walk, out, &r))
            continue;
        r = walk_path(v, start, path, walk, !(flags & O_PATH), &w);
        if (r < 0)
            return r;
        r = open_walked(&w, flags, mode, out);
        dentry_put(w.dentry);
    } while (r == OPEN_AGAIN);
    return r;
}

IN_LINE int vfs_open_how(struct fs_view *v, struct dentry *start, const char *path, uint32_t flags,
                         uint32_t mode, unsigned walk, struct file **out)
{
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    else if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY) &&
             !(flags & LINUX_O_TMPFILE_BIT))
        return -EINVAL;
    if ((flags & O_CREAT) && !(flags & LINUX_O_TMPFILE_BIT))
        walk |= WALK_CREATE;
    if ((flags & O_NOFOLLOW) || ((flags & O_CREAT) && (flags & O_EXCL)))
        walk |= WALK_NOFOLLOW;
    if ((flags & O_PATH) && (flags & O_DIRECTORY))
        walk |= WALK_DIRECTORY;
    int r = open_once(v, start, path, flags, mode, walk, out);
    if (r == OPEN_FOLLOW || walk_may_lead_to_node(r, walk))
        r = open_once(v, start, path, flags, mode, walk | WALK_HOST_LINKS, out);
    return r == OPEN_FOLLOW ? -ELOOP : r; /* it was replaced by a symlink meanwhile */
}

int vfs_open(struct fs_view *v, struct dentry *start, const char *path, uint32_t flags,
             uint32_t mode, struct file **out)
{
    return vfs_open_how(v, start, path, flags, mode, 0, out);
}

/*
 * Walking a path. Two kinds of file systems lie below it:
 *
 * Ours (tmpfs, proc, dev, sys) are walked component by component, with symlinks resolved here.
 *
 * Host directories (whole_path) are not: as far as no mount or node of ours lies below, all remaining
 * components become one dentry, and the host resolves them in one call when something is done with the
 * file. Symlinks on the host are therefore the host's to follow, as in the reference: an absolute one
 * leads to the host's root, not to ours. `..` is textual there, after a check that what precedes it is a
 * directory. No security rests on this: file lists compare the text of the path, and a host can lie about
 * its links anyway.
 */
#include "libos/fs/walk.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/fs/dcache.h"
#include "libos/fs/file.h"
#include "libos/fs/nodes.h"
#include "libos/fs/synthetic.h"

struct walk {
    struct dentry *root;  /* counted */
    struct dentry *start; /* WALK_BENEATH: not to be left; borrowed */
    struct dentry *at;    /* counted */
    const char *rest;     /* what remains of the path */
    char *buffer;         /* holds rest once a symlink was met; 2 * VFS_PATH_MAX */
    unsigned flags, links;
    bool want_file;
    struct walk_result *out;
};

static const char *skip_slashes(const char *p)
{
    while (*p == '/')
        p++;
    return p;
}

static size_t component_length(const char *p)
{
    size_t n = 0;
    while (p[n] && p[n] != '/')
        n++;
    return n;
}

static bool is_dot(const char *p, size_t n)
{
    return n == 1 && p[0] == '.';
}

static bool is_dotdot(const char *p, size_t n)
{
    return n == 2 && p[0] == '.' && p[1] == '.';
}

static void walk_to(struct walk *w, struct dentry *d)
{
    dentry_put(w->at);
    w->at = d;
}

/* Enter what is mounted here. */
static int cross_mounts(struct walk *w)
{
    while (w->at->mounted) {
        if (w->flags & WALK_NO_XDEV)
            return -EXDEV;
        walk_to(w, dentry_get(w->at->mounted->root));
    }
    return 0;
}

static int require_directory(struct dentry *d)
{
    int type = inode_type(d->inode);
    if (type < 0)
        return type;
    return type == S_IFDIR ? 0 : -ENOTDIR;
}

/* The directory above a whole_path dentry: its name less the last component. */
static int parent_of_whole(struct dentry *d, struct dentry **out)
{
    size_t n = d->name_length;
    while (n > 0 && d->name[n - 1] != '/')
        n--;
    if (n == 0) {
        *out = dentry_get(d->parent);
        return 0;
    }
    struct inode *inode;
    int r = d->parent->inode->ops->lookup(d->parent->inode, d->name, n - 1, &inode);
    if (r < 0)
        return r;
    inode->type = S_IFDIR; /* it has a child that exists */
    *out = dentry_new(d->parent, d->name, n - 1, inode);
    return *out ? 0 : -ENOMEM;
}

int walk_parent(struct dentry *d, struct dentry **parent, char name[VFS_NAME_MAX + 1])
{
    *parent = dcache_parent(d, name);
    if (!*parent)
        return -ENOENT;
    if (!(*parent)->inode->ops->whole_path)
        return 0;
    dentry_put(*parent);
    return parent_of_whole(d, parent); /* names on the host never move: d->parent may be read */
}

static int walk_up(struct walk *w)
{
    int r = require_directory(w->at);
    if (r < 0)
        return r;
    if (w->at == w->start && (w->flags & WALK_BENEATH))
        return -EXDEV;
    struct dentry *d = w->at;
    while (d != w->root && d->parent == d && d->inode->mount->covers) {
        if (w->flags & WALK_NO_XDEV)
            return -EXDEV;
        d = d->inode->mount->covers;
    }
    if (d == w->root || d->parent == d)
        return 0;
    struct dentry *up;
    if (d->parent->inode->ops->whole_path) {
        r = parent_of_whole(d, &up);
        if (r < 0)
            return r;
    } else {
        up = dentry_get(d->parent);
    }
    walk_to(w, up);
    return 0;
}

/*
 * Take as many components as the host may resolve at once: all, up to the first `..`, up to one that may
 * be a node of ours in its directory (the first is none), or (WALK_PARENT) all but the last. name has room
 * for VFS_PATH_MAX. Returns the length.
 */
static int64_t gather(struct walk *w, char *name)
{
    size_t used = 0;
    const char *p = w->rest;
    for (;;) {
        size_t n = component_length(p);
        const char *next = skip_slashes(p + n);
        if (n == 0 || is_dotdot(p, n) || ((w->flags & WALK_PARENT) && !*next))
            break;
        if (n > VFS_NAME_MAX)
            return -ENAMETOOLONG;
        if (used && nodes_may_be(p, n))
            break;
        if (!is_dot(p, n)) {
            if (used + n + 2 > VFS_PATH_MAX)
                return -ENAMETOOLONG;
            if (used)
                name[used++] = '/';
            memcpy(name + used, p, n);
            used += n;
        }
        w->out->slash = p[n] == '/' || is_dot(p, n);
        p = next;
    }
    w->rest = p;
    return (int64_t)used;
}

static int walk_whole(struct walk *w)
{
    char name[VFS_PATH_MAX];
    struct inode *inode;
    int64_t n = gather(w, name);
    if (n <= 0)
        return (int)n;
    /* A plain dentry in between would hide from the host what follows it: make one dentry of both. */
    int r = w->at->inode->ops->lookup(w->at->inode, name, (size_t)n, &inode);
    if (r < 0)
        return r;
    inode->nofollow = (w->flags & WALK_NOFOLLOW) && !*w->rest && !w->out->slash;
    struct dentry *d = dentry_new(w->at, name, (size_t)n, inode);
    if (!d)
        return -ENOMEM;
    walk_to(w, d);
    return 0;
}

/* Put a symlink's target before what remains. */
static int follow_text(struct walk *w, struct inode *link)
{
    char *target = mem_alloc((size_t)VFS_PATH_MAX * 2);
    if (!target)
        return -ENOMEM;
    int n = link->ops->readlink(link, target, VFS_PATH_MAX - 1);
    size_t rest = str_length(w->rest, VFS_PATH_MAX);
    if (n <= 0 || (size_t)n + 1 + rest >= (size_t)VFS_PATH_MAX * 2) {
        mem_free(target);
        return n < 0 ? n : n == 0 ? -ENOENT : -ENAMETOOLONG;
    }
    size_t used = (size_t)n;
    if (rest || w->out->slash)
        target[used++] = '/';
    memcpy(target + used, w->rest, rest);
    target[used + rest] = 0;
    mem_free(w->buffer);
    w->buffer = target;
    w->rest = target;
    if (target[0] == '/') {
        if (w->flags & WALK_BENEATH)
            return -EXDEV;
        walk_to(w, dentry_get(w->root));
        w->rest = skip_slashes(target);
    }
    return 0;
}

static int follow(struct walk *w, struct inode *link)
{
    if (++w->links > VFS_LINKS_MAX || (w->flags & WALK_NO_SYMLINKS))
        return -ELOOP;
    if (!link->ops->follow)
        return follow_text(w, link);
    struct dentry *d = NULL;
    struct file *f = NULL;
    int r = link->ops->follow(link, &d, &f);
    if (r == -EOPNOTSUPP) /* this one is an ordinary link */
        return follow_text(w, link);
    if (r < 0)
        return r;
    if (d) {
        walk_to(w, d);
        return 0;
    }
    if (!w->want_file || *w->rest) {
        file_put(f);
        return *w->rest ? -ENOTDIR : -ENXIO;
    }
    w->out->file = f;
    return 0;
}

static int look_up(struct dentry *dir, const char *name, size_t n, struct dentry **out)
{
    struct dentry *d = dcache_find(dir, name, n);
    int r = 0;
    if (!d) {
        struct inode *inode;
        mutex_lock(&g_tree_lock);
        r = dir->inode->ops->lookup(dir->inode, name, n, &inode);
        if (r == 0) {
            d = dentry_new(dir, name, n, inode);
            r = d ? 0 : -ENOMEM;
        }
        if (r == 0)
            d = dcache_add(d);
        mutex_unlock(&g_tree_lock);
    }
    *out = d;
    return r;
}

static void keep_last(struct walk *w, const char *name, size_t n)
{
    memcpy(w->out->last, name, n);
    w->out->last[n] = 0;
}

/* One component on a file system of ours. */
static int walk_component(struct walk *w, const char *name, size_t n, bool last)
{
    struct dentry *d;
    int r = look_up(w->at, name, n, &d);
    if (r == -ENOENT && last && (w->flags & WALK_CREATE)) {
        keep_last(w, name, n);
        w->out->missing = true;
        return 0;
    }
    if (r < 0)
        return r;
    if (d->inode->type == S_IFLNK && !(last && (w->flags & WALK_NOFOLLOW) && !w->out->slash)) {
        r = follow(w, d->inode);
        dentry_put(d);
        return r;
    }
    walk_to(w, d);
    return 0;
}

struct dentry *walk_find_ours(struct dentry *dir, const char *name, size_t n)
{
    struct dentry *d = dcache_find(dir, name, n);
    return d || !dir->inode->ops->whole_path ? d : nodes_find(dir, name, n);
}

/* One step of the walk from w->at; *w->rest is not NUL and not '/'. */
static int walk_step(struct walk *w)
{
    const char *name = w->rest;
    size_t n = component_length(name);
    const char *next = skip_slashes(name + n);
    bool last = !*next;
    int r;
    if (n > VFS_NAME_MAX)
        return -ENAMETOOLONG;
    bool whole = w->at->inode->ops->whole_path;
    if (!(whole && w->at->inode->type == 0)) { /* the host will say -ENOTDIR itself */
        r = require_directory(w->at);
        if (r < 0)
            return r;
    }
    w->out->slash = name[n] == '/';
    if (last && (w->flags & WALK_PARENT)) {
        keep_last(w, name, n);
        w->rest = next;
        return 1;
    }
    if (is_dot(name, n) || is_dotdot(name, n)) {
        w->rest = next;
        if (n == 1)
            return require_directory(w->at);
        r = walk_up(w);
    } else {
        struct dentry *ours = whole ? walk_find_ours(w->at, name, n) : NULL;
        if (ours) {
            w->rest = next;
            walk_to(w, ours);
            r = 0;
        } else if (whole) {
            r = walk_whole(w);
        } else {
            w->rest = next;
            r = walk_component(w, name, n, last);
        }
    }
    return r < 0 ? r : cross_mounts(w);
}

static int walk_run(struct walk *w)
{
    w->rest = skip_slashes(w->rest);
    while (*w->rest && !w->out->missing) {
        int r = walk_step(w);
        if (r < 0)
            return r;
        if (r > 0 || w->out->file)
            break;
    }
    if (w->out->missing || w->out->file || (w->flags & WALK_PARENT))
        return 0;
    if (((w->flags & WALK_DIRECTORY) || w->out->slash) && !(w->flags & WALK_CREATE && w->at->inode->ops->whole_path))
        return require_directory(w->at);
    return 0;
}

/*
 * What was found is a symlink of the host's: go where it says. 1: it is none, or an absolute one, which
 * leads to the host's root.
 */
static int follow_host_link(struct walk *w)
{
    char first[2];
    struct dentry *up, *link = dentry_get(w->at);
    struct inode *inode = link->inode;
    int r = inode->ops->readlink ? inode->ops->readlink(inode, first, sizeof(first)) : 0;
    if (r > 0 && first[0] != '/') {
        r = ++w->links > VFS_LINKS_MAX ? -ELOOP : parent_of_whole(link, &up);
        if (r == 0) {
            walk_to(w, up);
            r = follow_text(w, inode);
        }
    } else {
        r = 1;
    }
    dentry_put(link);
    return r;
}

static int walk_host_links(struct walk *w)
{
    int r = walk_run(w);
    while (r == 0 && !w->out->missing && !w->out->file && w->at->inode->ops->whole_path &&
           w->at->parent != w->at && !w->at->pinned) {
        r = follow_host_link(w);
        if (r)
            return r < 0 ? r : 0;
        r = walk_run(w);
    }
    return r;
}

static int walk_begin(struct walk *w, struct fs_view *v, struct dentry *start, const char *path)
{
    mutex_lock(&v->mu);
    w->root = dentry_get(v->root);
    w->at = dentry_get(path[0] == '/' ? v->root : start ? start : v->cwd);
    mutex_unlock(&v->mu);
    if (path[0] == '/' && (w->flags & WALK_BENEATH))
        return -EXDEV;
    if (w->flags & WALK_IN_ROOT) {
        dentry_put(w->root);
        w->root = dentry_get(start ? start : w->at);
        if (path[0] == '/')
            walk_to(w, dentry_get(w->root));
    }
    w->start = start ? start : w->at;
    return 0;
}

int walk_path(struct fs_view *v, struct dentry *start, const char *path, unsigned flags, bool want_file, struct walk_result *out)
{
    out->dentry = NULL;
    out->file = NULL;
    out->missing = out->slash = false;
    out->last[0] = 0;
    if (!path[0] && !(flags & WALK_EMPTY))
        return -ENOENT;
    struct walk w = { .rest = path, .flags = flags, .want_file = want_file, .out = out };
    int r = walk_begin(&w, v, start, path);
    if (r == 0)
        r = flags & WALK_HOST_LINKS ? walk_host_links(&w) : walk_run(&w);
    if (r == 0)
        out->dentry = dentry_get(w.at);
    dentry_put(w.at);
    dentry_put(w.root);
    mem_free(w.buffer);
    if (r == 0 && (flags & WALK_PARENT) && !out->last[0])
        out->last[0] = '.', out->last[1] = 0;
    return r;
}

bool walk_may_lead_to_node(int error, unsigned walk_flags)
{
    return error == -ENOENT && nodes_any() && !(walk_flags & (WALK_NOFOLLOW | WALK_HOST_LINKS));
}

static int walk_lazy(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags, struct dentry **out)
{
    struct walk_result w;
    int r = walk_path(v, start, path, walk_flags, false, &w);
    *out = r < 0 ? NULL : w.dentry;
    return r;
}

int vfs_walk(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags, struct dentry **out)
{
    int r = walk_lazy(v, start, path, walk_flags, out);
    if (r < 0 || (walk_flags & WALK_PARENT))
        return r;
    int type = inode_type((*out)->inode);
    if (type >= 0)
        return 0;
    dentry_put(*out);
    *out = NULL;
    return walk_may_lead_to_node(type, walk_flags)
               ? vfs_walk(v, start, path, walk_flags | WALK_HOST_LINKS, out)
               : type;
}

/* Where there are nodes only who asks learns whether a symlink leads to one. */
int vfs_walk_lazy(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags, struct dentry **out)
{
    return nodes_any() && !(walk_flags & WALK_NOFOLLOW) ? vfs_walk(v, start, path, walk_flags, out)
                                                        : walk_lazy(v, start, path, walk_flags, out);
}

int vfs_walk_parent(struct fs_view *v, struct dentry *start, const char *path, struct dentry **out, char *last)
{
    struct walk_result w;
    int r = walk_path(v, start, path, WALK_PARENT, false, &w);
    *out = r < 0 ? NULL : w.dentry;
    if (r == 0)
        memcpy(last, w.last, sizeof(w.last));
    return r;
}

/* The pinned child of this name, made when it is not there. */
static int pin_child(struct dentry *at, const char *name, size_t n, struct dentry **out)
{
    struct dentry *d = dcache_find(at, name, n);
    int r = 0;
    if (!d) {
        struct inode *inode;
        r = at->inode->ops->lookup(at->inode, name, n, &inode);
        if (r == 0 && (r = inode_type(inode)) < 0)
            inode_put(inode);
        if (r == -ENOENT || r == -EACCES)
            r = synthetic_directory(at->inode->mount, &inode);
        if (r < 0)
            return r;
        d = dentry_new(at, name, n, inode);
        if (!d)
            return -ENOMEM;
        d = dcache_add(d);
    }
    dcache_pin(d);
    *out = d;
    return 0;
}

int walk_pin(struct dentry *root, const char *path, struct dentry **out)
{
    struct dentry *at = dentry_get(root);
    int r = 0;
    for (const char *p = skip_slashes(path); *p;) {
        size_t n = component_length(p);
        while (at->mounted) {
            struct dentry *inner = dentry_get(at->mounted->root);
            dentry_put(at);
            at = inner;
        }
        struct dentry *d = NULL;
        r = n > VFS_NAME_MAX ? -ENAMETOOLONG : pin_child(at, p, n, &d);
        dentry_put(at);
        if (r < 0)
            return r;
        at = d;
        p = skip_slashes(p + n);
    }
    *out = at;
    return 0;
}

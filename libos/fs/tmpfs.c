/*
 * tmpfs: directories, files, symlinks, FIFOs and sockets in trusted memory. Names change under
 * g_tree_lock, which vfs holds around every operation on a directory; content has its own lock
 * (tmpfs_data.c); attributes are single words.
 */
#include "libos/fs/tmpfs.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/fs/dcache.h"
#include "libos/fs/file_times.h"
#include "libos/fs/dirfile.h"
#include "libos/fs/fifo.h"
#include "libos/fs/tmpfs_node.h"

static struct tmpfs_node *node_of(const struct inode *inode)
{
    return container_of(inode, struct tmpfs_node, inode);
}

static void touch(struct tmpfs_node *n)
{
    n->mtime = n->ctime = clock_realtime();
}

int tmpfs_node_new(struct mount *mount, const struct fs_ops *ops, uint32_t mode, struct tmpfs_node **out)
{
    struct tmpfs_node *n = mem_zalloc(sizeof(*n));
    if (!n)
        return -ENOMEM;
    inode_init(&n->inode, ops, mount, mode & S_IFMT);
    n->mode = mode;
    n->nlink = (mode & S_IFMT) == S_IFDIR ? 2 : 1;
    n->uid = g_machine.plan.h ? g_machine.plan.h->uid : 0;
    n->gid = g_machine.plan.h ? g_machine.plan.h->gid : 0;
    n->atime = n->mtime = n->ctime = clock_realtime();
    list_init(&n->order);
    list_init(&n->xattrs);
    n->next_cookie = DIRFILE_FIRST;
    *out = n;
    return 0;
}

static int compare(const char *a, size_t na, const char *b, size_t nb)
{
    int r = memcmp(a, b, MIN(na, nb));
    return r ? r : na < nb ? -1 : na > nb;
}

static struct tmpfs_entry *find(struct tmpfs_node *dir, const char *name, size_t length)
{
    struct rb_node *it = dir->entries.root;
    while (it) {
        struct tmpfs_entry *e = container_of(it, struct tmpfs_entry, node);
        int c = compare(name, length, e->name, e->length);
        if (c == 0)
            return e;
        it = c < 0 ? it->left : it->right;
    }
    return NULL;
}

/* Takes a reference to the node. */
static int add(struct tmpfs_node *dir, const char *name, size_t length, struct tmpfs_node *n)
{
    struct tmpfs_entry *e = mem_alloc(sizeof(*e) + length);
    if (!e)
        return -ENOSPC;
    memcpy(e->name, name, length);
    e->length = (uint32_t)length;
    e->target = n;
    e->cookie = dir->next_cookie++;
    inode_get(&n->inode);
    struct rb_node **link = &dir->entries.root, *parent = NULL;
    while (*link) {
        parent = *link;
        struct tmpfs_entry *other = container_of(parent, struct tmpfs_entry, node);
        link = compare(name, length, other->name, other->length) < 0 ? &parent->left : &parent->right;
    }
    rb_link(&dir->entries, &e->node, parent, link);
    list_push_back(&dir->order, &e->link);
    dir->nlink += n->inode.type == S_IFDIR;
    touch(dir);
    return 0;
}

static void drop(struct tmpfs_node *dir, struct tmpfs_entry *e)
{
    rb_remove(&dir->entries, &e->node);
    list_remove(&e->link);
    dir->nlink -= e->target->inode.type == S_IFDIR;
    touch(dir);
    inode_put(&e->target->inode);
    mem_free(e);
}

static int tmpfs_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    struct tmpfs_entry *e = find(node_of(dir), name, length);
    if (!e)
        return -ENOENT;
    *out = inode_get(&e->target->inode);
    return 0;
}

/* A new node under a name; it inherits the group of a set-group-id directory. */
static int make(struct inode *dir, const char *name, size_t length, uint32_t mode, struct tmpfs_node **out)
{
    struct tmpfs_node *d = node_of(dir);
    if (find(d, name, length))
        return -EEXIST;
    int r = tmpfs_node_new(dir->mount, dir->ops, mode, out);
    if (r < 0)
        return r == -ENOMEM ? -ENOSPC : r;
    if (d->mode & S_ISGID) {
        (*out)->gid = d->gid;
        if ((mode & S_IFMT) == S_IFDIR)
            (*out)->mode |= S_ISGID;
    }
    r = add(d, name, length, *out);
    if (r < 0)
        inode_put(&(*out)->inode);
    return r;
}

static int make_inode(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out)
{
    struct tmpfs_node *n;
    int r = make(dir, name, length, mode, &n);
    if (r == 0)
        *out = &n->inode;
    return r;
}

static int tmpfs_create(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out)
{
    return make_inode(dir, name, length, S_IFREG | (mode & 07777), out);
}

static int tmpfs_mkdir(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out)
{
    return make_inode(dir, name, length, S_IFDIR | (mode & 07777), out);
}

static int tmpfs_mknod(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out)
{
    return make_inode(dir, name, length, mode, out);
}

static int tmpfs_tmpfile(struct inode *dir, uint32_t mode, struct inode **out)
{
    struct tmpfs_node *n;
    int r = tmpfs_node_new(dir->mount, dir->ops, S_IFREG | (mode & 07777), &n);
    if (r < 0)
        return r;
    n->nlink = 0;
    n->is_linkable = true;
    *out = &n->inode;
    return 0;
}

static int tmpfs_symlink(struct inode *dir, const char *name, size_t length, const char *target, struct inode **out)
{
    struct tmpfs_node *n;
    char *copy = mem_strdup(target);
    if (!copy)
        return -ENOSPC;
    int r = make(dir, name, length, S_IFLNK | 0777, &n);
    if (r < 0) {
        mem_free(copy);
        return r;
    }
    n->target = copy;
    *out = &n->inode;
    return 0;
}

static int tmpfs_link(struct inode *dir, const char *name, size_t length, struct inode *target)
{
    struct tmpfs_node *n = node_of(target);
    if (target->type == S_IFDIR)
        return -EPERM;
    if (!n->nlink && !n->is_linkable) /* by a descriptor: its last name is gone */
        return -ENOENT;
    if (find(node_of(dir), name, length))
        return -EEXIST;
    int r = add(node_of(dir), name, length, n);
    if (r == 0) {
        n->nlink++;
        n->is_linkable = false;
        n->ctime = clock_realtime();
    }
    return r;
}

static int tmpfs_unlink(struct inode *dir, const char *name, size_t length, struct inode *victim)
{
    struct tmpfs_entry *e = find(node_of(dir), name, length);
    if (!e)
        return -ENOENT;
    struct tmpfs_node *n = e->target;
    if (n->inode.type == S_IFDIR)
        return -EISDIR;
    n->nlink--;
    n->ctime = clock_realtime();
    drop(node_of(dir), e);
    return 0;
}

static int tmpfs_rmdir(struct inode *dir, const char *name, size_t length, struct inode *victim)
{
    struct tmpfs_entry *e = find(node_of(dir), name, length);
    if (!e)
        return -ENOENT;
    if (e->target->inode.type != S_IFDIR)
        return -ENOTDIR;
    if (e->target->entries.root)
        return -ENOTEMPTY;
    e->target->nlink = 0;
    drop(node_of(dir), e);
    return 0;
}

static int check_replace(const struct tmpfs_node *moved, const struct tmpfs_node *old)
{
    bool from_dir = moved->inode.type == S_IFDIR, to_dir = old->inode.type == S_IFDIR;
    if (from_dir && !to_dir)
        return -ENOTDIR;
    if (!from_dir && to_dir)
        return -EISDIR;
    return to_dir && old->entries.root ? -ENOTEMPTY : 0;
}

static void exchange(struct tmpfs_node *from_dir, struct tmpfs_entry *a, struct tmpfs_node *to_dir, struct tmpfs_entry *b)
{
    struct tmpfs_node *moved = a->target;
    a->target = b->target;
    b->target = moved;
    if (from_dir != to_dir) {
        int a_dir = a->target->inode.type == S_IFDIR, b_dir = b->target->inode.type == S_IFDIR;
        from_dir->nlink += (uint32_t)(a_dir - b_dir);
        to_dir->nlink += (uint32_t)(b_dir - a_dir);
    }
    touch(from_dir);
    touch(to_dir);
}

static int tmpfs_rename(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, struct inode *moved, uint32_t flags)
{
    struct tmpfs_node *fd = node_of(from_dir), *td = node_of(to_dir);
    size_t to_length = str_length(to, VFS_NAME_MAX);
    struct tmpfs_entry *e = find(fd, from, str_length(from, VFS_NAME_MAX));
    struct tmpfs_entry *old = find(td, to, to_length);
    if (!e)
        return -ENOENT;
    if (flags & RENAME_EXCHANGE) {
        if (!old)
            return -ENOENT;
        exchange(fd, e, td, old);
        return 0;
    }
    if (old && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    struct tmpfs_node *n = e->target;
    if (old && old->target == n)
        return 0;
    int r = old ? check_replace(n, old->target) : 0;
    if (r < 0)
        return r;
    r = add(td, to, to_length, n);
    if (r < 0)
        return r;
    if (old) {
        old->target->nlink -= old->target->inode.type == S_IFDIR ? 2 : 1;
        drop(td, old);
    }
    drop(fd, e);
    n->ctime = clock_realtime();
    return 0;
}

static int tmpfs_readlink(struct inode *inode, char *buf, size_t size)
{
    const struct tmpfs_node *n = node_of(inode);
    if (inode->type != S_IFLNK)
        return -EINVAL;
    size_t length = str_length(n->target, VFS_PATH_MAX);
    memcpy(buf, n->target, MIN(length, size));
    return (int)MIN(length, size);
}

int tmpfs_stat(struct inode *inode, struct linux_stat *st)
{
    const struct tmpfs_node *n = node_of(inode);
    *st = (struct linux_stat){ .dev = inode->mount ? inode->mount->dev : 1,
                               .ino = inode->ino,
                               .nlink = n->nlink,
                               .mode = n->mode,
                               .uid = n->uid,
                               .gid = n->gid,
                               .blksize = 4096,
                               .atime = file_time(n->atime),
                               .mtime = file_time(n->mtime),
                               .ctime = file_time(n->ctime) };
    if (inode->type == S_IFREG) {
        st->size = (int64_t)n->data.size;
        st->blocks = (int64_t)n->data.resident * 8;
    } else if (inode->type == S_IFLNK) {
        st->size = (int64_t)str_length(n->target, VFS_PATH_MAX);
    }
    return 0;
}

static int tmpfs_chmod(struct inode *inode, uint32_t mode)
{
    struct tmpfs_node *n = node_of(inode);
    n->mode = (n->mode & S_IFMT) | (mode & 07777);
    n->ctime = clock_realtime();
    return 0;
}

static int tmpfs_chown(struct inode *inode, uint32_t uid, uint32_t gid)
{
    struct tmpfs_node *n = node_of(inode);
    n->uid = uid != UINT32_MAX ? uid : n->uid;
    n->gid = gid != UINT32_MAX ? gid : n->gid;
    if (inode->type == S_IFREG)
        n->mode &= ~(uint32_t)(S_ISUID | S_ISGID);
    n->ctime = clock_realtime();
    return 0;
}

static int tmpfs_utimens(struct inode *inode, const struct linux_timespec times[2])
{
    struct tmpfs_node *n = node_of(inode);
    int64_t now = clock_realtime();
    file_time_set(&n->atime, &times[0], now);
    file_time_set(&n->mtime, &times[1], now);
    n->ctime = now;
    return 0;
}

static int tmpfs_truncate(struct inode *inode, uint64_t size)
{
    if (inode->type != S_IFREG)
        return inode->type == S_IFDIR ? -EISDIR : -EINVAL;
    return tmpfs_node_resize(node_of(inode), size);
}

static int tmpfs_statfs(struct inode *inode, struct linux_statfs *st)
{
    st->bsize = st->frsize = 4096;
    st->blocks = g_machine.plan.h ? g_machine.plan.h->enclave_size / 4096 : 0;
    st->bfree = st->bavail = st->blocks / 2;
    st->files = st->ffree = 1 << 20;
    return 0;
}

static int emit_entries(struct file *f, struct dirent_sink *sink, int64_t *pos)
{
    struct tmpfs_node *dir = node_of(f->dentry->inode);
    int r = 0;
    mutex_lock(&g_tree_lock);
    list_for_each(it, &dir->order) {
        struct tmpfs_entry *e = list_entry(it, struct tmpfs_entry, link);
        if (e->cookie < *pos)
            continue;
        r = sink->emit(sink, e->name, e->length, e->target->inode.ino, dirfile_type(e->target->mode), e->cookie + 1);
        if (r < 0)
            break;
        *pos = e->cookie + 1;
    }
    mutex_unlock(&g_tree_lock);
    return r;
}

static int tmpfs_open(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out)
{
    struct tmpfs_node *n = node_of(d->inode);
    switch (d->inode->type) {
    case S_IFDIR: return dirfile_open(d, flags, emit_entries, out);
    case S_IFREG: return tmpfs_file_open(d, flags, out);
    case S_IFIFO: return fifo_open(&n->fifo, d, flags, out);
    default: return -ENXIO;
    }
}

static void tmpfs_free(struct inode *inode)
{
    struct tmpfs_node *n = node_of(inode);
    /* A directory is only freed once empty, except at the end of everything. */
    list_for_each_safe(it, &n->xattrs) {
        list_remove(it);
        mem_free(list_entry(it, struct tmpfs_xattr, link));
    }
    tmpfs_data_fini(&n->data);
    fifo_free(n->fifo);
    mem_free(n->target);
    mem_free(n);
}

const struct fs_ops tmpfs_ops = {
    .name = "tmpfs",
    .magic = LINUX_TMPFS_MAGIC,
    .lookup = tmpfs_lookup,
    .open = tmpfs_open,
    .tmpfile = tmpfs_tmpfile,
    .create = tmpfs_create,
    .mkdir = tmpfs_mkdir,
    .mknod = tmpfs_mknod,
    .symlink = tmpfs_symlink,
    .link = tmpfs_link,
    .unlink = tmpfs_unlink,
    .rmdir = tmpfs_rmdir,
    .rename = tmpfs_rename,
    .readlink = tmpfs_readlink,
    .stat = tmpfs_stat,
    .chmod = tmpfs_chmod,
    .chown = tmpfs_chown,
    .utimens = tmpfs_utimens,
    .truncate = tmpfs_truncate,
    .statfs = tmpfs_statfs,
    .getxattr = tmpfs_getxattr,
    .setxattr = tmpfs_setxattr,
    .listxattr = tmpfs_listxattr,
    .removexattr = tmpfs_removexattr,
    .free = tmpfs_free,
};

int tmpfs_mount(struct mount *m, uint32_t root_mode)
{
    struct tmpfs_node *n;
    int r = tmpfs_node_new(m, &tmpfs_ops, S_IFDIR | root_mode, &n);
    if (r < 0)
        return r;
    m->ops = &tmpfs_ops;
    m->source = "tmpfs";
    m->root = dentry_new_root(&n->inode);
    return m->root ? 0 : -ENOMEM;
}

/*
 * The table-driven pseudo file systems: inodes, directories, links. Open regular files are pseudo_file.c.
 */
#include "libos/fs/pseudo.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"
#include "libos/fs/dirfile.h"
#include "libos/fs/pseudo_file.h"

struct pseudo_inode {
    struct inode inode;
    struct pseudo_id id;
};

static const struct pseudo_id *id_of(const struct inode *inode)
{
    return &container_of(inode, struct pseudo_inode, inode)->id;
}

static const struct fs_ops pseudo_ops;

const struct pseudo_id *pseudo_id_of(const struct inode *inode)
{
    return inode->ops == &pseudo_ops ? id_of(inode) : NULL;
}

int pseudo_inode(struct mount *m, const struct pseudo_id *id, struct inode **out)
{
    struct pseudo_inode *p = mem_alloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    inode_init(&p->inode, &pseudo_ops, m, id->node->mode & S_IFMT);
    /* The same row and instance has the same number each time it is looked up. */
    p->inode.ino = ((uint64_t)(uintptr_t)id->node >> 3 & 0xffffff) | (uint64_t)(id->a & 0x3fffff) << 24 | (uint64_t)(id->b & 0xffff) << 46;
    p->id = *id;
    *out = &p->inode;
    return 0;
}

int pseudo_number(const char *name, size_t length, int64_t *out)
{
    uint64_t value;
    if (length == 0 || length > 10 || (name[0] == '0' && length > 1) || str_parse_u64(name, length, &value) < 0)
        return -ENOENT;
    *out = (int64_t)value;
    return 0;
}

static bool node_exists(const struct pseudo_node *n)
{
    return !n->exists || n->exists();
}

static int pseudo_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    const struct pseudo_id *id = id_of(dir);
    struct pseudo_id child = { NULL, id->a, id->b };
    for (const struct pseudo_node *n = id->node->children; n && n->name; n++)
        if (str_length(n->name, VFS_NAME_MAX) == length && memcmp(n->name, name, length) == 0 && node_exists(n)) {
            child.node = n;
            return pseudo_inode(dir->mount, &child, out);
        }
    int r = id->node->find ? id->node->find(id, name, length, &child) : -ENOENT;
    return r < 0 ? r : pseudo_inode(dir->mount, &child, out);
}

static int emit_fixed(const struct pseudo_id *id, struct dirent_sink *sink, int64_t *pos)
{
    int64_t at = DIRFILE_FIRST;
    for (const struct pseudo_node *n = id->node->children; n && n->name; n++, at++) {
        if (at < *pos || !node_exists(n))
            continue;
        int r = sink->emit(sink, n->name, str_length(n->name, VFS_NAME_MAX), (uint64_t)(uintptr_t)n >> 3 & 0xffffff, dirfile_type(n->mode), at + 1);
        if (r < 0)
            return r;
        *pos = at + 1;
    }
    return 0;
}

#define DYNAMIC (INT64_C(1) << 32) /* positions from here on are cursors of list() */

static int pseudo_emit(struct file *f, struct dirent_sink *sink, int64_t *pos)
{
    const struct pseudo_id *id = id_of(f->dentry->inode);
    int r = *pos < DYNAMIC ? emit_fixed(id, sink, pos) : 0;
    if (r < 0 || !id->node->list)
        return r;
    uint64_t cursor = *pos < DYNAMIC ? 0 : (uint64_t)(*pos - DYNAMIC);
    for (;;) {
        char name[VFS_NAME_MAX + 1];
        struct pseudo_id child = { NULL, id->a, id->b };
        r = id->node->list(id, &cursor, name, &child);
        if (r <= 0)
            return r;
        int64_t next = DYNAMIC + (int64_t)cursor + 1;
        r = sink->emit(sink, name, str_length(name, VFS_NAME_MAX), cursor + 1000, dirfile_type(child.node->mode), next);
        if (r < 0)
            return r;
        *pos = next;
        cursor++;
    }
}

static int pseudo_open(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out)
{
    const struct pseudo_id *id = id_of(d->inode);
    switch (d->inode->type) {
    case S_IFDIR: return dirfile_open(d, flags, pseudo_emit, out);
    case S_IFREG: return id->node->open ? id->node->open(id, d, flags, out) : pseudo_file_open(id, d, flags, out);
    default: return id->node->open ? id->node->open(id, d, flags, out) : -ENXIO;
    }
}

static int pseudo_readlink(struct inode *inode, char *buf, size_t size)
{
    const struct pseudo_id *id = id_of(inode);
    if (inode->type != S_IFLNK)
        return -EINVAL;
    if (id->node->readlink)
        return id->node->readlink(id, buf, size);
    size_t length = str_length(id->node->target, VFS_PATH_MAX);
    memcpy(buf, id->node->target, MIN(length, size));
    return (int)MIN(length, size);
}

static int pseudo_follow(struct inode *inode, struct dentry **dentry, struct file **file)
{
    const struct pseudo_id *id = id_of(inode);
    return id->node->follow ? id->node->follow(id, dentry, file) : -EOPNOTSUPP;
}

static int pseudo_stat(struct inode *inode, struct linux_stat *st)
{
    const struct pseudo_id *id = id_of(inode);
    const struct pseudo_node *n = id->node;
    if (n->stat)
        return n->stat(id, st);
    *st = (struct linux_stat){ .dev = inode->mount->dev,
                               .ino = inode->ino,
                               .nlink = inode->type == S_IFDIR ? 2 : 1,
                               .mode = n->mode,
                               .rdev = n->rdev_of ? n->rdev_of(id) : n->rdev,
                               .blksize = 4096 };
    return 0;
}

/* Modes bind everyone, root too: a file without a store has nothing that a write could change. */
static int pseudo_access(struct inode *inode, int mask)
{
    uint32_t bits = id_of(inode)->node->mode;
    if (inode->type == S_IFLNK)
        return 0;
    return ((uint32_t)mask & ~((bits | bits >> 3 | bits >> 6) & 7)) ? -EACCES : 0;
}

static int pseudo_truncate(struct inode *inode, uint64_t size)
{
    return 0; /* O_TRUNC: the descriptor's own content begins empty anyway */
}

static void pseudo_free(struct inode *inode)
{
    mem_free(inode);
}

static int refuse_name(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out)
{
    return -EACCES;
}

static int refuse_rmdir(struct inode *dir, const char *name, size_t length, struct inode *victim)
{
    return victim->type == S_IFDIR ? -EACCES : -ENOTDIR;
}

static int pseudo_unlink(struct inode *dir, const char *name, size_t length, struct inode *victim)
{
    const struct pseudo_id *id = id_of(dir);
    return id->node->unlink ? id->node->unlink(id, name, length) : -EACCES;
}

static int refuse_rename(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, struct inode *moved, uint32_t flags)
{
    return -EACCES;
}

static int pseudo_statfs(struct inode *inode, struct linux_statfs *st)
{
    st->type = id_of(inode)->node->rdev ? LINUX_TMPFS_MAGIC : LINUX_PROC_MAGIC;
    st->bsize = st->frsize = 4096;
    return 0;
}

static const struct fs_ops pseudo_ops = {
    .name = "pseudo",
    .lookup = pseudo_lookup,
    .open = pseudo_open,
    .create = refuse_name,
    .mkdir = refuse_name,
    .mknod = refuse_name,
    .unlink = pseudo_unlink,
    .rmdir = refuse_rmdir,
    .rename = refuse_rename,
    .readlink = pseudo_readlink,
    .follow = pseudo_follow,
    .access = pseudo_access,
    .stat = pseudo_stat,
    .truncate = pseudo_truncate,
    .statfs = pseudo_statfs,
    .free = pseudo_free,
};

int pseudo_mount(struct mount *m, const struct pseudo_node *root, const char *source, int64_t magic)
{
    struct inode *inode;
    struct pseudo_id id = { root, 0, 0 };
    int r = pseudo_inode(m, &id, &inode);
    if (r < 0)
        return r;
    m->ops = &pseudo_ops;
    m->source = source;
    m->root = dentry_new_root(inode);
    return m->root ? 0 : -ENOMEM;
}

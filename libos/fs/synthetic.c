/*
 * Synthetic nodes: they have a type, a mode and nothing else. A synthetic directory's entries are its
 * pinned children; nothing can be made in it.
 */
#include "libos/fs/synthetic.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "lib/linux/errno.h"
#include "libos/fs/dirfile.h"
#include "libos/fs/fifo.h"
#include "libos/fs/file_times.h"

struct synthetic {
    struct inode inode;
    uint32_t mode, uid, gid;
    uint32_t nlink; /* atomic */
    int64_t atime, mtime, ctime;
    void *fifo; /* libos/fs/fifo.c */
};

static int synthetic_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    return -ENOENT; /* those that exist are pinned and found before */
}

static int synthetic_stat(struct inode *inode, struct linux_stat *st)
{
    struct synthetic *s = container_of(inode, struct synthetic, inode);
    *st = (struct linux_stat){ .dev = inode->mount->dev,
                               .ino = inode->ino,
                               .nlink = __atomic_load_n(&s->nlink, __ATOMIC_RELAXED),
                               .mode = s->mode,
                               .uid = s->uid,
                               .gid = s->gid,
                               .blksize = 4096 };
    st->atime = file_time(s->atime);
    st->mtime = file_time(s->mtime);
    st->ctime = file_time(s->ctime);
    return 0;
}

static int synthetic_chmod(struct inode *inode, uint32_t mode)
{
    struct synthetic *s = container_of(inode, struct synthetic, inode);
    s->mode = inode->type | (mode & 07777);
    s->ctime = clock_realtime();
    return 0;
}

static int synthetic_chown(struct inode *inode, uint32_t uid, uint32_t gid)
{
    struct synthetic *s = container_of(inode, struct synthetic, inode);
    s->uid = uid != UINT32_MAX ? uid : s->uid;
    s->gid = gid != UINT32_MAX ? gid : s->gid;
    s->ctime = clock_realtime();
    return 0;
}

static int synthetic_utimens(struct inode *inode, const struct linux_timespec times[2])
{
    struct synthetic *s = container_of(inode, struct synthetic, inode);
    int64_t now = clock_realtime();
    file_time_set(&s->atime, &times[0], now);
    file_time_set(&s->mtime, &times[1], now);
    s->ctime = now;
    return 0;
}

static int synthetic_emit(struct file *f, struct dirent_sink *sink, int64_t *pos)
{
    return 0;
}

static int synthetic_open(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out)
{
    struct synthetic *s = container_of(d->inode, struct synthetic, inode);
    if (d->inode->type == S_IFDIR)
        return dirfile_open(d, flags, synthetic_emit, out);
    if (d->inode->type == S_IFIFO)
        return fifo_open(&s->fifo, d, flags, out);
    return -ENXIO;
}

static void synthetic_free(struct inode *inode)
{
    struct synthetic *s = container_of(inode, struct synthetic, inode);
    fifo_free(s->fifo);
    mem_free(s);
}

static const struct fs_ops synthetic_ops = {
    .name = "synthetic",
    .lookup = synthetic_lookup,
    .open = synthetic_open,
    .stat = synthetic_stat,
    .chmod = synthetic_chmod,
    .chown = synthetic_chown,
    .utimens = synthetic_utimens,
    .free = synthetic_free,
};

int synthetic_node(struct mount *mount, uint32_t mode, struct inode **out)
{
    struct synthetic *s = mem_zalloc(sizeof(*s));
    if (!s)
        return -ENOMEM;
    inode_init(&s->inode, &synthetic_ops, mount, mode & S_IFMT);
    s->mode = mode;
    s->nlink = (mode & S_IFMT) == S_IFDIR ? 2 : 0;
    s->atime = s->mtime = s->ctime = clock_realtime();
    *out = &s->inode;
    return 0;
}

int synthetic_directory(struct mount *mount, struct inode **out)
{
    return synthetic_node(mount, S_IFDIR | 0555, out);
}

void synthetic_count_links(struct inode *inode, int more)
{
    struct synthetic *s = container_of(inode, struct synthetic, inode);
    __atomic_fetch_add(&s->nlink, (uint32_t)more, __ATOMIC_RELAXED);
    s->ctime = clock_realtime();
}

bool inode_is_synthetic(const struct inode *inode)
{
    return inode->ops == &synthetic_ops;
}

/*
 * Open directories of file systems that live in our memory. The position is f->pos, guarded by f->mu,
 * which the caller of getdents holds.
 */
#include "libos/fs/dirfile.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"

struct dirfile {
    struct file f;
    dirfile_emit *emit;
};

uint8_t dirfile_type(uint32_t mode)
{
    return (uint8_t)((mode & S_IFMT) >> 12);
}

int dirfile_emit_pinned(struct dentry *d, struct dirent_sink *sink, int64_t *pos)
{
    int64_t at = DIRFILE_PINNED;
    int r = 0;
    for (struct dentry *it = dcache_next_pinned(d, NULL); it; it = dcache_next_pinned(d, it), at++) {
        if (at < *pos)
            continue;
        struct inode *inode = it->mounted ? it->mounted->root->inode : it->inode;
        r = sink->emit(sink, it->name, it->name_length, inode->ino, dirfile_type(inode->type), at + 1);
        if (r < 0) {
            dentry_put(it);
            return r;
        }
        *pos = at + 1;
    }
    return 0;
}

static int filter_emit(struct dirent_sink *sink, const char *name, size_t length, uint64_t ino, uint8_t type, int64_t next_pos)
{
    struct dirfile_filter *filter = container_of(sink, struct dirfile_filter, sink);
    struct dentry *child = dcache_find(filter->d, name, length);
    bool pinned = child && child->pinned;
    dentry_put(child);
    return pinned ? 0 : filter->to->emit(filter->to, name, length, ino, type, next_pos);
}

struct dirent_sink *dirfile_filter_init(struct dirfile_filter *filter, struct dentry *d, struct dirent_sink *to)
{
    *filter = (struct dirfile_filter){ .sink = { filter_emit }, .to = to, .d = d };
    return dcache_has_pinned(d) ? &filter->sink : to;
}

static int emit_dots(struct file *f, struct dirent_sink *sink)
{
    struct dentry *up = f->dentry->parent;
    int r = 0;
    if (f->pos == 0 && (r = sink->emit(sink, ".", 1, f->dentry->inode->ino, 4, 1)) == 0)
        f->pos = 1;
    if (f->pos == 1 && r == 0 && (r = sink->emit(sink, "..", 2, up->inode->ino, 4, 2)) == 0)
        f->pos = DIRFILE_FIRST;
    return r;
}

static int dirfile_getdents(struct file *f, struct dirent_sink *sink)
{
    struct dirfile *d = container_of(f, struct dirfile, f);
    int r = emit_dots(f, sink);
    if (r == 0 && f->pos < DIRFILE_PINNED) {
        struct dirfile_filter filter;
        r = d->emit(f, dirfile_filter_init(&filter, f->dentry, sink), &f->pos);
        if (r == 0)
            f->pos = DIRFILE_PINNED;
    }
    return r < 0 ? r : dirfile_emit_pinned(f->dentry, sink, &f->pos);
}

static int64_t dirfile_seek(struct file *f, int64_t offset, int whence)
{
    if (whence != SEEK_SET && whence != SEEK_CUR)
        return -EINVAL;
    return file_seek_in(f, offset, whence, 0);
}

static int64_t dirfile_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    return -EISDIR;
}

static int dirfile_sync(struct file *f, bool data_only)
{
    return 0;
}

static void dirfile_release(struct file *f)
{
    mem_free(container_of(f, struct dirfile, f));
}

static const struct file_ops dirfile_ops = {
    .kind = "dir",
    .read = dirfile_read,
    .seek = dirfile_seek,
    .getdents = dirfile_getdents,
    .sync = dirfile_sync,
    .release = dirfile_release,
};

int dirfile_open(struct dentry *d, uint32_t flags, dirfile_emit *emit, struct file **out)
{
    struct dirfile *f = mem_alloc(sizeof(*f));
    if (!f)
        return -ENOMEM;
    file_init(&f->f, &dirfile_ops, flags);
    f->emit = emit;
    f->f.seekable = true;
    f->f.dentry = dentry_get(d);
    *out = &f->f;
    return 0;
}

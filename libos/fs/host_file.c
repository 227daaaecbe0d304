/*
 * Open host files. In direct, data go between the program's memory and the kernel without a copy of
 * ours; in an enclave the gate copies, and trusted files are verified (trusted.c) before the program
 * sees a byte.
 *
 * What a file is (regular, directory, stream) is asked lazily: open and close then cost one host call each.
 */
#include "enclave/gate_hot.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/inline.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/host.h"
#include "libos/fs/trusted_attr.h"
#include "libos/mm/vma.h"
#include "libos/sys/iobuf.h"

static struct host_file *host_file(struct file *f)
{
    return container_of(f, struct host_file, f);
}

/*
 * Attributes by descriptor in direct: of this very file, so with it and not with its path, which may lead to another
 * one tomorrow.
 */
struct host_attr {
    struct spinlock lock;
    int64_t until;       /* lock */
    uint64_t generation; /* lock */
    struct linux_stat st; /* lock */
};

static bool attr_get(struct host_attr *a, struct linux_stat *st)
{
    spin_lock(&a->lock);
    bool fresh = trusted_attr_fresh(a->until, a->generation);
    if (fresh)
        *st = a->st;
    spin_unlock(&a->lock);
    return fresh;
}

static bool may_keep_attr(const struct host_file *h, const struct linux_stat *st)
{
    if (g_machine.is_enclave || !h->f.dentry || !h->f.dentry->inode->ops->stat_name || (h->f.flags & O_ACCMODE) || (st->mode & S_IFMT) != S_IFREG)
        return false;
    const struct host_inode *i = host_inode(h->f.dentry->inode);
    return host_immutable(i->path, i->length);
}

static void attr_put(struct host_file *h, uint64_t generation, const struct linux_stat *st)
{
    struct host_attr *a = __atomic_load_n(&h->attr, __ATOMIC_ACQUIRE), *none = NULL;
    if (!a && may_keep_attr(h, st) && (a = mem_zalloc(sizeof(*a))) &&
        !__atomic_compare_exchange_n(&h->attr, &none, a, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
        mem_free(a);
        a = none;
    }
    if (!a)
        return;
    spin_lock(&a->lock);
    a->until = trusted_attr_until();
    a->generation = generation;
    a->st = *st;
    spin_unlock(&a->lock);
}

static IN_LINE int host_fstat(struct host_file *h, struct linux_stat *st)
{
    struct host_attr *a = __atomic_load_n(&h->attr, __ATOMIC_ACQUIRE);
    if (h->trusted ? trusted_attr_get(trusted_entry(h->trusted), false, st) : a && attr_get(a, st))
        return 0;
    uint64_t generation = trusted_attr_begin();
    int r = (int)host_call_hot(fstat, (uint64_t)h->fd, PTR(st));
    if (r < 0)
        return r;
    if (h->trusted)
        st->size = (int64_t)trusted_size(h->trusted);
    r = host_check_stat(st);
    if (r == 0)
        attr_put(h, generation, st);
    return r;
}

static void set_type(struct host_file *h, uint32_t type)
{
    if (h->type)
        return;
    if (type != S_IFREG && type != S_IFDIR) {
        h->f.seekable = false;
        __atomic_store_n(&h->f.ops, &host_stream_ops, __ATOMIC_RELEASE);
    } else if (type == S_IFREG && h->outside_position) {
        h->f.seekable = false;
    }
    __atomic_store_n(&h->type, type, __ATOMIC_RELEASE);
}

int host_file_settle(struct host_file *h)
{
    uint32_t type = __atomic_load_n(&h->type, __ATOMIC_ACQUIRE);
    if (type)
        return (int)type;
    struct linux_stat st;
    int r = host_fstat(h, &st);
    if (r < 0)
        return r;
    set_type(h, st.mode & S_IFMT);
    return h->type ? (int)h->type : -EIO;
}

static int host_file_stat(struct file *f, struct linux_stat *st)
{
    struct host_file *h = host_file(f);
    int r = host_fstat(h, st);
    if (r == 0)
        set_type(h, st->mode & S_IFMT);
    return r;
}

/* After appends the host knows the position; learn it. */
static IN_LINE int refresh_position(struct host_file *h)
{
    if (!h->position_stale)
        return 0;
    int64_t at = host_call(lseek, (uint64_t)h->fd, 0, SEEK_CUR);
    if (at < 0)
        return (int)at;
    h->f.pos = at;
    h->position_stale = false;
    return 0;
}

/* Move data by one host call per segment until one is short. */
static IN_LINE int64_t transfer(struct host_file *h, struct iobuf *b, int64_t offset, bool write,
                                bool at_position)
{
    int64_t done = 0, n, end;
    uint64_t size, max = gate_transfer_max();
    /* The position may be the host's word (lseek): what is added to it here and by the caller must fit. */
    if (!at_position && (offset < 0 || b->left > INT64_MAX || !checked_add(offset, (int64_t)b->left, &end)))
        return -EINVAL;
    do {
        uint64_t address = iobuf_span(b, &size);
        if (!size)
            break;
        uint64_t fd = (uint64_t)h->fd;
        if (at_position)
            n = write ? host_call(write, fd, address, size) : host_call(read, fd, address, size);
        else if (write)
            n = host_call_hot(pwrite64, fd, address, size, (uint64_t)(offset + done));
        else
            n = host_call_hot(pread64, fd, address, size, (uint64_t)(offset + done));
        if (n < 0)
            return done ? done : n;
        iobuf_advance(b, (uint64_t)n);
        done += n;
    } while (b->left && (uint64_t)n == MIN(size, max));
    return done;
}

static int64_t host_file_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct host_file *h = host_file(f);
    if (!pos)
        return transfer(h, b, 0, false, true);
    if (pos == &f->pos) {
        int r = refresh_position(h);
        if (r < 0)
            return r;
    }
    int64_t n;
    if (h->trusted)
        n = trusted_read(h->trusted, h->fd, &h->cache, b, (uint64_t)*pos);
    else
        n = transfer(h, b, *pos, false, false);
    if (n == -ESPIPE && !h->type) {
        int type = host_file_settle(h);
        if (type < 0)
            return type;
        if (f->ops != &host_stream_ops || pos != &f->pos)
            return n;
        return f->ops->read(f, b, NULL);
    }
    if (n > 0)
        *pos += n;
    return n;
}

static int64_t host_file_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct host_file *h = host_file(f);
    if (!pos)
        return transfer(h, b, 0, true, true);
    if (f->flags & O_APPEND) {
        int64_t n = transfer(h, b, 0, true, true);
        if (pos == &f->pos)
            h->position_stale = true;
        return n;
    }
    int64_t n = transfer(h, b, *pos, true, false);
    if (n == -ESPIPE && !h->type) {
        int type = host_file_settle(h);
        if (type < 0)
            return type;
        if (f->ops != &host_stream_ops || pos != &f->pos)
            return n;
        return f->ops->write(f, b, NULL);
    }
    if (n > 0)
        *pos += n;
    return n;
}

static int64_t host_file_seek(struct file *f, int64_t offset, int whence)
{
    struct host_file *h = host_file(f);
    int type = host_file_settle(h);
    if (type < 0)
        return type;
    if (type == S_IFDIR)
        return host_dir_seek(h, offset, whence);
    if (type != S_IFREG)
        return -ESPIPE;
    if (h->outside_position || ((whence == SEEK_DATA || whence == SEEK_HOLE) && !h->trusted)) {
        int64_t at = host_call(lseek, (uint64_t)h->fd, (uint64_t)offset, (uint64_t)whence);
        /* host may send a program that copies hole by hole backwards, and so round for ever */
        if (at >= 0 && (whence == SEEK_DATA || whence == SEEK_HOLE) && at < offset)
            return -EIO;
        if (at >= 0)
            f->pos = at;
        h->position_stale = false;
        return at;
    }
    int r = refresh_position(h);
    if (r < 0)
        return r;
    uint64_t size = 0;
    if (whence == SEEK_END || h->trusted) {
        struct linux_stat st;
        r = h->trusted ? 0 : host_fstat(h, &st);
        if (r < 0)
            return r;
        size = h->trusted ? trusted_size(h->trusted) : (uint64_t)st.size;
    }
    return file_seek_in(f, offset, whence, size);
}

static int host_file_truncate(struct file *f, uint64_t size)
{
    return (int)host_call(ftruncate, (uint64_t)host_file(f)->fd, size);
}

static int host_file_allocate(struct file *f, int mode, uint64_t offset, uint64_t size)
{
    return (int)host_call(fallocate, (uint64_t)host_file(f)->fd, (uint64_t)mode, offset, size);
}

static int host_file_sync(struct file *f, bool data_only)
{
    uint64_t fd = (uint64_t)host_file(f)->fd;
    return (int)(data_only ? host_call(fdatasync, fd) : host_call(fsync, fd));
}

static int64_t host_read_pages(struct file *f, uint64_t offset, void *dst, uint64_t size)
{
    struct host_file *h = host_file(f);
    if (h->trusted)
        return trusted_read_pages(h->trusted, h->fd, offset, dst, size);
    struct iobuf b;
    iobuf_kernel(&b, dst, size);
    return transfer(h, &b, (int64_t)offset, false, false);
}

static int64_t host_write_pages(struct file *f, uint64_t offset, const void *src, uint64_t size)
{
    struct iobuf b;
    iobuf_kernel(&b, (void *)(uintptr_t)src, size);
    return transfer(host_file(f), &b, (int64_t)offset, true, false);
}

static int host_file_map(struct file *f, struct vma *vma)
{
    struct host_file *h = host_file(f);
    int type = host_file_settle(h);
    if (type < 0)
        return type;
    if (type != S_IFREG)
        return -ENODEV;
    vma->source.host_fd = g_machine.is_enclave ? -1 : h->fd;
    vma->source.read_pages = host_read_pages;
    vma->source.write_pages = file_can_write(f) ? host_write_pages : NULL;
    return 0;
}

static void host_file_learn(struct file *f)
{
    (void)host_file_settle(host_file(f)); /* when that fails it stays a file, always ready */
}

/* Not what is verified on its way in; and after appends only the host knows the position. */
static int host_file_source(struct file *f)
{
    struct host_file *h = host_file(f);
    bool plain = !h->trusted && !h->outside_position && !(f->flags & (O_APPEND | O_DIRECT));
    return plain && host_file_settle(h) == S_IFREG ? h->fd : -1;
}

#define F_SETFL_HOST 4

static int host_file_set_flags(struct file *f, uint32_t flags)
{
    /* The host must know O_APPEND; O_NONBLOCK is ours alone (descriptors are always non-blocking outside). */
    struct host_file *h = host_file(f);
    if (h->outside_position || !((flags ^ f->flags) & O_APPEND))
        return 0;
    uint32_t pass = (flags & (O_APPEND | O_DIRECT | O_NOATIME)) | O_NONBLOCK;
    int64_t r = host_call(fcntl, (uint64_t)h->fd, F_SETFL_HOST, pass);
    return r < 0 ? (int)r : 0;
}

static int64_t host_file_ioctl(struct file *f, uint32_t command, uint64_t arg)
{
    int type = host_file_settle(host_file(f));
    if (type < 0)
        return type;
    return f->ops == &host_stream_ops ? f->ops->ioctl(f, command, arg) : -ENOTTY;
}

void host_file_free(struct host_file *h)
{
    if (h->fd > 2 || !h->outside_position)
        host_call_hot(close, (uint64_t)h->fd);
    if (h->trusted || h->attr || h->dir || h->cache.piece) {
        trusted_put(h->trusted);
        trusted_cache_fini(&h->cache);
        mem_free(h->attr);
        host_dir_free(h->dir);
    }
    mem_free(h);
}

static void host_file_release(struct file *f)
{
    host_file_free(host_file(f));
}

static const struct file_ops host_file_ops = {
    .kind = "file",
    .read = host_file_read,
    .write = host_file_write,
    .seek = host_file_seek,
    .stat = host_file_stat,
    .ioctl = host_file_ioctl,
    .getdents = host_dir_getdents,
    .truncate = host_file_truncate,
    .allocate = host_file_allocate,
    .sync = host_file_sync,
    .map = host_file_map,
    .set_flags = host_file_set_flags,
    .settle = host_file_learn,
    .host_source = host_file_source,
    .release = host_file_release,
};

int host_file_new(int fd, uint32_t type, uint32_t flags, struct dentry *d, struct host_file **out)
{
    struct host_file *h = mem_alloc(sizeof(*h));
    if (!h)
        return -ENOMEM;
    *h = (struct host_file){ .fd = fd };
    file_init(&h->f, &host_file_ops, flags);
    h->f.seekable = true;
    h->f.dentry = d ? dentry_get(d) : NULL;
    if (type)
        set_type(h, type);
    *out = h;
    return 0;
}

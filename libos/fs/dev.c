/*
 * /dev: null, zero, full, random, urandom, tty, pseudo-terminals (pty.c), the standard descriptors, and attestation/ (attest_dev.c).
 * Randomness comes from the machine (RDRAND in enclaves), never from the host.
 */
#include "libos/fs/dev.h"

#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/attest_dev.h"
#include "libos/fs/console.h"
#include "libos/fs/file.h"
#include "libos/fs/mount.h"
#include "libos/fs/mqueue_dir.h"
#include "libos/fs/pseudo.h"
#include "libos/fs/pts.h"
#include "libos/mm/vma.h"
#include "libos/net/vsock.h"
#include "libos/sys/iobuf.h"

#define RDEV(major, minor) ((uint64_t)(major) << 8 | (minor))

static int64_t read_nothing(struct file *f, struct iobuf *b, int64_t *pos)
{
    return 0;
}

static int64_t read_zeros(struct file *f, struct iobuf *b, int64_t *pos)
{
    return b->left ? iobuf_put_zero(b, b->left) : 0;
}

static int64_t read_random(struct file *f, struct iobuf *b, int64_t *pos)
{
    uint8_t block[256];
    int64_t done = 0;
    while (b->left) {
        size_t size = MIN(b->left, sizeof(block));
        int64_t n = machine_random(block, size);
        if (n == 0)
            n = iobuf_put(b, block, size);
        if (n <= 0)
            return done ? done : n;
        done += n;
    }
    bytes_wipe(block, sizeof(block));
    return done;
}

static int64_t write_all(struct file *f, struct iobuf *b, int64_t *pos)
{
    int64_t n = (int64_t)b->left;
    iobuf_advance(b, b->left);
    return n;
}

static int64_t write_full(struct file *f, struct iobuf *b, int64_t *pos)
{
    return b->left ? -ENOSPC : 0;
}

static int64_t seek_nowhere(struct file *f, int64_t offset, int whence)
{
    return 0;
}

/* Mapping /dev/zero privately is anonymous memory by its old name. */
static int64_t zero_pages(struct file *f, uint64_t offset, void *dst, uint64_t size)
{
    memset(dst, 0, size);
    return (int64_t)size;
}

static int zero_map(struct file *f, struct vma *vma)
{
    vma->source.read_pages = zero_pages;
    vma->source.write_pages = NULL;
    return 0;
}

static void release(struct file *f)
{
    mem_free(f);
}

static const struct file_ops null_ops = { .kind = "dev", .read = read_nothing, .write = write_all, .seek = seek_nowhere, .release = release };
static const struct file_ops zero_ops = {
    .kind = "dev", .read = read_zeros, .write = write_all, .seek = seek_nowhere, .map = zero_map, .release = release
};
static const struct file_ops full_ops = { .kind = "dev", .read = read_zeros, .write = write_full, .seek = seek_nowhere, .release = release };
static const struct file_ops random_ops = { .kind = "dev", .read = read_random, .write = write_all, .seek = seek_nowhere, .release = release };

static int open_with(const struct file_ops *ops, struct dentry *d, uint32_t flags, struct file **out)
{
    struct file *f = mem_alloc(sizeof(*f));
    if (!f)
        return -ENOMEM;
    file_init(f, ops, flags);
    f->dentry = d ? dentry_get(d) : NULL;
    *out = f;
    return 0;
}

static int null_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    return open_with(&null_ops, d, flags, out);
}

static int zero_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    return open_with(&zero_ops, d, flags, out);
}

static int full_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    return open_with(&full_ops, d, flags, out);
}

static int random_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    return open_with(&random_ops, d, flags, out);
}

static int tty_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    int r = pty_open_controlling(d, flags, out);
    if (r != -ENXIO)
        return r;
    r = console_open_tty(flags, out);
    if (r == 0)
        (*out)->dentry = dentry_get(d);
    return r;
}

static int vsock_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    int r = vsock_open_device(flags, out);
    if (r == 0)
        (*out)->dentry = dentry_get(d);
    return r;
}

static int null_stat(struct file *f, struct linux_stat *st)
{
    *st = (struct linux_stat){ .mode = S_IFCHR | 0666, .rdev = RDEV(1, 3), .nlink = 1, .blksize = 4096, .ino = f->ino };
    return 0;
}

static const struct file_ops unnamed_null_ops = {
    .kind = "dev", .read = read_nothing, .write = write_all, .seek = seek_nowhere, .stat = null_stat, .release = release
};

int dev_open_null(uint32_t flags, struct file **out)
{
    return open_with(&unnamed_null_ops, NULL, flags, out);
}

static const struct pseudo_node pts_children[] = { { .name = "ptmx", .mode = S_IFCHR | 0666, .rdev = RDEV(5, 2), .open = pty_open_master }, { 0 } };

static const struct pseudo_node children[] = {
    { .name = "null", .mode = S_IFCHR | 0666, .rdev = RDEV(1, 3), .open = null_open },
    { .name = "zero", .mode = S_IFCHR | 0666, .rdev = RDEV(1, 5), .open = zero_open },
    { .name = "full", .mode = S_IFCHR | 0666, .rdev = RDEV(1, 7), .open = full_open },
    { .name = "random", .mode = S_IFCHR | 0666, .rdev = RDEV(1, 8), .open = random_open },
    { .name = "urandom", .mode = S_IFCHR | 0666, .rdev = RDEV(1, 9), .open = random_open },
    { .name = "tty", .mode = S_IFCHR | 0666, .rdev = RDEV(5, 0), .open = tty_open },
    { .name = "vsock", .mode = S_IFCHR | 0600, .rdev = RDEV(10, 258), .open = vsock_open },
    { .name = "fd", .mode = S_IFLNK | 0777, .target = "/proc/self/fd" },
    { .name = "stdin", .mode = S_IFLNK | 0777, .target = "/proc/self/fd/0" },
    { .name = "stdout", .mode = S_IFLNK | 0777, .target = "/proc/self/fd/1" },
    { .name = "stderr", .mode = S_IFLNK | 0777, .target = "/proc/self/fd/2" },
    { .name = "ptmx", .mode = S_IFCHR | 0666, .rdev = RDEV(5, 2), .open = pty_open_master },
    { .name = "pts", .mode = S_IFDIR | 0755, .children = pts_children, .find = pts_find, .list = pts_list },
    { .name = "mqueue", .mode = S_IFDIR | S_ISVTX | 0777, .find = mqueue_find, .list = mqueue_list, .unlink = mqueue_unlink },
    { .name = "attestation", .mode = S_IFDIR | 0555, .children = attest_dev_children },
    { 0 },
};

static const struct pseudo_node root = { .name = "dev", .mode = S_IFDIR | 0755, .children = children };

int devfs_mount(struct mount *m)
{
    return pseudo_mount(m, &root, "dev", LINUX_TMPFS_MAGIC);
}

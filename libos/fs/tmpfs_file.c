/*
 * Open files of tmpfs, and memfd: the same file without a name, with seals.
 */
#include "enclave/clock.h"
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/linux/errno.h"
#include "libos/fs/dcache.h"
#include "libos/fs/file.h"
#include "libos/fs/tmpfs.h"
#include "libos/fs/tmpfs_node.h"
#include "libos/mm/vma.h"

static struct tmpfs_node *node(const struct file *f)
{
    return container_of(f->dentry->inode, struct tmpfs_node, inode);
}

static uint32_t seals_of(const struct tmpfs_node *n)
{
    return __atomic_load_n(&n->seals, __ATOMIC_RELAXED);
}

int tmpfs_node_resize(struct tmpfs_node *n, uint64_t size)
{
    uint32_t seals = seals_of(n);
    if ((size < n->data.size && (seals & F_SEAL_SHRINK)) || (size > n->data.size && (seals & F_SEAL_GROW)))
        return -EPERM;
    n->mtime = n->ctime = clock_realtime();
    return tmpfs_data_resize(&n->data, size);
}

static int64_t tmpfs_file_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    int64_t n = tmpfs_data_read(&node(f)->data, b, (uint64_t)*pos);
    if (n > 0)
        *pos += n;
    return n;
}

static int64_t tmpfs_file_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct tmpfs_node *t = node(f);
    uint32_t seals = seals_of(t);
    uint64_t at = (uint64_t)*pos;
    if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
        return -EPERM;
    int64_t n = tmpfs_data_write(&t->data, b, &at, f->flags & O_APPEND, !(seals & F_SEAL_GROW));
    if (n > 0) {
        *pos = (int64_t)at;
        t->mtime = t->ctime = clock_realtime();
    }
    return n;
}

static int64_t tmpfs_file_seek(struct file *f, int64_t offset, int whence)
{
    return file_seek_in(f, offset, whence, node(f)->data.size);
}

static int tmpfs_file_truncate(struct file *f, uint64_t size)
{
    return tmpfs_node_resize(node(f), size);
}

static int tmpfs_file_allocate(struct file *f, int mode, uint64_t offset, uint64_t size)
{
    struct tmpfs_node *n = node(f);
    uint64_t end = offset + size;
    if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) || (mode & ~FALLOC_FL_KEEP_SIZE) == FALLOC_FL_ZERO_RANGE) {
        if (seals_of(n) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
            return -EPERM;
        tmpfs_data_punch(&n->data, offset, size);
        if (mode & FALLOC_FL_PUNCH_HOLE)
            return 0;
    } else if (mode & ~FALLOC_FL_KEEP_SIZE) {
        return -EOPNOTSUPP;
    }
    int r = tmpfs_data_reserve(&n->data, offset, size);
    if (r == 0 && !(mode & FALLOC_FL_KEEP_SIZE) && end > n->data.size)
        r = tmpfs_node_resize(n, end);
    return r;
}

static int tmpfs_file_sync(struct file *f, bool data_only)
{
    return 0;
}

static int64_t read_pages(struct file *f, uint64_t offset, void *dst, uint64_t size)
{
    struct iobuf b;
    iobuf_kernel(&b, dst, size);
    return tmpfs_data_read(&node(f)->data, &b, offset);
}

static uint64_t shared_pages(struct file *f, uint64_t offset, uint64_t size)
{
    return tmpfs_data_share(&node(f)->data, offset, size);
}

static int tmpfs_file_map(struct file *f, struct vma *vma)
{
    uint32_t seals = seals_of(node(f));
    if ((seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) && (vma->flags & 0x0f) != 2 && (vma->prot & 2))
        return -EPERM; /* MAP_SHARED and PROT_WRITE */
    vma->source.read_pages = read_pages;
    vma->source.shared_pages = shared_pages;
    return 0;
}

static void tmpfs_file_release(struct file *f)
{
    mem_free(f);
}

static const struct file_ops tmpfs_file_ops = {
    .kind = "file",
    .read = tmpfs_file_read,
    .write = tmpfs_file_write,
    .seek = tmpfs_file_seek,
    .truncate = tmpfs_file_truncate,
    .allocate = tmpfs_file_allocate,
    .sync = tmpfs_file_sync,
    .map = tmpfs_file_map,
    .release = tmpfs_file_release,
};

int tmpfs_file_open(struct dentry *d, uint32_t flags, struct file **out)
{
    struct file *f = mem_alloc(sizeof(*f));
    if (!f)
        return -ENOMEM;
    file_init(f, &tmpfs_file_ops, flags);
    f->seekable = true;
    f->dentry = dentry_get(d);
    *out = f;
    return 0;
}

static struct mount g_memfd_mount = { .ops = &tmpfs_ops, .dev = 1, .source = "memfd" };

int memfd_open(const char *name, uint32_t flags, struct file **out)
{
    struct tmpfs_node *n;
    char label[VFS_NAME_MAX + 8];
    int r = tmpfs_node_new(&g_memfd_mount, &tmpfs_ops, S_IFREG | 0777, &n);
    if (r < 0)
        return r;
    n->nlink = 0;
    n->has_seals = true;
    n->seals = flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
    size_t length = fmt_print(label, sizeof(label), "memfd:%s", name);
    struct dentry *d = dentry_new_unnamed(label, length < sizeof(label) ? length : sizeof(label) - 1, &n->inode);
    if (!d)
        return -ENOMEM;
    r = tmpfs_file_open(d, O_RDWR, out);
    dentry_put(d);
    return r;
}

int64_t memfd_seals(struct file *f, uint32_t add)
{
    if (!f->dentry || f->dentry->inode->ops != &tmpfs_ops || !node(f)->has_seals)
        return -EINVAL;
    struct tmpfs_node *n = node(f);
    if (add) {
        if (!file_can_write(f) || (seals_of(n) & F_SEAL_SEAL))
            return -EPERM;
        if (add & ~(uint32_t)(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC))
            return -EINVAL;
        __atomic_fetch_or(&n->seals, add, __ATOMIC_RELAXED);
    }
    return seals_of(n);
}

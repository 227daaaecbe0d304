/*
 * Open pseudo-files. The content is a snapshot taken at open, private to the descriptor. A write hands the
 * bytes of that one call to the row's store and then replaces the snapshot by them.
 */
#include "libos/fs/pseudo_file.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/ipc/poll.h"
#include "libos/sys/iobuf.h"

#define WRITE_MAX 65536u

struct pseudo_file {
    struct file f;
    struct pseudo_id id;
    struct mutex mu;  /* content; pread and pwrite come without f.mu */
    struct text text; /* mu */
};

static struct pseudo_file *pseudo(struct file *f)
{
    return container_of(f, struct pseudo_file, f);
}

static int64_t pseudo_file_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct pseudo_file *p = pseudo(f);
    int64_t n = 0;
    mutex_lock(&p->mu);
    if ((uint64_t)*pos < p->text.size && b->left)
        n = iobuf_put(b, p->text.data + *pos, MIN(p->text.size - (uint64_t)*pos, b->left));
    mutex_unlock(&p->mu);
    if (n > 0)
        *pos += n;
    return n;
}

static int64_t pseudo_file_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct pseudo_file *p = pseudo(f);
    const struct pseudo_node *node = p->id.node;
    if (!node->store)
        return -EACCES;
    if (b->left > WRITE_MAX)
        return -EINVAL;
    size_t size = b->left, kept = node->store_size ? MIN(size, node->store_size) : size;
    char *data = mem_alloc(size + 1);
    if (!data)
        return -ENOMEM;
    int64_t n = size ? iobuf_get(b, data, size) : 0;
    if (n >= 0 && (size_t)n != size)
        n = -EFAULT;
    int r = n < 0 ? (int)n : node->store(&p->id, data, size);
    if (r < 0) {
        bytes_wipe(data, size);
        mem_free(data);
        return r;
    }
    mutex_lock(&p->mu);
    if (p->text.data)
        bytes_wipe(p->text.data, p->text.size);
    mem_free(p->text.data);
    p->text = (struct text){ .data = data, .size = kept, .room = size + 1 };
    *pos = (int64_t)kept;
    mutex_unlock(&p->mu);
    return (int64_t)size;
}

static int64_t pseudo_file_seek(struct file *f, int64_t offset, int whence)
{
    return file_seek_in(f, offset, whence, pseudo(f)->text.size);
}

static uint32_t pseudo_file_poll(struct file *f, struct poll *p)
{
    return EPOLLOUT | EPOLLWRNORM | ((uint64_t)f->pos < pseudo(f)->text.size ? EPOLLIN | EPOLLRDNORM : 0);
}

static int pseudo_file_truncate(struct file *f, uint64_t size)
{
    struct pseudo_file *p = pseudo(f);
    mutex_lock(&p->mu);
    p->text.size = MIN(p->text.size, size);
    mutex_unlock(&p->mu);
    return 0;
}

static void pseudo_file_release(struct file *f)
{
    struct pseudo_file *p = pseudo(f);
    if (p->text.data)
        bytes_wipe(p->text.data, p->text.size); /* may be a key */
    mem_free(p->text.data);
    mem_free(p);
}

static const struct file_ops pseudo_file_ops = {
    .kind = "pseudo",
    .read = pseudo_file_read,
    .write = pseudo_file_write,
    .seek = pseudo_file_seek,
    .poll = pseudo_file_poll,
    .truncate = pseudo_file_truncate,
    .release = pseudo_file_release,
};

int pseudo_file_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    struct pseudo_file *p = mem_zalloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    file_init(&p->f, &pseudo_file_ops, flags);
    p->id = *id;
    p->f.seekable = true;
    p->f.dentry = dentry_get(d);
    int r = id->node->load ? id->node->load(id, &p->text) : 0;
    if (r == 0 && p->text.failed)
        r = -ENOMEM;
    if (r < 0) {
        file_put(&p->f);
        return r;
    }
    if (flags & O_TRUNC)
        p->text.size = 0;
    *out = &p->f;
    return 0;
}

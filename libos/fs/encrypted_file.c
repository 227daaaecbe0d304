/*
 * Open encrypted files. Data pass through a buffer of ours, so that the program never sees bytes that were
 * not verified, and faults in its memory happen without the file's lock.
 */
#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "lib/base/bytes.h"
#include "lib/encfile/encfile.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/encrypted_object.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"
#include "libos/sys/iobuf.h"

#define CHUNK 65536u

struct encrypted_file {
    struct file f;
    struct encrypted_object *object;
};

static struct encrypted_object *object(struct file *f)
{
    return container_of(f, struct encrypted_file, f)->object;
}

static int64_t read_locked(struct encrypted_object *o, uint64_t offset, void *buf, size_t size)
{
    mutex_lock(&o->mu);
    int64_t n = encfile_read(o->content, offset, buf, size);
    enum encfile_status status = n < 0 ? encfile_status(o->content) : ENCFILE_OK;
    mutex_unlock(&o->mu);
    if (n == -EACCES)
        log_error("encrypted file \"%s\" at offset %lu is refused: %s", o->path, offset, encfile_status_text(status));
    return n;
}

static int64_t encrypted_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct encrypted_object *o = object(f);
    uint8_t small[4096], *buffer = small;
    size_t room = sizeof(small);
    int64_t done = 0, n = 0;
    if (b->left > sizeof(small) && (buffer = mem_alloc(CHUNK)))
        room = CHUNK;
    else
        buffer = small;
    while (b->left) {
        n = read_locked(o, (uint64_t)*pos, buffer, MIN(room, b->left));
        if (n <= 0)
            break;
        int64_t got = n;
        n = iobuf_put(b, buffer, (size_t)got);
        if (n <= 0)
            break;
        *pos += n;
        done += n;
        if (n < got)
            break;
    }
    if (buffer != small)
        mem_free(buffer);
    return done ? done : n;
}

static int64_t write_locked(struct encrypted_object *o, bool append, int64_t *pos, const void *buf, size_t size)
{
    mutex_lock(&o->mu);
    if (append)
        *pos = (int64_t)encfile_size(o->content);
    int64_t n = encfile_write(o->content, (uint64_t)*pos, buf, size);
    mutex_unlock(&o->mu);
    return n;
}

static int64_t encrypted_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct encrypted_object *o = object(f);
    uint8_t small[4096], *buffer = small;
    size_t room = sizeof(small);
    int64_t done = 0, n = 0;
    if (b->left > sizeof(small) && (buffer = mem_alloc(CHUNK)))
        room = CHUNK;
    else
        buffer = small;
    while (b->left) {
        n = iobuf_get(b, buffer, MIN(room, b->left));
        if (n <= 0)
            break;
        int64_t got = n;
        n = write_locked(o, f->flags & O_APPEND, pos, buffer, (size_t)got);
        if (n <= 0)
            break;
        *pos += n;
        done += n;
        if (n < got)
            break;
    }
    if (buffer != small)
        mem_free(buffer);
    return done ? done : n;
}

static uint64_t size_of(struct encrypted_object *o)
{
    mutex_lock(&o->mu);
    uint64_t size = encfile_size(o->content);
    mutex_unlock(&o->mu);
    return size;
}

static int64_t encrypted_seek(struct file *f, int64_t offset, int whence)
{
    return file_seek_in(f, offset, whence, size_of(object(f)));
}

static int encrypted_fstat(struct file *f, struct linux_stat *st)
{
    int r = (int)host_call(fstat, (uint64_t)object(f)->fd, PTR(st));
    st->size = (int64_t)size_of(object(f));
    return r;
}

static int encrypted_truncate(struct file *f, uint64_t size)
{
    struct encrypted_object *o = object(f);
    mutex_lock(&o->mu);
    int r = encfile_set_size(o->content, size);
    mutex_unlock(&o->mu);
    return r;
}

static int encrypted_allocate(struct file *f, int mode, uint64_t offset, uint64_t size)
{
    if (mode)
        return -EOPNOTSUPP;
    struct encrypted_object *o = object(f);
    uint64_t end = offset + size;
    return end > size_of(o) ? encrypted_truncate(f, end) : 0;
}

static int encrypted_sync(struct file *f, bool data_only)
{
    struct encrypted_object *o = object(f);
    mutex_lock(&o->mu);
    int r = encfile_sync(o->content);
    mutex_unlock(&o->mu);
    return r;
}

/* close(2): hand changes to the host, so that a full disk is told to the program that fills it. */
static int encrypted_flush(struct file *f)
{
    struct encrypted_object *o = object(f);
    if (!file_can_write(f))
        return 0;
    mutex_lock(&o->mu);
    int r = encfile_flush(o->content);
    mutex_unlock(&o->mu);
    return r;
}

static int64_t read_pages(struct file *f, uint64_t offset, void *dst, uint64_t size)
{
    int64_t done = 0;
    while ((uint64_t)done < size) {
        int64_t n = read_locked(object(f), offset + (uint64_t)done, (uint8_t *)dst + done, size - (uint64_t)done);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        done += n;
    }
    return done;
}

static int64_t write_pages(struct file *f, uint64_t offset, const void *src, uint64_t size)
{
    int64_t pos = (int64_t)offset;
    return write_locked(object(f), false, &pos, src, size);
}

static int encrypted_map(struct file *f, struct vma *vma)
{
    vma->source.read_pages = read_pages;
    vma->source.write_pages = file_can_write(f) ? write_pages : NULL;
    return 0;
}

static void encrypted_release(struct file *f)
{
    (void)encrypted_object_put(object(f)); /* the log has it; close told it before */
    mem_free(container_of(f, struct encrypted_file, f));
}

static const struct file_ops encrypted_file_ops = {
    .kind = "file",
    .read = encrypted_read,
    .write = encrypted_write,
    .seek = encrypted_seek,
    .stat = encrypted_fstat,
    .truncate = encrypted_truncate,
    .allocate = encrypted_allocate,
    .sync = encrypted_sync,
    .flush = encrypted_flush,
    .map = encrypted_map,
    .release = encrypted_release,
};

int encrypted_file_open(struct encrypted_object *o, struct dentry *d, uint32_t flags, struct file **out)
{
    struct encrypted_file *e = mem_alloc(sizeof(*e));
    if (!e)
        return -ENOMEM;
    file_init(&e->f, &encrypted_file_ops, flags);
    e->object = o;
    e->f.seekable = true;
    e->f.dentry = dentry_get(d);
    *out = &e->f;
    return 0;
}

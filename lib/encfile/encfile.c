/*
 * Encrypted files: open, read, write, resize, rename, close. Start reading at encfile_open; the
 * header says what is and is not protected. Everything that the host returns goes through tags
 * (meta.c, tree.c) before it is used.
 */
#include "lib/encfile/encfile.h"

#include "lib/base/str.h"
#include "lib/encfile/cache.h"
#include "lib/encfile/flush.h"
#include "lib/encfile/journal.h"
#include "lib/encfile/meta.h"
#include "lib/encfile/tree.h"
#include "lib/linux/errno.h"

static int host_size(struct encfile *f, uint64_t *size)
{
    int64_t n = f->io->size(f->file);
    if (n < 0)
        return encfile_fail(f, ENCFILE_READ_FAILED, (int)n);
    *size = (uint64_t)n;
    return 0;
}

static int read_header(struct encfile *f)
{
    uint64_t size = 0;
    int err = host_size(f, &size);
    if (err)
        return err;
    if (size < NODE_SIZE)
        return encfile_fail(f, ENCFILE_BAD_LENGTH, -EACCES);
    err = encfile_io_read(f->io, f->file, 0, f->header, NODE_SIZE);
    if (err == -ENODATA)
        return encfile_fail(f, ENCFILE_TRUNCATED, -EACCES);
    return err ? encfile_fail(f, ENCFILE_READ_FAILED, err) : encfile_meta_accept_header(f);
}

/* A flush was cut off: undo it, unless the caller wants the file as it is. */
static int settle_pending(struct encfile *f)
{
    if (!(f->header[HDR_FLAGS] & HDR_FLAG_PENDING))
        return 0;
    if (f->flags & ENCFILE_IGNORE_PENDING) {
        f->was_pending = true;
        f->header[HDR_FLAGS] = 0;
        return 0;
    }
    int err = encfile_journal_undo(f);
    return err ? err : encfile_meta_accept_header(f);
}

static int open_existing(struct encfile *f, const char *path)
{
    uint64_t size = 0;
    int err = read_header(f);
    if (!err)
        err = settle_pending(f);
    if (!err)
        err = host_size(f, &size);
    if (!err && size % NODE_SIZE)
        err = encfile_fail(f, ENCFILE_BAD_LENGTH, -EACCES);
    if (!err)
        err = encfile_meta_open(f, path);
    if (!err && f->size > INLINE_SIZE)
        err = encfile_tree_open_root(f);
    return err;
}

static void encfile_free(struct encfile *f)
{
    const struct encfile_env *env = f->env;
    encfile_cache_fini(f);
    if (f->stage)
        env->free(f->stage);
    bytes_wipe(f, sizeof(*f));
    env->free(f);
}

int encfile_open(const struct encfile_params *params, struct encfile **out,
                 enum encfile_status *status)
{
    enum encfile_status ignored;
    if (!status)
        status = &ignored;
    *out = NULL;
    *status = ENCFILE_PATH_TOO_LONG;
    if (params->path && str_length(params->path, META_PATH_SIZE) > ENCFILE_PATH_MAX)
        return -ENAMETOOLONG;
    struct encfile *f = params->env->alloc(sizeof(*f));
    *status = ENCFILE_NO_MEMORY;
    if (!f)
        return -ENOMEM;
    memset(f, 0, sizeof(*f));
    f->env = params->env;
    f->io = params->io;
    f->file = params->file;
    f->recovery = params->recovery;
    f->flags = params->flags;
    memcpy(f->key, params->key, sizeof(f->key));
    encfile_cache_init(f);
    int err;
    if (f->flags & ENCFILE_CREATE) {
        f->flags |= ENCFILE_WRITABLE;
        err = encfile_meta_init(f, params->path);
        if (!err)
            err = encfile_flush_all(f);
    } else {
        err = open_existing(f, params->path);
    }
    *status = f->status;
    if (err) {
        encfile_free(f);
        return err;
    }
    *out = f;
    return 0;
}

int encfile_close(struct encfile *f)
{
    if (!f)
        return 0;
    int err = encfile_flush_all(f);
    encfile_free(f);
    return err;
}

/* Whole nodes behind one another that are not in memory, straight into the caller's buffer. */
static int64_t read_run(struct encfile *f, uint64_t d, uint8_t *buf, size_t count)
{
    int err = encfile_tree_load_mht(f, data_mht(d));
    if (err)
        return err;
    count = MIN(count, MHT_DATA_SLOTS - d % MHT_DATA_SLOTS);
    size_t run = 1;
    while (run < count && !encfile_cache_find(f, data_node(d + run)))
        run++;
    err = encfile_io_read(f->io, f->file, data_node(d) * NODE_SIZE, buf, run * NODE_SIZE);
    if (err == -ENODATA)
        return -ENODATA;
    if (err)
        return encfile_fail(f, ENCFILE_READ_FAILED, err);
    const uint8_t *slot = encfile_tree_slot(f, data_node(d));
    for (size_t i = 0; i < run; i++, slot += MHT_SLOT_SIZE) {
        uint8_t *node = buf + i * NODE_SIZE;
        if (aes128_gcm_open(slot, encfile_zero_iv, NULL, 0, node, NODE_SIZE, node,
                            slot + AES128_KEY_SIZE)) {
            encfile_fail(f, ENCFILE_TAMPERED, 0);
            return i ? (int64_t)(i * NODE_SIZE) : -EACCES;
        }
    }
    return (int64_t)(run * NODE_SIZE);
}

/* Read some bytes of the tree; size is not 0 and lies within the file. */
static int64_t read_some(struct encfile *f, uint64_t offset, uint8_t *buf, size_t size)
{
    uint64_t d = data_at(offset), in = offset - data_start(d);
    if (in == 0 && size >= NODE_SIZE && !encfile_cache_find(f, data_node(d))) {
        int64_t n = read_run(f, d, buf, size / NODE_SIZE);
        /* A file that ends within the run: node by node up to there. */
        if (n != -ENODATA)
            return n;
    }
    struct encfile_node *node;
    int err = encfile_tree_data(f, d, TREE_LOAD, &node);
    if (err)
        return err;
    size = MIN(size, NODE_SIZE - in);
    memcpy(buf, node->data + in, size);
    return (int64_t)size;
}

int64_t encfile_read(struct encfile *f, uint64_t offset, void *buf, size_t size)
{
    if (offset >= f->size)
        return 0;
    size = MIN(size, f->size - offset);
    size_t done = 0;
    if (offset < INLINE_SIZE) {
        done = MIN(size, INLINE_SIZE - offset);
        memcpy(buf, f->meta + META_INLINE + offset, done);
    }
    while (done < size) {
        int64_t n = read_some(f, offset + done, (uint8_t *)buf + done, size - done);
        if (n < 0)
            return done ? (int64_t)done : n;
        done += (size_t)n;
    }
    return (int64_t)done;
}

/* Write into one node; buf NULL: zeros. */
static int64_t write_some(struct encfile *f, uint64_t offset, const uint8_t *buf, size_t size)
{
    uint64_t d = data_at(offset), in = offset - data_start(d);
    enum tree_want want = TREE_LOAD;
    size = MIN(size, NODE_SIZE - in);
    if (f->size <= data_start(d))
        want = TREE_NEW;
    else if (in == 0 && size == NODE_SIZE)
        want = TREE_OVERWRITE;
    if (want == TREE_NEW && d % MHT_DATA_SLOTS == 0) {
        int err = encfile_tree_new_mht(f, data_mht(d));
        if (err)
            return err;
    }
    struct encfile_node *node;
    int err = encfile_tree_data(f, d, want, &node);
    if (err)
        return err;
    if (buf)
        memcpy(node->data + in, buf, size);
    else
        memset(node->data + in, 0, size);
    encfile_tree_mark_dirty(f, node);
    return (int64_t)size;
}

static int64_t write_inline(struct encfile *f, uint64_t offset, const uint8_t *buf, size_t size)
{
    size = MIN(size, INLINE_SIZE - offset);
    uint8_t *at = f->meta + META_INLINE + offset;
    if (buf)
        memcpy(at, buf, size);
    else
        memset(at, 0, size);
    f->meta_dirty = true;
    return (int64_t)size;
}

/* Write at or before the end; the file grows as it goes. Returns size, less, or the error. */
static int64_t write_range(struct encfile *f, uint64_t offset, const uint8_t *buf, uint64_t size)
{
    uint64_t done = 0;
    while (done < size) {
        uint64_t at = offset + done;
        const uint8_t *from = buf ? buf + done : NULL;
        int64_t n = at < INLINE_SIZE ? write_inline(f, at, from, size - done)
                                     : write_some(f, at, from, size - done);
        if (n < 0)
            return done ? (int64_t)done : n;
        done += (uint64_t)n;
        f->size = MAX(f->size, offset + done);
    }
    return (int64_t)done;
}

static int extend(struct encfile *f, uint64_t size)
{
    while (f->size < size) {
        int64_t n = write_range(f, f->size, NULL, size - f->size);
        if (n < 0)
            return (int)n;
    }
    return 0;
}

static int check_writable(struct encfile *f, uint64_t end)
{
    if (!(f->flags & ENCFILE_WRITABLE))
        return encfile_fail(f, ENCFILE_READ_ONLY, -EBADF);
    if (end > FILE_SIZE_MAX)
        return encfile_fail(f, ENCFILE_TOO_BIG, -EFBIG);
    return 0;
}

int64_t encfile_write(struct encfile *f, uint64_t offset, const void *buf, size_t size)
{
    /* No sum may wrap: both are first held to the limit. */
    uint64_t end = MIN(offset, FILE_SIZE_MAX + 1) + MIN(size, FILE_SIZE_MAX + 1);
    int err = check_writable(f, end);
    if (!err && size && offset > f->size)
        err = extend(f, offset);
    return err ? err : write_range(f, offset, buf, size);
}

/* The new size is committed before the host's file is cut: dying in between costs nothing. */
static int shrink(struct encfile *f, uint64_t size)
{
    encfile_cache_drop_from(f, file_nodes(size));
    f->size = size;
    if (size <= INLINE_SIZE)
        f->root_dirty = false;
    f->meta_dirty = true;
    int err = encfile_flush_all(f);
    if (err)
        return err;
    err = f->io->truncate(f->file, file_nodes(size) * NODE_SIZE);
    return err ? encfile_fail(f, ENCFILE_WRITE_FAILED, err) : 0;
}

int encfile_set_size(struct encfile *f, uint64_t size)
{
    int err = check_writable(f, size);
    if (err || size == f->size)
        return err;
    return size > f->size ? extend(f, size) : shrink(f, size);
}

uint64_t encfile_size(const struct encfile *f)
{
    return f->size;
}

int encfile_rename(struct encfile *f, const char *path)
{
    int err = check_writable(f, 0);
    if (!err)
        err = encfile_meta_set_path(f, path);
    return err ? err : encfile_flush_all(f);
}

int encfile_flush(struct encfile *f)
{
    return encfile_flush_all(f);
}

int encfile_sync(struct encfile *f)
{
    int err = encfile_flush_all(f);
    if (err || !(f->flags & ENCFILE_WRITABLE))
        return err;
    err = f->io->sync(f->file);
    return err ? encfile_fail(f, ENCFILE_WRITE_FAILED, err) : 0;
}

const char *encfile_path(const struct encfile *f)
{
    return (const char *)f->meta + META_PATH;
}

bool encfile_was_pending(const struct encfile *f)
{
    return f->was_pending;
}

unsigned encfile_version(const struct encfile *f)
{
    return f->version;
}

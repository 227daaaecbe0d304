/*
 * The recovery file: before a flush overwrites nodes, their old (sealed) content goes there, then
 * node 0 is marked as pending; the flush's own node 0 clears the mark. At open, a marked file is
 * put back into the state before that flush.
 *
 * The recovery file is the host's as much as the file itself, and needs no protection of its own:
 * what it puts back must pass the same tags as anything else.
 */
#include "lib/encfile/journal.h"

#include "lib/linux/errno.h"

/* Records are collected in f->stage: 15 of them fit. */
#define STAGE_RECORDS ((STAGE_NODES * NODE_SIZE) / JOURNAL_RECORD)

struct log {
    size_t staged;   /* records in f->stage */
    uint64_t offset; /* where they go */
};

static int log_flush(struct encfile *f, struct log *log)
{
    size_t size = log->staged * JOURNAL_RECORD;
    int err = encfile_io_write(f->io, f->recovery, log->offset, f->stage, size);
    log->offset += size;
    log->staged = 0;
    return err;
}

/* Append a record; content NULL: as it is on the host, zeros behind the end of the file. */
static int log_add(struct encfile *f, struct log *log, uint64_t number, const uint8_t *content,
                   bool fresh)
{
    uint8_t *record = f->stage + log->staged * JOURNAL_RECORD;
    store_le64(record, number);
    memset(record + 8, 0, NODE_SIZE);
    if (content) {
        memcpy(record + 8, content, NODE_SIZE);
    } else if (!fresh) {
        int err = encfile_io_read(f->io, f->file, number * NODE_SIZE, record + 8, NODE_SIZE);
        if (err && err != -ENODATA)
            return err;
    }
    return ++log->staged == STAGE_RECORDS ? log_flush(f, log) : 0;
}

static int log_old_nodes(struct encfile *f, struct log *log)
{
    int err = 0;
    list_for_each (it, &f->lru) {
        struct encfile_node *node = list_entry(it, struct encfile_node, link);
        if (err || !node->dirty || node->journaled)
            continue;
        err = log_add(f, log, node->number, NULL, node->fresh);
    }
    if (!err && !f->flushing)
        err = log_add(f, log, NODE_ROOT, NULL, false);
    if (!err && !f->flushing)
        err = log_add(f, log, NODE_META, f->header, false);
    return err ? err : log_flush(f, log);
}

static int mark_pending(struct encfile *f)
{
    /* From here on, even if it fails, the host's file may be torn and the log must be kept. */
    f->flushing = true;
    f->header[HDR_FLAGS] = HDR_FLAG_PENDING;
    int err = encfile_io_write(f->io, f->file, 0, f->header, NODE_SIZE);
    return err ? encfile_fail(f, ENCFILE_WRITE_FAILED, err) : 0;
}

int encfile_journal_begin(struct encfile *f)
{
    /* A flush that failed is being repeated: its log stays, and nodes changed since are added. */
    struct log log = { .offset = f->journaled };
    int err = f->flushing ? 0 : f->io->truncate(f->recovery, 0);
    if (!err)
        err = log_old_nodes(f, &log);
    if (err) {
        /* Best effort: a log whose length is wrong would not be accepted at open. */
        f->io->truncate(f->recovery, f->journaled);
        return encfile_fail(f, ENCFILE_JOURNAL_FAILED, err);
    }
    f->journaled = log.offset;
    list_for_each (it, &f->lru) {
        struct encfile_node *node = list_entry(it, struct encfile_node, link);
        node->journaled = node->dirty;
    }
    return mark_pending(f);
}

static int put_back(struct encfile *f, uint64_t offset, uint8_t *record)
{
    int err = encfile_io_read(f->io, f->recovery, offset, record, JOURNAL_RECORD);
    if (err)
        return err;
    uint64_t number = load_le64(record);
    /* The host chose the number; keep the offset from wrapping. */
    if (number > FILE_SIZE_MAX / NODE_SIZE)
        return -EACCES;
    return encfile_io_write(f->io, f->file, number * NODE_SIZE, record + 8, NODE_SIZE);
}

/* A write at the end that was cut short leaves a piece of a node, which no record covers. */
static int cut_to_whole_nodes(struct encfile *f)
{
    int64_t size = f->io->size(f->file);
    if (size < 0 || size % (int64_t)NODE_SIZE == 0)
        return size < 0 ? (int)size : 0;
    return f->io->truncate(f->file, ALIGN_DOWN((uint64_t)size, NODE_SIZE));
}

int encfile_journal_undo(struct encfile *f)
{
    int64_t size = f->recovery ? f->io->size(f->recovery) : 0;
    if (size < 0)
        return encfile_fail(f, ENCFILE_READ_FAILED, (int)size);
    if (size == 0)
        return encfile_fail(f, ENCFILE_RECOVERY_NEEDED, -EACCES);
    if (size % (int64_t)JOURNAL_RECORD)
        return encfile_fail(f, ENCFILE_RECOVERY_FAILED, -EACCES);
    uint8_t *record = f->env->alloc(JOURNAL_RECORD);
    if (!record)
        return encfile_fail(f, ENCFILE_NO_MEMORY, -ENOMEM);
    int err = 0;
    for (uint64_t at = 0; !err && at < (uint64_t)size; at += JOURNAL_RECORD)
        err = put_back(f, at, record);
    f->env->free(record);
    if (!err)
        err = cut_to_whole_nodes(f);
    if (!err)
        err = f->io->sync(f->file);
    if (!err)
        err = encfile_io_read(f->io, f->file, 0, f->header, NODE_SIZE);
    if (err)
        return encfile_fail(f, ENCFILE_RECOVERY_FAILED, err == -ENODATA ? -EACCES : err);
    if (load_le64(f->header) == FILE_ID && f->header[HDR_FLAGS] & HDR_FLAG_PENDING)
        return encfile_fail(f, ENCFILE_RECOVERY_FAILED, -EACCES);
    return 0;
}

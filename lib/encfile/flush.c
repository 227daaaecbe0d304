/*
 * A flush: data nodes, MHT nodes from the leaves up, root, and last node 0, which commits.
 *
 * Each node gets a new random key, which goes with the tag into its parent; so parents are sealed
 * after their children. Nodes stay dirty until node 0 is written: a flush that failed is simply
 * done again. Data nodes are written in ascending order and in runs, since each write leaves the
 * enclave; the order within a flush is no part of the format, only that node 0 is last. Nodes that
 * the host never had come first: when it has no room for them, what it has is still the old file.
 */
#include "lib/encfile/flush.h"

#include "lib/encfile/journal.h"
#include "lib/encfile/meta.h"
#include "lib/encfile/tree.h"
#include "lib/linux/errno.h"

struct node_list {
    struct encfile_node *nodes[ENCFILE_CACHE];
    size_t count;
};

enum { FRESH, OLD }; /* a fresh node's children are fresh: FRESH before OLD is children before parents */

/* What one flush writes, root and node 0 aside. */
struct batch {
    struct node_list data[2]; /* ascending */
    struct node_list mht[2];  /* descending: children before parents */
    uint8_t keys[ENCFILE_CACHE + 1][AES128_KEY_SIZE];
    size_t keys_used;
};

static void insert_sorted(struct node_list *list, struct encfile_node *node, bool descending)
{
    size_t at = list->count++;
    while (at && (list->nodes[at - 1]->number > node->number) != descending) {
        list->nodes[at] = list->nodes[at - 1];
        at--;
    }
    list->nodes[at] = node;
}

static int batch_collect(struct encfile *f, struct batch *b)
{
    size_t count = 1; /* the root */
    list_for_each (it, &f->lru) {
        struct encfile_node *node = list_entry(it, struct encfile_node, link);
        bool mht = node_is_mht(node->number);
        if (!node->dirty)
            continue;
        insert_sorted(&(mht ? b->mht : b->data)[node->fresh ? FRESH : OLD], node, mht);
        count++;
    }
    int err = f->env->random(b->keys, count * AES128_KEY_SIZE);
    return err ? encfile_fail(f, ENCFILE_NO_RANDOM, err) : 0;
}

static void seal_node(struct batch *b, uint8_t *slot, const uint8_t *data, uint8_t *out)
{
    memcpy(slot, b->keys[b->keys_used++], AES128_KEY_SIZE);
    aes128_gcm_seal(slot, encfile_zero_iv, NULL, 0, data, NODE_SIZE, out, slot + AES128_KEY_SIZE);
}

static int write_nodes(struct encfile *f, uint64_t number, const uint8_t *sealed, size_t count)
{
    int err = encfile_io_write(f->io, f->file, number * NODE_SIZE, sealed, count * NODE_SIZE);
    return err ? encfile_fail(f, ENCFILE_WRITE_FAILED, err) : 0;
}

static int write_list(struct encfile *f, struct batch *b, const struct node_list *list)
{
    struct encfile_node *const *nodes = list->nodes;
    size_t done = 0;
    while (done < list->count) {
        size_t run = 0;
        do {
            struct encfile_node *node = nodes[done + run];
            seal_node(b, encfile_tree_slot(f, node->number), node->data,
                      f->stage + run * NODE_SIZE);
            run++;
        } while (run < STAGE_NODES && done + run < list->count &&
                 nodes[done + run]->number == nodes[done]->number + run);
        int err = write_nodes(f, nodes[done]->number, f->stage, run);
        if (err)
            return err;
        done += run;
    }
    return 0;
}

static int write_tree(struct encfile *f)
{
    struct batch b;
    b.keys_used = 0;
    for (int age = FRESH; age <= OLD; age++)
        b.data[age].count = b.mht[age].count = 0;
    int err = batch_collect(f, &b);
    for (int age = FRESH; age <= OLD && !err; age++) {
        err = write_list(f, &b, &b.data[age]);
        if (!err)
            err = write_list(f, &b, &b.mht[age]);
    }
    if (!err) {
        seal_node(&b, f->meta + META_ROOT_SLOT, f->root, f->stage);
        err = write_nodes(f, NODE_ROOT, f->stage, 1);
    }
    bytes_wipe(&b, sizeof(b));
    return err;
}

static void mark_clean(struct encfile *f)
{
    list_for_each (it, &f->lru) {
        struct encfile_node *node = list_entry(it, struct encfile_node, link);
        if (node->dirty)
            node->fresh = false;
        node->dirty = node->journaled = false;
    }
    f->root_dirty = f->meta_dirty = false;
    f->flushing = false;
    f->journaled = 0;
}

/* As the format has it, the host is taken to write the 4096 bytes of node 0 wholly or not at all.
 */
static int commit(struct encfile *f)
{
    int err = encfile_meta_seal(f);
    return err ? err : write_nodes(f, NODE_META, f->header, 1);
}

int encfile_flush_all(struct encfile *f)
{
    int err;
    if (!f->meta_dirty)
        return 0;
    if (!(f->flags & ENCFILE_WRITABLE))
        return encfile_fail(f, ENCFILE_READ_ONLY, -EBADF);
    if (f->size > INLINE_SIZE && f->root_dirty) {
        if (!f->stage)
            f->stage = f->env->alloc(STAGE_NODES * NODE_SIZE);
        if (!f->stage)
            return encfile_fail(f, ENCFILE_NO_MEMORY, -ENOMEM);
        if (f->recovery && (err = encfile_journal_begin(f)) != 0)
            return err;
        err = write_tree(f);
        if (err)
            return err;
    }
    err = commit(f);
    if (!err)
        mark_clean(f);
    return err;
}

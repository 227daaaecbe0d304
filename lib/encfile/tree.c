/*
 * The tree of keys and tags. Trusted: f->meta, which node 0's tag vouched for. From there each
 * node vouches for those whose key and tag it holds, so nothing read here is used before its tag
 * matched. Depth is logarithmic in the size: at most ten for FILE_SIZE_MAX.
 */
#include "lib/encfile/tree.h"

#include "lib/encfile/cache.h"
#include "lib/linux/errno.h"

static int open_node(struct encfile *f, uint64_t number, const uint8_t *slot, uint8_t *data,
                     enum encfile_status if_bad)
{
    int err = encfile_io_read(f->io, f->file, number * NODE_SIZE, data, NODE_SIZE);
    if (err == -ENODATA)
        return encfile_fail(f, ENCFILE_TRUNCATED, -EACCES);
    if (err)
        return encfile_fail(f, ENCFILE_READ_FAILED, err);
    err = aes128_gcm_open(slot, encfile_zero_iv, NULL, 0, data, NODE_SIZE, data,
                          slot + AES128_KEY_SIZE);
    return err ? encfile_fail(f, if_bad, -EACCES) : 0;
}

int encfile_tree_open_root(struct encfile *f)
{
    return open_node(f, NODE_ROOT, f->meta + META_ROOT_SLOT, f->root, ENCFILE_TAMPERED);
}

/* Contents of MHT node m, which is in memory. */
static uint8_t *mht_data(struct encfile *f, uint64_t m)
{
    if (m == 0)
        return f->root;
    struct encfile_node *node = encfile_cache_find(f, mht_node(m));
    assert(node);
    return node->data;
}

uint8_t *encfile_tree_slot(struct encfile *f, uint64_t number)
{
    if (node_is_mht(number)) {
        uint64_t m = (number - NODE_ROOT) / GROUP_NODES;
        size_t child = MHT_DATA_SLOTS + (m - 1) % MHT_CHILD_SLOTS;
        return mht_data(f, mht_parent(m)) + child * MHT_SLOT_SIZE;
    }
    uint64_t m = (number - 2) / GROUP_NODES, slot = (number - 2) % GROUP_NODES;
    return mht_data(f, m) + slot * MHT_SLOT_SIZE;
}

/* MHT node m and all above it become the most recent nodes, so that no encfile_cache_take evicts
 * them. */
static void touch_chain(struct encfile *f, uint64_t m)
{
    for (; m; m = mht_parent(m)) {
        struct encfile_node *node = encfile_cache_find(f, mht_node(m));
        assert(node);
        encfile_cache_touch(f, node);
    }
}

/* Load one node whose MHT chain is in memory and most recent. */
static int load_node(struct encfile *f, uint64_t number, struct encfile_node **out)
{
    struct encfile_node *node;
    int err = encfile_cache_take(f, number, &node);
    if (err)
        return err;
    err = open_node(f, number, encfile_tree_slot(f, number), node->data, ENCFILE_TAMPERED);
    if (err)
        encfile_cache_drop(f, node);
    *out = node;
    return err;
}

int encfile_tree_load_mht(struct encfile *f, uint64_t m)
{
    for (;;) {
        uint64_t missing = m;
        while (missing && !encfile_cache_find(f, mht_node(missing)) && mht_parent(missing) &&
               !encfile_cache_find(f, mht_node(mht_parent(missing))))
            missing = mht_parent(missing);
        if (!missing || encfile_cache_find(f, mht_node(missing))) {
            touch_chain(f, missing);
            return 0;
        }
        touch_chain(f, mht_parent(missing));
        struct encfile_node *node;
        int err = load_node(f, mht_node(missing), &node);
        if (err)
            return err;
    }
}

static int new_node(struct encfile *f, uint64_t number, struct encfile_node **out)
{
    int err = encfile_cache_take(f, number, out);
    if (err)
        return err;
    memset((*out)->data, 0, NODE_SIZE);
    (*out)->fresh = true;
    return 0;
}

int encfile_tree_new_mht(struct encfile *f, uint64_t m)
{
    if (m == 0) {
        memset(f->root, 0, NODE_SIZE);
        return 0;
    }
    int err = encfile_tree_load_mht(f, mht_parent(m));
    if (err)
        return err;
    /* Left over from an append that failed half way; still zero, for it has no data nodes. */
    if (encfile_cache_find(f, mht_node(m)))
        return 0;
    struct encfile_node *node;
    return new_node(f, mht_node(m), &node);
}

int encfile_tree_data(struct encfile *f, uint64_t d, enum tree_want want, struct encfile_node **out)
{
    uint64_t m = data_mht(d);
    struct encfile_node *node = encfile_cache_find(f, data_node(d));
    if (!node) {
        int err = encfile_tree_load_mht(f, m);
        if (err)
            return err;
        switch (want) {
        case TREE_LOAD: err = load_node(f, data_node(d), &node); break;
        case TREE_NEW: err = new_node(f, data_node(d), &node); break;
        case TREE_OVERWRITE: err = encfile_cache_take(f, data_node(d), &node); break;
        }
        if (err)
            return err;
    }
    encfile_cache_touch(f, node);
    touch_chain(f, m);
    *out = node;
    return 0;
}

void encfile_tree_mark_dirty(struct encfile *f, struct encfile_node *node)
{
    node->dirty = true;
    for (uint64_t m = (node->number - 2) / GROUP_NODES; m; m = mht_parent(m)) {
        struct encfile_node *above = encfile_cache_find(f, mht_node(m));
        assert(above);
        above->dirty = true;
    }
    f->root_dirty = f->meta_dirty = true;
}

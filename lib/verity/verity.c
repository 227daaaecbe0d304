/*
 * fs-verity Merkle trees. The shape of a tree follows from the file's size alone, and the digests
 * of a level are one array that spans its blocks; so building is hashing each level into the next.
 *
 * Trusted: root and size. Not trusted: tree and data, until their digests matched (verity_check).
 */
#include "lib/verity/verity.h"

#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/crypto/sha256.h"
#include "lib/linux/errno.h"

#define BATCH 32 /* data blocks hashed at once when checking */

static uint64_t blocks_of(uint64_t size)
{
    return size / VERITY_BLOCK + (size % VERITY_BLOCK != 0);
}

int verity_shape(uint64_t file_size, struct verity_shape *out)
{
    if (file_size > VERITY_SIZE_MAX)
        return -EFBIG;
    memset(out, 0, sizeof(*out));
    out->file_size = file_size;
    out->data_blocks = blocks_of(file_size);
    for (uint64_t n = out->data_blocks; n > 1;) {
        n = n / VERITY_FANOUT + (n % VERITY_FANOUT != 0);
        out->blocks[out->levels++] = n;
    }
    for (unsigned level = out->levels; level-- > 0;) {
        out->first[level] = out->tree_blocks;
        out->tree_blocks += out->blocks[level];
    }
    return 0;
}

uint64_t verity_tree_size(uint64_t file_size)
{
    struct verity_shape shape;
    return verity_shape(file_size, &shape) ? VERITY_SIZE_MAX : shape.tree_blocks * VERITY_BLOCK;
}

uint64_t verity_bitmap_size(uint64_t file_size)
{
    struct verity_shape shape;
    return verity_shape(file_size, &shape) ? VERITY_SIZE_MAX
                                           : (shape.tree_blocks + 63) / 64 * sizeof(uint64_t);
}

/* The digests that level `level` holds: of the data blocks, or of the blocks of the level below. */
static uint8_t *level_digests(const struct verity_shape *s, uint8_t *tree, unsigned level)
{
    return tree + s->first[level] * VERITY_BLOCK;
}

int verity_build_init(struct verity_builder *b, uint64_t file_size, void *tree)
{
    memset(b, 0, sizeof(*b));
    int err = verity_shape(file_size, &b->shape);
    if (err)
        return err;
    b->tree = tree;
    if (b->shape.levels)
        memset(tree, 0, b->shape.tree_blocks * VERITY_BLOCK);
    return 0;
}

static void add_blocks(struct verity_builder *b, const uint8_t *data, size_t count)
{
    uint8_t *out = b->root;
    if (b->shape.levels)
        out = level_digests(&b->shape, b->tree, 0) + b->hashed * SHA256_SIZE;
    sha256_blocks(data, VERITY_BLOCK, count, (uint8_t(*)[SHA256_SIZE])out);
    b->hashed += count;
}

int verity_build_update(struct verity_builder *b, const void *data, size_t size)
{
    const uint8_t *from = data;
    if (!range_within(b->hashed * VERITY_BLOCK + b->held, size, b->shape.file_size))
        return -EFBIG;
    if (b->held) {
        size_t n = MIN(size, VERITY_BLOCK - b->held);
        memcpy(b->block + b->held, from, n);
        b->held += n;
        from += n;
        size -= n;
        if (b->held < VERITY_BLOCK)
            return 0;
        add_blocks(b, b->block, 1);
        b->held = 0;
    }
    if (size >= VERITY_BLOCK)
        add_blocks(b, from, size / VERITY_BLOCK);
    b->held = size % VERITY_BLOCK;
    if (b->held)
        memcpy(b->block, from + size - b->held, b->held);
    return 0;
}

int verity_build_final(struct verity_builder *b, uint8_t root[VERITY_ROOT])
{
    const struct verity_shape *s = &b->shape;
    if (b->hashed * VERITY_BLOCK + b->held != s->file_size)
        return -ENODATA;
    if (b->held) {
        memset(b->block + b->held, 0, VERITY_BLOCK - b->held);
        add_blocks(b, b->block, 1);
    }
    if (s->levels == 0) {
        memcpy(root, b->root, VERITY_ROOT);
        return 0;
    }
    for (unsigned level = 1; level < s->levels; level++)
        sha256_blocks(level_digests(s, b->tree, level - 1), VERITY_BLOCK, s->blocks[level - 1],
                      (uint8_t(*)[SHA256_SIZE])level_digests(s, b->tree, level));
    sha256_digest(b->tree, VERITY_BLOCK, root);
    return 0;
}

int verity_file_init(struct verity_file *v, uint64_t file_size, const uint8_t root[VERITY_ROOT],
                     void *tree, void *bitmap)
{
    memset(v, 0, sizeof(*v));
    memcpy(v->root, root, VERITY_ROOT);
    v->tree = tree;
    v->bitmap = bitmap;
    return verity_shape(file_size, &v->shape);
}

static bool is_checked(const struct verity_file *v, uint64_t block)
{
    return v->bitmap[block / 64] >> (block % 64) & 1;
}

/* Check one tree block against the block above it, which is checked, or the root. */
static int check_tree_block(struct verity_file *v, unsigned level, uint64_t index)
{
    const struct verity_shape *s = &v->shape;
    uint64_t block = s->first[level] + index;
    uint8_t *data = v->tree + block * VERITY_BLOCK;
    const uint8_t *want = v->root;
    uint8_t digest[SHA256_SIZE];
    int err = v->fetch ? v->fetch(v->ctx, block * VERITY_BLOCK, data, VERITY_BLOCK) : 0;
    if (err)
        return err;
    if (level + 1 < s->levels)
        want = level_digests(s, v->tree, level + 1) + index * SHA256_SIZE;
    sha256_digest(data, VERITY_BLOCK, digest);
    if (memcmp(digest, want, SHA256_SIZE) != 0)
        return -EBADMSG;
    v->bitmap[block / 64] |= UINT64_C(1) << (block % 64);
    return 0;
}

/* Check the level-0 block that holds the digest of a data block, from the top down. */
static int check_path(struct verity_file *v, uint64_t data_block)
{
    const struct verity_shape *s = &v->shape;
    uint64_t index[VERITY_LEVELS_MAX], at = data_block;
    unsigned level = 0;
    for (; level < s->levels; level++) {
        at /= VERITY_FANOUT;
        index[level] = at;
        if (is_checked(v, s->first[level] + at))
            break;
    }
    while (level-- > 0) {
        int err = check_tree_block(v, level, index[level]);
        if (err)
            return err;
    }
    return 0;
}

/* The file's last block, which the file may fill in part only. */
static void hash_padded(const uint8_t *data, size_t size, uint8_t out[SHA256_SIZE])
{
    static const uint8_t zeros[VERITY_BLOCK];
    struct sha256 ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, data, size);
    sha256_update(&ctx, zeros, VERITY_BLOCK - size);
    sha256_final(&ctx, out);
}

/* Up to BATCH blocks below one level-0 block. */
static int check_batch(struct verity_file *v, uint64_t first, const uint8_t *data, size_t size)
{
    uint8_t digests[BATCH][SHA256_SIZE];
    const uint8_t *want = v->root;
    size_t whole = size / VERITY_BLOCK, count = (size_t)blocks_of(size);
    if (v->shape.levels) {
        int err = check_path(v, first);
        if (err)
            return err;
        want = level_digests(&v->shape, v->tree, 0) + first * SHA256_SIZE;
    }
    if (whole)
        sha256_blocks(data, VERITY_BLOCK, whole, digests);
    if (whole < count)
        hash_padded(data + whole * VERITY_BLOCK, size - whole * VERITY_BLOCK, digests[whole]);
    return memcmp(digests, want, count * SHA256_SIZE) == 0 ? 0 : -EBADMSG;
}

int verity_check(struct verity_file *v, uint64_t first, const void *data, size_t size)
{
    const uint8_t *from = data;
    if (size == 0)
        return 0;
    if (first >= v->shape.data_blocks)
        return -EINVAL;
    uint64_t start = first * VERITY_BLOCK;
    if (!range_within(start, size, v->shape.file_size) ||
        (size % VERITY_BLOCK && start + size != v->shape.file_size))
        return -EINVAL;
    while (size) {
        /* Not across a level-0 block: one path is checked for each batch. */
        size_t count = MIN(BATCH, VERITY_FANOUT - first % VERITY_FANOUT);
        size_t n = MIN(size, count * VERITY_BLOCK);
        int err = check_batch(v, first, from, n);
        if (err)
            return err;
        from += n;
        size -= n;
        first += count;
    }
    return 0;
}

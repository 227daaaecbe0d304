#ifndef LIB_VERITY_VERITY_H
#define LIB_VERITY_VERITY_H

/*
 * fs-verity Merkle trees: SHA-256, 4096-byte blocks, no salt. Building, and checking block by
 * block.
 *
 * The file's last block is padded with zeros. Level 0 holds the digest of each data block, 128 to a
 * block, padded with zeros to whole blocks; each further level the digests of the blocks of the one
 * below, until a level is a single block, whose digest is the root. A file of at most one block has
 * no levels: its root is the digest of that block; the root of the empty file is 32 zero bytes. The
 * root does not bind the file's size: whoever keeps the root keeps the size beside it.
 *
 * Levels are stored as fs-verity does: the top level first, level 0 last, without gaps.
 * Source: Linux Documentation/filesystems/fsverity.rst, "Merkle tree".
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERITY_BLOCK      4096
#define VERITY_ROOT       32
#define VERITY_FANOUT     128 /* digests in a block */
#define VERITY_LEVELS_MAX 8
#define VERITY_SIZE_MAX   (UINT64_C(1) << 60)

/* Where the levels of a tree stand. */
struct verity_shape {
    uint64_t file_size;
    uint64_t data_blocks;
    unsigned levels;
    uint64_t blocks[VERITY_LEVELS_MAX]; /* of each level; level 0 is the lowest */
    uint64_t first[VERITY_LEVELS_MAX];  /* number of its first block in the tree */
    uint64_t tree_blocks;
};

/* Returns 0; -EFBIG above VERITY_SIZE_MAX. */
int verity_shape(uint64_t file_size, struct verity_shape *out);

/* Bytes of the tree of a file of this size; 0 for at most one block. At most VERITY_SIZE_MAX. */
uint64_t verity_tree_size(uint64_t file_size);

/* Bytes of the bitmap of checked tree blocks that verity_check wants; a multiple of 8. */
uint64_t verity_bitmap_size(uint64_t file_size);

struct verity_builder {
    struct verity_shape shape;
    uint8_t *tree;
    uint64_t hashed; /* data blocks */
    size_t held;     /* bytes in block */
    uint8_t block[VERITY_BLOCK];
    uint8_t root[VERITY_ROOT]; /* of a file without levels */
};

/*
 * Build a tree: init, any number of updates with all of the file in order, final.
 *
 * tree   verity_tree_size(file_size) bytes, kept by the caller; NULL if that is 0
 * update returns -EFBIG when there is more data than file_size, final -ENODATA when there was less:
 * the file changed while it was read.
 */
int verity_build_init(struct verity_builder *b, uint64_t file_size, void *tree);
int verity_build_update(struct verity_builder *b, const void *data, size_t size);
int verity_build_final(struct verity_builder *b, uint8_t root[VERITY_ROOT]);

/*
 * A file to be checked. The tree stands in memory that only the caller can change, but its contents
 * need not be trusted, nor be there yet: a block of it is fetched when it is first needed, checked
 * against the block above, and marked in the bitmap. So each tree block is hashed once, and then a
 * data block costs one hash.
 *
 * The caller serialises verity_check on one file.
 */
struct verity_file {
    struct verity_shape shape;
    uint8_t root[VERITY_ROOT];
    uint8_t *tree;    /* verity_tree_size bytes */
    uint64_t *bitmap; /* verity_bitmap_size bytes, all zero at first */
    /*
     * Copy bytes of the stored tree; 0 or negative errno. NULL: the tree is already in place.
     * Called again for a block that did not match.
     */
    int (*fetch)(void *ctx, uint64_t offset, void *buf, size_t size);
    void *ctx;
};

/* Fill in a verity_file; tree and bitmap are NULL when the file has no levels. */
int verity_file_init(struct verity_file *v, uint64_t file_size, const uint8_t root[VERITY_ROOT],
                     void *tree, void *bitmap);

/*
 * Check consecutive data blocks, copied by the caller from the host before.
 *
 * first  number of the first block
 * size   bytes of data: whole blocks, but the last block of the file ends where the file does
 * Returns 0; -EBADMSG a data or tree block is not the measured one; -EINVAL the range is not one
 * of whole blocks within the file; fetch's error.
 */
int verity_check(struct verity_file *v, uint64_t first, const void *data, size_t size);

#endif

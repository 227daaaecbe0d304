#ifndef LIB_ENCFILE_TREE_H
#define LIB_ENCFILE_TREE_H

/* The tree of keys and tags: from the root down to a data node. */
#include "lib/encfile/file.h"

/* Read and check the root (the file is longer than 3072 bytes). */
int encfile_tree_open_root(struct encfile *f);

/* Make sure that MHT node m, which exists on disk or in memory, is in the cache with all above it.
 */
int encfile_tree_load_mht(struct encfile *f, uint64_t m);

/* Begin MHT node m, whose first data node is about to be appended. */
int encfile_tree_new_mht(struct encfile *f, uint64_t m);

enum tree_want {
    TREE_LOAD,      /* the node exists: read and check it */
    TREE_NEW,       /* the file ends before it: all zeros */
    TREE_OVERWRITE, /* it exists and is about to be overwritten as a whole: contents undefined */
};

/* Data node d in the cache. Its MHT node must exist, or have been begun. */
int encfile_tree_data(struct encfile *f, uint64_t d, enum tree_want want,
                      struct encfile_node **out);

/* Mark a data node and all above it as to be written. */
void encfile_tree_mark_dirty(struct encfile *f, struct encfile_node *node);

/* Key and tag of a data or MHT node (not the root): in its parent, which must be in memory. */
uint8_t *encfile_tree_slot(struct encfile *f, uint64_t number);

#endif

#ifndef LIB_ENCFILE_CACHE_H
#define LIB_ENCFILE_CACHE_H

/* The 48 nodes kept in memory: all but node 0 and the root, least recently used goes first. */
#include "lib/encfile/file.h"

void encfile_cache_init(struct encfile *f);

/* The node if it is in memory, or NULL; does not count as use. */
struct encfile_node *encfile_cache_find(struct encfile *f, uint64_t number);

void encfile_cache_touch(struct encfile *f, struct encfile_node *node);

/*
 * A place for a node, most recent. May flush the file, when the least recent node is dirty; so keys
 * and tags in parents must be looked up after this call. Contents are undefined.
 */
int encfile_cache_take(struct encfile *f, uint64_t number, struct encfile_node **out);

/* Forget a node, dirty or not. */
void encfile_cache_drop(struct encfile *f, struct encfile_node *node);

/* Forget all nodes from this number on. */
void encfile_cache_drop_from(struct encfile *f, uint64_t number);

/* Wipe and free everything. */
void encfile_cache_fini(struct encfile *f);

#endif

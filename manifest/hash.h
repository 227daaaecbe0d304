#ifndef MANIFEST_HASH_H
#define MANIFEST_HASH_H

/* Digests of many files at once: SHA-256 and the fs-verity tree in one read, two threads, a cache.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/problem.h"

struct hash_job {
    const char *path; /* borrowed */
    bool may_miss;    /* the file need not exist */
    /* filled: */
    int error;  /* 0; -ENOENT also when may_miss; other negative errno */
    bool fresh; /* not from the cache */
    uint64_t size;
    uint8_t root[32], sha256[32], cache_key[32];
    bool cacheable;
    uint8_t *tree; /* malloc'ed or NULL: free it */
    size_t tree_size;
};

struct hash_options {
    int root; /* see manifest/open_in.h */
    bool no_cache;
    uint64_t total; /* bytes expected, for progress */
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
};

/* Returns 0, or the error of the first job (in order) that failed. Trees are the caller's in any
 * case. */
int hash_files(struct hash_job *jobs, size_t count, const struct hash_options *options,
               struct problem *why);

#endif

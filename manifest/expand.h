#ifndef MANIFEST_EXPAND_H
#define MANIFEST_EXPAND_H

/*
 * sgx.trusted_files as files with digests: directories are walked, every file is hashed once
 * (SHA-256 and fs-verity root in one read), and the manifest's tree is rewritten accordingly. The
 * rules are those of specs/manifest.md §3.6.
 */
#include "manifest/manifest.h"

struct expand_options {
    const char *chroot; /* interpret URIs inside this directory; NULL: the host's */
    bool no_cache;      /* neither read nor write the digests under $XDG_CACHE_HOME/cloister */
    void (*progress)(void *arg, uint64_t done,
                     uint64_t total); /* bytes; from the calling thread; may be NULL */
    void *arg;
};

/*
 * Expand and hash. *trees is returned (malloc'ed, NULL when size is 0): the content of APP.verity.
 * A file given with a sha256 is checked against it, and kept as it is when it is not there.
 *
 * Returns 0; -ENOENT, -ENOTDIR, -EISDIR, -EACCES... the file named in `why`; -EINVAL a digest
 * differs.
 */
int manifest_expand(struct manifest *m, const struct expand_options *options, uint8_t **trees,
                    size_t *trees_size, struct problem *why);

#endif

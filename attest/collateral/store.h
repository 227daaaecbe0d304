#ifndef ATTEST_STORE_H
#define ATTEST_STORE_H

/*
 * Sets of collateral in files: the bundle (one JSON file, what attest/dcap/collateral.h loads, plus where it came
 * from) and the cache, a folder of bundles below ${XDG_CACHE_HOME:-~/.cache}/cloister/collateral. Each file holds a
 * whole set and is replaced by rename: there is no partial cache.
 */
#include <stddef.h>
#include <stdint.h>

#include "attest/collateral/examine.h"
#include "text/problem.h"

#define STORE_PATH_MAX 2048

/* Notes beside the documents; the verifier never reads them. */
struct bundle_origin {
    char source[512];         /* the server, or "" */
    int64_t fetched, expires; /* 0: unknown */
};

/* The text of a bundle. *out returned: free(). Returns 0; -ENOMEM; -EINVAL. */
int bundle_text(const struct collateral *c, const struct collateral_facts *f, const struct bundle_origin *o,
                char **out, size_t *size);
/* Returns 0; -errno, with why. */
int bundle_write(const char *path, const struct collateral *c, const struct collateral_facts *f,
                 const struct bundle_origin *o, struct problem *why);
/* What a bundle says of its origin; zeroes when it says nothing. */
void bundle_origin_read(const char *text, size_t size, struct bundle_origin *out);

/* The default cache folder, made with mode 0700 if missing. Returns 0; -errno, with why. */
int store_folder(char *out, size_t size, struct problem *why);
/* Load a cached set. Returns 0; -ENOENT none, or not a whole set; -errno. */
int store_load(const char *path, struct collateral *out, struct collateral_facts *facts, struct bundle_origin *origin);

#endif

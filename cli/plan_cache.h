#ifndef CLI_PLAN_CACHE_H
#define CLI_PLAN_CACHE_H

/*
 * Plans that were made before, so that `run` need not read TOML again. A record holds all that its plan was made
 * from: the manifest's very bytes, the options, the working directory, and which cloister-tools made it. It is
 * taken only when all of that is the same now; nothing rests on a time stamp of the manifest or on a hash.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_question {
    const char *manifest;   /* its path, as given */
    bool unsigned_manifest;
};

/* A plan in a file, where the launcher finds it without a copy. */
struct plan_place {
    int fd;               /* read-only use; the caller's to close */
    uint64_t offset;      /* a multiple of 4096; the plan goes from there to the file's end */
    const uint8_t *bytes; /* the same, mapped, until the process ends */
    size_t size;
};

/* Returns 0; -ENOENT: not there, or made from something else; -errno. */
int plan_cache_find(const struct plan_question *q, struct plan_place *out);

/*
 * Keep what was made from the manifest's text. Best effort: a full disk or a missing home directory only mean that it is
 * made again.
 */
void plan_cache_store(const struct plan_question *q, const uint8_t *text, size_t text_size, const uint8_t *plan, size_t size);

#endif

/*
 * The cache of file digests: one file, a header, records sorted by key, then the trees. Whoever can
 * write it can already replace the user's signing key, so it is protected against accidents only.
 * Start at digest_cache_find().
 */
#include "manifest/digest_cache.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/checked.h"
#include "lib/crypto/sha256.h"
#include "lib/verity/verity.h"
#include "manifest/disk.h"
#include "manifest/hash.h"

#define CACHE_MAGIC "CLODIG1"
#define CACHE_MAX   ((size_t)1 << 30)
#define CACHE_KEEP  ((size_t)256 << 20) /* above this, old records are dropped */

struct header {
    char magic[8];
    uint64_t count;
};

struct record {
    uint8_t key[32], root[32], sha256[32], check[32];
    uint64_t size, tree_offset, tree_size;
};

struct digest_cache {
    uint8_t *bytes;
    size_t size;
    const struct record *records;
    uint64_t count;
};

static int cache_path(char out[PATH_MAX])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (cache && *cache)
        n = snprintf(out, PATH_MAX, "%s/cloister/digests", cache);
    else if (home && *home)
        n = snprintf(out, PATH_MAX, "%s/.cache/cloister/digests", home);
    return n > 0 && n < PATH_MAX ? 0 : -ENOENT;
}

struct digest_cache *digest_cache_load(void)
{
    char path[PATH_MAX];
    struct problem ignored;
    struct digest_cache *c = calloc(1, sizeof(*c));
    if (!c || cache_path(path) || disk_read(path, CACHE_MAX, &c->bytes, &c->size, &ignored)) {
        free(c);
        return NULL;
    }
    const struct header *h = (const void *)c->bytes;
    if (c->size < sizeof(*h) || memcmp(h->magic, CACHE_MAGIC, sizeof(h->magic)) != 0 ||
        h->count > (c->size - sizeof(*h)) / sizeof(struct record)) {
        digest_cache_free(c);
        return NULL;
    }
    c->records = (const void *)(c->bytes + sizeof(*h));
    c->count = h->count;
    return c;
}

void digest_cache_free(struct digest_cache *c)
{
    if (!c)
        return;
    free(c->bytes);
    free(c);
}

bool digest_cache_key(const char *path, const struct stat *st, uint8_t key[32])
{
    struct timespec now;
    uint64_t facts[] = { st->st_dev,
                         st->st_ino,
                         (uint64_t)st->st_size,
                         (uint64_t)st->st_mtim.tv_sec,
                         (uint64_t)st->st_mtim.tv_nsec,
                         (uint64_t)st->st_ctim.tv_sec,
                         (uint64_t)st->st_ctim.tv_nsec };
    struct sha256 ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, facts, sizeof(facts));
    sha256_update(&ctx, path, strlen(path));
    sha256_final(&ctx, key);
    clock_gettime(CLOCK_REALTIME, &now);
    return st->st_mtim.tv_sec < now.tv_sec - 2 && st->st_ctim.tv_sec < now.tv_sec - 2;
}

static void record_check(const struct record *r, const uint8_t *tree, uint8_t out[32])
{
    struct sha256 ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, r->key, 32);
    sha256_update(&ctx, r->root, 32);
    sha256_update(&ctx, r->sha256, 32);
    sha256_update(&ctx, &r->size, sizeof(r->size));
    if (r->tree_size)
        sha256_update(&ctx, tree, r->tree_size);
    sha256_final(&ctx, out);
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct record *)a)->key, ((const struct record *)b)->key, 32);
}

bool digest_cache_find(const struct digest_cache *c, struct hash_job *job)
{
    struct record wanted;
    uint8_t check[32];
    if (!c)
        return false;
    memcpy(wanted.key, job->cache_key, 32);
    const struct record *r = bsearch(&wanted, c->records, c->count, sizeof(*r), by_key);
    if (!r || !range_within(r->tree_offset, r->tree_size, c->size) || r->size > VERITY_SIZE_MAX ||
        r->tree_size != verity_tree_size(r->size))
        return false;
    const uint8_t *tree = c->bytes + r->tree_offset;
    record_check(r, tree, check);
    if (memcmp(check, r->check, 32) != 0)
        return false;
    if (r->tree_size) {
        job->tree = malloc(r->tree_size);
        if (!job->tree)
            return false;
        memcpy(job->tree, tree, r->tree_size);
    }
    job->tree_size = r->tree_size;
    job->size = r->size;
    memcpy(job->root, r->root, 32);
    memcpy(job->sha256, r->sha256, 32);
    return true;
}

/* A record to be written and where its tree stands in memory. */
struct pending {
    struct record r;
    const uint8_t *tree;
};

static int by_pending_key(const void *a, const void *b)
{
    return by_key(&((const struct pending *)a)->r, &((const struct pending *)b)->r);
}

static size_t collect(const struct digest_cache *c, const struct hash_job *jobs, size_t count,
                      struct pending *out)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct hash_job *job = &jobs[i];
        if (job->error || !job->cacheable)
            continue;
        struct pending *p = &out[used++];
        *p = (struct pending){ .r = { .size = job->size, .tree_size = job->tree_size },
                               .tree = job->tree };
        memcpy(p->r.key, job->cache_key, 32);
        memcpy(p->r.root, job->root, 32);
        memcpy(p->r.sha256, job->sha256, 32);
        record_check(&p->r, p->tree, p->r.check);
    }
    if (!c || c->size > CACHE_KEEP)
        return used;
    for (uint64_t i = 0; i < c->count; i++)
        if (range_within(c->records[i].tree_offset, c->records[i].tree_size, c->size))
            out[used++] = (struct pending){ c->records[i], c->bytes + c->records[i].tree_offset };
    return used;
}

static size_t drop_doubles(struct pending *list, size_t count)
{
    size_t kept = 0;
    if (count)
        qsort(list, count, sizeof(*list), by_pending_key);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || memcmp(list[kept - 1].r.key, list[i].r.key, 32) != 0)
            list[kept++] = list[i];
    return kept;
}

static void write_cache(struct pending *list, size_t count)
{
    char path[PATH_MAX];
    struct problem ignored;
    size_t size = sizeof(struct header) + count * sizeof(struct record), offset = size;
    for (size_t i = 0; i < count; i++)
        size += list[i].r.tree_size;
    uint8_t *bytes = size <= CACHE_MAX ? malloc(size) : NULL;
    if (!bytes)
        return;
    struct header h = { CACHE_MAGIC, count };
    memcpy(bytes, &h, sizeof(h));
    for (size_t i = 0; i < count; i++) {
        list[i].r.tree_offset = offset;
        memcpy(bytes + sizeof(h) + i * sizeof(struct record), &list[i].r, sizeof(struct record));
        if (list[i].r.tree_size)
            memcpy(bytes + offset, list[i].tree, list[i].r.tree_size);
        offset += list[i].r.tree_size;
    }
    if (cache_path(path) == 0 && disk_make_parents(path, 0700, &ignored) == 0)
        disk_write(path, bytes, size, 0600, &ignored);
    free(bytes);
}

void digest_cache_save(const struct digest_cache *c, const struct hash_job *jobs, size_t count)
{
    size_t fresh = 0;
    for (size_t i = 0; i < count; i++)
        fresh += !jobs[i].error && jobs[i].fresh && jobs[i].cacheable;
    struct pending *list = fresh ? calloc(count + (c ? c->count : 0), sizeof(*list)) : NULL;
    if (!list)
        return;
    write_cache(list, drop_doubles(list, collect(c, jobs, count, list)));
    free(list);
}

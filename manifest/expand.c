/*
 * sgx.trusted_files, expanded and hashed. Trusts the signer's file system: what is here now is what
 * is trusted. Start at manifest_expand().
 */
#include "manifest/expand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "manifest/hash.h"
#include "manifest/open_in.h"
#include "manifest/reader.h"
#include "manifest/walk.h"

struct expansion {
    struct reader r;
    int root;
    struct manifest_trusted *items; /* malloc'ed: moves to the arena at the end */
    size_t count, room;
    const struct toml_node *node; /* the element being expanded */
    uint64_t bytes;
};

static struct manifest_trusted *add_item(struct expansion *x)
{
    if (x->count == x->room) {
        size_t room = x->room ? x->room * 2 : 64;
        struct manifest_trusted *items = realloc(x->items, room * sizeof(*items));
        if (!items)
            return NULL;
        x->items = items;
        x->room = room;
    }
    return &x->items[x->count++];
}

static int add_found(void *arg, const char *path, uint64_t size)
{
    struct expansion *x = arg;
    struct arena *arena = &x->r.m->arena;
    char normal[PLAN_PATH_MAX];
    size_t length = strlen(path);
    struct manifest_trusted *t = add_item(x);
    int64_t n = plan_normalise(path, length, normal, sizeof(normal));
    if (n < 0)
        return reader_fail(&x->r, x->node, "sgx.trusted_files", "%s: path too long", path);
    char *uri = arena_alloc(arena, length + 6, 1);
    char *copy = arena_copy(arena, normal, (size_t)n);
    if (!t || !uri || !copy)
        return reader_no_memory(&x->r);
    memcpy(uri, "file:", 5);
    memcpy(uri + 5, path, length);
    *t = (struct manifest_trusted){ .uri = uri, .path = copy, .node = x->node };
    x->bytes += size;
    return 0;
}

/* The file system's own errno goes on: gramine-sgx-sign exits differently when a file is missing.
 */
static int cannot_open(struct expansion *x, const struct manifest_trusted *t, int error)
{
    reader_fail(&x->r, t->node, "sgx.trusted_files", "%s: %s", t->uri + 5, strerror(-error));
    return error;
}

static int expand_directory(struct expansion *x, const struct manifest_trusted *t)
{
    struct problem why;
    struct stat st;
    int fd = open_in(x->root, t->uri + 5, O_PATH);
    if (fd < 0)
        return cannot_open(x, t, fd);
    bool directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    close(fd);
    if (!directory)
        return reader_fail(&x->r, t->node, "sgx.trusted_files",
                           "%s: ends in \"/\" but is not a directory", t->uri + 5);
    why.text[0] = 0;
    int ret = walk_directory(x->root, t->uri + 5, add_found, x, &why);
    if (ret && why.text[0]) /* else add_found has told */
        reader_fail(&x->r, t->node, "sgx.trusted_files", "%s", why.text);
    return ret;
}

static int expand_file(struct expansion *x, const struct manifest_trusted *t)
{
    struct stat st;
    int fd = open_in(x->root, t->uri + 5, O_PATH);
    bool given = t->flags & PLAN_TRUSTED_SHA256;
    if (fd < 0 && !(given && fd == -ENOENT))
        return cannot_open(x, t, fd);
    if (fd >= 0 && fstat(fd, &st) == 0)
        x->bytes += (uint64_t)st.st_size;
    if (fd >= 0)
        close(fd);
    struct manifest_trusted *to = add_item(x);
    if (!to)
        return reader_no_memory(&x->r);
    *to = *t;
    return 0;
}

static int expand_all(struct expansion *x, bool absolute_only)
{
    int ret = 0;
    for (size_t i = 0; i < x->r.m->trusted_count && !ret; i++) {
        const struct manifest_trusted *t = &x->r.m->trusted[i];
        size_t length = strlen(t->uri);
        x->node = t->node;
        if (length == 5)
            return reader_fail(&x->r, t->node, "sgx.trusted_files", "\"file:\" names no file");
        if (absolute_only && t->uri[5] != '/')
            return reader_fail(&x->r, t->node, "sgx.trusted_files",
                               "%s: with --chroot, paths are absolute", t->uri + 5);
        ret = t->uri[length - 1] == '/' ? expand_directory(x, t) : expand_file(x, t);
    }
    return ret;
}

struct by_uri {
    const char *uri;
    size_t index;
};

static int compare_uri(const void *a, const void *b)
{
    const struct by_uri *x = a, *y = b;
    int order = strcmp(x->uri, y->uri);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Doubles of one URI: the first position stays; a digest given with any of them is kept. */
static int drop_doubles(struct expansion *x)
{
    struct by_uri *sorted = malloc((x->count + 1) * sizeof(*sorted));
    int ret = 0;
    if (!sorted)
        return reader_no_memory(&x->r);
    for (size_t i = 0; i < x->count; i++)
        sorted[i] = (struct by_uri){ x->items[i].uri, i };
    qsort(sorted, x->count, sizeof(*sorted), compare_uri);
    for (size_t i = 1, first = 0; i < x->count && !ret; i++) {
        struct manifest_trusted *a = &x->items[sorted[first].index],
                                *b = &x->items[sorted[i].index];
        if (strcmp(a->uri, b->uri) != 0) {
            first = i;
            continue;
        }
        if (a->flags & b->flags & PLAN_TRUSTED_SHA256 && memcmp(a->sha256, b->sha256, 32) != 0)
            ret = reader_fail(&x->r, b->node, "sgx.trusted_files",
                              "%s is listed twice with different digests", b->uri);
        if (!(a->flags & PLAN_TRUSTED_SHA256) && b->flags & PLAN_TRUSTED_SHA256) {
            memcpy(a->sha256, b->sha256, 32);
            a->flags |= PLAN_TRUSTED_SHA256;
        }
        b->uri = NULL;
    }
    free(sorted);
    size_t kept = 0;
    for (size_t i = 0; i < x->count && !ret; i++)
        if (x->items[i].uri)
            x->items[kept++] = x->items[i];
    x->count = ret ? x->count : kept;
    return ret;
}

/* Take a job's digests over; a digest that the manifest gave must be the same. */
static int take_digest(struct expansion *x, struct manifest_trusted *t, const struct hash_job *job,
                       uint64_t *offset)
{
    char is[65], given[65];
    if (job->error) { /* not there, but its sha256 was given */
        t->flags = PLAN_TRUSTED_SHA256;
        return 0;
    }
    if (t->flags & PLAN_TRUSTED_SHA256 && memcmp(t->sha256, job->sha256, 32) != 0) {
        hex_encode(job->sha256, 32, is);
        hex_encode(t->sha256, 32, given);
        return reader_fail(&x->r, t->node, "sgx.trusted_files",
                           "%s has sha256 %s, but the manifest says %s", t->path, is, given);
    }
    t->flags = PLAN_TRUSTED_SHA256 | PLAN_TRUSTED_VERITY;
    t->size = job->size;
    t->tree_offset = *offset;
    memcpy(t->sha256, job->sha256, 32);
    memcpy(t->root, job->root, 32);
    *offset += job->tree_size;
    return 0;
}

static int join_trees(const struct hash_job *jobs, size_t count, uint64_t total, uint8_t **trees)
{
    *trees = total ? malloc(total) : NULL;
    if (total && !*trees)
        return -ENOMEM;
    uint8_t *to = *trees;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].error || !jobs[i].tree_size)
            continue;
        memcpy(to, jobs[i].tree, jobs[i].tree_size);
        to += jobs[i].tree_size;
    }
    return 0;
}

static int hash_all(struct expansion *x, const struct expand_options *o, uint8_t **trees,
                    size_t *trees_size)
{
    struct hash_options options = { x->root, o->no_cache, x->bytes, o->progress, o->arg };
    struct hash_job *jobs = calloc(x->count + 1, sizeof(*jobs));
    uint64_t offset = 0;
    struct problem why;
    int ret = jobs ? 0 : reader_no_memory(&x->r);
    if (ret)
        return ret;
    for (size_t i = 0; i < x->count; i++) {
        jobs[i].path = x->items[i].uri + 5;
        jobs[i].may_miss = x->items[i].flags & PLAN_TRUSTED_SHA256;
    }
    ret = hash_files(jobs, x->count, &options, &why);
    if (ret)
        reader_fail(&x->r, NULL, "sgx.trusted_files", "%s", why.text);
    for (size_t i = 0; i < x->count && !ret; i++)
        ret = take_digest(x, &x->items[i], &jobs[i], &offset);
    if (!ret && join_trees(jobs, x->count, offset, trees))
        ret = reader_no_memory(&x->r);
    *trees_size = ret ? 0 : offset;
    for (size_t i = 0; i < x->count; i++)
        free(jobs[i].tree);
    free(jobs);
    return ret;
}

static struct toml_node *trusted_node(const struct manifest_trusted *t)
{
    char hex[65];
    struct toml_node *node = toml_new(TOML_TABLE);
    if (!node)
        return NULL;
    hex_encode(t->sha256, 32, hex);
    bool ok = toml_put(node, "uri", toml_new_string(t->uri)) &&
              toml_put(node, "sha256", toml_new_string(hex));
    if (ok && t->flags & PLAN_TRUSTED_VERITY) {
        hex_encode(t->root, 32, hex);
        ok = toml_put(node, "verity", toml_new_string(hex)) &&
             toml_put(node, "size", toml_new_integer((int64_t)t->size)) &&
             toml_put(node, "tree_offset", toml_new_integer((int64_t)t->tree_offset));
    }
    if (ok)
        return node;
    toml_free(node);
    return NULL;
}

static int rewrite_tree(struct expansion *x)
{
    struct manifest *m = x->r.m;
    struct toml_node *sgx = toml_get(m->tree, "sgx"), *array = toml_new(TOML_ARRAY);
    if (!sgx)
        sgx = toml_put(m->tree, "sgx", toml_new(TOML_TABLE));
    bool ok = sgx && array;
    for (size_t i = 0; i < x->count && ok; i++)
        ok = toml_append(array, trusted_node(&x->items[i]));
    if (!ok) {
        toml_free(array);
        return reader_no_memory(&x->r);
    }
    for (size_t i = 0; i < x->count; i++)
        x->items[i].node = NULL; /* the old nodes go with the old array */
    return toml_put(sgx, "trusted_files", array) ? 0 : reader_no_memory(&x->r);
}

/* URIs that the old nodes own must outlive them. */
static int keep_items(struct expansion *x)
{
    struct manifest *m = x->r.m;
    m->trusted = arena_alloc(&m->arena, x->count, sizeof(*m->trusted));
    m->trusted_count = 0;
    if (!m->trusted)
        return reader_no_memory(&x->r);
    for (size_t i = 0; i < x->count; i++) {
        char *uri = arena_copy(&m->arena, x->items[i].uri, strlen(x->items[i].uri));
        if (!uri)
            return reader_no_memory(&x->r);
        x->items[i].uri = uri;
        m->trusted[i] = x->items[i];
        m->trusted[i].node = NULL;
    }
    m->trusted_count = x->count;
    return 0;
}

int manifest_expand(struct manifest *m, const struct expand_options *options, uint8_t **trees,
                    size_t *trees_size, struct problem *why)
{
    struct expansion x = { .r = { m, why }, .root = -1 };
    int ret = 0;
    *trees = NULL;
    *trees_size = 0;
    if (options->chroot) {
        x.root = open(options->chroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (x.root < 0)
            return problem_set(why, -errno, "%s: %s", options->chroot, strerror(errno));
    }
    ret = expand_all(&x, options->chroot);
    if (!ret)
        ret = drop_doubles(&x);
    if (!ret)
        ret = hash_all(&x, options, trees, trees_size);
    if (!ret)
        ret = keep_items(&x);
    if (!ret)
        ret = rewrite_tree(&x);
    if (ret) {
        free(*trees);
        *trees = NULL;
    }
    free(x.items);
    if (x.root >= 0)
        close(x.root);
    return ret;
}

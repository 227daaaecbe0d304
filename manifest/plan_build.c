/*
 * A checked manifest as a plan: the canonical bytes that are measured. Everything that decides the
 * bytes stands here: the order of sections, of strings, and the sorting of trusted files. The
 * result is opened with the enclave's own reader before it is given out. Start at
 * manifest_to_plan().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/plan/plan.h"
#include "manifest/disk.h"
#include "manifest/manifest.h"
#include "manifest/reader.h"

#define SRC_FILE_MAX 10000000 /* argv and environment blocks: specs/manifest.md §4 */

/* XFRM bits: specs/sgx-image.md §6 */
#define XFRM_LEGACY UINT64_C(0x3)
#define XFRM_AVX    UINT64_C(0x4)
#define XFRM_MPX    UINT64_C(0x18)
#define XFRM_AVX512 UINT64_C(0xe4)
#define XFRM_PKRU   UINT64_C(0x200)
#define XFRM_AMX    UINT64_C(0x60000)

/* The plan as it grows. The arrays have their final size first; strings follow all of them. */
struct builder {
    uint8_t *bytes;
    size_t used, room;
    int error; /* first failure; later steps do nothing */
};

static void *reserve(struct builder *b, size_t size)
{
    if (b->error)
        return NULL;
    if (size > PLAN_MAX - b->used) {
        b->error = -EFBIG;
        return NULL;
    }
    if (b->used + size > b->room) {
        size_t room = (b->used + size) * 2;
        uint8_t *bytes = realloc(b->bytes, room);
        if (!bytes) {
            b->error = -ENOMEM;
            return NULL;
        }
        memset(bytes + b->room, 0, room - b->room);
        b->bytes = bytes;
        b->room = room;
    }
    void *p = b->bytes + b->used;
    b->used += size;
    return p;
}

static struct plan_array add_array(struct builder *b, size_t count, size_t item_size)
{
    struct plan_array a = { 0 };
    size_t bytes;
    if (count == 0)
        return a;
    if (count > UINT32_MAX || __builtin_mul_overflow(count, item_size, &bytes)) {
        b->error = -EFBIG;
        return a;
    }
    reserve(b, -b->used & 7);
    a = (struct plan_array){ (uint32_t)b->used, (uint32_t)count };
    reserve(b, bytes);
    return a;
}

static struct plan_str add_string(struct builder *b, const char *text)
{
    size_t length = strlen(text);
    struct plan_str s = { (uint32_t)b->used, (uint32_t)length };
    char *to = reserve(b, length + 1);
    if (to)
        memcpy(to, text, length + 1);
    return s;
}

/* Arrays move when the plan grows: address an item anew after each string. */
#define ITEM(b, type, array, i) (&((type *)(void *)((b)->bytes + (array).offset))[i])

static void apply_feature(struct plan_header *h, uint32_t feature, uint64_t bits)
{
    if (feature == FEATURE_REQUIRED)
        h->attributes_xfrm |= bits;
    if (feature == FEATURE_DISABLED)
        h->attributes_xfrm &= ~bits;
    if (feature != FEATURE_UNSPECIFIED)
        h->attributes_xfrm_mask |= bits;
}

static void fill_header(struct plan_header *h, const struct manifest *m)
{
    memcpy(h->magic, PLAN_MAGIC, sizeof(h->magic));
    h->version = PLAN_VERSION;
    h->flags = m->flags;
    h->log_level = m->log_level;
    h->attestation = m->attestation;
    h->max_threads = m->max_threads;
    h->enclave_size = m->enclave_size;
    h->attributes_flags = 0x4 | (m->flags & PLAN_DEBUG ? 0x2 : 0);
    h->attributes_xfrm = XFRM_LEGACY;
    h->attributes_xfrm_mask = UINT64_C(0xfffffffffff9ff1b);
    apply_feature(h, m->avx, XFRM_AVX);
    apply_feature(h, m->avx512, XFRM_AVX512);
    apply_feature(h, m->amx, XFRM_AMX);
    apply_feature(h, m->mpx, XFRM_MPX);
    apply_feature(h, m->pkru, XFRM_PKRU);
    h->misc_select = m->flags & PLAN_EXINFO ? 1 : 0;
    h->misc_mask = UINT32_MAX;
    h->isv_prod_id = (uint16_t)m->isv_prod_id;
    h->isv_svn = (uint16_t)m->isv_svn;
    h->uid = m->uid;
    h->gid = m->gid;
    h->fds_limit = m->fds_limit;
    h->stack_size = m->stack_size;
    h->brk_max = m->brk_max;
    h->seal_flags_mask = m->seal_flags_mask;
    h->seal_xfrm_mask = m->seal_xfrm_mask;
    h->seal_misc_mask = (uint32_t)m->seal_misc_mask;
    h->host_signals = m->host_signals;
}

static void add_strings(struct builder *b, struct plan_array array, const char *const *items)
{
    for (uint32_t i = 0; i < array.count && !b->error; i++) {
        struct plan_str s = add_string(b, items[i]);
        if (!b->error)
            *ITEM(b, struct plan_str, array, i) = s;
    }
}

static void add_env(struct builder *b, struct plan_array array, const struct manifest_env *env)
{
    for (uint32_t i = 0; i < array.count && !b->error; i++) {
        struct plan_str name = add_string(b, env[i].name), value = add_string(b, env[i].value);
        if (!b->error)
            *ITEM(b, struct plan_env, array, i) = (struct plan_env){ name, value,
                                                                     env[i].passthrough, 0 };
    }
}

static void add_mounts(struct builder *b, struct plan_array array,
                       const struct manifest_mount *mounts)
{
    for (uint32_t i = 0; i < array.count && !b->error; i++) {
        const struct manifest_mount *m = &mounts[i];
        struct plan_str path = add_string(b, m->path), host = add_string(b, m->host),
                        key = add_string(b, m->key);
        if (!b->error)
            *ITEM(b, struct plan_mount, array, i) = (struct plan_mount){ m->type, m->flags, path,
                                                                         host, key };
    }
}

static void add_trusted(struct builder *b, struct plan_array array,
                        struct manifest_trusted *const *list)
{
    for (uint32_t i = 0; i < array.count && !b->error; i++) {
        struct plan_trusted t = { .path = add_string(b, list[i]->path), .flags = list[i]->flags };
        if (t.flags & PLAN_TRUSTED_VERITY) {
            t.size = list[i]->size;
            t.tree_offset = list[i]->tree_offset;
            memcpy(t.root, list[i]->root, sizeof(t.root));
        }
        if (t.flags & PLAN_TRUSTED_SHA256)
            memcpy(t.sha256, list[i]->sha256, sizeof(t.sha256));
        if (!b->error)
            *ITEM(b, struct plan_trusted, array, i) = t;
    }
}

static void add_keys(struct builder *b, struct plan_array array, const struct manifest_key *keys)
{
    for (uint32_t i = 0; i < array.count && !b->error; i++) {
        struct plan_key k = { .name = add_string(b, keys[i].name) };
        memcpy(k.key, keys[i].key, sizeof(k.key));
        if (!b->error)
            *ITEM(b, struct plan_key, array, i) = k;
    }
}

/* What the manifest's lists become: trusted files sorted, source files read. */
struct lists {
    struct manifest_trusted **trusted;
    size_t trusted_count;
    struct manifest_strings argv;
    struct manifest_env *env;
    size_t env_count;
};

static int by_path(const void *a, const void *b)
{
    const struct manifest_trusted *x = *(struct manifest_trusted *const *)a,
                                  *y = *(struct manifest_trusted *const *)b;
    int order = strcmp(x->path, y->path);
    if (order)
        return order;
    return (x > y) - (x < y); /* elements of one array: the earlier first */
}

static bool contradict(const struct manifest_trusted *a, const struct manifest_trusted *b)
{
    if ((a->flags & b->flags & PLAN_TRUSTED_SHA256) && memcmp(a->sha256, b->sha256, 32) != 0)
        return true;
    return (a->flags & b->flags & PLAN_TRUSTED_VERITY) &&
           (a->size != b->size || memcmp(a->root, b->root, 32) != 0);
}

/* Two URIs of one path, such as file:a and file:./a, are one file; their digests must agree. */
static int sort_trusted(struct reader *r, unsigned options, struct lists *out)
{
    struct manifest *m = r->m;
    size_t count = 0;
    out->trusted = arena_alloc(&m->arena, m->trusted_count, sizeof(struct manifest_trusted *));
    if (!out->trusted)
        return reader_no_memory(r);
    for (size_t i = 0; i < m->trusted_count; i++) {
        if (m->trusted[i].flags)
            out->trusted[count++] = &m->trusted[i];
        else if (!(options & MANIFEST_PLAN_UNSIGNED))
            return reader_fail(r, m->trusted[i].node, "sgx.trusted_files",
                               "%s has no digest: 'cloister sign' adds it", m->trusted[i].uri);
    }
    if (count)
        qsort(out->trusted, count, sizeof(struct manifest_trusted *), by_path);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct manifest_trusted *t = out->trusted[i], *last = kept ? out->trusted[kept - 1] : NULL;
        if (last && strcmp(last->path, t->path) == 0) {
            if (contradict(last, t))
                return reader_fail(r, t->node, "sgx.trusted_files",
                                   "%s is listed twice with different digests", t->path);
            if (t->flags & PLAN_TRUSTED_VERITY && !(last->flags & PLAN_TRUSTED_VERITY))
                out->trusted[kept - 1] = t;
        } else {
            out->trusted[kept++] = t;
        }
    }
    out->trusted_count = kept;
    return 0;
}

/* A file of strings that each end with NUL (specs/manifest.md §5). */
static int read_source(struct reader *r, const char *uri, const char *key,
                       struct manifest_strings *out)
{
    uint8_t *data;
    size_t size, count = 0;
    struct problem why;
    int ret = disk_read(uri + 5, SRC_FILE_MAX, &data, &size, &why);
    if (ret)
        return reader_fail(r, NULL, key, "%s", why.text);
    if (size && data[size - 1]) {
        ret = reader_fail(
            r, NULL, key,
            "%s: the last byte is not NUL: 'cloister' expects what gramine-argv-serializer writes",
            uri + 5);
        goto out;
    }
    for (size_t i = 0; i < size; i++)
        count += data[i] == 0;
    char *text = arena_copy(&r->m->arena, (char *)data, size);
    out->items = arena_alloc(&r->m->arena, count, sizeof(*out->items));
    out->count = count;
    if (!text || !out->items) {
        ret = reader_no_memory(r);
        goto out;
    }
    for (size_t i = 0; i < count; i++, text += strlen(text) + 1)
        out->items[i] = text;
out:
    free(data);
    return ret;
}

static int make_argv(struct reader *r, struct lists *out)
{
    struct manifest *m = r->m;
    if (m->argv_src) {
        int ret = read_source(r, m->argv_src, "loader.argv_src_file", &out->argv);
        if (!ret && out->argv.count == 0)
            ret = reader_fail(r, NULL, "loader.argv_src_file", "%s holds no argument", m->argv_src);
        return ret;
    }
    out->argv = m->argv;
    if (m->argv.count == 0)
        out->argv = (struct manifest_strings){ &m->entrypoint, 1 };
    return 0;
}

static const struct manifest_env *find_env(const struct manifest *m, const char *name,
                                           size_t length)
{
    for (size_t i = 0; i < m->env_count; i++)
        if (strlen(m->env[i].name) == length && memcmp(m->env[i].name, name, length) == 0)
            return &m->env[i];
    return NULL;
}

/* With env_src_file the base is that file, not the host: passthrough then passes the file's value.
 */
static int make_env(struct reader *r, struct lists *out)
{
    struct manifest *m = r->m;
    struct manifest_strings source = { 0 };
    out->env = m->env;
    out->env_count = m->env_count;
    if (!m->env_src)
        return 0;
    int ret = read_source(r, m->env_src, "loader.env_src_file", &source);
    if (ret)
        return ret;
    out->env = arena_alloc(&m->arena, source.count + m->env_count, sizeof(*out->env));
    if (!out->env)
        return reader_no_memory(r);
    out->env_count = 0;
    for (size_t i = 0; i < source.count; i++) {
        const char *equals = strchr(source.items[i], '=');
        if (!equals || equals == source.items[i])
            return reader_fail(r, NULL, "loader.env_src_file", "%s: entry %zu is not NAME=value",
                               m->env_src, i + 1);
        size_t length = (size_t)(equals - source.items[i]);
        const struct manifest_env *listed = find_env(m, source.items[i], length);
        if (listed && !listed->passthrough)
            continue;
        char *name = arena_copy(&m->arena, source.items[i], length);
        if (!name)
            return reader_no_memory(r);
        out->env[out->env_count++] = (struct manifest_env){ name, equals + 1, false };
    }
    for (size_t i = 0; i < m->env_count; i++)
        if (!m->env[i].passthrough)
            out->env[out->env_count++] = m->env[i];
    return 0;
}

static int absolute(struct reader *r, const char *base, const char *path, const char *key,
                    char out[PLAN_PATH_MAX])
{
    char joined[2 * PLAN_PATH_MAX];
    size_t nb = path[0] == '/' ? 0 : strlen(base), np = strlen(path);
    if (nb + 1 + np >= sizeof(joined))
        return reader_fail(r, NULL, key, "path longer than %d bytes", PLAN_PATH_MAX - 1);
    memcpy(joined, base, nb);
    joined[nb] = '/';
    memcpy(joined + nb + 1, path, np);
    if (plan_normalise(joined, nb + 1 + np, out, PLAN_PATH_MAX) < 0)
        return reader_fail(r, NULL, key, "path longer than %d bytes", PLAN_PATH_MAX - 1);
    return 0;
}

static void build(struct builder *b, struct plan_header *h, const struct manifest *m,
                  const struct lists *l, const char *entrypoint, const char *start_dir)
{
    reserve(b, sizeof(*h));
    h->argv = add_array(b, l->argv.count, sizeof(struct plan_str));
    h->env = add_array(b, l->env_count, sizeof(struct plan_env));
    h->mounts = add_array(b, m->mount_count, sizeof(struct plan_mount));
    h->trusted = add_array(b, l->trusted_count, sizeof(struct plan_trusted));
    h->allowed = add_array(b, m->allowed.count, sizeof(struct plan_str));
    h->keys = add_array(b, m->key_count, sizeof(struct plan_key));
    h->mocks = add_array(b, m->mock_count, sizeof(struct plan_mock));
    h->entrypoint = add_string(b, entrypoint);
    h->start_dir = add_string(b, start_dir);
    h->log_file = add_string(b, m->log_file);
    h->verity_file = add_string(b, m->verity_file);
    add_strings(b, h->argv, l->argv.items);
    add_env(b, h->env, l->env);
    add_mounts(b, h->mounts, m->mounts);
    add_trusted(b, h->trusted, l->trusted);
    add_strings(b, h->allowed, m->allowed.items);
    add_keys(b, h->keys, m->keys);
    for (uint32_t i = 0; i < h->mocks.count && !b->error; i++)
        *ITEM(b, struct plan_mock, h->mocks, i) = (struct plan_mock){ m->mocks[i].nr, 0,
                                                                      m->mocks[i].result };
    h->size = (uint32_t)b->used;
    if (!b->error)
        memcpy(b->bytes, h, sizeof(*h));
}

int manifest_to_plan(struct manifest *m, unsigned options, uint8_t **out, size_t *size,
                     struct problem *why)
{
    struct reader r = { m, why };
    struct lists lists = { 0 };
    struct builder b = { 0 };
    struct plan_header h = { 0 };
    struct plan check;
    char start_dir[PLAN_PATH_MAX], entrypoint[PLAN_PATH_MAX];
    int ret = sort_trusted(&r, options, &lists);
    if (!ret)
        ret = make_argv(&r, &lists);
    if (!ret)
        ret = make_env(&r, &lists);
    if (!ret)
        ret = absolute(&r, "", m->start_dir, "fs.start_dir", start_dir);
    if (!ret)
        ret = absolute(&r, start_dir, m->entrypoint, "libos.entrypoint", entrypoint);
    if (ret)
        return ret;
    fill_header(&h, m);
    build(&b, &h, m, &lists, entrypoint, start_dir);
    ret = b.error ? b.error : plan_open(b.bytes, b.used, &check);
    if (ret) {
        free(b.bytes);
        return problem_set(why, ret, "%s: %s", m->name,
                           ret == -ENOMEM ? "out of memory"
                           : ret == -EFBIG
                               ? "the plan would be larger than 1 GiB"
                               : "the plan made from it is not valid: this is a bug in Cloister");
    }
    *out = b.bytes;
    *size = b.used;
    return 0;
}

/*
 * ${XDG_CACHE_HOME:-~/.cache}/cloister/plans/HASH: 256 places, so that it cannot grow without end; a record replaces what
 * was in its place. The hash of path and working directory only spreads them; what is in the file decides. Whoever can write there is the user, who can change
 * manifest and launcher as well; and in an enclave the plan is measured. Start at plan_cache_find().
 */
#include "cli/plan_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/file.h"
#include "cli/paths.h"
#include "lib/plan/plan.h"

#define CACHE_MAGIC "CLOPLC1"

/* Then: working directory and path, each with its NUL; the manifest; padding; the plan. */
struct record {
    char magic[8];
    uint64_t tools[4]; /* device, inode, size, time of change of cloister-tools: another build may answer otherwise */
    uint64_t unsigned_manifest, name_size, text_size, plan_size;
};

struct record_name {
    char bytes[2 * PATH_MAX]; /* working directory, NUL, path of the manifest, NUL */
    size_t size;
    char file[PATH_MAX]; /* where the record stands */
};

static uint64_t plan_offset(const struct record *r)
{
    return (sizeof(*r) + r->name_size + r->text_size + 7) & ~UINT64_C(7);
}

static int name_file(struct record_name *n)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < n->size; i++)
        hash = (hash ^ (uint8_t)n->bytes[i]) * UINT64_C(0x100000001b3);
    int used = -1;
    if (cache && *cache == '/')
        used = snprintf(n->file, sizeof(n->file), "%s/cloister/plans/%02x", cache, (unsigned)(hash >> 56));
    else if (home && *home == '/')
        used = snprintf(n->file, sizeof(n->file), "%s/.cache/cloister/plans/%02x", home, (unsigned)(hash >> 56));
    return used > 0 && (size_t)used < sizeof(n->file) ? 0 : -ENOENT;
}

static int name_make(const struct plan_question *q, struct record_name *n)
{
    size_t path = strlen(q->manifest) + 1;
    if (!getcwd(n->bytes, PATH_MAX))
        return -errno;
    n->size = strlen(n->bytes) + 1;
    if (path > PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(n->bytes + n->size, q->manifest, path);
    n->size += path;
    return name_file(n);
}

static int record_make(const struct plan_question *q, const struct record_name *n, struct record *r)
{
    char tools[PATH_MAX];
    struct stat st;
    if (paths_find_named("cloister-tools", tools, sizeof(tools)))
        return -ENOENT;
    if (stat(tools, &st))
        return -errno;
    uint64_t changed = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    *r = (struct record){ .magic = CACHE_MAGIC, .tools = { st.st_dev, st.st_ino, (uint64_t)st.st_size, changed },
                          .unsigned_manifest = q->unsigned_manifest, .name_size = n->size, .text_size = q->text_size };
    return 0;
}

/* Does the record that was read answer this very question? r->plan_size is the record's afterwards. */
static bool answers(const uint8_t *bytes, size_t size, struct record *r, const struct record_name *n, const struct plan_question *q)
{
    struct record is;
    if (size < sizeof(is))
        return false;
    memcpy(&is, bytes, sizeof(is));
    r->plan_size = is.plan_size;
    if (memcmp(&is, r, sizeof(is)) != 0 || is.plan_size > PLAN_MAX || size != plan_offset(r) + is.plan_size)
        return false;
    return memcmp(bytes + sizeof(is), n->bytes, n->size) == 0 && memcmp(bytes + sizeof(is) + n->size, q->text, q->text_size) == 0;
}

int plan_cache_find(const struct plan_question *q, uint8_t **plan, size_t *size)
{
    struct record_name n;
    struct record r;
    uint8_t *bytes = NULL, *copy = NULL;
    size_t bytes_size = 0;
    int ret = name_make(q, &n);
    if (ret == 0)
        ret = record_make(q, &n, &r);
    if (ret == 0)
        ret = file_read(n.file, PLAN_MAX, &bytes, &bytes_size);
    if (ret)
        return ret;
    ret = answers(bytes, bytes_size, &r, &n, q) ? 0 : -ENOENT;
    if (ret == 0) {
        copy = malloc(r.plan_size);
        ret = copy ? 0 : -ENOMEM;
    }
    if (ret == 0) {
        memcpy(copy, bytes + plan_offset(&r), r.plan_size);
        *plan = copy;
        *size = r.plan_size;
    }
    free(bytes);
    return ret;
}

static void make_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = 0;
        mkdir(path, 0700); /* what fails here fails when the file is written */
        *p = '/';
    }
}

void plan_cache_store(const struct plan_question *q, const uint8_t *plan, size_t size)
{
    struct record_name n;
    struct record r;
    if (name_make(q, &n) || record_make(q, &n, &r))
        return;
    r.plan_size = size;
    uint64_t offset = plan_offset(&r);
    uint8_t *bytes = calloc(1, offset + size);
    if (!bytes)
        return;
    memcpy(bytes, &r, sizeof(r));
    memcpy(bytes + sizeof(r), n.bytes, n.size);
    memcpy(bytes + sizeof(r) + n.size, q->text, q->text_size);
    memcpy(bytes + offset, plan, size);
    make_folders(n.file);
    (void)file_write(n.file, bytes, offset + size, 0600);
    free(bytes);
}

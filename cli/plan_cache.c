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
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/file.h"
#include "cli/paths.h"
#include "lib/plan/plan.h"

#define CACHE_MAGIC "CLOPLC2"
#define PIECE       32768 /* of the manifest, compared at a time */
#define PAGE        UINT64_C(4096)

/* Then: working directory and path, each with its NUL; the manifest; zeroes up to a page's start; the plan. */
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
    return (sizeof(*r) + r->name_size + r->text_size + PAGE - 1) & ~(PAGE - 1);
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

static int record_make(const struct plan_question *q, const struct record_name *n, size_t text_size, struct record *r)
{
    char tools[PATH_MAX];
    struct stat st;
    if (paths_find_named("cloister-tools", tools, sizeof(tools)))
        return -ENOENT;
    if (stat(tools, &st))
        return -errno;
    uint64_t changed = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    *r = (struct record){ .magic = CACHE_MAGIC, .tools = { st.st_dev, st.st_ino, (uint64_t)st.st_size, changed },
                          .unsigned_manifest = q->unsigned_manifest, .name_size = n->size, .text_size = text_size };
    return 0;
}

/* Of this size both; without a way out in between, so that the compiler takes many bytes at once. */
static bool equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint8_t different = 0;
    for (size_t i = 0; i < size; i++)
        different |= a[i] ^ b[i];
    return !different;
}

/* The manifest is read, not mapped: whoever edits it while we look must not kill us. */
static bool file_equals(int fd, const uint8_t *text, size_t size)
{
    static uint8_t piece[PIECE];
    size_t done = 0;
    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 && done == size;
        if ((size_t)n > size - done || !equal(piece, text + done, (size_t)n))
            return false;
        done += (size_t)n;
    }
}

/* Does the record answer this very question? `r` is what the record must be, but for the plan's size. */
static bool answers(const uint8_t *bytes, size_t size, struct record *r, const struct record_name *n, int manifest)
{
    struct record is;
    if (size < sizeof(is))
        return false;
    memcpy(&is, bytes, sizeof(is));
    r->plan_size = is.plan_size;
    if (memcmp(&is, r, sizeof(is)) != 0 || is.plan_size == 0 || is.plan_size > PLAN_MAX || size != plan_offset(r) + is.plan_size)
        return false;
    return memcmp(bytes + sizeof(is), n->bytes, n->size) == 0 && file_equals(manifest, bytes + sizeof(is) + n->size, r->text_size);
}

static int map_record(const char *file, const uint8_t **bytes, size_t *size)
{
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    void *p = fstat(fd, &st) || st.st_size <= 0 || st.st_size > PLAN_MAX
                  ? MAP_FAILED
                  : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        close(fd);
        return -ENOENT;
    }
    *bytes = p;
    *size = (size_t)st.st_size;
    return fd;
}

/* A record is never written in place (file_write), so what is mapped stays as it was found. */
static int find(const struct plan_question *q, int manifest, struct plan_place *out)
{
    struct record_name n;
    struct record r;
    struct stat st;
    const uint8_t *bytes = NULL;
    size_t size = 0;
    int ret = fstat(manifest, &st) ? -errno : name_make(q, &n);
    if (ret == 0)
        ret = record_make(q, &n, (size_t)st.st_size, &r);
    int fd = ret ? ret : map_record(n.file, &bytes, &size);
    if (fd < 0)
        return fd;
    if (!answers(bytes, size, &r, &n, manifest)) {
        munmap((void *)bytes, size);
        close(fd);
        return -ENOENT;
    }
    *out = (struct plan_place){ .fd = fd, .offset = plan_offset(&r), .bytes = bytes + plan_offset(&r), .size = r.plan_size };
    return 0;
}

int plan_cache_find(const struct plan_question *q, struct plan_place *out)
{
    int manifest = open(q->manifest, O_RDONLY | O_CLOEXEC);
    if (manifest < 0)
        return -errno;
    int ret = find(q, manifest, out);
    close(manifest);
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

void plan_cache_store(const struct plan_question *q, const uint8_t *text, size_t text_size, const uint8_t *plan, size_t size)
{
    struct record_name n;
    struct record r;
    if (name_make(q, &n) || record_make(q, &n, text_size, &r))
        return;
    r.plan_size = size;
    uint64_t offset = plan_offset(&r);
    uint8_t *bytes = calloc(1, offset + size);
    if (!bytes)
        return;
    memcpy(bytes, &r, sizeof(r));
    memcpy(bytes + sizeof(r), n.bytes, n.size);
    memcpy(bytes + sizeof(r) + n.size, text, text_size);
    memcpy(bytes + offset, plan, size);
    make_folders(n.file);
    (void)file_write(n.file, bytes, offset + size, 0600);
    free(bytes);
}

/*
 * Trusted files: content is copied from the host into trusted memory, checked there against the measured
 * digest, and only then handed on; the host cannot change it in between.
 *
 * With a Merkle root (lib/verity) each 4096-byte block is checked when it is read; the tree's levels are
 * untrusted data of APP.verity, checked against the root as they are fetched, and kept while the file is
 * open. With a plain SHA-256 the whole file is hashed at the first open and digests of 16 KiB chunks are
 * kept, against which later reads are checked.
 */
#include "libos/fs/trusted.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/list.h"
#include "lib/crypto/sha256.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/stat.h"
#include "lib/verity/verity.h"

#define CHUNK      16384u /* of a plain SHA-256 file */
#define PIECE      65536u /* verified at once; a multiple of both block sizes */
#define DIGEST     32

struct trusted {
    struct list link; /* g_trusted_mu */
    uint32_t refs;
    const struct plan_trusted *entry;
    struct mutex mu;
    uint64_t size;
    struct verity_file verity; /* mu */
    uint64_t tree_size, bitmap_size;
    uint8_t *chunks;           /* digests of chunks; constant once set */
    uint64_t chunk_count;
};

static struct mutex g_trusted_mu = MUTEX_INIT;
static struct list g_trusted = LIST_INIT(g_trusted); /* g_trusted_mu: files that are open */

static const char *entry_path(const struct trusted *t)
{
    return plan_string(&g_machine.plan, t->entry->path);
}

static int mismatch(const struct trusted *t, uint64_t offset)
{
    log_error("file \"%s\": content at offset %llu is not what was signed", entry_path(t), (unsigned long long)offset);
    return -EPERM;
}

/* Exactly size bytes, or fewer only at the end of the host's file. */
static int64_t read_host(int fd, uint64_t offset, void *dst, uint64_t size)
{
    uint64_t done = 0;
    while (done < size) {
        int64_t n = host_call(pread64, (uint64_t)fd, PTR((uint8_t *)dst + done), size - done, offset + done);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        done += (uint64_t)n;
    }
    return (int64_t)done;
}

static int fetch_tree(void *ctx, uint64_t offset, void *buf, size_t size)
{
    struct trusted *t = ctx;
    int64_t n = read_host(g_machine.verity_fd, t->entry->tree_offset + offset, buf, size);
    if (n < 0)
        return (int)n;
    return (uint64_t)n == size ? 0 : -EBADMSG;
}

static int check_verity(void)
{
    if (g_machine.verity_fd >= 0)
        return 0;
    log_error("the launcher could not open \"%s\", which holds the trees of trusted files: sign again, or put it beside the manifest",
              plan_string(&g_machine.plan, g_machine.plan.h->verity_file));
    return -ENOENT;
}

static int init_verity_locked(struct trusted *t)
{
    t->size = t->entry->size;
    t->tree_size = ALIGN_UP(verity_tree_size(t->size), PAGE_SIZE);
    t->bitmap_size = verity_bitmap_size(t->size);
    void *tree = NULL, *bitmap = NULL;
    if (t->tree_size) {
        int r = check_verity();
        if (r < 0)
            return r;
        tree = mem_pages(t->tree_size);
        bitmap = mem_zalloc(t->bitmap_size);
        if (!tree || !bitmap) {
            mem_pages_free(tree, t->tree_size);
            mem_free(bitmap);
            return -ENOMEM;
        }
    }
    int r = verity_file_init(&t->verity, t->size, t->entry->root, tree, bitmap);
    t->verity.fetch = fetch_tree;
    t->verity.ctx = t;
    return r;
}

/* Hash the whole file, keeping a digest of every chunk. */
static int init_sha256(struct trusted *t, int fd)
{
    struct linux_stat st;
    int r = (int)host_call(fstat, (uint64_t)fd, PTR(&st));
    if (r < 0 || st.size < 0)
        return r < 0 ? r : -EIO;
    t->size = (uint64_t)st.size;
    t->chunk_count = (t->size + CHUNK - 1) / CHUNK;
    t->chunks = mem_alloc(t->chunk_count * DIGEST + 1);
    uint8_t *buffer = mem_alloc(CHUNK);
    if (!t->chunks || !buffer) {
        mem_free(buffer);
        return -ENOMEM;
    }
    struct sha256 whole;
    uint8_t digest[DIGEST];
    sha256_init(&whole);
    for (uint64_t i = 0; i < t->chunk_count && r == 0; i++) {
        uint64_t want = MIN(CHUNK, t->size - i * CHUNK);
        int64_t n = read_host(fd, i * CHUNK, buffer, want);
        if (n != (int64_t)want) {
            r = n < 0 ? (int)n : -EPERM;
            break;
        }
        sha256_update(&whole, buffer, want);
        sha256_digest(buffer, want, t->chunks + i * DIGEST);
    }
    sha256_final(&whole, digest);
    mem_free(buffer);
    if (r == 0 && memcmp(digest, t->entry->sha256, DIGEST) != 0)
        r = mismatch(t, 0);
    return r;
}

static void trusted_free(struct trusted *t)
{
    mem_pages_free(t->verity.tree, t->tree_size);
    mem_free(t->verity.bitmap);
    mem_free(t->chunks);
    mem_free(t);
}

static struct trusted *find_locked(const struct plan_trusted *entry)
{
    list_for_each(it, &g_trusted) {
        struct trusted *t = list_entry(it, struct trusted, link);
        if (t->entry == entry)
            return t;
    }
    return NULL;
}

/* g_trusted_mu is held while a plain-hash file is read: others that open trusted files wait; such files are rare. */
int trusted_get(const struct plan_trusted *entry, int host_fd, struct trusted **out)
{
    int r = 0;
    mutex_lock(&g_trusted_mu);
    struct trusted *t = find_locked(entry);
    if (t) {
        t->refs++;
    } else {
        t = mem_zalloc(sizeof(*t));
        r = t ? 0 : -ENOMEM;
        if (r == 0) {
            t->refs = 1;
            t->entry = entry;
            r = entry->flags & PLAN_TRUSTED_VERITY ? init_verity_locked(t) : init_sha256(t, host_fd);
        }
        if (r == 0)
            list_push_front(&g_trusted, &t->link);
        else if (t)
            trusted_free(t);
    }
    mutex_unlock(&g_trusted_mu);
    *out = r < 0 ? NULL : t;
    return r;
}

void trusted_put(struct trusted *t)
{
    if (!t)
        return;
    mutex_lock(&g_trusted_mu);
    bool last = --t->refs == 0;
    if (last)
        list_remove(&t->link);
    mutex_unlock(&g_trusted_mu);
    if (last)
        trusted_free(t);
}

uint64_t trusted_size(const struct trusted *t)
{
    return t->size;
}

const struct plan_trusted *trusted_entry(const struct trusted *t)
{
    return t->entry;
}

/* Check data that begins at a multiple of the unit and ends at one or at the end of the file. */
static int check(struct trusted *t, uint64_t offset, const uint8_t *data, uint64_t size)
{
    int r = 0;
    if (!t->chunks) {
        mutex_lock(&t->mu);
        r = verity_check(&t->verity, offset / VERITY_BLOCK, data, size);
        mutex_unlock(&t->mu);
        return r == -EBADMSG ? mismatch(t, offset) : r;
    }
    for (uint64_t at = 0; at < size && r == 0; at += CHUNK) {
        uint8_t digest[DIGEST];
        sha256_digest(data + at, MIN(CHUNK, size - at), digest);
        if (memcmp(digest, t->chunks + (offset + at) / CHUNK * DIGEST, DIGEST) != 0)
            r = mismatch(t, offset + at);
    }
    return r;
}

static uint64_t unit(const struct trusted *t)
{
    return t->chunks ? CHUNK : VERITY_BLOCK;
}

/* Read from the host and check; offset is a multiple of the unit, the range ends at one or at the end of the file. */
static int read_checked(struct trusted *t, int fd, uint64_t offset, uint8_t *dst, uint64_t size)
{
    int64_t n = read_host(fd, offset, dst, size);
    if (n < 0)
        return (int)n;
    if ((uint64_t)n != size) /* the host's file is shorter than what was signed */
        return mismatch(t, offset + (uint64_t)n);
    return check(t, offset, dst, size);
}

/* Make the piece hold at least the unit with `offset` in it; more when the reader asks for more. */
static int fill_locked(struct trusted *t, int fd, struct trusted_cache *c, uint64_t offset, uint64_t want)
{
    if (c->size && offset >= c->first && offset < c->first + c->size)
        return 0;
    if (!c->piece && !(c->piece = mem_alloc(PIECE)))
        return -ENOMEM;
    uint64_t first = ALIGN_DOWN(offset, unit(t));
    uint64_t end = MIN(ALIGN_UP(offset + MIN(want, PIECE), unit(t)), t->size);
    c->size = 0;
    c->first = first;
    uint64_t size = MIN(end - first, PIECE);
    int r = read_checked(t, fd, first, c->piece, size);
    if (r == 0)
        c->size = size;
    return r;
}

int64_t trusted_read(struct trusted *t, int host_fd, struct trusted_cache *c, struct iobuf *b, uint64_t offset)
{
    int64_t done = 0, n = 0;
    mutex_lock(&c->mu);
    while (b->left && offset < t->size) {
        n = fill_locked(t, host_fd, c, offset, b->left);
        if (n < 0)
            break;
        uint64_t at = offset - c->first;
        uint64_t part = MIN(c->size - at, b->left);
        n = iobuf_put(b, c->piece + at, part);
        if (n <= 0)
            break;
        offset += (uint64_t)n;
        done += n;
        if ((uint64_t)n < part)
            break;
    }
    mutex_unlock(&c->mu);
    return done ? done : n;
}

int64_t trusted_read_pages(struct trusted *t, int host_fd, uint64_t offset, void *dst, uint64_t size)
{
    struct trusted_cache c = { 0 };
    struct iobuf b;
    if (offset >= t->size)
        return 0;
    size = MIN(size, t->size - offset);
    /* Whole units are checked where they will stay; the rest goes through a buffer. */
    uint64_t direct = IS_ALIGNED(offset, unit(t)) ? (offset + size == t->size ? size : ALIGN_DOWN(size, unit(t))) : 0;
    if (direct) {
        int r = read_checked(t, host_fd, offset, dst, direct);
        if (r < 0) {
            memset(dst, 0, direct);
            return r;
        }
    }
    if (direct == size)
        return (int64_t)size;
    iobuf_kernel(&b, (uint8_t *)dst + direct, size - direct);
    int64_t n = trusted_read(t, host_fd, &c, &b, offset + direct);
    trusted_cache_fini(&c);
    return n < 0 ? n : (int64_t)direct + n;
}

void trusted_cache_fini(struct trusted_cache *cache)
{
    mem_free(cache->piece);
    cache->piece = NULL;
}

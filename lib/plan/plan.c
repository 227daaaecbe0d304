/*
 * Check a plan once, and look things up in it. The bytes are measured before the enclave reads
 * them, but `direct` and the tools read plans from files, so nothing is believed: every offset,
 * count, enum, string, path and order is checked here and nowhere else. Start at plan_open().
 */
#include "lib/plan/plan.h"

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/linux/errno.h"

static_assert(sizeof(struct plan_header) == 224, "plan format");
static_assert(sizeof(struct plan_mount) == 32, "plan format");
static_assert(sizeof(struct plan_trusted) == 96, "plan format");
static_assert(sizeof(struct plan_env) == 24, "plan format");
static_assert(sizeof(struct plan_key) == 24, "plan format");
static_assert(sizeof(struct plan_mock) == 16, "plan format");

#define ATTRIBUTE_DEBUG  UINT64_C(0x2)
#define ATTRIBUTE_MODE64 UINT64_C(0x4)
#define XFRM_LEGACY      UINT64_C(0x3)
#define MISC_EXINFO      1u
#define ENCLAVE_SIZE_MAX (UINT64_C(1) << 40)
#define MAX_THREADS      4096
#define MAX_RPC_THREADS  256
#define FDS_LIMIT_MAX    65536
#define SYSCALL_MAX      1024
#define SIGNAL_BIT(n)    (UINT64_C(1) << ((n)-1))

static bool string_ok(const struct plan *p, struct plan_str s)
{
    if (s.offset < sizeof(struct plan_header) || s.offset >= p->h->size)
        return false;
    if (s.length >= p->h->size - s.offset)
        return false;
    const uint8_t *text = p->bytes + s.offset;
    for (uint32_t i = 0; i < s.length; i++)
        if (text[i] == 0)
            return false;
    return text[s.length] == 0;
}

/* A path that plan_normalise() would leave as it is: compared without a buffer of its own. */
static bool path_is_normal(const char *path, uint32_t length)
{
    bool absolute = length > 0 && path[0] == '/', plain_seen = absolute;
    if (length == 0 || length >= PLAN_PATH_MAX)
        return false;
    if (length == 1 && (path[0] == '.' || path[0] == '/'))
        return true;
    for (uint32_t start = absolute ? 1 : 0; start <= length;) {
        uint32_t end = start;
        while (end < length && path[end] != '/')
            end++;
        uint32_t size = end - start;
        bool dots = size == 2 && path[start] == '.' && path[start + 1] == '.';
        if (size == 0 || (size == 1 && path[start] == '.') || (dots && plain_seen))
            return false;
        plain_seen |= !dots;
        start = end + 1;
    }
    return true;
}

static bool path_ok(const struct plan *p, struct plan_str s)
{
    return string_ok(p, s) && path_is_normal(plan_string(p, s), s.length);
}

static bool absolute_path_ok(const struct plan *p, struct plan_str s)
{
    return path_ok(p, s) && plan_string(p, s)[0] == '/';
}

static bool array_ok(const struct plan *p, struct plan_array a, uint64_t item_size)
{
    if (a.count == 0)
        return a.offset == 0;
    return a.offset >= sizeof(struct plan_header) && IS_ALIGNED(a.offset, 8u) &&
           range_within(a.offset, a.count * item_size, p->h->size);
}

static bool numbers_ok(const struct plan_header *h)
{
    return h->log_level < PLAN_LOG_COUNT && h->attestation < PLAN_ATTEST_COUNT &&
           h->max_threads >= 1 && h->max_threads <= MAX_THREADS && h->enclave_size >= PAGE_SIZE &&
           h->enclave_size <= ENCLAVE_SIZE_MAX && (h->enclave_size & (h->enclave_size - 1)) == 0 &&
           h->fds_limit <= FDS_LIMIT_MAX && h->stack_size >= PAGE_SIZE &&
           h->stack_size <= h->enclave_size && IS_ALIGNED(h->stack_size, PAGE_SIZE) &&
           h->brk_max <= h->enclave_size && IS_ALIGNED(h->brk_max, PAGE_SIZE) &&
           h->rpc_threads <= MAX_RPC_THREADS &&
           (h->host_signals & (SIGNAL_BIT(9) | SIGNAL_BIT(19))) ==
               0; /* KILL and STOP cannot be caught */
}

/* What SIGSTRUCT will say must be what the flags say: a debug enclave may not hide behind them. */
static bool attributes_ok(const struct plan_header *h)
{
    uint64_t flags = ATTRIBUTE_MODE64 | (h->flags & PLAN_DEBUG ? ATTRIBUTE_DEBUG : 0);
    uint32_t misc = h->flags & PLAN_EXINFO ? MISC_EXINFO : 0;
    return h->attributes_flags == flags && h->misc_select == misc &&
           (h->attributes_xfrm & XFRM_LEGACY) == XFRM_LEGACY &&
           (h->attributes_xfrm & ~h->attributes_xfrm_mask) == 0;
}

static bool header_ok(const struct plan_header *h, size_t size)
{
    return memcmp(h->magic, PLAN_MAGIC, sizeof(h->magic)) == 0 && h->version == PLAN_VERSION &&
           h->size == size && (h->flags & ~(uint32_t)PLAN_FLAGS_ALL) == 0 && numbers_ok(h) &&
           attributes_ok(h);
}

static bool header_strings_ok(const struct plan *p)
{
    return absolute_path_ok(p, p->h->entrypoint) && absolute_path_ok(p, p->h->start_dir) &&
           string_ok(p, p->h->log_file) && string_ok(p, p->h->verity_file);
}

static bool strings_ok(const struct plan *p)
{
    const struct plan_str *argv, *allowed;
    if (!array_ok(p, p->h->argv, sizeof(*argv)) || !array_ok(p, p->h->allowed, sizeof(*allowed)))
        return false;
    argv = plan_items(p, p->h->argv);
    for (uint32_t i = 0; i < p->h->argv.count; i++)
        if (!string_ok(p, argv[i]))
            return false;
    allowed = plan_items(p, p->h->allowed);
    for (uint32_t i = 0; i < p->h->allowed.count; i++)
        if (!path_ok(p, allowed[i]))
            return false;
    return true;
}

static bool env_ok(const struct plan *p)
{
    if (!array_ok(p, p->h->env, sizeof(struct plan_env)))
        return false;
    const struct plan_env *env = plan_items(p, p->h->env);
    for (uint32_t i = 0; i < p->h->env.count; i++) {
        if (!string_ok(p, env[i].name) || !string_ok(p, env[i].value) || env[i].name.length == 0)
            return false;
        if (env[i].passthrough > 1 || env[i].pad || (env[i].passthrough && env[i].value.length))
            return false;
        const char *name = plan_string(p, env[i].name);
        for (uint32_t j = 0; j < env[i].name.length; j++)
            if (name[j] == '=')
                return false;
    }
    return true;
}

static bool mount_ok(const struct plan *p, const struct plan_mount *m)
{
    bool encrypted = m->type == PLAN_MOUNT_ENCRYPTED, device = m->flags & PLAN_MOUNT_DEVICE;
    if (m->type >= PLAN_MOUNT_COUNT ||
        (m->flags & ~(uint32_t)(PLAN_MOUNT_RECOVERY | PLAN_MOUNT_DEVICE)))
        return false;
    if ((m->flags & PLAN_MOUNT_RECOVERY) && !encrypted)
        return false;
    if (device && m->type != PLAN_MOUNT_HOST && m->type != PLAN_MOUNT_SHM)
        return false;
    if (!absolute_path_ok(p, m->path) || !string_ok(p, m->key) || (m->key.length > 0) != encrypted)
        return false;
    if (m->type == PLAN_MOUNT_TMPFS)
        return string_ok(p, m->host) && m->host.length == 0;
    return path_ok(p, m->host);
}

static bool mounts_ok(const struct plan *p)
{
    if (p->h->mounts.count == 0 || !array_ok(p, p->h->mounts, sizeof(struct plan_mount)))
        return false;
    const struct plan_mount *mounts = plan_items(p, p->h->mounts);
    for (uint32_t i = 0; i < p->h->mounts.count; i++)
        if (!mount_ok(p, &mounts[i]) || (mounts[i].path.length == 1) != (i == 0))
            return false;
    return true;
}

/* Byte order, as strcmp: the shorter of two equal beginnings comes first. */
static int path_compare(const char *a, size_t na, const char *b, size_t nb)
{
    int order = memcmp(a, b, MIN(na, nb));
    return order ? order : (na > nb) - (na < nb);
}

static bool trusted_ok(const struct plan_trusted *t)
{
    if (t->flags == 0 || (t->flags & ~(uint32_t)(PLAN_TRUSTED_VERITY | PLAN_TRUSTED_SHA256)) ||
        t->pad)
        return false;
    if (!(t->flags & PLAN_TRUSTED_SHA256) && !bytes_are_zero(t->sha256, sizeof(t->sha256)))
        return false;
    uint64_t end;
    if (t->flags & PLAN_TRUSTED_VERITY) /* a tree is shorter than its file */
        return t->size <= INT64_MAX && checked_add(t->tree_offset, t->size, &end) &&
               end <= INT64_MAX;
    return t->size == 0 && t->tree_offset == 0 && bytes_are_zero(t->root, sizeof(t->root));
}

/* A path without its last component. */
static size_t directory_length(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length;
}

static uint32_t directory_bit(const char *path, size_t length)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = length;
    if (length < 8) {
        for (size_t at = 0; at < length; at++)
            h = (h ^ (uint8_t)path[at]) * odd;
        return (uint32_t)(h >> 32) % PLAN_DIRECTORY_BITS;
    }
    for (size_t at = 0; at + 8 < length; at += 8)
        h = (h ^ load_le64(path + at)) * odd;
    h = (h ^ h >> 32 ^ load_le64(path + length - 8)) * odd; /* overlaps the one before */
    return (uint32_t)(h >> 40) % PLAN_DIRECTORY_BITS;
}

static void note_directory(struct plan *p, struct plan_str path)
{
    const char *s = plan_string(p, path);
    uint32_t bit = directory_bit(s, directory_length(s, path.length));
    p->directories[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool trusted_list_ok(struct plan *p)
{
    if (!array_ok(p, p->h->trusted, sizeof(struct plan_trusted)))
        return false;
    const struct plan_trusted *list = plan_items(p, p->h->trusted);
    for (uint32_t i = 0; i < p->h->trusted.count; i++) {
        if (!trusted_ok(&list[i]) || !path_ok(p, list[i].path))
            return false;
        if (i > 0 && path_compare(plan_string(p, list[i - 1].path), list[i - 1].path.length,
                                  plan_string(p, list[i].path), list[i].path.length) >= 0)
            return false;
        note_directory(p, list[i].path);
    }
    return true;
}

static bool keys_and_mocks_ok(const struct plan *p)
{
    if (!array_ok(p, p->h->keys, sizeof(struct plan_key)) ||
        !array_ok(p, p->h->mocks, sizeof(struct plan_mock)))
        return false;
    const struct plan_key *keys = plan_items(p, p->h->keys);
    for (uint32_t i = 0; i < p->h->keys.count; i++)
        if (!string_ok(p, keys[i].name) || keys[i].name.length == 0)
            return false;
    const struct plan_mock *mocks = plan_items(p, p->h->mocks);
    for (uint32_t i = 0; i < p->h->mocks.count; i++)
        if (mocks[i].nr >= SYSCALL_MAX || mocks[i].pad)
            return false;
    return true;
}

int plan_open_head(const void *data, size_t size, struct plan *out)
{
    struct plan p = { .h = data, .bytes = data };
    *out = (struct plan){ 0 };
    if (size < sizeof(*p.h) || size > PLAN_MAX || !IS_ALIGNED((uintptr_t)data, 8u))
        return -EINVAL;
    if (!header_ok(p.h, size) || !header_strings_ok(&p))
        return -EINVAL;
    *out = p;
    return 0;
}

int plan_open(const void *data, size_t size, struct plan *out)
{
    struct plan p;
    int ret = plan_open_head(data, size, &p);
    if (ret == 0 && (!strings_ok(&p) || !env_ok(&p) || !mounts_ok(&p) || !trusted_list_ok(&p) || !keys_and_mocks_ok(&p)))
        ret = -EINVAL;
    *out = ret ? (struct plan){ 0 } : p;
    return ret;
}

/* Where the bytes of two paths first differ, from `from` on: before it they are known to be the same. */
static size_t common_length(const char *a, const char *b, size_t size, size_t from)
{
    for (; from + 8 <= size; from += 8) {
        uint64_t differ = load_le64(a + from) ^ load_le64(b + from);
        if (differ)
            return from + ((unsigned)__builtin_ctzll(differ) >> 3);
    }
    while (from < size && a[from] == b[from])
        from++;
    return from;
}

/*
 * Both neighbours of the gap that is left share so many bytes with the path, so all in between share the fewer of them:
 * each byte is compared once or twice, however long the list and the beginnings of its paths.
 */
static struct plan_position position_in_list(const struct plan *p, const char *path, size_t length)
{
    const struct plan_trusted *list = plan_items(p, p->h->trusted);
    uint32_t low = 0, high = p->h->trusted.count;
    size_t same_low = 0, same_high = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *other = plan_string(p, list[middle].path);
        size_t other_length = list[middle].path.length;
        size_t same = common_length(path, other, MIN(length, other_length), MIN(same_low, same_high));
        if (same == length && same == other_length)
            return (struct plan_position){ &list[middle], false, middle, same, same };
        if (same == length || (same < other_length && (uint8_t)path[same] < (uint8_t)other[same])) {
            high = middle;
            same_high = same;
        } else {
            low = middle + 1;
            same_low = same;
        }
    }
    return (struct plan_position){ NULL, false, low, same_low, same_high };
}

/* Most paths are in no directory of a trusted file: that is found out without the list. */
struct plan_position plan_position_of(const struct plan *p, const char *path, size_t length)
{
    uint32_t bit = directory_bit(path, directory_length(path, length));
    if (!(p->directories[bit / 64] >> bit % 64 & 1))
        return (struct plan_position){ .apart = true };
    return position_in_list(p, path, length);
}

const struct plan_trusted *plan_find_trusted(const struct plan *p, const char *path, size_t length)
{
    return plan_position_of(p, path, length).entry;
}

static bool has_slash(const char *path, size_t from, size_t length)
{
    for (size_t at = from; at < length; at++)
        if (path[at] == '/')
            return true;
    return false;
}

/* Do both differ in their last component only? They share the bytes before `same`. */
static bool in_one_directory(const struct plan *p, uint32_t index, const char *path, size_t length,
                             size_t same)
{
    const struct plan_str other =
        ((const struct plan_trusted *)plan_items(p, p->h->trusted))[index].path;
    return !has_slash(path, same, length) && !has_slash(plan_string(p, other), same, other.length);
}

bool plan_position_has_sibling(const struct plan *p, const struct plan_position *place,
                               const char *path, size_t length)
{
    uint32_t at = place->index;
    if (place->apart)
        return false;
    return (at > 0 && in_one_directory(p, at - 1, path, length, place->same_before)) ||
           (at < p->h->trusted.count && in_one_directory(p, at, path, length, place->same_after));
}

bool plan_is_allowed(const struct plan *p, const char *path, size_t length)
{
    const struct plan_str *allowed = plan_items(p, p->h->allowed);
    for (uint32_t i = 0; i < p->h->allowed.count; i++)
        if (plan_path_is_below(plan_string(p, allowed[i]), allowed[i].length, path, length))
            return true;
    return false;
}

/*
 * fs.root and fs.mounts: read them, and check that they fit together. Paths are compared as text
 * after normalising; nothing is looked up on the host, so that the result depends on the manifest
 * alone.
 */
#include <errno.h>
#include <string.h>

#include "manifest/reader.h"

static bool is_type(const char *type, const char *name)
{
    return strcmp(type, name) == 0;
}

static int mount_type(struct reader *r, const struct toml_node *node, const char *key,
                      uint32_t *out)
{
    static const char *const names[PLAN_MOUNT_COUNT] = {
        [PLAN_MOUNT_HOST] = "chroot",
        [PLAN_MOUNT_ENCRYPTED] = "encrypted",
        [PLAN_MOUNT_TMPFS] = "tmpfs",
        [PLAN_MOUNT_SHM] = "untrusted_shm",
    };
    const struct toml_node *type = toml_get(node, "type");
    const char *text = "chroot";
    int ret = type ? reader_string(r, type, key, &text) : 0;
    if (ret)
        return ret;
    for (uint32_t i = 0; i < PLAN_MOUNT_COUNT; i++) {
        if (is_type(text, names[i])) {
            *out = i;
            return 0;
        }
    }
    return reader_fail(
        r, type, key,
        "type \"%s\" is not one of \"chroot\", \"encrypted\", \"tmpfs\", \"untrusted_shm\"", text);
}

static int mount_host(struct reader *r, const struct toml_node *node, const char *key,
                      struct manifest_mount *m)
{
    const struct toml_node *uri = toml_get(node, "uri");
    bool dev = false;
    m->host = "";
    if (m->type == PLAN_MOUNT_TMPFS) {
        const char *ignored;
        return uri ? reader_string(r, uri, key, &ignored) : 0;
    }
    if (!uri)
        return reader_fail(r, node, key, "uri is missing: \"file:\" and a host path");
    int ret = reader_uri(r, uri, key, m->type == PLAN_MOUNT_ENCRYPTED ? NULL : &dev, &m->host);
    if (ret)
        return ret;
    if (m->type == PLAN_MOUNT_SHM && dev)
        return reader_fail(r, node, key, "untrusted_shm mounts are not honoured yet");
    if (m->type == PLAN_MOUNT_SHM && !dev)
        return reader_fail(r, uri, key, "the uri of an untrusted_shm mount begins with \"dev:\"");
    m->flags |= dev ? PLAN_MOUNT_DEVICE : 0;
    return 0;
}

static int mount_key(struct reader *r, const struct toml_node *node, const char *key,
                     struct manifest_mount *m)
{
    const struct toml_node *name = toml_get(node, "key_name"),
                           *recovery = toml_get(node, "enable_recovery");
    bool on = false;
    m->key = m->type == PLAN_MOUNT_ENCRYPTED ? "default" : "";
    if (m->type != PLAN_MOUNT_ENCRYPTED && (name || recovery))
        return reader_fail(r, name ? name : recovery, key,
                           "%s is for mounts with type = \"encrypted\"",
                           name ? "key_name" : "enable_recovery");
    int ret = name ? reader_string(r, name, key, &m->key) : 0;
    if (!ret && recovery)
        ret = reader_bool(r, recovery, key, &on);
    if (ret)
        return ret;
    if (m->type == PLAN_MOUNT_ENCRYPTED && !*m->key)
        return reader_fail(r, name, key, "key_name is empty");
    m->flags |= on ? PLAN_MOUNT_RECOVERY : 0;
    return 0;
}

static int mount_path(struct reader *r, const struct toml_node *node, const char *key,
                      struct manifest_mount *m)
{
    const struct toml_node *path = toml_get(node, "path");
    char normal[PLAN_PATH_MAX];
    const char *text;
    if (!path)
        return reader_fail(r, node, key, "path is missing: where in the enclave");
    int ret = reader_string(r, path, key, &text);
    if (ret)
        return ret;
    if (text[0] != '/')
        return reader_fail(r, path, key, "path \"%s\" is not absolute", text);
    int64_t n = plan_normalise(text, strlen(text), normal, sizeof(normal));
    if (n < 0)
        return reader_fail(r, path, key, "path longer than %d bytes", PLAN_PATH_MAX - 1);
    if (n == 1)
        return reader_fail(r, path, key, "path \"/\" is the root: use fs.root");
    m->path = arena_copy(&r->m->arena, normal, (size_t)n);
    return m->path ? 0 : reader_no_memory(r);
}

static int read_mount(struct reader *r, const struct toml_node *node, const char *key, bool root,
                      struct manifest_mount *m)
{
    static const char *const members[] = { "type", "uri", "key_name", "enable_recovery",
                                           "path", NULL };
    static const char *const root_members[] = { "type", "uri", "key_name", "enable_recovery",
                                                NULL };
    int ret = reader_is(r, node, key, TOML_TABLE);
    if (!ret)
        ret = reader_members(r, node, key, root ? root_members : members);
    *m = (struct manifest_mount){ .path = "/", .node = node };
    if (!ret && !root)
        ret = mount_path(r, node, key, m);
    if (!ret)
        ret = mount_type(r, node, key, &m->type);
    if (!ret)
        ret = mount_host(r, node, key, m);
    if (!ret)
        ret = mount_key(r, node, key, m);
    return ret;
}

/* mounts[0] is kept for the root, whichever of both keys comes first. */
static int make_room(struct reader *r, size_t count)
{
    struct manifest_mount *mounts = arena_alloc(&r->m->arena, count + 1, sizeof(*mounts));
    if (!mounts)
        return reader_no_memory(r);
    if (r->m->mounts)
        mounts[0] = r->m->mounts[0];
    r->m->mounts = mounts;
    r->m->mount_count = count + 1;
    return 0;
}

int read_mounts(struct reader *r, const struct toml_node *node, const char *key)
{
    int ret = reader_is(r, node, key, TOML_ARRAY);
    if (!ret)
        ret = make_room(r, node->count);
    for (size_t i = 0; !ret && i < node->count; i++)
        ret = read_mount(r, node->items[i], key, false, &r->m->mounts[i + 1]);
    return ret;
}

int read_root(struct reader *r, const struct toml_node *node, const char *key)
{
    int ret = reader_is(r, node, key, TOML_TABLE);
    if (!ret && !r->m->mounts)
        ret = make_room(r, 0);
    if (!ret && node->count == 0)
        return 0; /* an empty table is the default root */
    return ret ? ret : read_mount(r, node, key, true, &r->m->mounts[0]);
}

int mounts_default_root(struct reader *r)
{
    int ret = r->m->mounts ? 0 : make_room(r, 0);
    if (!ret && !r->m->mounts[0].path)
        r->m->mounts[0] = (struct manifest_mount){
            .type = PLAN_MOUNT_HOST, .path = "/", .host = ".", .key = ""
        };
    return ret;
}

static bool is_below(const char *top, const char *path)
{
    return plan_path_is_below(top, strlen(top), path, strlen(path));
}

/* The mount that the mount point of mounts[i] lies in: the longest path above it, the later of two.
 */
static const struct manifest_mount *mount_above(const struct manifest *m, size_t i)
{
    const struct manifest_mount *above = &m->mounts[0];
    for (size_t j = 1; j < m->mount_count; j++)
        if (j != i && is_below(m->mounts[j].path, m->mounts[i].path) &&
            strlen(m->mounts[j].path) >= strlen(above->path))
            above = &m->mounts[j];
    return above;
}

/*
 * A mount whose host directory holds the directory that it covers contains itself: whoever walks
 * the tree finds it again inside.
 */
static int check_cycle(struct reader *r, size_t i)
{
    const struct manifest_mount *mount = &r->m->mounts[i], *above = mount_above(r->m, i);
    char joined[2 * PLAN_PATH_MAX], covered[2 * PLAN_PATH_MAX];
    if (!*mount->host || !*above->host)
        return 0;
    const char *rest = mount->path + (above->path[1] ? strlen(above->path) : 0);
    size_t host = strlen(above->host), tail = strlen(rest);
    memcpy(joined, above->host, host);
    memcpy(joined + host, rest, tail);
    if (plan_normalise(joined, host + tail, covered, sizeof(covered)) < 0)
        return 0;
    if (strcmp(mount->host, covered) == 0 || !is_below(mount->host, covered))
        return 0;
    return reader_fail(
        r, mount->node, "fs.mounts",
        "a cycle of mounts: %s shows host directory %s, which holds its own mount point %s",
        mount->path, mount->host, covered);
}

static int check_pair(struct reader *r, const struct manifest_mount *a,
                      const struct manifest_mount *b)
{
    if (strcmp(a->path, b->path) == 0)
        return reader_fail(r, b->node, "fs.mounts", "%s is mounted twice, here and at line %u",
                           b->path, a->node ? a->node->line : 0);
    if (a->type == PLAN_MOUNT_ENCRYPTED && b->type == PLAN_MOUNT_ENCRYPTED &&
        (is_below(a->host, b->host) || is_below(b->host, a->host)))
        return reader_fail(r, b->node, "fs.mounts",
                           "encrypted mounts %s and %s overlap on the host: %s, %s", a->path,
                           b->path, a->host, b->host);
    return 0;
}

int mounts_check(struct reader *r)
{
    int ret = 0;
    for (size_t i = 1; i < r->m->mount_count && !ret; i++) {
        for (size_t j = 0; j < i && !ret; j++)
            ret = check_pair(r, &r->m->mounts[j], &r->m->mounts[i]);
        if (!ret)
            ret = check_cycle(r, i);
    }
    return ret;
}

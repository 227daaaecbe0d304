/*
 * Keys of a manifest that hold lists: the environment, trusted and allowed files, keys, mocked
 * calls, host signals. Each reader takes the whole value and checks it before anything is kept.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "manifest/reader.h"
#include "manifest/syscall_names.h"

static int read_env_table(struct reader *r, const struct toml_node *node, const char *key,
                          struct manifest_env *env)
{
    static const char *const members[] = { "value", "passthrough", NULL };
    const struct toml_node *value = toml_get(node, "value"), *pass = toml_get(node, "passthrough");
    int ret = reader_members(r, node, key, members);
    if (ret && !value && !pass)
        return reader_fail(r, node, key,
                           "neither value nor passthrough; a name with dots must be quoted");
    if (ret)
        return ret;
    if (!value == !pass)
        return reader_fail(r, node, key, "exactly one of value and passthrough must be given");
    if (value)
        return reader_string(r, value, key, &env->value);
    ret = reader_bool(r, pass, key, &env->passthrough);
    if (!ret && !env->passthrough)
        return reader_fail(r, pass, key,
                           "passthrough = false is not supported: leave the variable out");
    return ret;
}

static int read_env_entry(struct reader *r, const struct toml_node *node, struct manifest_env *env)
{
    char key[256];
    snprintf(key, sizeof(key), "loader.env.%s", node->key);
    *env = (struct manifest_env){ .name = node->key, .value = "" };
    if (!*node->key || strchr(node->key, '='))
        return reader_fail(r, node, key, "not a name of a variable");
    if (node->kind == TOML_TABLE)
        return read_env_table(r, node, key, env);
    return reader_string(r, node, key, &env->value);
}

/* Plain strings come first, then tables, each in the order of the manifest (specs/manifest.md §4).
 */
int read_env(struct reader *r, const struct toml_node *node, const char *key)
{
    int ret = reader_is(r, node, key, TOML_TABLE);
    if (ret)
        return ret;
    r->m->env = arena_alloc(&r->m->arena, node->count, sizeof(*r->m->env));
    if (!r->m->env)
        return reader_no_memory(r);
    for (int tables = 0; tables <= 1; tables++)
        for (size_t i = 0; i < node->count && !ret; i++)
            if ((node->items[i]->kind == TOML_TABLE) == tables)
                ret = read_env_entry(r, node->items[i], &r->m->env[r->m->env_count++]);
    return ret;
}

static int read_digest(struct reader *r, const struct toml_node *node, const char *name,
                       uint8_t out[32])
{
    const char *text;
    int ret = reader_string(r, node, "sgx.trusted_files", &text);
    if (!ret && hex_decode(text, strlen(text), out, 32))
        ret = reader_fail(r, node, "sgx.trusted_files", "%s is not 64 hexadecimal digits", name);
    return ret;
}

static int read_verity(struct reader *r, const struct toml_node *node, const struct toml_node *root,
                       const char *key, struct manifest_trusted *t)
{
    const struct toml_node *size = toml_get(node, "size"), *offset = toml_get(node, "tree_offset");
    int64_t number = 0;
    if (!size || !offset)
        return reader_fail(r, node, key, "verity needs size and tree_offset beside it");
    int ret = read_digest(r, root, "verity", t->root);
    if (!ret)
        ret = reader_int(r, size, key, 0, INT64_MAX / 4, &number);
    t->size = (uint64_t)number;
    if (!ret)
        ret = reader_int(r, offset, key, 0, INT64_MAX / 4, &number);
    t->tree_offset = (uint64_t)number;
    t->flags |= PLAN_TRUSTED_VERITY;
    return ret;
}

static int read_trusted_table(struct reader *r, const struct toml_node *node, const char *key,
                              struct manifest_trusted *t)
{
    static const char *const members[] = { "uri", "sha256", "verity", "size", "tree_offset", NULL };
    const struct toml_node *uri = toml_get(node, "uri"), *sha256 = toml_get(node, "sha256"),
                           *root = toml_get(node, "verity");
    int ret = reader_members(r, node, key, members);
    if (!ret && !uri)
        ret = reader_fail(r, node, key, "uri is missing");
    if (!ret)
        ret = reader_uri(r, uri, key, NULL, &t->path);
    if (ret)
        return ret;
    t->uri = uri->text;
    if (sha256) {
        ret = read_digest(r, sha256, "sha256", t->sha256);
        t->flags |= PLAN_TRUSTED_SHA256;
    }
    if (!ret && root)
        ret = read_verity(r, node, root, key, t);
    if (!ret && t->flags && uri->text[uri->length - 1] == '/')
        ret = reader_fail(r, node, key, "\"%s\" is a directory and cannot carry a digest",
                          uri->text);
    return ret;
}

int read_trusted(struct reader *r, const struct toml_node *node, const char *key)
{
    if (node->kind == TOML_TABLE)
        return reader_fail(r, node, key,
                           "must be an array; Graphene's sgx.trusted_files.NAME = \"file:...\" is "
                           "now one of its elements");
    int ret = reader_is(r, node, key, TOML_ARRAY);
    if (ret)
        return ret;
    struct manifest_trusted *list = arena_alloc(&r->m->arena, node->count, sizeof(*list));
    if (!list)
        return reader_no_memory(r);
    for (size_t i = 0; i < node->count && !ret; i++) {
        const struct toml_node *item = node->items[i];
        list[i].node = item;
        if (item->kind == TOML_TABLE) {
            ret = read_trusted_table(r, item, key, &list[i]);
        } else {
            ret = reader_uri(r, item, key, NULL, &list[i].path);
            list[i].uri = ret ? NULL : item->text;
        }
    }
    r->m->trusted = list;
    r->m->trusted_count = node->count;
    return ret;
}

int read_allowed(struct reader *r, const struct toml_node *node, const char *key)
{
    if (node->kind == TOML_TABLE)
        return reader_fail(r, node, key,
                           "must be an array; Graphene's sgx.allowed_files.NAME = \"file:...\" is "
                           "now one of its elements");
    int ret = reader_is(r, node, key, TOML_ARRAY);
    if (ret)
        return ret;
    const char **list = arena_alloc(&r->m->arena, node->count, sizeof(*list));
    if (!list)
        return reader_no_memory(r);
    for (size_t i = 0; i < node->count && !ret; i++) {
        bool dev;
        ret = reader_uri(r, node->items[i], key, &dev, &list[i]);
    }
    r->m->allowed.items = list;
    r->m->allowed.count = node->count;
    return ret;
}

int read_keys(struct reader *r, const struct toml_node *node, const char *key)
{
    int ret = reader_is(r, node, key, TOML_TABLE);
    if (ret)
        return ret;
    struct manifest_key *list = arena_alloc(&r->m->arena, node->count, sizeof(*list));
    if (!list)
        return reader_no_memory(r);
    for (size_t i = 0; i < node->count && !ret; i++) {
        const struct toml_node *item = node->items[i];
        const char *text;
        list[i].name = item->key;
        if (!*item->key)
            return reader_fail(r, item, key, "a key needs a name");
        ret = reader_string(r, item, key, &text);
        if (!ret && hex_decode(text, strlen(text), list[i].key, sizeof(list[i].key)))
            ret = reader_fail(r, item, key, "key '%s' is not 32 hexadecimal digits", item->key);
    }
    r->m->keys = list;
    r->m->key_count = node->count;
    return ret;
}

static int syscall_number(const char *name)
{
    for (size_t i = 0; g_syscall_names[i].name; i++)
        if (strcmp(g_syscall_names[i].name, name) == 0)
            return g_syscall_names[i].nr;
    return -1;
}

static int read_mock(struct reader *r, const struct toml_node *node, const char *key,
                     struct manifest_mock *mock)
{
    static const char *const members[] = { "name", "return", NULL };
    const char *text;
    int ret = reader_is(r, node, key, TOML_TABLE);
    if (!ret)
        ret = reader_members(r, node, key, members);
    if (ret)
        return ret;
    const struct toml_node *name = toml_get(node, "name"), *result = toml_get(node, "return");
    if (!name)
        return reader_fail(r, node, key, "name is missing");
    ret = reader_string(r, name, key, &text);
    if (!ret && result)
        ret = reader_int(r, result, key, INT64_MIN, INT64_MAX, &mock->result);
    if (ret)
        return ret;
    int nr = syscall_number(text);
    if (nr < 0)
        return reader_fail(r, name, key, "'%s' is not a Linux x86-64 system call", text);
    mock->nr = (uint32_t)nr;
    return 0;
}

int read_mocks(struct reader *r, const struct toml_node *node, const char *key)
{
    int ret = reader_is(r, node, key, TOML_ARRAY);
    if (ret)
        return ret;
    r->m->mocks = arena_alloc(&r->m->arena, node->count, sizeof(*r->m->mocks));
    if (!r->m->mocks)
        return reader_no_memory(r);
    for (size_t i = 0; i < node->count && !ret; i++)
        ret = read_mock(r, node->items[i], key, &r->m->mocks[r->m->mock_count++]);
    return ret;
}

/* Linux x86-64 numbers of the signals that a host may hand to a program. */
static const struct {
    const char *name;
    int nr;
} g_signals[] = {
    { "HUP", 1 },   { "INT", 2 },   { "QUIT", 3 },   { "USR1", 10 }, { "USR2", 12 }, { "PIPE", 13 },
    { "ALRM", 14 }, { "TERM", 15 }, { "CHLD", 17 },  { "CONT", 18 }, { "TSTP", 20 }, { "TTIN", 21 },
    { "TTOU", 22 }, { "URG", 23 },  { "WINCH", 28 }, { "IO", 29 },   { "PWR", 30 },
};

int read_signals(struct reader *r, const struct toml_node *node, const char *key)
{
    int ret = reader_is(r, node, key, TOML_ARRAY);
    if (ret)
        return ret;
    r->m->host_signals = 0;
    for (size_t i = 0; i < node->count; i++) {
        const char *text;
        ret = reader_string(r, node->items[i], key, &text);
        if (ret)
            return ret;
        const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;
        size_t j = 0, count = sizeof(g_signals) / sizeof(g_signals[0]);
        while (j < count && strcmp(g_signals[j].name, name) != 0)
            j++;
        if (j == count)
            return reader_fail(r, node->items[i], key,
                               "'%s' is not a signal that a host may send, such as TERM", text);
        r->m->host_signals |= UINT64_C(1) << (g_signals[j].nr - 1);
    }
    return 0;
}

/* Typed access to a manifest's tree with messages that say where. See manifest/reader.h. */
#include "manifest/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/nearest.h"

int reader_fail(struct reader *r, const struct toml_node *node, const char *key, const char *format,
                ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (node && node->line)
        return problem_set(r->why, -EINVAL, "%s:%u:%u: %s: %s", r->m->name, node->line,
                           node->column, key, text);
    return problem_set(r->why, -EINVAL, "%s: %s: %s", r->m->name, key, text);
}

int reader_no_memory(struct reader *r)
{
    return problem_set(r->why, -ENOMEM, "%s: out of memory", r->m->name);
}

int reader_is(struct reader *r, const struct toml_node *node, const char *key, enum toml_kind kind)
{
    static const char *const article[] = {
        "a table", "an array", "a string", "an integer", "a boolean (true or false)",
        "a float", "a date"
    };
    if (node->kind == kind)
        return 0;
    return reader_fail(r, node, key, "must be %s, not %s", article[kind],
                       node->kind == TOML_BOOLEAN ? "a boolean" : article[node->kind]);
}

int reader_string(struct reader *r, const struct toml_node *node, const char *key, const char **out)
{
    int ret = reader_is(r, node, key, TOML_STRING);
    if (ret)
        return ret;
    if (strlen(node->text) != node->length)
        return reader_fail(r, node, key, "holds a NUL character");
    *out = node->text;
    return 0;
}

int reader_bool(struct reader *r, const struct toml_node *node, const char *key, bool *out)
{
    int ret = reader_is(r, node, key, TOML_BOOLEAN);
    if (!ret)
        *out = node->boolean;
    return ret;
}

int reader_int(struct reader *r, const struct toml_node *node, const char *key, int64_t min,
               int64_t max, int64_t *out)
{
    int ret = reader_is(r, node, key, TOML_INTEGER);
    if (ret)
        return ret;
    if (node->integer < min || node->integer > max)
        return reader_fail(r, node, key, "%lld is not between %lld and %lld",
                           (long long)node->integer, (long long)min, (long long)max);
    *out = node->integer;
    return 0;
}

/* Digits and at most one of K, M, G. Returns 0 or -1. */
static int parse_size(const char *s, uint64_t *out)
{
    uint64_t value = 0;
    if (*s < '0' || *s > '9')
        return -1;
    for (; *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
            return -1;
    unsigned shift = 0;
    switch (*s) {
    case 'K':
    case 'k': shift = 10; break;
    case 'M':
    case 'm': shift = 20; break;
    case 'G':
    case 'g': shift = 30; break;
    case 0: break;
    default: return -1;
    }
    if ((*s && s[1]) || value > UINT64_MAX >> shift)
        return -1;
    *out = value << shift;
    return 0;
}

int reader_size(struct reader *r, const struct toml_node *node, const char *key, uint64_t *out)
{
    const char *text;
    if (node->kind != TOML_STRING)
        return reader_fail(r, node, key, "must be a size in quotes, such as \"512M\"");
    int ret = reader_string(r, node, key, &text);
    if (ret)
        return ret;
    if (parse_size(text, out))
        return reader_fail(r, node, key, "\"%s\" is not a size: digits and at most one of K, M, G",
                           text);
    return 0;
}

int reader_members(struct reader *r, const struct toml_node *table, const char *key,
                   const char *const *names)
{
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->items[i]->key;
        const char *const *known = names;
        while (*known && strcmp(*known, name) != 0)
            known++;
        if (*known)
            continue;
        const char *near = nearest_name(name, names);
        if (near)
            return reader_fail(r, table->items[i], key, "unknown member '%s': did you mean '%s'?",
                               name, near);
        return reader_fail(r, table->items[i], key, "unknown member '%s'", name);
    }
    return 0;
}

int reader_uri(struct reader *r, const struct toml_node *node, const char *key, bool *dev,
               const char **path)
{
    const char *text, *rest;
    char normal[PLAN_PATH_MAX];
    int ret = reader_string(r, node, key, &text);
    if (ret)
        return ret;
    bool is_dev = strncmp(text, "dev:", 4) == 0;
    if (strncmp(text, "file:", 5) == 0)
        rest = text + 5;
    else if (is_dev && dev)
        rest = text + 4;
    else
        return reader_fail(r, node, key,
                           "\"%s\" is not a URI that fits here: it begins with \"file:\"%s", text,
                           dev ? " or \"dev:\"" : "");
    if (!*rest)
        rest = ".";
    int64_t n = plan_normalise(rest, strlen(rest), normal, sizeof(normal));
    if (n < 0)
        return reader_fail(r, node, key, "path longer than %d bytes", PLAN_PATH_MAX - 1);
    if (dev)
        *dev = is_dev;
    *path = arena_copy(&r->m->arena, normal, (size_t)n);
    return *path ? 0 : reader_no_memory(r);
}

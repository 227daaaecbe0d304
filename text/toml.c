/* The C tree that toml.cc fills: make, find, change, free. See text/toml.h. */
#include "text/toml.h"

#include <stdlib.h>
#include <string.h>

struct toml_node *toml_new(enum toml_kind kind)
{
    struct toml_node *node = calloc(1, sizeof(*node));
    if (node)
        node->kind = kind;
    return node;
}

struct toml_node *toml_new_string(const char *text)
{
    struct toml_node *node = toml_new(TOML_STRING);
    if (!node)
        return NULL;
    node->length = strlen(text);
    node->text = strdup(text);
    if (node->text)
        return node;
    free(node);
    return NULL;
}

struct toml_node *toml_new_integer(int64_t value)
{
    struct toml_node *node = toml_new(TOML_INTEGER);
    if (node)
        node->integer = value;
    return node;
}

struct toml_node *toml_new_boolean(bool value)
{
    struct toml_node *node = toml_new(TOML_BOOLEAN);
    if (node)
        node->boolean = value;
    return node;
}

/* Recursion is bounded: trees are at most TOML_DEPTH_MAX deep. */
void toml_free(struct toml_node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++)
        toml_free(node->items[i]);
    free(node->items);
    free(node->key);
    free(node->text);
    free(node);
}

struct toml_node *toml_get(const struct toml_node *table, const char *key)
{
    if (!table || table->kind != TOML_TABLE)
        return NULL;
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->items[i]->key, key) == 0)
            return table->items[i];
    return NULL;
}

/* Room grows at powers of two: 1, 2, 4, ... */
struct toml_node *toml_append(struct toml_node *array, struct toml_node *value)
{
    if (!value)
        return NULL;
    if ((array->count & (array->count - 1)) == 0) {
        size_t room = array->count ? array->count * 2 : 1;
        struct toml_node **items = realloc(array->items, room * sizeof(struct toml_node *));
        if (!items) {
            toml_free(value);
            return NULL;
        }
        array->items = items;
    }
    array->items[array->count++] = value;
    return value;
}

struct toml_node *toml_put(struct toml_node *table, const char *key, struct toml_node *value)
{
    if (!value)
        return NULL;
    free(value->key);
    value->key = strdup(key);
    if (!value->key) {
        toml_free(value);
        return NULL;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->items[i]->key, key) == 0) {
            toml_free(table->items[i]);
            return table->items[i] = value;
        }
    }
    return toml_append(table, value);
}

const char *toml_kind_name(enum toml_kind kind)
{
    static const char *const names[] = { "table",   "array", "string", "integer",
                                         "boolean", "float", "date" };
    return names[kind];
}

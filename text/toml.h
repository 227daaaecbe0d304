#ifndef TEXT_TOML_H
#define TEXT_TOML_H

/*
 * TOML 1.0 as a plain C tree. Every node knows where it stands in the text, so that a wrong value
 * can be named by line and column; members of a table keep the order of the text.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/problem.h"

#define TOML_TEXT_MAX  ((size_t)256 << 20)
#define TOML_DEPTH_MAX 64

enum toml_kind {
    TOML_TABLE,
    TOML_ARRAY,
    TOML_STRING,
    TOML_INTEGER,
    TOML_BOOLEAN,
    TOML_FLOAT,
    TOML_DATE
};

struct toml_node {
    enum toml_kind kind;
    uint32_t line, column; /* of the value; 0 for nodes that no text stands for */
    char *key;             /* in a table: its name; else NULL */
    char *text;    /* string: UTF-8 with a NUL after it; float and date: as written in TOML */
    size_t length; /* of text; a string may hold NULs */
    int64_t integer;
    bool boolean;
    struct toml_node **items; /* table, array */
    size_t count;
};

/*
 * Parse a text. `name` stands in messages: "name:line:column: why".
 * Returns 0 and *out is returned (toml_free); -EINVAL; -ENOMEM.
 */
int toml_parse(const char *name, const char *text, size_t size, struct toml_node **out,
               struct problem *why);

void toml_free(struct toml_node *node);

/* A member of a table by name, or NULL. */
struct toml_node *toml_get(const struct toml_node *table, const char *key);

/*
 * Make and change trees. Each returns NULL when memory is short; keys and texts are copied; nodes
 * given are taken. toml_put() replaces a member of that name in its place or appends.
 */
struct toml_node *toml_new(enum toml_kind kind);
struct toml_node *toml_new_string(const char *text);
struct toml_node *toml_new_integer(int64_t value);
struct toml_node *toml_new_boolean(bool value);
struct toml_node *toml_put(struct toml_node *table, const char *key, struct toml_node *value);
struct toml_node *toml_append(struct toml_node *array, struct toml_node *value);

const char *toml_kind_name(enum toml_kind kind);

/* Serialise: plain members of a table first, then sub-tables under [headers]. *out is returned,
 * malloc'ed. */
int toml_write(const struct toml_node *root, char **out, size_t *size);

#endif

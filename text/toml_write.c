/*
 * Serialise a TOML tree, in the shape of tomli_w: basic strings, one array element per line, tables
 * in arrays inline. The same tree always gives the same bytes. Start at toml_write().
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/toml.h"

static void write_string(FILE *out, const char *text, size_t length)
{
    fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        switch (c) {
        case '"': fputs("\\\"", out); break;
        case '\\': fputs("\\\\", out); break;
        case '\n': fputs("\\n", out); break;
        case '\r': fputs("\\r", out); break;
        case '\t': fputs("\\t", out); break;
        default:
            if (c < 0x20 || c == 0x7f)
                fprintf(out, "\\u%04X", c);
            else
                fputc(c, out);
        }
    }
    fputc('"', out);
}

static void write_key(FILE *out, const char *key)
{
    static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if (*key && strspn(key, bare) == strlen(key))
        fputs(key, out);
    else
        write_string(out, key, strlen(key));
}

static void write_value(FILE *out, const struct toml_node *node, int depth);

static void write_array(FILE *out, const struct toml_node *node, int depth)
{
    fputs("[\n", out);
    for (size_t i = 0; i < node->count; i++) {
        fprintf(out, "%*s", 4 * (depth + 1), "");
        write_value(out, node->items[i], depth + 1);
        fputs(",\n", out);
    }
    fprintf(out, "%*s]", 4 * depth, "");
}

static void write_inline_table(FILE *out, const struct toml_node *node, int depth)
{
    fputs("{", out);
    for (size_t i = 0; i < node->count; i++) {
        fputs(i ? ", " : " ", out);
        write_key(out, node->items[i]->key);
        fputs(" = ", out);
        write_value(out, node->items[i], depth);
    }
    fputs(node->count ? " }" : "}", out);
}

static void write_value(FILE *out, const struct toml_node *node, int depth)
{
    switch (node->kind) {
    case TOML_TABLE: write_inline_table(out, node, depth); break;
    case TOML_ARRAY:
        if (node->count)
            write_array(out, node, depth);
        else
            fputs("[]", out);
        break;
    case TOML_STRING: write_string(out, node->text, node->length); break;
    case TOML_INTEGER: fprintf(out, "%" PRId64, node->integer); break;
    case TOML_BOOLEAN: fputs(node->boolean ? "true" : "false", out); break;
    case TOML_FLOAT:
    case TOML_DATE: fputs(node->text, out); break;
    }
}

/* `path` ends the chain of names above this table; written as the [header]. */
struct path {
    const struct path *above;
    const char *key;
};

static void write_path(FILE *out, const struct path *path)
{
    if (path->above && path->above->key) {
        write_path(out, path->above);
        fputc('.', out);
    }
    write_key(out, path->key);
}

static void write_table(FILE *out, const struct toml_node *table, const struct path *path)
{
    bool plain = false, nested = false;
    for (size_t i = 0; i < table->count; i++) {
        plain |= table->items[i]->kind != TOML_TABLE;
        nested |= table->items[i]->kind == TOML_TABLE;
    }
    if (path->key && (plain || !nested)) {
        fputs(ftell(out) > 0 ? "\n[" : "[", out);
        write_path(out, path);
        fputs("]\n", out);
    }
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i]->kind == TOML_TABLE)
            continue;
        write_key(out, table->items[i]->key);
        fputs(" = ", out);
        write_value(out, table->items[i], 0);
        fputc('\n', out);
    }
    for (size_t i = 0; i < table->count; i++) {
        struct path below = { path, table->items[i]->key };
        if (table->items[i]->kind == TOML_TABLE)
            write_table(out, table->items[i], &below);
    }
}

int toml_write(const struct toml_node *root, char **out, size_t *size)
{
    struct path top = { NULL, NULL };
    FILE *f = open_memstream(out, size);
    if (!f)
        return -ENOMEM;
    write_table(f, root, &top);
    int failed = ferror(f);
    if (fclose(f) || failed) {
        free(*out);
        *out = NULL;
        return -ENOMEM;
    }
    return 0;
}

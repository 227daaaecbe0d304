/* A JSON value as indented text. The depth is that of our own show_* functions. See cli/show.h. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/show.h"

void show_hex64(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_sprintf("0x%" PRIx64, value));
}

/* What the file's author chose must not control the terminal: control characters print as escapes.
 */
static void print_safe(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
}

static void print_scalar(const json_t *value)
{
    if (json_is_string(value))
        print_safe(json_string_value(value));
    else if (json_is_integer(value))
        printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        fputs(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-", stdout);
    putchar('\n');
}

static void print_item(const char *label, const json_t *value, int depth)
{
    printf("%*s", 4 * depth, "");
    print_safe(label);
    if (json_is_object(value) || json_is_array(value)) {
        printf(":%s\n", json_is_array(value) && json_array_size(value) == 0 ? " none" : "");
        show_print(value, depth + 1);
    } else {
        fputs(": ", stdout);
        print_scalar(value);
    }
}

void show_print(const json_t *value, int depth)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, item) print_item(key, item, depth);
        return;
    }
    json_array_foreach(value, i, item)
    {
        if (json_is_object(item)) {
            printf("%*s-\n", 4 * depth, "");
            show_print(item, depth + 1);
        } else {
            printf("%*s- ", 4 * depth, "");
            print_scalar(item);
        }
    }
}

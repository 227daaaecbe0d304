/* Results of commands as JSON on stdout. Trusts nothing and decides nothing. */
#include "cli/term_json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/term.h"

int term_print_json(json_t *value)
{
    char *text = value ? json_dumps(value, JSON_INDENT(4) | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (!text)
        return term_error("cannot write JSON: out of memory");
    puts(text);
    free(text);
    return EXIT_OK;
}

int term_json_hex(json_t *object, const char *key, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    char *hex = malloc(2 * size + 1);
    if (!hex)
        return -1;
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    int ret = json_object_set_new(object, key, json_stringn(hex, 2 * size));
    free(hex);
    return ret;
}

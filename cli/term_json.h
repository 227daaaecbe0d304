#ifndef CLI_TERM_JSON_H
#define CLI_TERM_JSON_H

/* What commands print for machines. */
#include <jansson.h>
#include <stddef.h>

/* Print a JSON value with indent 4 and a newline on stdout. `value` is taken. Returns enum
 * exit_code. */
int term_print_json(json_t *value);

/* Set object[key] to lower-case hex of data. Returns 0 or -1 as json_object_set_new(). */
int term_json_hex(json_t *object, const char *key, const void *data, size_t size);

#endif

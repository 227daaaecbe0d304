#ifndef LIBOS_EXEC_WORDS_H
#define LIBOS_EXEC_WORDS_H

/* A list of words (argv, environment) as one block of NUL-terminated strings, end to end. Grows on the trusted heap. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct words {
    char *block;
    size_t size, room;
    uint32_t count;
};

#define WORDS_MAX (UINT64_C(10000000)) /* of one block, with the NULs: specs/manifest.md §4 */

void words_init(struct words *w);
void words_free(struct words *w);
/* Append length bytes and a NUL. 0; -E2BIG; -ENOMEM. */
int words_add(struct words *w, const char *s, size_t length);
/* NAME=value from its two parts. */
int words_add_pair(struct words *w, const char *name, size_t name_length, const char *value, size_t value_length);
/* Take the first count words away and put these in front of the rest. */
int words_replace_front(struct words *w, uint32_t count, const char *const *front, uint32_t front_count);

#endif

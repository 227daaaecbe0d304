#ifndef LIB_BASE_STR_H
#define LIB_BASE_STR_H

/* Bounded strings. Nothing here allocates; results that do not fit say so. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t strlen(const char *s);

/* Length of s, at most max. */
size_t str_length(const char *s, size_t max);
bool str_equal(const char *a, const char *b);
bool str_starts_with(const char *s, const char *prefix);
int str_compare(const char *a, const char *b);

/* Copy src with its NUL into dst[size]. Returns its length, or -ENAMETOOLONG and leaves dst = "". */
int64_t str_copy(char *dst, size_t size, const char *src);

/* Parse decimal digits only, the whole of s[length]. Returns 0; -EINVAL; -ERANGE. */
int str_parse_u64(const char *s, size_t length, uint64_t *out);

/* Lower-case hexadecimal; out holds 2 * size + 1 characters. */
void hex_encode(const void *data, size_t size, char *out);
/* Exactly 2 * size digits of either case. Returns 0 or -EINVAL. */
int hex_decode(const char *hex, size_t length, void *out, size_t size);

#endif

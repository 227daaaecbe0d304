#ifndef LIB_BASE_FMT_H
#define LIB_BASE_FMT_H

/*
 * Format text into a buffer: %s %.*s %c %d %u %x %X %o %p with flags 0 and -, width, and the length
 * modifiers l, ll, z; %%. Anything else panics: format strings are ours.
 *
 * Returns the length the whole text would have; the buffer always ends with NUL if size > 0.
 */
#include <stdarg.h>
#include <stddef.h>

size_t fmt_print(char *buf, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t fmt_vprint(char *buf, size_t size, const char *format, va_list args);

#endif

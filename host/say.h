#ifndef HOST_SAY_H
#define HOST_SAY_H

#include <stdint.h>

/* Messages on stderr, without libc: usable from the serve loop and from signal handlers. */

/* Print `cloister: message` and a newline. */
void host_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, then end the whole process with status 1. */
_Noreturn void host_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text as it is, on stderr. */
void host_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "ENOENT" for 2 or -2: enough to understand a failed call where strerror() cannot be used. */
const char *host_error_name(int64_t error);

#endif

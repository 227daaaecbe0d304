#ifndef MANIFEST_DISK_H
#define MANIFEST_DISK_H

/* Whole files: read with a limit, written under a temporary name and renamed, so that a failure
 * never leaves half a file in place of a good one. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "text/problem.h"

/* Read a whole file of at most `max` bytes; *out is returned, malloc'ed, 8-byte aligned, with a NUL
 * after it. */
int disk_read(const char *path, size_t max, uint8_t **out, size_t *size, struct problem *why);

/* Replace a file's content at once. `mode` is exact: the umask does not apply. */
int disk_write(const char *path, const void *data, size_t size, mode_t mode, struct problem *why);

/* Make the directories above `path` that are missing. */
int disk_make_parents(const char *path, mode_t mode, struct problem *why);

#endif

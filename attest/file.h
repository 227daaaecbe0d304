#ifndef ATTEST_FILE_H
#define ATTEST_FILE_H

/* Whole small files: read bounded, written so that a reader sees the old or the new one, never half. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Read at most `max` bytes; a NUL follows the data. Returns 0, -EFBIG, -errno. *data returned: free(). */
int file_read(const char *path, size_t max, uint8_t **data, size_t *size);
/* Temporary file, fsync, rename. Returns 0 or -errno. */
int file_write(const char *path, const void *data, size_t size, mode_t mode);

#endif

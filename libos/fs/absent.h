#ifndef LIBOS_FS_ABSENT_H
#define LIBOS_FS_ABSENT_H

/* Names that a host directory was found not to have: negative entries, for the enclave only. See absent.c for which. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Did the host say -ENOENT of this normalised path before? nofollow: asked as lstat asks. */
bool absent_get(const char *path, size_t length, bool nofollow);

/* Before asking the host, so that an answer from before a change is not kept after it. */
uint64_t absent_begin(void);
/* The host said -ENOENT. Paths of which that may not be kept are ignored. */
void absent_put(const char *path, size_t length, bool nofollow, uint64_t begin);

/* After the program changed names on the host: forget all. */
void absent_forget(void);

#endif

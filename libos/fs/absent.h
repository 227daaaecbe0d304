#ifndef LIBOS_FS_ABSENT_H
#define LIBOS_FS_ABSENT_H

/* Names that a host directory was found not to have: negative entries. See absent.c for which, and
 * how long. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_position;

/* Did the host say -ENOENT of this normalised path before? nofollow: asked as lstat asks; place:
 * where the plan has it. */
bool absent_get(const struct plan_position *place, const char *path, size_t length, bool nofollow);

/* Before asking the host, so that an answer from before a change is not kept after it. */
uint64_t absent_begin(void);
/* The host said -ENOENT. Paths of which that may not be kept are ignored. */
void absent_put(const struct plan_position *place, const char *path, size_t length, bool nofollow,
                uint64_t begin);

/* The host has it after all: another process made it. */
void absent_seen(const char *path, size_t length);

/* After the program changed names on the host: forget all. */
void absent_forget(void);

#endif

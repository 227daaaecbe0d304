#ifndef CLI_PFFILE_H
#define CLI_PFFILE_H

/* One encrypted file of the host, opened with lib/encfile; and what is wrong with it, in words. */
#include <stdint.h>

#include "lib/encfile/encfile.h"
#include "text/problem.h"

/* recovery: its descriptor or -1. Descriptors stay the caller's and must outlive the file. */
int pffile_open(const uint8_t *key, int fd, int recovery, const char *bound, unsigned flags,
                struct encfile **out, enum encfile_status *status);

/*
 * Open for reading; never changes the file. When a write was interrupted and the recovery file stands
 * beside it, the state before that write is read from a temporary copy, whose descriptor is *copy: to
 * be closed after the file. Else *copy is -1.
 */
int pffile_open_to_read(const uint8_t *key, int fd, const char *path, const char *bound,
                        struct encfile **out, int *copy, struct problem *why);

/* "which: why: remedy". f may be NULL; offset: where reading stopped. Returns err. */
int pffile_explain(struct encfile *f, enum encfile_status status, int err, const char *path,
                   uint64_t offset, struct problem *why);

#endif

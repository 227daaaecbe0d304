#ifndef LIBOS_FS_POLICY_H
#define LIBOS_FS_POLICY_H

/* Which host files a program may touch, by the measured lists of the plan. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_trusted;

enum policy_use {
    POLICY_READ,
    POLICY_WRITE,  /* open for writing, truncate */
    POLICY_CREATE, /* a file that may not be there yet; also the target of rename and link */
};

/*
 * May this normalised host path be used so? is_directory: nothing but its names is asked, always fine.
 * In an enclave: 0 or -EACCES, with a warning once per path. In direct: always 0, reported at debug level.
 *
 * trusted   set to the entry whose digest the content must have, or NULL
 */
int policy_check(const char *path, size_t length, enum policy_use use, bool is_directory, const struct plan_trusted **trusted);

#endif

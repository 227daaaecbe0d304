#ifndef LIBOS_SYS_LIMITS_H
#define LIBOS_SYS_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/linux/resource.h"

/* getrusage of the host, with what cannot be taken out. 0 or a negative errno. */
int limits_host_usage(int who, struct linux_rusage *u);

/*
 * RLIMIT_FSIZE for a regular file that is about to have data written at `from`: how many bytes may
 * follow, or -EFBIG, with SIGXFSZ sent to the calling thread.
 */
bool limits_file_limited(void);
int64_t limits_file_room(uint64_t from);
/* The same for a new length, given the old one: growing beyond the limit is -EFBIG. */
int limits_file_length(uint64_t old, uint64_t length);

#endif

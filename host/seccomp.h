#ifndef HOST_SECCOMP_H
#define HOST_SECCOMP_H

#include <stdbool.h>

/* Does this kernel have Syscall User Dispatch? */
bool seccomp_not_needed(void);

/*
 * The fallback: a seccomp filter that lets system calls of the launcher's own text (and the vDSO's)
 * through, and raises SIGSYS for all others. Holds for the process for good. Returns 0 or negative errno.
 */
int seccomp_install(void);

#endif

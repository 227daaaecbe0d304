#ifndef LIBOS_SYS_LIMITS_H
#define LIBOS_SYS_LIMITS_H

#include "lib/linux/resource.h"

/* getrusage of the host, with what cannot be taken out. 0 or a negative errno. */
int limits_host_usage(int who, struct linux_rusage *u);

#endif

#ifndef LIBOS_SYS_IOCTL_ARG_H
#define LIBOS_SYS_IOCTL_ARG_H

/* The argument of an ioctl when it is an address: the one way for file code to read or write there.
 * 0 or -EFAULT. */
#include <stddef.h>
#include <stdint.h>

int ioctl_put(uint64_t arg, const void *value, size_t size);
int ioctl_put_int(uint64_t arg, int value);
int ioctl_get(uint64_t arg, void *out, size_t size);

#endif

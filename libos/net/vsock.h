#ifndef LIBOS_NET_VSOCK_H
#define LIBOS_NET_VSOCK_H

#include <stdint.h>

struct file;

/* /dev/vsock, which tells this machine's address (CID). What opening the host's answers; -ENODEV
 * when it has none. */
int vsock_open_device(uint32_t flags, struct file **out);

#endif

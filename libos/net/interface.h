#ifndef LIBOS_NET_INTERFACE_H
#define LIBOS_NET_INTERFACE_H

#include <stdint.h>

/* SIOCGIFCONF, SIOCGIFINDEX and their like on any socket; arg is the program's address. -ENOTTY:
 * none of these. */
int64_t interface_ioctl(uint32_t command, uint64_t arg);

#endif

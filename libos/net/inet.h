#ifndef LIBOS_NET_INET_H
#define LIBOS_NET_INET_H

/* Inside of the room: pieces of AF_INET and AF_INET6 sockets. */
#include <stdint.h>

#include "libos/net/socket.h"

/* Is this a well-formed address of the family? The host wrote it. -EIO. */
int inet_check_host_address(int domain, struct net_address *a);

/* Options of the host socket, by a table of what may pass and with which size. -ENOPROTOOPT,
 * -EINVAL, -EIO. */
int inet_set_option(int host_fd, int level, int name, const void *value, uint32_t size);
int inet_get_option(int host_fd, int level, int name, void *value, uint32_t *size);

#endif

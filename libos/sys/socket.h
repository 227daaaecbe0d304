#ifndef LIBOS_SYS_SOCKET_H
#define LIBOS_SYS_SOCKET_H

/* What the files of the socket calls share. */
#include <stdint.h>

#include "enclave/uaccess.h"

struct file;
struct net_address;
struct socket;

/* A counted file and its socket, or NULL and -EBADF, -ENOTSOCK. */
struct file *socket_lookup(int fd, struct socket **s, int *error);
int socket_read_address(uaddr_t address, int64_t size, struct net_address *out);
/* Address and its size as accept and recvfrom give them: cut to the room, the size is the true one.
 */
int socket_write_address(const struct net_address *a, uaddr_t address, uaddr_t size_address);

#endif

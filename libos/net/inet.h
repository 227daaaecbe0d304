#ifndef LIBOS_NET_INET_H
#define LIBOS_NET_INET_H

/* Inside of the room: pieces of AF_INET and AF_INET6 sockets. */
#include <stdint.h>

#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include "libos/net/socket.h"

struct inet_socket {
    struct socket s;
    int host_fd;
    uint32_t
        asked; /* atomic: control messages that the host was ever asked for (inet_control_bit) */
    bool connecting; /* a blocking connect was interrupted: its retry may find it done */
    struct mutex mode_mu;
    bool connected;  /* mode_mu: by a call that waited for it, or accepted */
    bool host_waits; /* atomic; changed under mode_mu: the host socket is a blocking one */
    bool host_never_waits; /* atomic; set once under mode_mu: sendfile() of the host would wait too */
};

static inline struct inet_socket *inet_of(struct socket *s)
{
    return container_of(s, struct inet_socket, s);
}

/* An address of the program, cut to its family's size. AF_UNSPEC only where it means "disconnect".
 */
int inet_check_address(const struct socket *s, const struct net_address *a, bool may_unspec,
                       struct net_address *out);

/* Is this a well-formed address of the family? The host wrote it. -EIO. */
int inet_check_host_address(int domain, struct net_address *a);

/* Options of the host socket, by a table of what may pass and with which size. -ENOPROTOOPT,
 * -EINVAL, -EIO. */
int inet_set_option(int host_fd, int level, int name, const void *value, uint32_t size);
int inet_get_option(int host_fd, int level, int name, void *value, uint32_t *size);

/* What came of a connection attempt (SO_ERROR): 0 or a negative errno. */
int inet_pending_error(struct inet_socket *i);

/* Let the host's read() wait for data, if this is a stream whose other calls can not block then. */
bool inet_let_host_wait(struct inet_socket *i);
/* From now on it may not. */
bool inet_keep_host_from_waiting(struct inet_socket *i);

int64_t inet_send(struct socket *s, struct net_message *m, struct iobuf *b);
int64_t inet_send_from(struct socket *s, int from, int64_t offset, uint64_t count);
int64_t inet_recv(struct socket *s, struct net_message *m, struct iobuf *b);

/* ---- control messages (inet_control.c) */

struct host_message;
/* The bit of `asked` that turning this option on sets; 0: not an option that asks for control
 * messages. */
uint32_t inet_control_bit(int level, int option);
/* Bits that come with ordinary messages, not only from the error queue. */
bool inet_control_wanted(uint32_t asked);
/* What the host told, checked and copied. *out NULL: nothing. -EIO: malformed or not asked for;
 * -ENOMEM. */
int inet_control_take(const struct host_message *m, uint32_t asked, bool from_errors,
                      struct net_control **out);

#endif

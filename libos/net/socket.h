#ifndef LIBOS_NET_SOCKET_H
#define LIBOS_NET_SOCKET_H

/*
 * Sockets: what all families share. A family embeds struct socket first and gives a table of
 * operations; libos/sys/socket.c decodes calls and finds the socket behind a descriptor.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/linux/socket.h"
#include "libos/fs/file.h"

struct iobuf;
struct poll;
struct socket;

struct net_address {
    uint32_t size; /* 0: none */
    struct linux_sockaddr a;
};

/* Descriptors and credentials that travel with a message of a Unix socket; of an Internet one,
 * bytes. */
struct net_control {
    uint32_t file_count;
    bool has_cred;
    struct linux_ucred cred;
    uint32_t size;        /* of bytes: Internet sockets: control messages as Linux lays them out */
    uint8_t *bytes;       /* owned */
    struct file *files[]; /* counted */
};

struct net_message {
    uint32_t flags; /* in: MSG_* asked; recv, out: MSG_* of the answer in out_flags */
    uint32_t out_flags;
    struct net_address name;     /* send: where to (size 0: nowhere named); recv: where from */
    struct net_control *control; /* send: taken when sent; recv: returned; NULL: none */
};

/* Sizes and addresses are checked by the caller to fit; all return 0, a count or a negative errno.
 * NULL: -EOPNOTSUPP. */
struct socket_ops {
    int (*bind)(struct socket *s, const struct net_address *a);
    int (*connect)(struct socket *s, const struct net_address *a);
    int (*listen)(struct socket *s, int backlog);
    int (*accept)(struct socket *s, uint32_t flags, struct net_address *peer,
                  struct file **out); /* flags: SOCK_NONBLOCK */
    int (*name)(struct socket *s, bool of_peer, struct net_address *out);
    int64_t (*send)(struct socket *s, struct net_message *m, struct iobuf *b);
    int64_t (*recv)(struct socket *s, struct net_message *m, struct iobuf *b);
    int64_t (*send_from)(struct socket *s, int from, int64_t offset, uint64_t count); /* as file_ops */
    int (*shutdown)(struct socket *s, int how);
    int (*set_option)(struct socket *s, int level, int name, const void *value, uint32_t size);
    /* *size: in, room of value (at least 256); out, the option's size. */
    int (*get_option)(struct socket *s, int level, int name, void *value, uint32_t *size);
    int64_t (*ioctl)(struct socket *s, uint32_t command, uint64_t arg);
    uint32_t (*poll)(struct socket *s, struct poll *p);
    void (*release)(struct socket *s);
};

struct socket {
    struct file file;
    const struct socket_ops *ops;
    int domain, type, protocol;
    int64_t receive_timeout, send_timeout; /* ns; 0: none */
    bool pass_cred;
};

#define OPTION_MAX 256

/* A new socket file; type without SOCK_* flags, flags: SOCK_NONBLOCK. */
int socket_create(int domain, int type, int protocol, uint32_t flags, struct file **out);
int socket_create_pair(int domain, int type, int protocol, uint32_t flags, struct file *out[2]);

void socket_init(struct socket *s, const struct socket_ops *ops, int domain, int type, int protocol,
                 uint32_t flags);
struct socket *socket_of(struct file *f); /* NULL: not a socket */
/* As the kernel names the protocol in the attribute system.sockprotoname: "TCP", "UNIX-STREAM". */
const char *socket_protocol_name(const struct socket *s);

int socket_set_option(struct socket *s, int level, int name, const void *value, uint32_t size);
int socket_get_option(struct socket *s, int level, int name, void *value, uint32_t *size);

/* When to give up on a blocking operation: 0: do not block (O_NONBLOCK, MSG_DONTWAIT),
 * PARK_FOREVER, or the timeout option's end. */
int64_t socket_deadline(const struct socket *s, uint32_t message_flags, bool sending);

struct net_control *net_control_new(uint32_t file_room);
void net_control_free(struct net_control *c); /* drops the files; NULL is fine */

/* The families. */
int inet_create(int domain, int type, int protocol, uint32_t flags, struct file **out);
int unix_create(int type, int protocol, uint32_t flags, struct file **out);
int unix_create_pair(int type, int protocol, uint32_t flags, struct file *out[2]);
/* A message of the kernel's own into a netlink socket, for mq_notify(2); dropped when there is no memory. */
bool netlink_is_socket(struct file *f);
void netlink_deliver(struct file *f, const void *bytes, uint32_t size);
int netlink_create(int type, int protocol, uint32_t flags, struct file **out);

#endif

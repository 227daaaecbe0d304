#ifndef LIBOS_NET_UNIX_H
#define LIBOS_NET_UNIX_H

/*
 * Inside of the room: AF_UNIX, wholly in memory.
 *
 * A `unix_half` is one direction of a connection, or a datagram socket's inbox: a queue of messages
 * with its own lock, counted by everyone who reads from it or writes to it. Sockets never point at
 * each other, only at halves, so closing one side needs no dance with the other. A socket's own
 * half (`in`) lives as long as the socket and is where poll and epoll wait, whatever it gets
 * connected to later.
 */
#include "enclave/sync.h"
#include "lib/base/list.h"
#include "libos/ipc/wait.h"
#include "libos/net/socket.h"

#define UNIX_QUEUE_BYTES 212992u /* as net.core.wmem_default */
#define UNIX_QUEUE_MESSAGES                                                                        \
    1024u                     /* of datagrams; net.unix.max_dgram_qlen is 512 on usual machines */
#define UNIX_CHUNK_MAX 65536u /* a longer stream write is several messages */

struct unix_message {
    struct list link;
    uint32_t size, taken;        /* bytes; of a stream, how many were read already */
    struct net_control *control; /* files and credentials; NULL: none */
    bool passes;                 /* constant: Unix sockets came with it (unix_pass.c) */
    struct net_address from;     /* datagrams */
    struct linux_ucred cred;     /* the sender's, for receivers with SO_PASSCRED */
    uint8_t bytes[];
};

struct unix_half {
    uint32_t refs;
    struct mutex mu;
    struct list messages;          /* mu */
    uint32_t bytes, count;         /* mu */
    bool no_writer;                /* mu: nobody will add: end of file once empty */
    bool no_reader;                /* mu: nobody will take: EPIPE */
    bool reset;                    /* mu: the other side closed with unread data: one ECONNRESET */
    int32_t peek_offset;           /* mu: SO_PEEK_OFF; -1: off */
    struct net_address owner;      /* mu: name of the socket that reads here */
    struct linux_ucred owner_cred; /* mu */
    struct unix_half *writer; /* mu; counted: the one writing peer's own half, to tell it of room;
                                 NULL for inboxes */
    struct wait_queue
        wait; /* everything the reading socket may wait for: data, room at its peer, hang-up */
    struct wait_queue room; /* senders blocked on this half */
    struct list full_for;   /* mu: inboxes: own halves of sockets that polled while it was full */
    struct list relay;      /* relay_to->mu: in its full_for */
    struct unix_half *relay_to; /* counted; under the owning socket's mu */
};

/* All messages of h to a list, which unix_messages_free() frees without a lock: dropping a file may close another socket. */
void unix_half_empty_locked(struct unix_half *h, struct list *to);
void unix_messages_free(struct list *messages);
struct unix_half *unix_half_new(void);
void unix_half_put(struct unix_half *h); /* NULL is fine */
static inline struct unix_half *unix_half_get(struct unix_half *h)
{
    ref_get(&h->refs);
    return h;
}

/* Add one message from b (at most size bytes). whole: all or nothing (datagrams). Returns bytes;
 * -EAGAIN when full, -EPIPE, -EFAULT, -ENOMEM. Takes *control when it returns >= 0. */
int64_t unix_half_push(struct unix_half *h, struct iobuf *b, uint32_t size, bool whole,
                       struct net_control **control, const struct net_address *from,
                       const struct linux_ucred *cred);
/* Take bytes of a stream (size of b), or one whole message. -EAGAIN when empty, 0 at the end,
 * -ECONNRESET. */
int64_t unix_half_pull(struct unix_half *h, struct iobuf *b, bool stream, struct net_message *m,
                       bool want_cred);
bool unix_half_can_push(struct unix_half *h); /* of a stream: is it to be called writable? */
bool unix_half_has_room(struct unix_half *h, uint64_t size, bool whole);
bool unix_half_can_pull(struct unix_half *h, bool peek); /* peek: beyond SO_PEEK_OFF */
void unix_half_set_peek_offset(struct unix_half *h, int32_t offset);
int32_t unix_half_peek_offset(struct unix_half *h);
/* Is an inbox to be called writable? If not, `own` (the asking socket's half) is told once when
 * that changes. */
bool unix_half_watch_room(struct unix_half *h, struct unix_half *own);
void unix_half_unwatch(struct unix_half *own);
/* Two halves of one connection, and undoing it. */
void unix_half_join(struct unix_half *a, struct unix_half *b);
void unix_half_unjoin(struct unix_half *h);
void unix_half_close_reader(struct unix_half *h); /* drops what is queued; tells writers */
void unix_half_shut_reader(struct unix_half *h);  /* SHUT_RD: what is queued may still be read */
void unix_half_close_writer(struct unix_half *h, bool reset);

/* ---- sockets in flight (unix_pass.c) */
extern struct mutex g_passing_lock;
bool unix_pass_any(const struct net_control *c); /* are there Unix sockets among its files? NULL is fine */
/* They are in flight from now on; no longer. Under g_passing_lock. */
void unix_pass_begin_locked(const struct net_control *c);
void unix_pass_end_locked(const struct net_control *c);
void unix_pass_collect(void); /* drop the queues of sockets that only each other's queues hold */

/* ---- names (unix_names.c). A bound socket is found by its abstract name or by the inode of its
 * path. */
struct dentry;
struct unix_name {
    struct list link; /* g_names_lock */
    struct net_address address;
    struct dentry *dentry; /* of a path name; counted; NULL: abstract */
    struct socket *socket; /* not counted; NULL once closed */
};

/* Bind: -EADDRINUSE, or what making the node answers. size 2 (only a family): an automatic abstract
 * name. */
int unix_name_bind(struct socket *s, const struct net_address *a, struct unix_name **out);
void unix_name_release(struct unix_name *n); /* NULL is fine */
/* The socket bound to an address: counted. -ECONNREFUSED, -ENOENT, ... as path walking answers. */
int unix_name_find(const struct net_address *a, struct socket **out);

/* ---- a socket */
enum unix_state { FRESH, LISTENING, CONNECTED };

struct unix_socket {
    struct socket s;
    struct mutex mu;
    enum unix_state state;           /* mu */
    bool shut_read, shut_write;      /* mu */
    struct unix_half *in;            /* constant */
    struct unix_half *out;           /* mu; to the peer, NULL when not connected */
    struct unix_name *name;          /* mu; NULL: not bound */
    struct net_address own;          /* mu: what getsockname answers */
    struct linux_ucred peer_cred;    /* mu */
    struct list pending;             /* mu; listening: struct unix_pending */
    uint32_t pending_count, backlog; /* mu */
    struct list passing, reached;    /* g_passing_lock, and what follows */
    uint32_t in_flight;              /* references that messages hold */
    uint32_t held_elsewhere;         /* of those, by messages in no candidate's queue */
    bool candidate;                  /* messages hold every reference */
    struct wait_queue acceptable;    /* something pending; room for more; a state change */
};

struct unix_pending {
    struct list link;
    struct unix_socket *socket; /* the server's side, ready to be accepted */
};

static inline struct unix_socket *unix_of(struct socket *s)
{
    return container_of(s, struct unix_socket, s);
}

static inline bool unix_is_connection(const struct unix_socket *u)
{
    return u->s.type != SOCK_DGRAM;
}

struct unix_socket *unix_socket_new(int type, uint32_t flags);
/* Make two sockets a connection, or undo it; b is known to nobody else. */
void unix_socket_join(struct unix_socket *a, struct unix_socket *b);
void unix_socket_unjoin(struct unix_socket *a, struct unix_socket *b);
struct linux_ucred unix_own_cred(void);
int unix_check_address(const struct net_address *a);
uint32_t unix_first_size(struct unix_half *h, bool stream); /* bytes that the next read can have */

/* Operations: unix_connect.c, unix_data.c. */
int unix_bind(struct socket *s, const struct net_address *a);
int unix_connect(struct socket *s, const struct net_address *a);
int unix_listen(struct socket *s, int backlog);
int unix_accept(struct socket *s, uint32_t flags, struct net_address *peer, struct file **out);
int unix_getname(struct socket *s, bool of_peer, struct net_address *out);
int64_t unix_send(struct socket *s, struct net_message *m, struct iobuf *b);
int64_t unix_recv(struct socket *s, struct net_message *m, struct iobuf *b);

#endif

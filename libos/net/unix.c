/*
 * AF_UNIX sockets: stream, seqpacket and datagram, between processes of this instance. The host
 * never sees a byte; sockets of the host's file system cannot be reached (ECONNREFUSED).
 *
 * Locks: socket->mu, then unix_half.mu, then wait_queue.lock. Two sockets are never locked
 * together.
 */
#include "libos/net/unix.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/ioctl.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/sigpipe.h"
#include "libos/proc/process.h"
#include "libos/sys/iobuf.h"
#include "libos/sys/ioctl_arg.h"

#define SEND_FLAGS (MSG_DONTWAIT | MSG_EOR | MSG_NOSIGNAL | MSG_MORE | MSG_CONFIRM | MSG_DONTROUTE)
#define RECV_FLAGS                                                                                 \
    (MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL |         \
     MSG_ERRQUEUE | MSG_EOR)

enum state { FRESH, LISTENING, CONNECTED };

struct unix_socket {
    struct socket s;
    struct mutex mu;
    enum state state;                /* mu */
    bool shut_read, shut_write;      /* mu */
    struct unix_half *in;            /* constant */
    struct unix_half *out;           /* mu; to the peer, NULL when not connected */
    struct unix_name *name;          /* mu; NULL: not bound */
    struct net_address own;          /* mu: what getsockname answers */
    struct linux_ucred peer_cred;    /* mu */
    struct list pending;             /* mu; listening: struct pending */
    uint32_t pending_count, backlog; /* mu */
    struct wait_queue acceptable;    /* something pending; room for more; a state change */
};

struct pending {
    struct list link;
    struct unix_socket *socket; /* the server's side, ready to be accepted */
};

static const struct socket_ops unix_ops;

static struct unix_socket *unix_of(struct socket *s)
{
    return container_of(s, struct unix_socket, s);
}

static bool is_connection(const struct unix_socket *u)
{
    return u->s.type != SOCK_DGRAM;
}

static struct linux_ucred own_cred(void)
{
    const struct process *p = current()->process;
    return (struct linux_ucred){ p->pid, p->cred.euid, p->cred.egid };
}

static struct unix_socket *new_socket(int type, uint32_t flags)
{
    struct unix_socket *u = mem_zalloc(sizeof(*u));
    if (!u)
        return NULL;
    socket_init(&u->s, &unix_ops, AF_UNIX, type, 0, flags);
    list_init(&u->pending);
    wait_queue_init(&u->acceptable);
    u->own = (struct net_address){ .size = sizeof(uint16_t), .a = { .family = AF_UNIX } };
    u->in = unix_half_new();
    if (!u->in) {
        mem_free(u);
        return NULL;
    }
    u->in->owner = u->own;
    return u;
}

static int check_type(int type, int protocol)
{
    if (protocol != 0 && protocol != AF_UNIX)
        return -EPROTONOSUPPORT;
    return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET ? 0
                                                                               : -ESOCKTNOSUPPORT;
}

int unix_create(int type, int protocol, uint32_t flags, struct file **out)
{
    if (type == SOCK_RAW)
        type = SOCK_DGRAM; /* as Linux */
    int r = check_type(type, protocol);
    if (r < 0)
        return r;
    struct unix_socket *u = new_socket(type, flags);
    if (!u)
        return -ENOMEM;
    *out = &u->s.file;
    return 0;
}

/* Join two sockets; b is known to nobody else. */
static void join(struct unix_socket *a, struct unix_socket *b)
{
    b->in->owner = b->own;
    a->out = unix_half_get(b->in);
    b->out = unix_half_get(a->in);
    if (is_connection(a))
        unix_half_join(a->in, b->in);
    a->state = b->state = CONNECTED;
}

static void unjoin(struct unix_socket *a, struct unix_socket *b)
{
    unix_half_unjoin(a->in);
    unix_half_unjoin(b->in);
    unix_half_put(a->out);
    unix_half_put(b->out);
    a->out = b->out = NULL;
    a->state = b->state = FRESH;
}

int unix_create_pair(int type, int protocol, uint32_t flags, struct file *out[2])
{
    if (type == SOCK_RAW)
        type = SOCK_DGRAM;
    int r = check_type(type, protocol);
    if (r < 0)
        return r;
    struct unix_socket *a = new_socket(type, flags), *b = new_socket(type, flags);
    if (!a || !b) {
        file_put(a ? &a->s.file : NULL);
        file_put(b ? &b->s.file : NULL);
        return -ENOMEM;
    }
    join(a, b);
    a->peer_cred = b->peer_cred = own_cred();
    out[0] = &a->s.file;
    out[1] = &b->s.file;
    return 0;
}

/* ---- names, listening, connecting */

static int check_address(const struct net_address *a)
{
    if (a->size < sizeof(uint16_t) || a->size > sizeof(uint16_t) + UNIX_PATH_MAX ||
        a->a.family != AF_UNIX)
        return -EINVAL;
    return 0;
}

static int unix_bind(struct socket *s, const struct net_address *a)
{
    struct unix_socket *u = unix_of(s);
    int r = check_address(a);
    if (r < 0)
        return r;
    mutex_lock(&u->mu);
    r = u->name ? -EINVAL : unix_name_bind(s, a, &u->name);
    if (r == 0) {
        u->own = u->name->address;
        mutex_lock(&u->in->mu);
        u->in->owner = u->own;
        mutex_unlock(&u->in->mu);
    }
    mutex_unlock(&u->mu);
    return r;
}

static int unix_listen(struct socket *s, int backlog)
{
    struct unix_socket *u = unix_of(s);
    if (!is_connection(u))
        return -EOPNOTSUPP;
    mutex_lock(&u->mu);
    int r = !u->name || u->state == CONNECTED ? -EINVAL : 0;
    if (r == 0) {
        u->state = LISTENING;
        u->backlog = (uint32_t)MIN(backlog < 0 ? SOMAXCONN : backlog, SOMAXCONN);
        u->peer_cred = own_cred();
    }
    mutex_unlock(&u->mu);
    if (r == 0)
        wake_all(&u->acceptable, 0);
    return r;
}

/* Sleep on a listener's queue until `full` no longer holds: 0, -EAGAIN, -ERESTARTSYS. */
static int wait_backlog(struct unix_socket *listener, int64_t deadline)
{
    struct waiter w;
    int r = 0;
    if (deadline == 0)
        return -EAGAIN;
    wait_begin(&w, &listener->acceptable);
    for (;;) {
        mutex_lock(&listener->mu);
        bool full = listener->state == LISTENING && listener->pending_count > listener->backlog;
        mutex_unlock(&listener->mu);
        if (!full || r < 0)
            break;
        r = wait_sleep(deadline);
    }
    wait_end(&w);
    return r == -ETIMEDOUT ? -EAGAIN : r < 0 ? -ERESTARTSYS : 0;
}

static int enqueue(struct unix_socket *listener, struct unix_socket *server, struct pending *p)
{
    int r = 0;
    mutex_lock(&listener->mu);
    if (listener->state != LISTENING || listener->shut_read)
        r = -ECONNREFUSED;
    else if (listener->pending_count > listener->backlog)
        r = -EAGAIN;
    if (r == 0) {
        p->socket = server;
        list_push_back(&listener->pending, &p->link);
        listener->pending_count++;
    }
    mutex_unlock(&listener->mu);
    if (r == 0)
        wake_all(&listener->acceptable, EPOLLIN | EPOLLRDNORM);
    return r;
}

/* Connect u to a listener: the server's side is made here and waits to be accepted. */
static int connect_to(struct unix_socket *u, struct unix_socket *listener)
{
    if (listener->s.type != u->s.type)
        return -EPROTOTYPE;
    struct unix_socket *server = new_socket(u->s.type, 0);
    struct pending *p = mem_zalloc(sizeof(*p));
    int r = server && p ? 0 : -ENOMEM;
    int64_t deadline = socket_deadline(&u->s, 0, true);
    if (r < 0)
        goto fail;
    server->own = listener->own;
    for (;;) {
        mutex_lock(&u->mu);
        r = u->state == CONNECTED ? -EISCONN : u->state == LISTENING ? -EINVAL : 0;
        if (r == 0) {
            join(u, server);
            u->peer_cred = listener->peer_cred;
            server->peer_cred = own_cred();
        }
        mutex_unlock(&u->mu);
        if (r < 0)
            break;
        r = enqueue(listener, server, p); /* without u->mu: two sockets are never locked together */
        if (r < 0) {
            mutex_lock(&u->mu);
            unjoin(u, server);
            mutex_unlock(&u->mu);
        }
        if (r != -EAGAIN)
            break;
        r = wait_backlog(listener, deadline);
        if (r < 0)
            break;
    }
    if (r == 0) {
        wake_all(&u->in->wait, EPOLLOUT | EPOLLWRNORM);
        return 0;
    }
fail:
    file_put(server ? &server->s.file : NULL);
    mem_free(p);
    return r;
}

static int connect_datagram(struct unix_socket *u, const struct net_address *a)
{
    struct unix_half *target = NULL, *old;
    if (a->a.family != AF_UNSPEC) {
        struct socket *found;
        int r = check_address(a);
        if (r == 0)
            r = unix_name_find(a, &found);
        if (r < 0)
            return r;
        if (found->type == SOCK_DGRAM)
            target = unix_half_get(unix_of(found)->in);
        file_put(&found->file);
        if (!target)
            return -EPROTOTYPE;
    }
    mutex_lock(&u->mu);
    old = u->out;
    u->out = target;
    u->state = target ? CONNECTED : FRESH;
    mutex_unlock(&u->mu);
    unix_half_put(old);
    return 0;
}

static int unix_connect(struct socket *s, const struct net_address *a)
{
    struct unix_socket *u = unix_of(s);
    struct socket *found;
    if (a->size < sizeof(uint16_t))
        return -EINVAL;
    if (!is_connection(u))
        return connect_datagram(u, a);
    int r = check_address(a);
    if (r == 0)
        r = unix_name_find(a, &found);
    if (r < 0)
        return r;
    r = found == s ? -EINVAL : connect_to(u, unix_of(found));
    file_put(&found->file);
    return r;
}

static struct unix_socket *take_pending(struct unix_socket *u, int *error)
{
    struct unix_socket *server = NULL;
    mutex_lock(&u->mu);
    *error = u->state != LISTENING || u->shut_read ? -EINVAL : -EAGAIN;
    if (u->state == LISTENING && !list_empty(&u->pending)) {
        struct pending *p = list_entry(u->pending.next, struct pending, link);
        list_remove(&p->link);
        u->pending_count--;
        server = p->socket;
        mem_free(p);
    }
    mutex_unlock(&u->mu);
    if (server)
        wake_all(&u->acceptable, 0);
    return server;
}

static int unix_accept(struct socket *s, uint32_t flags, struct net_address *peer,
                       struct file **out)
{
    struct unix_socket *u = unix_of(s);
    int64_t deadline = socket_deadline(s, 0, false);
    int r;
    if (!is_connection(u))
        return -EOPNOTSUPP;
    for (;;) {
        struct unix_socket *server = take_pending(u, &r);
        if (server) {
            server->s.file.flags |= flags & SOCK_NONBLOCK;
            mutex_lock(&server->out->mu);
            *peer = server->out->owner;
            mutex_unlock(&server->out->mu);
            *out = &server->s.file;
            return 0;
        }
        if (r != -EAGAIN || deadline == 0)
            return r;
        r = file_wait(&s->file, EPOLLIN, deadline);
        if (r < 0)
            return r;
    }
}

static int unix_getname(struct socket *s, bool of_peer, struct net_address *out)
{
    struct unix_socket *u = unix_of(s);
    int r = 0;
    mutex_lock(&u->mu);
    if (!of_peer) {
        *out = u->own;
    } else if (u->out) {
        mutex_lock(&u->out->mu);
        *out = u->out->owner;
        mutex_unlock(&u->out->mu);
    } else {
        r = -ENOTCONN;
    }
    mutex_unlock(&u->mu);
    return r;
}

/* ---- data */

/* Where this send goes: counted. */
static int find_target(struct unix_socket *u, const struct net_message *m, struct unix_half **out)
{
    if (m->name.size && !is_connection(u)) {
        struct socket *found;
        int r = check_address(&m->name);
        if (r == 0)
            r = unix_name_find(&m->name, &found);
        if (r < 0)
            return r;
        *out = found->type == SOCK_DGRAM ? unix_half_get(unix_of(found)->in) : NULL;
        file_put(&found->file);
        return *out ? 0 : -EPROTOTYPE;
    }
    mutex_lock(&u->mu);
    int r = u->shut_write ? -EPIPE : u->out ? 0 : -ENOTCONN;
    *out = r == 0 ? unix_half_get(u->out) : NULL;
    if (r == 0 && m->name.size && is_connection(u))
        r = -EISCONN;
    mutex_unlock(&u->mu);
    if (r < 0) {
        unix_half_put(*out);
        *out = NULL;
    }
    return r;
}

static int wait_room(struct unix_half *h, bool stream, int64_t deadline)
{
    struct waiter w;
    int r = 0;
    if (deadline == 0)
        return -EAGAIN;
    wait_begin(&w, &h->room);
    while (!unix_half_can_push(h, stream) && r == 0)
        r = wait_sleep(deadline);
    wait_end(&w);
    return r == -ETIMEDOUT ? -EAGAIN : r < 0 ? -ERESTARTSYS : 0;
}

static int64_t unix_send(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct unix_socket *u = unix_of(s);
    bool stream = s->type == SOCK_STREAM;
    int64_t done = 0, deadline = socket_deadline(s, m->flags, true);
    struct linux_ucred cred = m->control && m->control->has_cred ? m->control->cred : own_cred();
    struct unix_half *to = NULL;
    if (m->flags & ~SEND_FLAGS)
        return -EOPNOTSUPP;
    if (!stream && b->left > UNIX_QUEUE_BYTES)
        return -EMSGSIZE;
    int64_t r = find_target(u, m, &to);
    while (r == 0) {
        uint32_t size = (uint32_t)(stream ? MIN(b->left, UNIX_CHUNK_MAX) : b->left);
        if (stream && size == 0)
            break;
        r = unix_half_push(to, b, size, !stream, &m->control, &u->own, &cred);
        if (r == -EAGAIN) {
            r = wait_room(to, stream, deadline);
            continue;
        }
        if (r < 0)
            break;
        done += r;
        r = 0;
        if (!stream || b->left == 0)
            break;
    }
    unix_half_put(to);
    if (r == -EPIPE && s->type == SOCK_DGRAM)
        r = -ECONNREFUSED; /* the receiver is gone */
    if (r == -EPIPE && done == 0 && !(m->flags & MSG_NOSIGNAL))
        (void)sigpipe_raise();
    return r < 0 && done == 0 ? r : done;
}

static int wait_data(struct unix_half *h, int64_t deadline)
{
    struct waiter w;
    int r = 0;
    if (deadline == 0)
        return -EAGAIN;
    wait_begin(&w, &h->wait);
    while (!unix_half_can_pull(h) && r == 0)
        r = wait_sleep(deadline);
    wait_end(&w);
    return r == -ETIMEDOUT ? -EAGAIN : r < 0 ? -ERESTARTSYS : 0;
}

static int64_t unix_recv(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct unix_socket *u = unix_of(s);
    bool stream = s->type == SOCK_STREAM;
    bool all = stream && (m->flags & MSG_WAITALL) && !(m->flags & MSG_PEEK);
    int64_t done = 0, r, deadline = socket_deadline(s, m->flags, false);
    if (m->flags & ~RECV_FLAGS)
        return -EOPNOTSUPP;
    if (m->flags & MSG_ERRQUEUE)
        return -EAGAIN;
    mutex_lock(&u->mu);
    struct unix_half *in = u->state == CONNECTED || !is_connection(u) ? u->in : NULL;
    r = in ? 0 : u->state == LISTENING || s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
    mutex_unlock(&u->mu);
    while (r == 0) {
        r = unix_half_pull(in, b, stream, m, s->pass_cred);
        if (r == -EAGAIN) {
            r = wait_data(in, deadline);
            continue;
        }
        if (r <= 0)
            break;
        done += r;
        if (!all || b->left == 0 || m->control)
            break;
        r = 0;
    }
    return r < 0 && done == 0 ? r : done;
}

/* ---- the rest */

static int unix_shutdown(struct socket *s, int how)
{
    struct unix_socket *u = unix_of(s);
    mutex_lock(&u->mu);
    if (is_connection(u) && u->state == FRESH) {
        mutex_unlock(&u->mu);
        return -ENOTCONN;
    }
    if (how != SHUT_WR) {
        u->shut_read = true;
        if (u->state != LISTENING)
            unix_half_shut_reader(u->in);
    }
    if (how != SHUT_RD) {
        u->shut_write = true;
        if (u->out && is_connection(u))
            unix_half_close_writer(u->out, false);
    }
    mutex_unlock(&u->mu);
    wake_all(&u->acceptable, 0);
    return 0;
}

static int get_int(void *value, uint32_t *size, int32_t v)
{
    memcpy(value, &v, sizeof(v));
    *size = sizeof(v);
    return 0;
}

static int unix_get_option(struct socket *s, int level, int name, void *value, uint32_t *size)
{
    struct unix_socket *u = unix_of(s);
    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    switch (name) {
    case SO_PEERCRED: {
        struct linux_ucred none = { 0, UINT32_MAX, UINT32_MAX };
        mutex_lock(&u->mu);
        memcpy(value, u->state == FRESH ? &none : &u->peer_cred, sizeof(none));
        mutex_unlock(&u->mu);
        *size = sizeof(none);
        return 0;
    }
    case SO_ACCEPTCONN: return get_int(value, size, u->state == LISTENING);
    case SO_SNDBUF:
    case SO_RCVBUF: return get_int(value, size, UNIX_QUEUE_BYTES);
    case SO_ERROR:
    case SO_REUSEADDR:
    case SO_KEEPALIVE:
    case SO_BROADCAST: return get_int(value, size, 0);
    case SO_LINGER:
        memset(value, 0, 8);
        *size = 8;
        return 0;
    default: return -ENOPROTOOPT;
    }
}

static int unix_set_option(struct socket *s, int level, int name, const void *value, uint32_t size)
{
    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    switch (name) { /* accepted, as they change nothing one could see between processes of one
                       machine */
    case SO_SNDBUF:
    case SO_RCVBUF:
    case SO_REUSEADDR:
    case SO_REUSEPORT:
    case SO_KEEPALIVE:
    case SO_BROADCAST:
    case SO_PRIORITY:
    case SO_LINGER: return size < sizeof(int32_t) ? -EINVAL : 0;
    default: return -ENOPROTOOPT;
    }
}

static uint32_t first_size(struct unix_half *h, bool stream)
{
    mutex_lock(&h->mu);
    uint32_t n = stream ? h->bytes
                 : list_empty(&h->messages)
                     ? 0
                     : list_entry(h->messages.next, struct unix_message, link)->size;
    mutex_unlock(&h->mu);
    return n;
}

static int64_t unix_ioctl(struct socket *s, uint32_t command, uint64_t arg)
{
    struct unix_socket *u = unix_of(s);
    bool stream = s->type == SOCK_STREAM;
    uint32_t n = 0;
    if (command != LINUX_FIONREAD && command != LINUX_TIOCOUTQ)
        return -ENOTTY;
    mutex_lock(&u->mu);
    int r = u->state == LISTENING ? -EINVAL : 0;
    struct unix_half *h = command == LINUX_FIONREAD ? u->in : u->out;
    if (h)
        n = first_size(h, stream || command == LINUX_TIOCOUTQ);
    mutex_unlock(&u->mu);
    return r < 0 ? r : ioctl_put_int(arg, (int)n);
}

/* Of a connection: what the peer did. */
static uint32_t hang_up(struct unix_socket *u)
{
    bool no_more = false, peer_gone = false;
    if (u->state == FRESH)
        return EPOLLHUP;
    mutex_lock(&u->in->mu);
    no_more = u->in->no_writer || u->in->no_reader;
    mutex_unlock(&u->in->mu);
    mutex_lock(&u->out->mu);
    peer_gone = u->out->no_reader;
    mutex_unlock(&u->out->mu);
    if (!no_more)
        return 0;
    return peer_gone || u->shut_write ? EPOLLRDHUP | EPOLLHUP : EPOLLRDHUP;
}

static uint32_t unix_poll(struct socket *s, struct poll *p)
{
    struct unix_socket *u = unix_of(s);
    uint32_t events = 0;
    poll_wait(p, &u->in->wait);
    if (is_connection(u))
        poll_wait(p, &u->acceptable);
    mutex_lock(&u->mu);
    if (u->state == LISTENING) {
        events = u->pending_count ? EPOLLIN | EPOLLRDNORM : 0;
        events |= u->shut_read ? EPOLLIN | EPOLLRDHUP | EPOLLHUP : 0;
    } else {
        events = unix_half_can_pull(u->in) ? EPOLLIN | EPOLLRDNORM : 0;
        /* A datagram socket is always called writable: its receivers do not announce room to it. */
        if (!is_connection(u) || !u->out || unix_half_can_push(u->out, true))
            events |= EPOLLOUT | EPOLLWRNORM;
        if (is_connection(u))
            events |= hang_up(u);
    }
    mutex_unlock(&u->mu);
    return events;
}

static void unix_release(struct socket *s)
{
    struct unix_socket *u = unix_of(s);
    unix_name_release(u->name);
    while (!list_empty(&u->pending)) {
        struct pending *p = list_entry(u->pending.next, struct pending, link);
        list_remove(&p->link);
        file_put(&p->socket->s.file);
        mem_free(p);
    }
    bool unread = is_connection(u) && first_size(u->in, true) > 0;
    if (u->out && is_connection(u))
        unix_half_close_writer(u->out, unread);
    unix_half_close_reader(u->in);
    unix_half_put(u->in);
    unix_half_put(u->out);
    mem_free(u);
}

static const struct socket_ops unix_ops = {
    .bind = unix_bind,
    .connect = unix_connect,
    .listen = unix_listen,
    .accept = unix_accept,
    .name = unix_getname,
    .send = unix_send,
    .recv = unix_recv,
    .shutdown = unix_shutdown,
    .set_option = unix_set_option,
    .get_option = unix_get_option,
    .ioctl = unix_ioctl,
    .poll = unix_poll,
    .release = unix_release,
};

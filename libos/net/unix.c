/*
 * AF_UNIX sockets: stream, seqpacket and datagram, between processes of this instance. The host
 * never sees a byte; sockets of the host's file system cannot be reached (ECONNREFUSED).
 *
 * Locks: g_passing_lock (unix_pass.c), then socket->mu, then unix_half.mu, then wait_queue.lock. Two sockets are never locked
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

static const struct socket_ops unix_ops;

struct linux_ucred unix_own_cred(void)
{
    const struct process *p = current()->process;
    return (struct linux_ucred){ p->pid, p->cred.euid, p->cred.egid };
}

struct unix_socket *unix_socket_new(int type, uint32_t flags)
{
    struct unix_socket *u = mem_zalloc(sizeof(*u));
    if (!u)
        return NULL;
    socket_init(&u->s, &unix_ops, AF_UNIX, type, 0, flags);
    list_init(&u->pending);
    list_init(&u->passing);
    list_init(&u->reached);
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
    struct unix_socket *u = unix_socket_new(type, flags);
    if (!u)
        return -ENOMEM;
    *out = &u->s.file;
    return 0;
}

void unix_socket_join(struct unix_socket *a, struct unix_socket *b)
{
    b->in->owner = b->own;
    a->out = unix_half_get(b->in);
    b->out = unix_half_get(a->in);
    if (unix_is_connection(a))
        unix_half_join(a->in, b->in);
    a->state = b->state = CONNECTED;
}

void unix_socket_unjoin(struct unix_socket *a, struct unix_socket *b)
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
    struct unix_socket *a = unix_socket_new(type, flags), *b = unix_socket_new(type, flags);
    if (!a || !b) {
        file_put(a ? &a->s.file : NULL);
        file_put(b ? &b->s.file : NULL);
        return -ENOMEM;
    }
    unix_socket_join(a, b);
    a->peer_cred = b->peer_cred = unix_own_cred();
    out[0] = &a->s.file;
    out[1] = &b->s.file;
    return 0;
}

/* ---- the rest */

static int unix_shutdown(struct socket *s, int how)
{
    struct unix_socket *u = unix_of(s);
    mutex_lock(&u->mu);
    if (unix_is_connection(u) && u->state == FRESH) {
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
        if (u->out && unix_is_connection(u))
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
    case SO_PEEK_OFF: return get_int(value, size, unix_half_peek_offset(u->in));
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
    int32_t n;
    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    if (name == SO_PEEK_OFF) {
        if (size < sizeof(n))
            return -EINVAL;
        memcpy(&n, value, sizeof(n));
        unix_half_set_peek_offset(unix_of(s)->in, n);
        return 0;
    }
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

uint32_t unix_first_size(struct unix_half *h, bool stream)
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
        n = unix_first_size(h, stream || command == LINUX_TIOCOUTQ);
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
    if (unix_is_connection(u))
        poll_wait(p, &u->acceptable);
    mutex_lock(&u->mu);
    if (u->state == LISTENING) {
        events = u->pending_count ? EPOLLIN | EPOLLRDNORM : 0;
        events |= u->shut_read ? EPOLLIN | EPOLLRDHUP | EPOLLHUP : 0;
    } else {
        events = unix_half_can_pull(u->in, false) ? EPOLLIN | EPOLLRDNORM : 0;
        if (!u->out || (unix_is_connection(u) ? unix_half_can_push(u->out)
                                              : unix_half_watch_room(u->out, u->in)))
            events |= EPOLLOUT | EPOLLWRNORM;
        if (unix_is_connection(u))
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
        struct unix_pending *p = list_entry(u->pending.next, struct unix_pending, link);
        list_remove(&p->link);
        file_put(&p->socket->s.file);
        mem_free(p);
    }
    bool unread = unix_is_connection(u) && unix_first_size(u->in, true) > 0;
    if (u->out && unix_is_connection(u))
        unix_half_close_writer(u->out, unread);
    unix_half_unwatch(u->in);
    unix_half_close_reader(u->in);
    unix_half_put(u->in);
    unix_half_put(u->out);
    mem_free(u);
    unix_pass_collect();
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

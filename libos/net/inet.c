/*
 * AF_INET and AF_INET6, stream and datagram, over sockets of the host. Nothing that goes through
 * them is protected by libos: that is TLS's job.
 *
 * Every host socket is non-blocking; blocking calls try, wait for readiness together with signals
 * and timeouts, and try again. What the host says is checked here: addresses by family and size,
 * options by size; lengths were checked at the gate. Options that are passed on are listed in
 * inet_options.c.
 */
#include "libos/net/inet.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/ioctl.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/sigpipe.h"
#include "libos/net/socket.h"
#include "libos/sys/iobuf.h"
#include "libos/sys/ioctl_arg.h"

#define DATAGRAM_MAX 65536u
#define GATHER_MAX   65536u /* small pieces of a stream are sent as one up to this */
#define SEND_FLAGS                                                                                 \
    (MSG_OOB | MSG_DONTROUTE | MSG_DONTWAIT | MSG_EOR | MSG_CONFIRM | MSG_NOSIGNAL | MSG_MORE)
#define RECV_FLAGS                                                                                 \
    (MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_ERRQUEUE | MSG_NOSIGNAL |   \
     MSG_CMSG_CLOEXEC)

struct inet_socket {
    struct socket s;
    int host_fd;
    bool connecting; /* a blocking connect was interrupted: its retry may find it done */
};

static struct inet_socket *inet_of(struct socket *s)
{
    return container_of(s, struct inet_socket, s);
}

/* ---- addresses */

/* An address of the program, cut to its family's size. AF_UNSPEC only where it means "disconnect".
 */
static int check_address(const struct socket *s, const struct net_address *a, bool may_unspec,
                         struct net_address *out)
{
    if (a->size < sizeof(uint16_t))
        return -EINVAL;
    *out = *a;
    if (may_unspec && a->a.family == AF_UNSPEC) {
        out->size = MIN(a->size, SOCKADDR_IN_SIZE);
        return 0;
    }
    uint32_t least = s->domain == AF_INET ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_MIN;
    uint32_t most = s->domain == AF_INET ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE;
    if (a->size < least)
        return -EINVAL;
    if (a->a.family != s->domain &&
        !(s->domain == AF_INET6 && a->a.family == AF_INET && s->type == SOCK_DGRAM) &&
        !(s->domain == AF_INET && a->a.family == AF_UNSPEC))
        return -EAFNOSUPPORT;
    out->size = MIN(a->size, most);
    return 0;
}

/* host may lie about an address: its size decides how much of it the program sees, its family how
 * it is read */
int inet_check_host_address(int domain, struct net_address *a)
{
    bool v4 = domain == AF_INET && a->size == SOCKADDR_IN_SIZE && a->a.family == AF_INET;
    bool v6 = domain == AF_INET6 && a->size == SOCKADDR_IN6_SIZE && a->a.family == AF_INET6;
    return v4 || v6 ? 0 : -EIO;
}

/* ---- making and connecting */

static const struct socket_ops inet_ops;

static int wrap(int host_fd, int domain, int type, int protocol, uint32_t flags, struct file **out)
{
    struct inet_socket *i = mem_zalloc(sizeof(*i));
    if (!i) {
        (void)host_call(close, (uint64_t)host_fd);
        return -ENOMEM;
    }
    socket_init(&i->s, &inet_ops, domain, type, protocol, flags);
    i->host_fd = host_fd;
    *out = &i->s.file;
    return 0;
}

int inet_create(int domain, int type, int protocol, uint32_t flags, struct file **out)
{
    if (type == SOCK_RAW)
        return -EPERM;
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    int own = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    if (protocol != 0 && protocol != own)
        return -EPROTONOSUPPORT;
    int64_t fd = host_call(socket, (uint64_t)domain,
                           (uint64_t)(type | SOCK_NONBLOCK | SOCK_CLOEXEC), (uint64_t)protocol);
    return fd < 0 ? (int)fd : wrap((int)fd, domain, type, own, flags, out);
}

static int inet_bind(struct socket *s, const struct net_address *a)
{
    struct net_address to;
    int r = check_address(s, a, false, &to);
    return r < 0 ? r : (int)host_call(bind, (uint64_t)inet_of(s)->host_fd, PTR(&to.a), to.size);
}

static int pending_error(struct inet_socket *i)
{
    uint8_t value[OPTION_MAX];
    uint32_t size = sizeof(int32_t);
    int32_t error;
    int64_t r = host_call(getsockopt, (uint64_t)i->host_fd, SOL_SOCKET, SO_ERROR, PTR(value),
                          PTR(&size));
    if (r < 0)
        return (int)r;
    memcpy(&error, value, sizeof(error));
    return size != sizeof(error) || error < 0 || error > 133 ? -EIO : -error;
}

static int inet_connect(struct socket *s, const struct net_address *a)
{
    struct inet_socket *i = inet_of(s);
    struct net_address to;
    int r = check_address(s, a, true, &to);
    if (r < 0)
        return r;
    r = (int)host_call(connect, (uint64_t)i->host_fd, PTR(&to.a), to.size);
    if (r == -EISCONN && i->connecting) {
        i->connecting = false;
        return 0;
    }
    if (r != -EINPROGRESS && !(r == -EALREADY && i->connecting))
        return r;
    int64_t deadline = socket_deadline(s, 0, true);
    if (deadline == 0)
        return r;
    i->connecting = true;
    r = file_wait(&s->file, EPOLLOUT, deadline);
    if (r == -EAGAIN)
        return -EINPROGRESS;
    if (r < 0)
        return r; /* interrupted: it goes on, and the restarted call waits for it again */
    i->connecting = false;
    return pending_error(i);
}

static int inet_listen(struct socket *s, int backlog)
{
    return (int)host_call(listen, (uint64_t)inet_of(s)->host_fd, (uint64_t)backlog);
}

static int inet_accept(struct socket *s, uint32_t flags, struct net_address *peer,
                       struct file **out)
{
    struct inet_socket *i = inet_of(s);
    int64_t deadline = socket_deadline(s, 0, false);
    for (;;) {
        peer->size = sizeof(peer->a);
        int64_t fd = host_call(accept4, (uint64_t)i->host_fd, PTR(&peer->a), PTR(&peer->size),
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (inet_check_host_address(s->domain, peer) < 0) {
                (void)host_call(close, (uint64_t)fd);
                return -EIO;
            }
            return wrap((int)fd, s->domain, s->type, s->protocol, flags, out);
        }
        if (fd == -EINTR)
            continue;
        if (fd != -EAGAIN || deadline == 0)
            return (int)fd;
        int r = file_wait(&s->file, EPOLLIN, deadline);
        if (r < 0)
            return r;
    }
}

static int inet_name(struct socket *s, bool of_peer, struct net_address *out)
{
    uint64_t fd = (uint64_t)inet_of(s)->host_fd;
    out->size = sizeof(out->a);
    int r = (int)(of_peer ? host_call(getpeername, fd, PTR(&out->a), PTR(&out->size))
                          : host_call(getsockname, fd, PTR(&out->a), PTR(&out->size)));
    return r < 0 ? r : inet_check_host_address(s->domain, out);
}

/* ---- sending */

static int64_t send_span(struct inet_socket *i, const struct net_address *to, uint64_t span,
                         uint64_t size, uint32_t flags, int64_t deadline)
{
    for (;;) {
        int64_t n = host_call(sendto, (uint64_t)i->host_fd, span, size,
                              flags | MSG_NOSIGNAL | MSG_DONTWAIT, to->size ? PTR(&to->a) : 0,
                              to->size);
        if (n != -EAGAIN || deadline == 0)
            return n;
        int r = file_wait(&i->s.file, EPOLLOUT, deadline);
        if (r < 0)
            return r;
    }
}

/* One datagram, or what is left of a scattered stream write, in one piece of our memory. */
static int64_t send_gathered(struct inet_socket *i, const struct net_address *to, struct iobuf *b,
                             uint64_t size, uint32_t flags, int64_t deadline)
{
    uint8_t *bounce = mem_alloc(size ? size : 1);
    if (!bounce)
        return -ENOMEM;
    struct iobuf ahead = *b; /* the stream may take less than we gathered */
    if (b->segments == b->inline_segments)
        ahead.segments = ahead.inline_segments;
    int64_t n = size ? iobuf_get(&ahead, bounce, size) : 0;
    if (n >= 0 && (uint64_t)n < size)
        n = -EFAULT;
    if (n >= 0)
        n = send_span(i, to, PTR(bounce), size, flags, deadline);
    if (n > 0)
        iobuf_advance(b, (uint64_t)n);
    mem_free(bounce);
    return n;
}

static int64_t send_some(struct inet_socket *i, const struct net_address *to, struct iobuf *b,
                         uint32_t flags, int64_t deadline)
{
    uint64_t size, span = iobuf_span(b, &size);
    bool stream = i->s.type == SOCK_STREAM;
    if (size == b->left && size != 0) {
        int64_t n = send_span(i, to, span, size, flags, deadline);
        if (n > 0)
            iobuf_advance(b, (uint64_t)n);
        return n;
    }
    if (!stream && b->left > DATAGRAM_MAX)
        return -EMSGSIZE;
    if (stream && size >= GATHER_MAX) {
        int64_t n = send_span(i, to, span, size, flags | MSG_MORE, deadline);
        if (n > 0)
            iobuf_advance(b, (uint64_t)n);
        return n;
    }
    return send_gathered(i, to, b, MIN(b->left, GATHER_MAX), flags, deadline);
}

static int64_t inet_send(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct inet_socket *i = inet_of(s);
    struct net_address to = { 0 };
    int64_t done = 0, r = 0, deadline = socket_deadline(s, m->flags, true);
    if (m->flags & ~SEND_FLAGS)
        return -EOPNOTSUPP;
    if (m->control)
        return -EINVAL;
    if (m->name.size && s->type == SOCK_DGRAM) { /* a stream ignores it */
        r = check_address(s, &m->name, false, &to);
        if (r < 0)
            return r;
    }
    uint32_t flags = m->flags & (MSG_OOB | MSG_DONTROUTE | MSG_EOR | MSG_CONFIRM | MSG_MORE);
    do {
        r = send_some(i, &to, b, flags, deadline);
        done += r > 0 ? r : 0;
    } while (s->type == SOCK_STREAM && b->left && r > 0);
    if (r == -EPIPE && done == 0 && s->type == SOCK_STREAM && !(m->flags & MSG_NOSIGNAL))
        return sigpipe_raise();
    return r < 0 && done == 0 ? r : done;
}

/* ---- receiving */

static int64_t recv_span(struct inet_socket *i, struct net_address *from, uint64_t span,
                         uint64_t size, uint32_t flags, int64_t deadline)
{
    for (;;) {
        from->size = sizeof(from->a);
        int64_t n = host_call(recvfrom, (uint64_t)i->host_fd, span, size, flags | MSG_DONTWAIT,
                              PTR(&from->a), PTR(&from->size));
        if (n < 0) /* host may have written a length before the gate refused its answer */
            from->size = 0;
        if (n != -EAGAIN || deadline == 0)
            return n;
        int r = file_wait(&i->s.file, EPOLLIN | EPOLLRDHUP, deadline);
        if (r < 0)
            return r;
    }
}

/* Whole into our memory, so that its true size is known: recvfrom() alone does not tell of
 * truncation. */
static int64_t recv_datagram(struct inet_socket *i, struct net_message *m, struct iobuf *b,
                             int64_t deadline)
{
    uint8_t *bounce = mem_alloc(DATAGRAM_MAX);
    if (!bounce)
        return -ENOMEM;
    int64_t n = recv_span(i, &m->name, PTR(bounce), DATAGRAM_MAX, m->flags & MSG_PEEK, deadline);
    int64_t moved = n > 0 && b->left ? iobuf_put(b, bounce, MIN((uint64_t)n, b->left)) : MIN(n, 0);
    mem_free(bounce);
    if (moved < 0)
        return moved;
    if (inet_check_host_address(i->s.domain, &m->name) < 0)
        return -EIO;
    if (moved < n)
        m->out_flags |= MSG_TRUNC;
    return m->flags & MSG_TRUNC ? n : moved;
}

static int64_t recv_stream(struct inet_socket *i, struct net_message *m, struct iobuf *b,
                           int64_t deadline)
{
    int64_t done = 0;
    uint32_t flags = m->flags & (MSG_PEEK | MSG_OOB | MSG_TRUNC);
    bool all = (m->flags & MSG_WAITALL) && !(m->flags & (MSG_PEEK | MSG_OOB));
    struct net_address ignored; /* a stream names nobody */
    for (;;) {
        uint64_t size, span = iobuf_span(b, &size);
        /* Once there is something, more is only taken when it is there already, or MSG_WAITALL
         * asks. */
        int64_t n = recv_span(i, &ignored, span, size, flags, done && !all ? 0 : deadline);
        if (n <= 0)
            return done ? done : n;
        iobuf_advance(b, (uint64_t)n);
        done += n;
        if (b->left == 0 || (flags & (MSG_PEEK | MSG_OOB)) || ((uint64_t)n < size && !all))
            return done;
    }
}

static int64_t inet_recv(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct inet_socket *i = inet_of(s);
    int64_t deadline = socket_deadline(s, m->flags, false);
    if (m->flags & ~RECV_FLAGS)
        return -EOPNOTSUPP;
    if (m->flags & MSG_ERRQUEUE)
        return -EAGAIN; /* no error queue: it is always empty */
    return s->type == SOCK_DGRAM ? recv_datagram(i, m, b, deadline)
                                 : recv_stream(i, m, b, deadline);
}

/* ---- the rest */

static int inet_shutdown(struct socket *s, int how)
{
    return (int)host_call(shutdown, (uint64_t)inet_of(s)->host_fd, (uint64_t)how);
}

static int inet_set(struct socket *s, int level, int name, const void *value, uint32_t size)
{
    return inet_set_option(inet_of(s)->host_fd, level, name, value, size);
}

static int inet_get(struct socket *s, int level, int name, void *value, uint32_t *size)
{
    return inet_get_option(inet_of(s)->host_fd, level, name, value, size);
}

static int64_t inet_ioctl(struct socket *s, uint32_t command, uint64_t arg)
{
    uint8_t value[64] = { 0 };
    int32_t n;
    if (command != LINUX_FIONREAD && command != LINUX_TIOCOUTQ && command != LINUX_SIOCATMARK)
        return -ENOTTY;
    int64_t r = host_call(ioctl, (uint64_t)inet_of(s)->host_fd, command, PTR(value));
    if (r < 0)
        return r;
    memcpy(&n, value, sizeof(n));
    return n < 0 ? -EIO : ioctl_put_int(arg, n);
}

#define POLL_EVENTS                                                                                \
    (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLRDNORM | EPOLLWRNORM | EPOLLRDBAND |        \
     EPOLLWRBAND)

static uint32_t inet_poll(struct socket *s, struct poll *p)
{
    int fd = inet_of(s)->host_fd;
    if (!p)
        return poll_host_now(fd, POLL_EVENTS);
    poll_host(p, fd, POLL_EVENTS);
    return 0;
}

static void inet_release(struct socket *s)
{
    struct inet_socket *i = inet_of(s);
    (void)host_call(close, (uint64_t)i->host_fd);
    mem_free(i);
}

static const struct socket_ops inet_ops = {
    .bind = inet_bind,
    .connect = inet_connect,
    .listen = inet_listen,
    .accept = inet_accept,
    .name = inet_name,
    .send = inet_send,
    .recv = inet_recv,
    .shutdown = inet_shutdown,
    .set_option = inet_set,
    .get_option = inet_get,
    .ioctl = inet_ioctl,
    .poll = inet_poll,
    .release = inet_release,
};

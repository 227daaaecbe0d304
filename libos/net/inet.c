/*
 * AF_INET and AF_INET6, stream and datagram, and streams of AF_VSOCK, over sockets of the host.
 * Nothing that goes through them is protected by libos: that is TLS's job.
 *
 * Host sockets are made non-blocking; blocking calls try, wait for readiness together with signals
 * and timeouts, and try again. Only a connected stream becomes blocking, for the reads of
 * inet_data.c that wait; all else done to it says MSG_DONTWAIT or cannot block. What the host says
 * is checked here: addresses by family and size, options by size; lengths were checked at the gate.
 * Options that are passed on are listed in inet_options.c.
 */
#include "libos/net/inet.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/ioctl.h"
#include "libos/ipc/poll.h"
#include "libos/sys/ioctl_arg.h"

/* ---- addresses */

int inet_check_address(const struct socket *s, const struct net_address *a, bool may_unspec,
                       struct net_address *out)
{
    if (a->size < sizeof(uint16_t))
        return -EINVAL;
    *out = *a;
    if (may_unspec && a->a.family == AF_UNSPEC) {
        out->size = MIN(a->size, SOCKADDR_IN_SIZE);
        return 0;
    }
    if (s->domain == AF_VSOCK) {
        out->size = SOCKADDR_VM_SIZE;
        return a->a.family != AF_VSOCK || a->size < SOCKADDR_VM_SIZE ? -EINVAL : 0;
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
    bool vm = domain == AF_VSOCK && a->size == SOCKADDR_VM_SIZE && a->a.family == AF_VSOCK;
    return v4 || v6 || vm ? 0 : -EIO;
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

/* 0: this family has such sockets, and *own is the protocol they are of. */
static int check_kind(int domain, int type, int protocol, int *own)
{
    if (domain == AF_VSOCK) { /* no messages, as before Linux 5.14 */
        *own = 0;
        return protocol != 0 && protocol != AF_VSOCK ? -EPROTONOSUPPORT
               : type != SOCK_STREAM                 ? -ESOCKTNOSUPPORT
                                                     : 0;
    }
    if (type == SOCK_RAW)
        return -EPERM;
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    *own = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    if (type == SOCK_DGRAM && protocol == IPPROTO_UDPLITE)
        *own = protocol;
    return protocol != 0 && protocol != *own ? -EPROTONOSUPPORT : 0;
}

int inet_create(int domain, int type, int protocol, uint32_t flags, struct file **out)
{
    int own, r = check_kind(domain, type, protocol, &own);
    if (r < 0)
        return r;
    int64_t fd = host_call(socket, (uint64_t)domain,
                           (uint64_t)(type | SOCK_NONBLOCK | SOCK_CLOEXEC), (uint64_t)protocol);
    return fd < 0 ? (int)fd : wrap((int)fd, domain, type, own, flags, out);
}

static int inet_bind(struct socket *s, const struct net_address *a)
{
    struct net_address to;
    int r = inet_check_address(s, a, false, &to);
    return r < 0 ? r : (int)host_call(bind, (uint64_t)inet_of(s)->host_fd, PTR(&to.a), to.size);
}

int inet_pending_error(struct inet_socket *i)
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

/* mode_mu held */
static bool set_host_waits(struct inet_socket *i, bool waits)
{
    if (i->host_waits != waits &&
        host_call(fcntl, (uint64_t)i->host_fd, F_SETFL, waits ? 0 : O_NONBLOCK) == 0)
        __atomic_store_n(&i->host_waits, waits, __ATOMIC_RELEASE);
    return i->host_waits == waits;
}

bool inet_let_host_wait(struct inet_socket *i)
{
    if (__atomic_load_n(&i->host_waits, __ATOMIC_ACQUIRE))
        return true;
    if (i->s.type != SOCK_STREAM || i->s.domain == AF_VSOCK)
        return false;
    mutex_lock(&i->mode_mu);
    bool waits = i->connected && !i->host_never_waits && set_host_waits(i, true);
    mutex_unlock(&i->mode_mu);
    return waits;
}

bool inet_keep_host_from_waiting(struct inet_socket *i)
{
    if (__atomic_load_n(&i->host_never_waits, __ATOMIC_ACQUIRE))
        return true;
    mutex_lock(&i->mode_mu);
    bool good = set_host_waits(i, false);
    if (good)
        __atomic_store_n(&i->host_never_waits, true, __ATOMIC_RELEASE);
    mutex_unlock(&i->mode_mu);
    return good;
}

/* What connect() is about to change, or has. It and accept4() of the host must not wait. */
static int set_connected(struct inet_socket *i, bool connected, bool *before)
{
    mutex_lock(&i->mode_mu);
    *before = i->connected;
    i->connected = connected;
    bool good = connected || set_host_waits(i, false);
    mutex_unlock(&i->mode_mu);
    return good ? 0 : -EIO;
}

static int connect_to(struct inet_socket *i, const struct net_address *to)
{
    struct socket *s = &i->s;
    int r = (int)host_call(connect, (uint64_t)i->host_fd, PTR(&to->a), to->size);
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
    return inet_pending_error(i);
}

static int inet_connect(struct socket *s, const struct net_address *a)
{
    struct inet_socket *i = inet_of(s);
    struct net_address to;
    bool before, ignored;
    int r = inet_check_address(s, a, true, &to);
    if (r < 0)
        return r;
    r = set_connected(i, false, &before);
    if (r < 0)
        return r;
    r = connect_to(i, &to);
    if (to.a.family == AF_UNSPEC || s->type != SOCK_STREAM || (r != 0 && r != -EISCONN))
        return r;
    (void)set_connected(i, true, &ignored);
    /* to the host, the first call after a non-blocking connect is what ends it */
    return before ? -EISCONN : r;
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
            int r = wrap((int)fd, s->domain, s->type, s->protocol, flags, out);
            if (r == 0) { /* options are inherited */
                inet_of(socket_of(*out))->asked = __atomic_load_n(&i->asked, __ATOMIC_ACQUIRE);
                inet_of(socket_of(*out))->connected = true;
            }
            return r;
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

/* ---- the rest */

static int inet_shutdown(struct socket *s, int how)
{
    return (int)host_call(shutdown, (uint64_t)inet_of(s)->host_fd, (uint64_t)how);
}

static int inet_set(struct socket *s, int level, int name, const void *value, uint32_t size)
{
    struct inet_socket *i = inet_of(s);
    int r = inet_set_option(i->host_fd, level, name, value, size);
    if (r == 0) /* turned off again too: datagrams that came before still carry them */
        __atomic_fetch_or(&i->asked, inet_control_bit(level, name), __ATOMIC_RELEASE);
    return r;
}

/* Which levels of options the protocol answers for itself. */
static bool is_own_level(const struct socket *s, int level)
{
    switch (level) {
    case SOL_SOCKET:
    case IPPROTO_IP: return true;
    case IPPROTO_TCP: return s->type == SOCK_STREAM;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE: return s->type == SOCK_DGRAM;
    default: return false;
    }
}

static int inet_get(struct socket *s, int level, int name, void *value, uint32_t *size)
{
    int r = inet_get_option(inet_of(s)->host_fd, level, name, value, size);
    return r == -ENOPROTOOPT && s->domain == AF_INET && !is_own_level(s, level) ? -EOPNOTSUPP : r;
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
    .send_from = inet_send_from,
    .recv = inet_recv,
    .shutdown = inet_shutdown,
    .set_option = inet_set,
    .get_option = inet_get,
    .ioctl = inet_ioctl,
    .poll = inet_poll,
    .release = inet_release,
};

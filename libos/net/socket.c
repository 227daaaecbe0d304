/*
 * What all socket families share: the file operations, timeouts, and the options that are ours to
 * keep. Host values never get here; each family checks its own.
 */
#include "libos/net/socket.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/stat.h"
#include "lib/linux/time.h"
#include "libos/ipc/poll.h"
#include "libos/net/interface.h"

static const struct file_ops socket_file_ops;

struct socket *socket_of(struct file *f)
{
    return f->ops == &socket_file_ops ? container_of(f, struct socket, file) : NULL;
}

void socket_init(struct socket *s, const struct socket_ops *ops, int domain, int type, int protocol,
                 uint32_t flags)
{
    file_init(&s->file, &socket_file_ops, O_RDWR | (flags & SOCK_NONBLOCK));
    s->ops = ops;
    s->domain = domain;
    s->type = type;
    s->protocol = protocol;
}

int socket_create(int domain, int type, int protocol, uint32_t flags, struct file **out)
{
    switch (domain) {
    case AF_UNIX: return unix_create(type, protocol, flags, out);
    case AF_INET:
    case AF_INET6:
    case AF_VSOCK: return inet_create(domain, type, protocol, flags, out);
    case AF_NETLINK: return netlink_create(type, protocol, flags, out);
    default: return -EAFNOSUPPORT;
    }
}

int socket_create_pair(int domain, int type, int protocol, uint32_t flags, struct file *out[2])
{
    if (domain == AF_UNIX)
        return unix_create_pair(type, protocol, flags, out);
    return domain == AF_INET || domain == AF_INET6 || domain == AF_VSOCK ? -EOPNOTSUPP
                                                                         : -EAFNOSUPPORT;
}

int64_t socket_deadline(const struct socket *s, uint32_t message_flags, bool sending)
{
    int64_t timeout = sending ? s->send_timeout : s->receive_timeout, deadline;
    if ((s->file.flags & O_NONBLOCK) || (message_flags & MSG_DONTWAIT))
        return 0;
    if (timeout == 0 || __builtin_add_overflow(clock_monotonic(), timeout, &deadline))
        return PARK_FOREVER;
    return deadline;
}

/* ---- options kept here for every family */

static int set_timeout(int64_t *to, const void *value, uint32_t size)
{
    struct linux_timeval tv;
    if (size < sizeof(tv))
        return -EINVAL;
    memcpy(&tv, value, sizeof(tv));
    if (tv.usec < 0 || tv.usec >= 1000000)
        return -EDOM;
    if (tv.sec < 0)
        tv.sec = tv.usec = 0;
    if (__builtin_mul_overflow(tv.sec, NSEC_PER_SEC, to) ||
        __builtin_add_overflow(*to, tv.usec * 1000, to))
        *to = 0;
    return 0;
}

int socket_set_option(struct socket *s, int level, int name, const void *value, uint32_t size)
{
    int32_t on;
    if (level == SOL_SOCKET && name == SO_RCVTIMEO)
        return set_timeout(&s->receive_timeout, value, size);
    if (level == SOL_SOCKET && name == SO_SNDTIMEO)
        return set_timeout(&s->send_timeout, value, size);
    if (level == SOL_SOCKET && name == SO_PASSCRED) {
        if (size < sizeof(on))
            return -EINVAL;
        memcpy(&on, value, sizeof(on));
        s->pass_cred = on != 0;
        return 0;
    }
    return s->ops->set_option ? s->ops->set_option(s, level, name, value, size) : -ENOPROTOOPT;
}

static void put_int(void *value, uint32_t *size, int32_t v)
{
    memcpy(value, &v, sizeof(v));
    *size = sizeof(v);
}

static void put_timeout(void *value, uint32_t *size, int64_t ns)
{
    struct linux_timeval tv = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 1000 };
    memcpy(value, &tv, sizeof(tv));
    *size = sizeof(tv);
}

int socket_get_option(struct socket *s, int level, int name, void *value, uint32_t *size)
{
    if (level == SOL_SOCKET) {
        switch (name) {
        case SO_DEBUG: put_int(value, size, 0); return 0;
        case SO_TYPE: put_int(value, size, s->type); return 0;
        case SO_DOMAIN: put_int(value, size, s->domain); return 0;
        case SO_PROTOCOL: put_int(value, size, s->protocol); return 0;
        case SO_PASSCRED: put_int(value, size, s->pass_cred); return 0;
        case SO_RCVTIMEO: put_timeout(value, size, s->receive_timeout); return 0;
        case SO_SNDTIMEO: put_timeout(value, size, s->send_timeout); return 0;
        }
    }
    return s->ops->get_option ? s->ops->get_option(s, level, name, value, size) : -ENOPROTOOPT;
}

const char *socket_protocol_name(const struct socket *s)
{
    bool six = s->domain == AF_INET6;
    switch (s->domain) {
    case AF_UNIX: return s->type == SOCK_STREAM ? "UNIX-STREAM" : "UNIX";
    case AF_NETLINK: return "NETLINK";
    case AF_INET:
    case AF_INET6: break;
    default: return "AF_VSOCK";
    }
    if (s->type == SOCK_STREAM)
        return six ? "TCPv6" : "TCP";
    if (s->type == SOCK_RAW)
        return six ? "RAWv6" : "RAW";
    if (s->protocol == IPPROTO_UDPLITE)
        return six ? "UDPLITEv6" : "UDP-Lite";
    return six ? "UDPv6" : "UDP";
}

/* ---- a socket as a file */

static int64_t socket_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct socket *s = container_of(f, struct socket, file);
    struct net_message m = { 0 };
    int64_t r = s->ops->recv(s, &m, b);
    net_control_free(m.control);
    return r;
}

static int64_t socket_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct socket *s = container_of(f, struct socket, file);
    struct net_message m = { 0 };
    return s->ops->send(s, &m, b);
}

static int64_t socket_send_from(struct file *f, int from, int64_t offset, uint64_t count)
{
    struct socket *s = container_of(f, struct socket, file);
    return s->ops->send_from ? s->ops->send_from(s, from, offset, count) : -EOPNOTSUPP;
}

static int socket_stat(struct file *f, struct linux_stat *st)
{
    *st = (struct linux_stat){
        .dev = 8, .ino = f->ino, .nlink = 1, .mode = S_IFSOCK | 0777, .blksize = 4096
    };
    return 0;
}

static uint32_t socket_poll(struct file *f, struct poll *p)
{
    struct socket *s = container_of(f, struct socket, file);
    return s->ops->poll(s, p);
}

static int64_t socket_ioctl(struct file *f, uint32_t command, uint64_t arg)
{
    struct socket *s = container_of(f, struct socket, file);
    int64_t r = interface_ioctl(command, arg);
    return r != -ENOTTY || !s->ops->ioctl ? r : s->ops->ioctl(s, command, arg);
}

static void socket_release(struct file *f)
{
    struct socket *s = container_of(f, struct socket, file);
    s->ops->release(s);
}

static const struct file_ops socket_file_ops = {
    .kind = "socket",
    .async = EPOLLIN | EPOLLHUP,
    .read = socket_read,
    .write = socket_write,
    .send_from = socket_send_from,
    .stat = socket_stat,
    .poll = socket_poll,
    .ioctl = socket_ioctl,
    .release = socket_release,
};

struct net_control *net_control_new(uint32_t file_room)
{
    return mem_zalloc(sizeof(struct net_control) + file_room * sizeof(struct file *));
}

void net_control_free(struct net_control *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->file_count; i++)
        file_put(c->files[i]);
    mem_free(c->bytes);
    mem_free(c);
}

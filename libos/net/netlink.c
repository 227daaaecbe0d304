/*
 * NETLINK_ROUTE, answered inside: one interface, lo, with 127.0.0.1 and ::1. That is what
 * getaddrinfo(), getifaddrs() and servers that list interfaces need; the host's real interfaces are
 * the host's word and nothing to build on. Every other request is answered with -EOPNOTSUPP in a
 * netlink error message.
 *
 * Requests are the program's bytes: parsed with explicit lengths.
 */
#include "lib/linux/netlink.h"
#include "enclave/heap.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/ipc/poll.h"
#include "libos/net/socket.h"
#include "libos/proc/process.h"
#include "libos/sys/iobuf.h"

#define REQUEST_MAX 4096u
#define REPLY_ROOM  1024u
#define LO_INDEX    1

struct reply {
    struct list link;
    uint32_t size;
    uint8_t bytes[REPLY_ROOM];
};

struct netlink {
    struct socket s;
    struct mutex mu;
    struct list replies; /* mu */
    uint32_t pid;        /* mu; 0: not bound */
    struct wait_queue wait;
};

static uint32_t g_next_port = 1u << 20; /* atomic; for sockets after a process's first */

static struct netlink *netlink_of(struct socket *s)
{
    return container_of(s, struct netlink, s);
}

/* ---- building answers */

static void put(struct reply *r, const void *data, uint32_t size)
{
    memcpy(r->bytes + r->size, data, size);
    memset(r->bytes + r->size + size, 0, ALIGN_UP(size, 4u) - size);
    r->size += ALIGN_UP(size, 4u);
}

static void put_attr(struct reply *r, uint16_t type, const void *data, uint32_t size)
{
    struct linux_rtattr a = { (uint16_t)(sizeof(a) + size), type };
    put(r, &a, sizeof(a));
    put(r, data, size);
}

static uint32_t begin(struct reply *r, const struct linux_nlmsghdr *request, uint32_t pid,
                      uint16_t type, uint16_t flags)
{
    struct linux_nlmsghdr h = { .type = type, .flags = flags, .seq = request->seq, .pid = pid };
    uint32_t at = r->size;
    put(r, &h, sizeof(h));
    return at;
}

static void finish(struct reply *r, uint32_t at)
{
    store_le32(r->bytes + at, r->size - at);
}

static void put_link(struct reply *r, const struct linux_nlmsghdr *request, uint32_t pid,
                     uint16_t flags)
{
    struct linux_ifinfomsg m = { .type = ARPHRD_LOOPBACK,
                                 .index = LO_INDEX,
                                 .flags = IFF_LOOPBACK_UP };
    uint32_t mtu = 65536, queue = 1000, at = begin(r, request, pid, RTM_NEWLINK, flags);
    uint8_t none[6] = { 0 }, state = 0;
    put(r, &m, sizeof(m));
    put_attr(r, IFLA_IFNAME, "lo", 3);
    put_attr(r, IFLA_TXQLEN, &queue, sizeof(queue));
    put_attr(r, IFLA_OPERSTATE, &state, sizeof(state));
    put_attr(r, IFLA_MTU, &mtu, sizeof(mtu));
    put_attr(r, IFLA_ADDRESS, none, sizeof(none));
    put_attr(r, IFLA_BROADCAST, none, sizeof(none));
    finish(r, at);
}

static void put_address(struct reply *r, const struct linux_nlmsghdr *request, uint32_t pid,
                        uint8_t family)
{
    static const uint8_t v4[4] = { 127, 0, 0, 1 }, v6[16] = { [15] = 1 };
    bool is4 = family == AF_INET;
    const uint8_t *address = is4 ? v4 : v6;
    uint32_t size = is4 ? sizeof(v4) : sizeof(v6), flags = IFA_F_PERMANENT;
    struct linux_ifaddrmsg m = { .family = family,
                                 .prefix = is4 ? 8 : 128,
                                 .flags = IFA_F_PERMANENT,
                                 .scope = RT_SCOPE_HOST,
                                 .index = LO_INDEX };
    uint32_t at = begin(r, request, pid, RTM_NEWADDR, NLM_F_MULTI);
    put(r, &m, sizeof(m));
    put_attr(r, IFA_ADDRESS, address, size);
    if (is4) {
        put_attr(r, IFA_LOCAL, address, size);
        put_attr(r, IFA_LABEL, "lo", 3);
    }
    put_attr(r, IFA_FLAGS, &flags, sizeof(flags));
    finish(r, at);
}

static void put_done(struct reply *r, const struct linux_nlmsghdr *request, uint32_t pid)
{
    int32_t result = 0;
    uint32_t at = begin(r, request, pid, NLMSG_DONE, NLM_F_MULTI);
    put(r, &result, sizeof(result));
    finish(r, at);
}

static void put_error(struct reply *r, const struct linux_nlmsghdr *request, uint32_t pid,
                      int32_t error)
{
    uint32_t at = begin(r, request, pid, NLMSG_ERROR, 0);
    put(r, &error, sizeof(error));
    put(r, request, sizeof(*request));
    finish(r, at);
}

/* family: first byte after the header; 0 asks for all. */
static void answer(struct reply *r, const struct linux_nlmsghdr *request, uint32_t pid,
                   uint8_t family)
{
    bool dump = request->flags & NLM_F_DUMP;
    switch (request->type) {
    case RTM_GETLINK: put_link(r, request, pid, dump ? NLM_F_MULTI : 0); break;
    case RTM_GETADDR:
        if (family == AF_UNSPEC || family == AF_INET)
            put_address(r, request, pid, AF_INET);
        if (family == AF_UNSPEC || family == AF_INET6)
            put_address(r, request, pid, AF_INET6);
        dump = true;
        break;
    case RTM_GETROUTE:
    case RTM_GETNEIGH:
    case RTM_GETRULE:
        if (dump)
            break; /* there are none */
        put_error(r, request, pid, -ENETUNREACH);
        return;
    default: put_error(r, request, pid, -EOPNOTSUPP); return;
    }
    if (dump)
        put_done(r, request, pid);
}

/* ---- the socket */

static void bind_locked(struct netlink *n, uint32_t pid)
{
    if (pid == 0 && n->pid == 0)
        pid = __atomic_fetch_add(&g_next_port, 1, __ATOMIC_RELAXED);
    if (pid)
        n->pid = pid;
}

static int netlink_bind(struct socket *s, const struct net_address *a)
{
    struct netlink *n = netlink_of(s);
    struct linux_sockaddr_nl nl;
    if (a->size < sizeof(nl) || a->a.family != AF_NETLINK)
        return -EINVAL;
    memcpy(&nl, &a->a, sizeof(nl));
    mutex_lock(&n->mu);
    int r = n->pid && nl.pid && n->pid != nl.pid ? -EINVAL : 0;
    if (r == 0)
        bind_locked(n, nl.pid);
    mutex_unlock(&n->mu);
    return r;
}

static void fill_address(uint32_t pid, struct net_address *out)
{
    struct linux_sockaddr_nl nl = { .family = AF_NETLINK, .pid = pid };
    memset(out, 0, sizeof(*out));
    memcpy(&out->a, &nl, sizeof(nl));
    out->size = sizeof(nl);
}

static int netlink_name(struct socket *s, bool of_peer, struct net_address *out)
{
    fill_address(of_peer ? 0 : netlink_of(s)->pid, out); /* the peer is always the kernel, port 0 */
    return 0;
}

static int netlink_connect(struct socket *s, const struct net_address *a)
{
    struct netlink *n = netlink_of(s);
    mutex_lock(&n->mu);
    bind_locked(n, 0);
    mutex_unlock(&n->mu);
    return a->size >= sizeof(struct linux_sockaddr_nl) ? 0 : -EINVAL;
}

static int handle_requests(struct netlink *n, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t at = 0; size - at >= sizeof(struct linux_nlmsghdr);) {
        struct linux_nlmsghdr h;
        memcpy(&h, bytes + at, sizeof(h));
        if (h.length < sizeof(h) || h.length > size - at)
            return 0; /* Linux ignores the rest */
        struct reply *r = mem_zalloc(sizeof(*r));
        if (!r)
            return -ENOBUFS;
        answer(r, &h, n->pid, h.length > sizeof(h) ? bytes[at + sizeof(h)] : AF_UNSPEC);
        list_push_back(&n->replies, &r->link);
        if (ALIGN_UP(h.length, 4u) >= size - at)
            break;
        at += ALIGN_UP(h.length, 4u);
    }
    return 0;
}

static int64_t netlink_send(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct netlink *n = netlink_of(s);
    uint32_t size = (uint32_t)MIN(b->left, REQUEST_MAX);
    if (b->left > REQUEST_MAX)
        return -EMSGSIZE;
    uint8_t *bytes = mem_alloc(REQUEST_MAX);
    if (!bytes)
        return -ENOMEM;
    int64_t r = size ? iobuf_get(b, bytes, size) : 0;
    if (r >= 0 && (uint64_t)r < size)
        r = -EFAULT;
    if (r >= 0) {
        mutex_lock(&n->mu);
        bind_locked(n, 0);
        int err = handle_requests(n, bytes, size);
        mutex_unlock(&n->mu);
        r = err < 0 ? err : r;
        wake_all(&n->wait, EPOLLIN | EPOLLRDNORM);
    }
    mem_free(bytes);
    return r;
}

static struct reply *take_reply(struct netlink *n, bool peek)
{
    mutex_lock(&n->mu);
    struct reply *r = list_empty(&n->replies) ? NULL
                                              : list_entry(n->replies.next, struct reply, link);
    if (r && !peek)
        list_remove(&r->link);
    mutex_unlock(&n->mu);
    return r;
}

static int64_t netlink_recv(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct netlink *n = netlink_of(s);
    int64_t deadline = socket_deadline(s, m->flags, false);
    bool peek = m->flags & MSG_PEEK;
    struct reply *r;
    while (!(r = take_reply(n, peek))) {
        int err = deadline ? file_wait(&s->file, EPOLLIN, deadline) : -EAGAIN;
        if (err < 0)
            return err;
    }
    uint64_t size = MIN(r->size, b->left);
    int64_t moved = size ? iobuf_put(b, r->bytes, size) : 0;
    int64_t whole = r->size;
    if (size < r->size)
        m->out_flags |= MSG_TRUNC;
    if (!peek)
        mem_free(r);
    fill_address(0, &m->name);
    return moved >= 0 && (m->flags & MSG_TRUNC) ? whole : moved;
}

static uint32_t netlink_poll(struct socket *s, struct poll *p)
{
    struct netlink *n = netlink_of(s);
    poll_wait(p, &n->wait);
    mutex_lock(&n->mu);
    bool any = !list_empty(&n->replies);
    mutex_unlock(&n->mu);
    return EPOLLOUT | EPOLLWRNORM | (any ? EPOLLIN | EPOLLRDNORM : 0);
}

#define SO_OPTION_LAST      83
#define NETLINK_OPTION_LAST 12

/* Buffer sizes, membership of groups that never speak, extended errors: nothing that changes an
 * answer. */
static int netlink_set_option(struct socket *s, int level, int name, const void *value,
                              uint32_t size)
{
    bool known = (level == SOL_SOCKET && name > 0 && name <= SO_OPTION_LAST) ||
                 (level == 270 /* SOL_NETLINK */ && name > 0 && name <= NETLINK_OPTION_LAST);
    return known ? 0 : -ENOPROTOOPT;
}

static void netlink_release(struct socket *s)
{
    struct netlink *n = netlink_of(s);
    struct reply *r;
    while ((r = take_reply(n, false)))
        mem_free(r);
    mem_free(n);
}

static const struct socket_ops netlink_ops = {
    .bind = netlink_bind,
    .connect = netlink_connect,
    .name = netlink_name,
    .send = netlink_send,
    .recv = netlink_recv,
    .set_option = netlink_set_option,
    .poll = netlink_poll,
    .release = netlink_release,
};

int netlink_create(int type, int protocol, uint32_t flags, struct file **out)
{
    if (type != SOCK_RAW && type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    if (protocol != NETLINK_ROUTE)
        return -EPROTONOSUPPORT;
    struct netlink *n = mem_zalloc(sizeof(*n));
    if (!n)
        return -ENOMEM;
    socket_init(&n->s, &netlink_ops, AF_NETLINK, type, protocol, flags);
    list_init(&n->replies);
    wait_queue_init(&n->wait);
    *out = &n->s.file;
    return 0;
}

bool netlink_is_socket(struct file *f)
{
    struct socket *s = socket_of(f);
    return s && s->ops == &netlink_ops;
}

void netlink_deliver(struct file *f, const void *bytes, uint32_t size)
{
    struct netlink *n = netlink_of(socket_of(f));
    struct reply *r = mem_alloc(sizeof(*r));
    if (!r)
        return;
    assert(size <= REPLY_ROOM);
    memcpy(r->bytes, bytes, size);
    r->size = size;
    mutex_lock(&n->mu);
    list_push_back(&n->replies, &r->link);
    mutex_unlock(&n->mu);
    wake_all(&n->wait, EPOLLIN | EPOLLRDNORM);
}

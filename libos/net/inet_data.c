/*
 * Sending and receiving on Internet sockets: the host is asked not to block, so calls that do try,
 * wait for readiness together with signals and timeouts, and try again. A stream that is waited for
 * without a timeout is read by the host's own blocking read(): one call instead of three. Control
 * messages: inet_control.c.
 */
#include "libos/net/inet.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/boundary/message.h"
#include "lib/linux/errno.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/sigpipe.h"
#include "libos/ipc/wait.h"
#include "libos/sys/iobuf.h"

#define DATAGRAM_MAX 65536u
#define GATHER_MAX   65536u /* small pieces of a stream are sent as one up to this */
#define SEND_FLAGS                                                                                 \
    (MSG_OOB | MSG_DONTROUTE | MSG_DONTWAIT | MSG_EOR | MSG_CONFIRM | MSG_NOSIGNAL | MSG_MORE |    \
     MSG_FASTOPEN)
#define RECV_FLAGS                                                                                 \
    (MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_ERRQUEUE | MSG_NOSIGNAL |   \
     MSG_CMSG_CLOEXEC)

/* ---- sending */

/* One send: where to, and what goes with its first host call. */
struct sending {
    struct net_address to;
    const struct net_control *control; /* NULL: none */
    uint32_t flags;
    int64_t deadline;
};

static int64_t send_controlled(struct inet_socket *i, const struct sending *w, uint64_t span,
                               uint64_t size, uint32_t flags)
{
    struct host_message h = { .name_size = w->to.size, .control_size = w->control->size };
    h.name = w->to.a;
    memcpy(h.control, w->control->bytes, w->control->size);
    return host_call(sendmsg, (uint64_t)i->host_fd, span, size, flags, PTR(&h));
}

static int64_t send_span(struct inet_socket *i, const struct sending *w, uint64_t span,
                         uint64_t size, uint32_t more)
{
    uint32_t flags = w->flags | more | MSG_NOSIGNAL | MSG_DONTWAIT;
    for (;;) {
        int64_t n = w->control ? send_controlled(i, w, span, size, flags)
                               : host_call(sendto, (uint64_t)i->host_fd, span, size, flags,
                                           w->to.size ? PTR(&w->to.a) : 0, w->to.size);
        if (n != -EAGAIN || w->deadline == 0)
            return n;
        int r = file_wait(&i->s.file, EPOLLOUT, w->deadline);
        if (r < 0)
            return r;
    }
}

/* One datagram, or what is left of a scattered stream write, in one piece of our memory. */
static int64_t send_gathered(struct inet_socket *i, const struct sending *w, struct iobuf *b,
                             uint64_t size)
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
        n = send_span(i, w, PTR(bounce), size, 0);
    if (n > 0)
        iobuf_advance(b, (uint64_t)n);
    mem_free(bounce);
    return n;
}

static int64_t send_some(struct inet_socket *i, const struct sending *w, struct iobuf *b)
{
    uint64_t size, span = iobuf_span(b, &size);
    bool stream = i->s.type == SOCK_STREAM;
    if (size == b->left && size != 0) {
        int64_t n = send_span(i, w, span, size, 0);
        if (n > 0)
            iobuf_advance(b, (uint64_t)n);
        return n;
    }
    if (!stream && b->left > DATAGRAM_MAX)
        return -EMSGSIZE;
    if (stream && size >= GATHER_MAX) {
        int64_t n = send_span(i, w, span, size, MSG_MORE);
        if (n > 0)
            iobuf_advance(b, (uint64_t)n);
        return n;
    }
    return send_gathered(i, w, b, MIN(b->left, GATHER_MAX));
}

/* MSG_FASTOPEN without a cookie: the connection is being made and nothing was sent yet. */
static int await_fast_open(struct inet_socket *i, struct sending *w)
{
    int r = w->deadline == 0 ? -EINPROGRESS : file_wait(&i->s.file, EPOLLOUT, w->deadline);
    w->flags &= ~MSG_FASTOPEN;
    w->to.size = 0;
    return r == 0 ? inet_pending_error(i) : r == -EAGAIN ? -EINPROGRESS : r;
}

/* Is this send well-formed, and where does it go? */
static int prepare(struct socket *s, const struct net_message *m, struct sending *w)
{
    bool stream = s->type == SOCK_STREAM;
    if (m->flags & ~SEND_FLAGS)
        return -EOPNOTSUPP;
    if (m->control && m->control->size > HOST_CONTROL_MAX)
        return -ENOBUFS;
    w->control = m->control;
    w->flags = m->flags & (MSG_OOB | MSG_DONTROUTE | MSG_EOR | MSG_CONFIRM | MSG_MORE);
    w->deadline = socket_deadline(s, m->flags, true);
    if (stream)
        w->flags |= m->flags & MSG_FASTOPEN;
    if (m->name.size == 0 || (stream && !(m->flags & MSG_FASTOPEN))) /* a stream ignores it */
        return 0;
    return inet_check_address(s, &m->name, false, &w->to);
}

int64_t inet_send(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct inet_socket *i = inet_of(s);
    struct sending w = { 0 };
    int64_t done = 0, r = prepare(s, m, &w);
    if (r < 0)
        return r;
    for (;;) {
        r = send_some(i, &w, b);
        if (r == -EINPROGRESS && (w.flags & MSG_FASTOPEN)) {
            r = await_fast_open(i, &w);
            if (r == 0 && b->left)
                continue;
        }
        done += r > 0 ? r : 0;
        /* host may say 0 for ever */
        if (r <= 0 || s->type != SOCK_STREAM || b->left == 0)
            break;
        w.flags &= ~MSG_FASTOPEN;
        w.to.size = 0;
        w.control = NULL;
    }
    if (r == -EPIPE && done == 0 && s->type == SOCK_STREAM && !(m->flags & MSG_NOSIGNAL))
        return sigpipe_raise();
    return r < 0 && done == 0 ? r : done;
}

/* Until all is sent or the file ends; without waiting, what there is room for. */
int64_t inet_send_from(struct socket *s, int from, int64_t offset, uint64_t count)
{
    struct inet_socket *i = inet_of(s);
    int64_t deadline = socket_deadline(s, 0, true), r = 0;
    uint64_t done = 0;
    if (s->type != SOCK_STREAM || !inet_keep_host_from_waiting(i))
        return -EOPNOTSUPP;
    while (done < count) {
        int64_t at = offset + (int64_t)done;
        r = host_call(sendfile, (uint64_t)i->host_fd, (uint64_t)from, PTR(&at), count - done);
        if (r == -EAGAIN && deadline != 0) {
            r = file_wait(&s->file, EPOLLOUT, deadline);
            if (r == 0)
                continue;
        }
        if (r <= 0)
            break;
        done += (uint64_t)r;
        if (deadline == 0)
            break;
    }
    if (done)
        return (int64_t)done;
    return r == -EPIPE ? sigpipe_raise() : r == -EINVAL ? -EOPNOTSUPP : r;
}

/* ---- receiving */

/* With control messages, into m. */
static int64_t recv_controlled(struct inet_socket *i, struct net_message *m, uint64_t span,
                               uint64_t size, uint32_t flags)
{
    struct host_message h = { 0 };
    struct net_control *control;
    int64_t n = host_call(recvmsg, (uint64_t)i->host_fd, span, size, flags, PTR(&h));
    m->name.size = 0;
    if (n < 0)
        return n;
    int r = inet_control_take(&h, __atomic_load_n(&i->asked, __ATOMIC_ACQUIRE),
                              flags & MSG_ERRQUEUE, &control);
    if (r < 0)
        return r;
    net_control_free(m->control);
    m->control = control;
    m->name.a = h.name;
    m->name.size = h.name_size;
    m->out_flags |= h.flags & (MSG_CTRUNC | (flags & MSG_ERRQUEUE));
    return n;
}

static int64_t recv_plain(struct inet_socket *i, struct net_message *m, uint64_t span,
                          uint64_t size, uint32_t flags)
{
    m->name.size = sizeof(m->name.a);
    int64_t n = host_call(recvfrom, (uint64_t)i->host_fd, span, size, flags, PTR(&m->name.a),
                          PTR(&m->name.size));
    if (n < 0) /* host may have written a length before the gate refused its answer */
        m->name.size = 0;
    return n;
}

/* read() of the host ends by an event too: then, and when there is a signal to act on, what is
 * there is taken. */
static int64_t recv_waiting(struct inet_socket *i, struct net_message *m, uint64_t span,
                            uint64_t size)
{
    for (;;) {
        int interrupted = wait_interrupted();
        int64_t n = interrupted ? -EINTR : host_call(read, (uint64_t)i->host_fd, span, size);
        if (n == -EINTR)
            n = recv_plain(i, m, span, size, MSG_DONTWAIT);
        if (n != -EAGAIN)
            return n;
        if (interrupted)
            return -ERESTARTSYS;
        if (!__atomic_load_n(&i->host_waits, __ATOMIC_ACQUIRE)) /* not any more */
            return -EAGAIN;
    }
}

static int64_t recv_span(struct inet_socket *i, struct net_message *m, uint64_t span, uint64_t size,
                         uint32_t flags, int64_t deadline)
{
    bool controlled = (flags & MSG_ERRQUEUE) ||
                      inet_control_wanted(__atomic_load_n(&i->asked, __ATOMIC_ACQUIRE));
    bool plain = !controlled && flags == 0 && size && deadline == PARK_FOREVER;
    for (;;) {
        if (plain && __atomic_load_n(&i->host_waits, __ATOMIC_ACQUIRE)) {
            int64_t n = recv_waiting(i, m, span, size);
            if (n != -EAGAIN)
                return n;
        }
        int64_t n = controlled ? recv_controlled(i, m, span, size, flags | MSG_DONTWAIT)
                               : recv_plain(i, m, span, size, flags | MSG_DONTWAIT);
        if (n != -EAGAIN || deadline == 0)
            return n;
        if (plain && inet_let_host_wait(i))
            continue;
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
    uint32_t flags = m->flags & (MSG_PEEK | MSG_ERRQUEUE);
    int64_t n = recv_span(i, m, PTR(bounce), DATAGRAM_MAX, flags, deadline);
    int64_t moved = n > 0 && b->left ? iobuf_put(b, bounce, MIN((uint64_t)n, b->left)) : MIN(n, 0);
    mem_free(bounce);
    if (moved < 0)
        return moved;
    /* of the error queue Linux may name nobody */
    if (!(flags & MSG_ERRQUEUE && m->name.size == 0) &&
        inet_check_host_address(i->s.domain, &m->name) < 0)
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
    for (;;) {
        uint64_t size, span = iobuf_span(b, &size);
        /* Once there is something, more is only taken when it is there already, or MSG_WAITALL
         * asks. */
        int64_t n = recv_span(i, m, span, size, flags, done && !all ? 0 : deadline);
        m->name.size = 0; /* a stream names nobody */
        if (n <= 0)
            return done ? done : n;
        iobuf_advance(b, (uint64_t)n);
        done += n;
        if (b->left == 0 || (flags & (MSG_PEEK | MSG_OOB)) || ((uint64_t)n < size && !all))
            return done;
    }
}

int64_t inet_recv(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct inet_socket *i = inet_of(s);
    int64_t deadline = socket_deadline(s, m->flags, false);
    if (m->flags & ~RECV_FLAGS)
        return -EOPNOTSUPP;
    if (m->flags & MSG_ERRQUEUE)
        return recv_datagram(i, m, b, 0); /* never waits */
    return s->type == SOCK_DGRAM ? recv_datagram(i, m, b, deadline)
                                 : recv_stream(i, m, b, deadline);
}

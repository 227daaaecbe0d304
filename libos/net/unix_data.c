/*
 * AF_UNIX: sending and receiving. Locks: see unix.c.
 */
#include "libos/net/unix.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/sigpipe.h"
#include "libos/sys/iobuf.h"

#define SEND_FLAGS (MSG_DONTWAIT | MSG_EOR | MSG_NOSIGNAL | MSG_MORE | MSG_CONFIRM | MSG_DONTROUTE)
#define RECV_FLAGS                                                                                 \
    (MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL |         \
     MSG_ERRQUEUE | MSG_EOR)

/* Where this send goes: counted. */
static int find_target(struct unix_socket *u, const struct net_message *m, struct unix_half **out)
{
    if (m->name.size && !unix_is_connection(u)) {
        struct socket *found;
        int r = unix_check_address(&m->name);
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
    if (r == 0 && m->name.size && unix_is_connection(u))
        r = -EISCONN;
    mutex_unlock(&u->mu);
    if (r < 0) {
        unix_half_put(*out);
        *out = NULL;
    }
    return r;
}

/* For a stream until it is to be called writable, for a message until it fits. */
static int wait_room(struct unix_half *h, bool stream, uint32_t size, int64_t deadline)
{
    struct waiter w;
    int r = 0;
    if (deadline == 0)
        return -EAGAIN;
    wait_begin(&w, &h->room);
    while (!(stream ? unix_half_can_push(h) : unix_half_has_room(h, size, true)) && r == 0)
        r = wait_sleep(deadline);
    wait_end(&w);
    return r == -ETIMEDOUT ? -EAGAIN : r < 0 ? -ERESTARTSYS : 0;
}

int64_t unix_send(struct socket *s, struct net_message *m, struct iobuf *b)
{
    struct unix_socket *u = unix_of(s);
    bool stream = s->type == SOCK_STREAM;
    int64_t done = 0, deadline = socket_deadline(s, m->flags, true);
    struct linux_ucred cred = m->control && m->control->has_cred ? m->control->cred
                                                                 : unix_own_cred();
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
            r = wait_room(to, stream, size, deadline);
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

static int wait_data(struct unix_half *h, bool peek, int64_t deadline)
{
    struct waiter w;
    int r = 0;
    if (deadline == 0)
        return -EAGAIN;
    wait_begin(&w, &h->wait);
    while (!unix_half_can_pull(h, peek) && r == 0)
        r = wait_sleep(deadline);
    wait_end(&w);
    return r == -ETIMEDOUT ? -EAGAIN : r < 0 ? -ERESTARTSYS : 0;
}

int64_t unix_recv(struct socket *s, struct net_message *m, struct iobuf *b)
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
    struct unix_half *in = u->state == CONNECTED || !unix_is_connection(u) ? u->in : NULL;
    r = in ? 0 : u->state == LISTENING || s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
    mutex_unlock(&u->mu);
    while (r == 0) {
        r = unix_half_pull(in, b, stream, m, s->pass_cred);
        if (r == -EAGAIN) {
            r = wait_data(in, m->flags & MSG_PEEK, deadline);
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

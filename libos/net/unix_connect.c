/*
 * AF_UNIX: names, listening, connecting, accepting. Locks: see unix.c.
 */
#include "libos/net/unix.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/ipc/poll.h"

int unix_check_address(const struct net_address *a)
{
    if (a->size < sizeof(uint16_t) || a->size > sizeof(uint16_t) + UNIX_PATH_MAX ||
        a->a.family != AF_UNIX)
        return -EINVAL;
    return 0;
}

int unix_bind(struct socket *s, const struct net_address *a)
{
    struct unix_socket *u = unix_of(s);
    int r = unix_check_address(a);
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

int unix_listen(struct socket *s, int backlog)
{
    struct unix_socket *u = unix_of(s);
    if (!unix_is_connection(u))
        return -EOPNOTSUPP;
    mutex_lock(&u->mu);
    int r = !u->name || u->state == CONNECTED ? -EINVAL : 0;
    if (r == 0) {
        u->state = LISTENING;
        u->backlog = (uint32_t)MIN(backlog < 0 ? SOMAXCONN : backlog, SOMAXCONN);
        u->peer_cred = unix_own_cred();
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

static int enqueue(struct unix_socket *listener, struct unix_socket *server, struct unix_pending *p)
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
    struct unix_socket *server = unix_socket_new(u->s.type, 0);
    struct unix_pending *p = mem_zalloc(sizeof(*p));
    int r = server && p ? 0 : -ENOMEM;
    int64_t deadline = socket_deadline(&u->s, 0, true);
    if (r < 0)
        goto fail;
    server->own = listener->own;
    for (;;) {
        mutex_lock(&u->mu);
        r = u->state == CONNECTED ? -EISCONN : u->state == LISTENING ? -EINVAL : 0;
        if (r == 0) {
            unix_socket_join(u, server);
            u->peer_cred = listener->peer_cred;
            server->peer_cred = unix_own_cred();
        }
        mutex_unlock(&u->mu);
        if (r < 0)
            break;
        r = enqueue(listener, server, p); /* without u->mu: two sockets are never locked together */
        if (r < 0) {
            mutex_lock(&u->mu);
            unix_socket_unjoin(u, server);
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
        int r = unix_check_address(a);
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

int unix_connect(struct socket *s, const struct net_address *a)
{
    struct unix_socket *u = unix_of(s);
    struct socket *found;
    if (a->size < sizeof(uint16_t))
        return -EINVAL;
    if (!unix_is_connection(u))
        return connect_datagram(u, a);
    int r = unix_check_address(a);
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
        struct unix_pending *p = list_entry(u->pending.next, struct unix_pending, link);
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

int unix_accept(struct socket *s, uint32_t flags, struct net_address *peer, struct file **out)
{
    struct unix_socket *u = unix_of(s);
    int64_t deadline = socket_deadline(s, 0, false);
    int r;
    if (!unix_is_connection(u))
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

int unix_getname(struct socket *s, bool of_peer, struct net_address *out)
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

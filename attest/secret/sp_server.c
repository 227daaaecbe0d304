/*
 * Secret-provisioning server: listening, workers, limits, reload. Each worker is a thread with an
 * epoll of its own; a client belongs to one worker all its life, so clients need no locks. All
 * clients have the same time to finish, so a worker's list, oldest first, is also its list of
 * deadlines. Clients are hostile: see attest/secret/sp_peer.c.
 */
#include "attest/secret/sp_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest/secret/sp_peer.h"
#include "attest/secret/tls_socket.h"

#define WORKERS_MAX 8
#define EVENTS      64
#define ACCEPTS     16 /* in a row, before those who are here are served again */
#define TICK_MS     200
#define PAUSE_MS    20
#define TALK_STACK  (512u << 10)
#define SPARE_FILES 64 /* descriptors that are not clients' */

static volatile sig_atomic_t g_stop, g_reload;

void sp_server_stop(void)
{
    g_stop = 1;
}

void sp_server_reload(void)
{
    g_reload = 1;
}

struct shared {
    const struct sp_server *server;
    unsigned worker_peers; /* at most, in one worker */
    pthread_mutex_t mu;
    pthread_cond_t changed;
    SSL_CTX *tls;    /* mu: the pointer; users hold references */
    unsigned active; /* mu: clients, and conversations */
    unsigned talks;  /* mu */
    uint64_t served; /* mu */
};

struct worker {
    struct shared *shared;
    pthread_t thread;
    bool first; /* does the reloading */
    int epoll;
    bool listening, paused; /* paused: no room; look again after a while */
    struct list peers;      /* oldest first */
    unsigned peer_count;
};

int sp_listen(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
    if (getaddrinfo(host, port, &hints, &list))
        return -EINVAL;
    int ret = -EINVAL, one = 1;
    for (struct addrinfo *a = list; a && ret < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                        a->ai_protocol);
        ret = fd;
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
            bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 1024)) {
            ret = -errno;
            if (fd >= 0)
                close(fd);
        }
    }
    freeaddrinfo(list);
    return ret;
}

static SSL_CTX *make_tls(const struct sp_server *s, const char **why)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    *why = NULL;
    if (!tls || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        *why = "out of memory";
    else if (SSL_CTX_use_certificate_chain_file(tls, s->cert_path) != 1)
        *why = "server certificate: not readable as PEM";
    else if (SSL_CTX_use_PrivateKey_file(tls, s->key_path, SSL_FILETYPE_PEM) != 1)
        *why = "server key: not readable as PEM";
    else if (SSL_CTX_check_private_key(tls) != 1)
        *why = "server key: does not belong to the certificate";
    ERR_clear_error();
    if (*why) {
        SSL_CTX_free(tls);
        return NULL;
    }
    (void)SSL_CTX_add_client_CA(tls, SSL_CTX_get0_certificate(tls)); /* as the reference does */
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(tls, sp_peer_verify, NULL);
    /* A resumed session would skip the quote. */
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    (void)SSL_CTX_set_num_tickets(tls, 0);
    return tls;
}

static void reload(struct shared *s)
{
    const char *why;
    g_reload = 0;
    if (s->server->reload)
        s->server->reload(s->server->arg);
    SSL_CTX *fresh = make_tls(s->server, &why), *old = fresh;
    if (!fresh) {
        fprintf(stderr, "reload: %s: %s: the old one stays in use\n", s->server->cert_path, why);
        return;
    }
    pthread_mutex_lock(&s->mu);
    old = s->tls;
    s->tls = fresh;
    pthread_mutex_unlock(&s->mu);
    SSL_CTX_free(old); /* connections hold references of their own */
}

/* A place for one more client. False: the limit of clients to serve is used up by those who are
 * here. */
static bool reserve(struct shared *s)
{
    uint64_t max = s->server->max_clients;
    pthread_mutex_lock(&s->mu);
    bool ok = !max || s->served + s->active < max;
    if (ok)
        s->active++;
    pthread_mutex_unlock(&s->mu);
    return ok;
}

static void unreserve(struct shared *s, bool served)
{
    pthread_mutex_lock(&s->mu);
    s->active--;
    s->served += served;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mu);
}

static bool is_over(struct shared *s)
{
    pthread_mutex_lock(&s->mu);
    bool over = g_stop || (s->server->max_clients && s->served >= s->server->max_clients);
    pthread_mutex_unlock(&s->mu);
    return over;
}

static void remove_peer(struct worker *w, struct sp_peer *p, const char *why)
{
    bool served = p->served;
    list_remove(&p->link);
    w->peer_count--;
    /* closing would not do: a child of the program's may hold the socket, and the epoll would go on
     * reporting it */
    (void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, p->fd, NULL);
    sp_peer_free(p, why);
    unreserve(w->shared, served);
}

/* The oldest that has not shown a certificate: a stalled or idle client, most likely. */
static bool make_room(struct worker *w)
{
    list_for_each (it, &w->peers) {
        struct sp_peer *p = list_entry(it, struct sp_peer, link);
        if (p->seen)
            continue;
        remove_peer(w, p, "made room for others: it had shown no certificate yet");
        return true;
    }
    return false;
}

static void listen_for_more(struct worker *w, bool on)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL };
    if (w->listening == on)
        return;
    if (epoll_ctl(w->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, w->shared->server->listener, &e) ==
        0)
        w->listening = on;
}

struct talk {
    struct shared *shared;
    struct sp_peer *peer; /* owned */
};

static void *talk_thread(void *arg)
{
    struct talk *t = arg;
    struct shared *shared = t->shared;
    struct ra_tls_ctx session = { .ssl = t->peer->ssl, .fd = t->peer->fd };
    if (tls_socket_attach(session.ssl, session.fd, TLS_NO_DEADLINE) == 0)
        (void)shared->server->talk(&session);
    (void)SSL_shutdown(session.ssl);
    sp_peer_free(t->peer, NULL);
    free(t);
    OPENSSL_thread_stop();
    pthread_mutex_lock(&shared->mu);
    shared->talks--;
    pthread_mutex_unlock(&shared->mu);
    unreserve(shared, true);
    return NULL;
}

/* Hand a served client to a thread, in which the program may talk to it as long as it likes. */
static void start_talk(struct worker *w, struct sp_peer *p)
{
    struct talk *t = malloc(sizeof(*t));
    pthread_attr_t attr;
    pthread_t thread;
    pthread_mutex_lock(&w->shared->mu);
    bool ok = t && w->shared->talks < SP_SERVER_TALKS;
    w->shared->talks += ok;
    pthread_mutex_unlock(&w->shared->mu);
    if (ok) {
        *t = (struct talk){ w->shared, p };
        (void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, p->fd, NULL);
        list_remove(&p->link);
        w->peer_count--;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, TALK_STACK);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        ok = pthread_create(&thread, &attr, talk_thread, t) == 0;
        pthread_attr_destroy(&attr);
        if (ok)
            return;
        list_push_front(&w->peers, &p->link);
        w->peer_count++;
        pthread_mutex_lock(&w->shared->mu);
        w->shared->talks--;
        pthread_mutex_unlock(&w->shared->mu);
    }
    free(t);
    remove_peer(w, p, NULL);
}

static void advance(struct worker *w, struct sp_peer *p)
{
    enum sp_wants wants = sp_peer_advance(p);
    if (wants == SP_WANTS_TALK) {
        start_talk(w, p);
    } else if (wants == SP_WANTS_NOTHING) {
        remove_peer(w, p, p->trouble);
    } else {
        struct epoll_event e = { .events = wants == SP_WANTS_READ ? EPOLLIN : EPOLLOUT,
                                 .data.ptr = p };
        if (epoll_ctl(w->epoll, EPOLL_CTL_MOD, p->fd, &e))
            remove_peer(w, p, "out of memory");
    }
}

static void start_peer(struct worker *w, int fd, const struct sockaddr *address, socklen_t size)
{
    char host[64] = "?", port[16] = "?", name[96];
    struct epoll_event e = { .events = EPOLLIN };
    struct shared *s = w->shared;
    (void)getnameinfo(address, size, host, sizeof(host), port, sizeof(port),
                      NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(name, sizeof(name), "%s:%s", host, port);
    pthread_mutex_lock(&s->mu);
    SSL_CTX *tls = s->tls;
    (void)SSL_CTX_up_ref(tls);
    pthread_mutex_unlock(&s->mu);
    struct sp_peer *p = sp_peer_new(s->server, tls, fd, name, tls_seconds() + SP_SERVER_SECONDS);
    SSL_CTX_free(tls);
    if (!p) {
        close(fd);
        unreserve(s, false);
        return;
    }
    e.data.ptr = p;
    list_push_back(&w->peers, &p->link);
    w->peer_count++;
    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e))
        remove_peer(w, p, "out of memory");
}

static void accept_some(struct worker *w)
{
    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        if ((w->peer_count >= w->shared->worker_peers && !make_room(w)) || !reserve(w->shared)) {
            w->paused = true;
            return;
        }
        int fd = accept4(w->shared->server->listener, (struct sockaddr *)&address, &size,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            start_peer(w, fd, (struct sockaddr *)&address, size);
            continue;
        }
        int error = errno;
        unreserve(w->shared, false);
        if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS) {
            w->paused = !make_room(w);
            return;
        }
        if (error == EAGAIN)
            return;
    }
}

static void expire(struct worker *w)
{
    int64_t now = tls_seconds();
    while (!list_empty(&w->peers)) {
        struct sp_peer *p = list_entry(w->peers.next, struct sp_peer, link);
        if (p->deadline > now)
            return;
        remove_peer(w, p, "too slow");
    }
}

/* Events of one wait name different clients, but accepting may free one to make room: so accept
 * last. */
static void serve_events(struct worker *w, const struct epoll_event *events, int count)
{
    bool more = false;
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            advance(w, events[i].data.ptr);
        else
            more = true;
    }
    if (more)
        accept_some(w);
}

static void *worker_thread(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[EVENTS];
    bool over = false;
    while (!over || w->peer_count > 0) {
        over = over || is_over(w->shared);
        listen_for_more(w, !over && !w->paused);
        int count = epoll_wait(w->epoll, events, EVENTS, w->paused ? PAUSE_MS : TICK_MS);
        w->paused = false;
        if (count > 0)
            serve_events(w, events, count);
        expire(w);
        if (g_reload && w->first)
            reload(w->shared);
    }
    OPENSSL_thread_stop();
    return NULL;
}

/* How many clients the limit of descriptors leaves to each worker. */
static unsigned peers_per_worker(unsigned workers)
{
    struct rlimit files;
    unsigned long most = SP_SERVER_CLIENTS;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < most + SPARE_FILES)
        most = files.rlim_cur > 2 * SPARE_FILES ? files.rlim_cur - SPARE_FILES : SPARE_FILES;
    return (unsigned)(most / workers);
}

static int run_workers(struct shared *s)
{
    struct worker workers[WORKERS_MAX] = { 0 };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned want = cpus < 2 ? 2 : cpus > WORKERS_MAX ? WORKERS_MAX : (unsigned)cpus, count = 0;
    s->worker_peers = peers_per_worker(want);
    for (; count < want; count++) {
        struct worker *w = &workers[count];
        *w = (struct worker){ .shared = s,
                              .first = count == 0,
                              .epoll = epoll_create1(EPOLL_CLOEXEC) };
        list_init(&w->peers);
        if (w->epoll < 0)
            break;
        if (pthread_create(&w->thread, NULL, worker_thread, w)) {
            close(w->epoll);
            break;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        close(workers[i].epoll);
    }
    pthread_mutex_lock(&s->mu);
    while (s->active > 0) /* conversations */
        pthread_cond_wait(&s->changed, &s->mu);
    pthread_mutex_unlock(&s->mu);
    return count > 0 ? 0 : -ENOMEM;
}

int sp_server_run(const struct sp_server *server, const char **why)
{
    struct shared s = { .server = server,
                        .mu = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER };
    int flags = fcntl(server->listener, F_GETFL);
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL's sockets write without MSG_NOSIGNAL */
    if (flags >= 0)
        (void)fcntl(server->listener, F_SETFL, flags | O_NONBLOCK);
    s.tls = make_tls(server, why);
    if (!s.tls)
        return -EINVAL;
    int ret = run_workers(&s);
    if (ret)
        *why = "no thread could be started";
    SSL_CTX_free(s.tls);
    return ret;
}

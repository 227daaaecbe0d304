/*
 * Secret-provisioning server. Clients are hostile until ratls_verify() has accepted their certificate
 * and the handshake has proved that they hold its key; only then does the secret leave. Each client has a
 * thread and a deadline. Start at sp_server_run().
 */
#include "attest/secret/sp_server.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest/secret/sp_wire.h"
#include "attest/secret/tls_socket.h"

#define STACK_SIZE (512u << 10)

static volatile sig_atomic_t g_stop;

void sp_server_stop(void)
{
    g_stop = 1;
}

struct shared {
    const struct sp_server *server;
    SSL_CTX *tls;
    pthread_mutex_t mu;
    pthread_cond_t changed;
    unsigned clients; /* mu */
    uint64_t served;  /* mu */
};

struct client {
    struct shared *shared;
    int fd;
    char peer[128];
    bool seen; /* a certificate was verified, whatever came out */
    struct ratls_outcome outcome;
};

int sp_listen(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
    if (getaddrinfo(host, port, &hints, &list))
        return -EINVAL;
    int ret = -EINVAL, one = 1;
    for (struct addrinfo *a = list; a && ret < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
        ret = fd;
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
            bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 512)) {
            ret = -errno;
            if (fd >= 0)
                close(fd);
        }
    }
    freeaddrinfo(list);
    return ret;
}

/* The one place where a peer is judged. Anything but acceptance ends the handshake. */
static int verify_peer(X509_STORE_CTX *ctx, void *arg)
{
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct client *c = SSL_get_app_data(ssl);
    const struct sp_server *s = c->shared->server;
    uint8_t *der = NULL;
    int size = i2d_X509(X509_STORE_CTX_get0_cert(ctx), &der);
    c->outcome = (struct ratls_outcome){ .code = RATLS_FATAL, .where = AT_INIT };
    /* a chain of more than one certificate is nothing that an enclave sends */
    if (size > 0 && sk_X509_num(X509_STORE_CTX_get0_untrusted(ctx)) <= 1)
        s->verify(s->arg, der, (size_t)size, &c->outcome);
    OPENSSL_free(der);
    c->seen = true;
    bool ok = c->outcome.code == RATLS_OK && c->outcome.where == AT_NONE && c->outcome.verdict.verified;
    X509_STORE_CTX_set_error(ctx, ok ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return ok;
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
    SSL_CTX_set_cert_verify_callback(tls, verify_peer, NULL);
    /* A resumed session would skip the quote. */
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    (void)SSL_CTX_set_num_tickets(tls, 0);
    return tls;
}

/* After the handshake. Returns NULL served, or what went wrong. */
static const char *converse(SSL *ssl, struct client *c)
{
    const struct sp_server *s = c->shared->server;
    uint8_t request[SP_REQUEST_SIZE], header[SP_HEADER_SIZE];
    if (tls_read_all(ssl, request, sizeof(request)))
        return "no request came";
    if (sp_request_check(request))
        return "the request is not secret provisioning";
    sp_header_make((uint32_t)s->secret_size, header);
    if (tls_write_all(ssl, header, sizeof(header)) || tls_write_all(ssl, s->secret, s->secret_size))
        return "the connection broke while the secret was sent";
    if (s->talk) {
        struct ra_tls_ctx session = { .ssl = ssl, .fd = c->fd };
        tls_socket_set_deadline(ssl, TLS_NO_DEADLINE);
        (void)s->talk(&session);
    }
    (void)SSL_shutdown(ssl);
    return NULL;
}

static void report(struct client *c, const char *detail, bool served)
{
    const struct sp_server *s = c->shared->server;
    bool refused = c->seen && c->outcome.code != RATLS_OK;
    struct sp_event event = {
        .kind = served ? SP_SERVED : (refused ? SP_REFUSED : SP_BROKEN),
        .peer = c->peer,
        .detail = detail,
        .outcome = c->seen ? &c->outcome : NULL,
    };
    if (s->log)
        s->log(s->arg, &event);
}

static void serve(struct client *c)
{
    SSL *ssl = SSL_new(c->shared->tls);
    const char *detail = "out of memory";
    bool served = false;
    if (ssl && tls_socket_attach(ssl, c->fd, tls_seconds() + SP_SERVER_SECONDS) == 0) {
        SSL_set_app_data(ssl, c);
        if (SSL_accept(ssl) == 1) {
            detail = converse(ssl, c);
            served = !detail;
        } else {
            detail = c->seen ? NULL : "TLS handshake did not complete";
        }
    }
    if (served) {
        pthread_mutex_lock(&c->shared->mu);
        c->shared->served++;
        pthread_mutex_unlock(&c->shared->mu);
    }
    report(c, detail, served);
    SSL_free(ssl);
    ERR_clear_error();
}

static void *client_thread(void *arg)
{
    struct client *c = arg;
    struct shared *shared = c->shared;
    serve(c);
    shutdown(c->fd, SHUT_WR);
    close(c->fd);
    free(c);
    OPENSSL_thread_stop();
    pthread_mutex_lock(&shared->mu);
    shared->clients--;
    pthread_cond_signal(&shared->changed);
    pthread_mutex_unlock(&shared->mu);
    return NULL;
}

static void start_client(struct shared *shared, int fd, const struct sockaddr *address, socklen_t size)
{
    char host[64] = "?", port[16] = "?";
    pthread_attr_t attr;
    pthread_t thread;
    struct client *c = calloc(1, sizeof(*c));
    if (!c) {
        close(fd);
        return;
    }
    (void)getnameinfo(address, size, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(c->peer, sizeof(c->peer), "%s:%s", host, port);
    c->shared = shared;
    c->fd = fd;
    pthread_mutex_lock(&shared->mu);
    shared->clients++;
    pthread_mutex_unlock(&shared->mu);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, client_thread, c)) {
        close(fd);
        free(c);
        pthread_mutex_lock(&shared->mu);
        shared->clients--;
        pthread_mutex_unlock(&shared->mu);
    }
    pthread_attr_destroy(&attr);
}

/* Wait while the house is full. Returns whether to go on accepting. */
static bool may_accept(struct shared *s)
{
    pthread_mutex_lock(&s->mu);
    uint64_t max = s->server->max_clients;
    /* with a limit, those who are being served may use it up: wait for them */
    while (s->clients >= SP_SERVER_CLIENTS || (max && s->served < max && s->served + s->clients >= max))
        pthread_cond_wait(&s->changed, &s->mu);
    bool more = !max || s->served < max;
    pthread_mutex_unlock(&s->mu);
    return more && !g_stop;
}

static void accept_all(struct shared *s)
{
    while (may_accept(s)) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        struct pollfd p = { .fd = s->server->listener, .events = POLLIN };
        if (poll(&p, 1, 500) <= 0)
            continue;
        int fd = accept4(s->server->listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
        if (fd >= 0)
            start_client(s, fd, (struct sockaddr *)&address, size);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            usleep(50000); /* wait until a client is done */
    }
    pthread_mutex_lock(&s->mu);
    while (s->clients > 0)
        pthread_cond_wait(&s->changed, &s->mu);
    pthread_mutex_unlock(&s->mu);
}

int sp_server_run(const struct sp_server *server, const char **why)
{
    struct shared s = { .server = server, .mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    s.tls = make_tls(server, why);
    if (!s.tls)
        return -EINVAL;
    accept_all(&s);
    SSL_CTX_free(s.tls);
    return 0;
}

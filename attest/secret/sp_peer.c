/*
 * One client of the secret server: handshake, request, secret, and more by name if the server
 * offers that. The client is hostile until the server's verify() has accepted its certificate and
 * the handshake has proved that it holds the key; only then does a secret leave. Nothing here
 * blocks. Start at sp_peer_advance().
 */
#include "attest/secret/sp_peer.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/bytes.h"

struct sp_peer *sp_peer_new(const struct sp_server *server, SSL_CTX *tls, int fd, const char *name,
                            int64_t deadline)
{
    struct sp_peer *p = calloc(1, sizeof(*p));
    SSL *ssl = p ? SSL_new(tls) : NULL;
    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        free(p);
        return NULL;
    }
    list_init(&p->link);
    p->server = server;
    p->ssl = ssl;
    p->fd = fd;
    p->deadline = deadline;
    snprintf(p->name, sizeof(p->name), "%s", name);
    SSL_set_app_data(ssl, p);
    SSL_set_accept_state(ssl);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
    return p;
}

static struct sp_event event_of(const struct sp_peer *p, enum sp_event_kind kind,
                                const char *detail)
{
    return (struct sp_event){ .kind = kind,
                              .peer = p->name,
                              .name = p->grant.name,
                              .detail = detail,
                              .outcome = p->seen ? &p->outcome : NULL };
}

static void tell(struct sp_peer *p, enum sp_event_kind kind, const char *detail)
{
    struct sp_event e = event_of(p, kind, detail);
    if (p->server->log)
        p->server->log(p->server->arg, &e);
    p->told = true;
}

static void drop_grant(struct sp_peer *p)
{
    if (p->grant.secret && p->server->release)
        p->server->release(p->server->arg, &p->grant);
    p->grant = (struct sp_grant){ 0 };
}

void sp_peer_free(struct sp_peer *p, const char *why)
{
    if (!p)
        return;
    if (!p->told)
        tell(p, p->seen && p->outcome.code != RATLS_OK ? SP_REFUSED : SP_BROKEN,
             p->seen && p->outcome.code != RATLS_OK ? NULL : why);
    drop_grant(p);
    if (p->served && !(SSL_get_shutdown(p->ssl) & SSL_SENT_SHUTDOWN))
        (void)SSL_shutdown(p->ssl);
    SSL_free(p->ssl);
    (void)shutdown(p->fd, SHUT_WR);
    close(p->fd);
    ERR_clear_error();
    free(p);
}

/* Whether the verifier really accepted: every one of its answers must say so. */
static bool accepted(const struct ratls_outcome *o)
{
    return o->code == RATLS_OK && o->where == AT_NONE && o->verdict.verified;
}

/* The one place where a peer is judged. Anything but acceptance ends the handshake. */
int sp_peer_verify(X509_STORE_CTX *ctx, void *arg)
{
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct sp_peer *p = SSL_get_app_data(ssl);
    uint8_t *der = NULL;
    int size = i2d_X509(X509_STORE_CTX_get0_cert(ctx), &der);
    p->outcome = (struct ratls_outcome){ .code = RATLS_FATAL, .where = AT_INIT };
    /* a chain of more than one certificate is nothing that an enclave sends */
    if (size > 0 && !p->seen && sk_X509_num(X509_STORE_CTX_get0_untrusted(ctx)) <= 1)
        p->server->verify(p->server->arg, NULL, der, (size_t)size, &p->outcome, &p->grant);
    OPENSSL_free(der);
    p->seen = true;
    bool ok = accepted(&p->outcome) && p->grant.secret;
    X509_STORE_CTX_set_error(ctx, ok ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return ok;
}

static void over(struct sp_peer *p)
{
    p->state = SP_IS_OVER;
}

static void send_grant(struct sp_peer *p, size_t head_size)
{
    p->head_at = p->head;
    p->head_left = head_size;
    p->body_at = p->grant.secret;
    p->body_left = p->grant.size;
    p->state = SP_IN_ANSWER;
}

/* The record comes before the release: what cannot be written down does not leave. */
static bool may_leave(struct sp_peer *p)
{
    struct sp_event e = event_of(p, SP_SERVED, NULL);
    if (!p->server->record || p->server->record(p->server->arg, &e) == 0)
        return true;
    tell(p, SP_REFUSED, "the audit log cannot be written: nothing is released");
    return false;
}

static void take_request(struct sp_peer *p)
{
    if (p->in_size < SP_REQUEST_SIZE)
        return;
    if (sp_request_check(p->in)) {
        tell(p, SP_BROKEN, "the request is not secret provisioning");
        over(p);
    } else if (!may_leave(p)) {
        over(p);
    } else {
        sp_header_make((uint32_t)p->grant.size, p->head);
        p->in_size = 0;
        send_grant(p, SP_HEADER_SIZE);
    }
}

/* An accepted enclave asks for another secret: its certificate is judged anew, by that secret's
 * policy. */
static void grant_by_name(struct sp_peer *p, const char *name)
{
    struct ratls_outcome outcome = { .code = RATLS_FATAL, .where = AT_INIT };
    struct sp_grant grant = { 0 };
    uint8_t *der = NULL;
    int size = i2d_X509(SSL_get0_peer_certificate(p->ssl), &der);
    if (size > 0)
        p->server->verify(p->server->arg, name, der, (size_t)size, &outcome, &grant);
    OPENSSL_free(der);
    drop_grant(p);
    p->grant = grant;
    p->outcome = outcome;
    if (!accepted(&outcome) || !grant.secret) {
        struct sp_event e = event_of(p, SP_REFUSED,
                                     grant.name ? NULL : "no secret of that name for this enclave");
        if (p->server->log)
            p->server->log(p->server->arg, &e);
        drop_grant(p);
    } else if (!may_leave(p)) {
        drop_grant(p);
    }
}

static void take_name(struct sp_peer *p)
{
    const char *name;
    int ret = sp_name_request_parse(p->in, p->in_size, &name);
    if (ret < 0)
        over(p);
    if (ret <= 0)
        return;
    grant_by_name(p, name);
    p->in_size = 0;
    store_be32(p->head, (uint32_t)p->grant.size);
    send_grant(p, 4);
}

static enum sp_wants wants_of(struct sp_peer *p, int ret)
{
    int error = SSL_get_error(p->ssl, ret);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ)
        return SP_WANTS_READ;
    if (error == SSL_ERROR_WANT_WRITE)
        return SP_WANTS_WRITE;
    p->trouble = p->state == SP_IN_HANDSHAKE ? "TLS handshake did not complete"
                 : p->state == SP_IN_ANSWER  ? "the connection broke while the secret was sent"
                                             : "no request came";
    over(p);
    return SP_WANTS_NOTHING;
}

/* A request has a fixed size, a name ends with its NUL: never more is read than belongs to it. */
static enum sp_wants read_more(struct sp_peer *p)
{
    size_t room = p->state == SP_IN_REQUEST ? SP_REQUEST_SIZE - p->in_size : 1;
    int n = SSL_read(p->ssl, p->in + p->in_size, (int)room);
    if (n <= 0)
        return wants_of(p, n);
    p->in_size += (size_t)n;
    if (p->state == SP_IN_REQUEST)
        take_request(p);
    else
        take_name(p);
    return SP_WANTS_NOTHING;
}

static enum sp_wants after_answer(struct sp_peer *p)
{
    if (p->grant.secret)
        tell(p, SP_SERVED, NULL);
    p->served = p->served || p->grant.secret;
    drop_grant(p);
    if (p->server->talk)
        return SP_WANTS_TALK;
    p->state = p->server->by_name ? SP_IN_MORE : SP_IS_OVER;
    return SP_WANTS_NOTHING;
}

static enum sp_wants write_more(struct sp_peer *p)
{
    const uint8_t **at = p->head_left ? &p->head_at : &p->body_at;
    size_t *left = p->head_left ? &p->head_left : &p->body_left;
    if (*left) {
        int n = SSL_write(p->ssl, *at, *left > INT_MAX ? INT_MAX : (int)*left);
        if (n <= 0)
            return wants_of(p, n);
        *at += n;
        *left -= (size_t)n;
    }
    return p->head_left || p->body_left ? SP_WANTS_NOTHING : after_answer(p);
}

enum sp_wants sp_peer_advance(struct sp_peer *p)
{
    enum sp_wants wants = SP_WANTS_NOTHING;
    while (p->state != SP_IS_OVER && wants == SP_WANTS_NOTHING) {
        ERR_clear_error(); /* what another client of this thread left would be taken for this one's
                            */
        if (p->state == SP_IN_HANDSHAKE) {
            int ret = SSL_do_handshake(p->ssl);
            if (ret == 1)
                p->state = SP_IN_REQUEST;
            else
                wants = wants_of(p, ret);
        } else if (p->state == SP_IN_ANSWER) {
            wants = write_more(p);
        } else {
            wants = read_more(p);
        }
    }
    return wants;
}

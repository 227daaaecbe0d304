#ifndef ATTEST_SP_PEER_H
#define ATTEST_SP_PEER_H

/* One client of the secret server as a state machine over a non-blocking socket. Used by
 * attest/secret/sp_server.c. */
#include <openssl/ssl.h>

#include "attest/secret/sp_server.h"
#include "attest/secret/sp_wire.h"
#include "lib/base/list.h"

enum sp_wants { SP_WANTS_READ, SP_WANTS_WRITE, SP_WANTS_TALK, SP_WANTS_NOTHING };

enum sp_state { SP_IN_HANDSHAKE, SP_IN_REQUEST, SP_IN_ANSWER, SP_IN_MORE, SP_IS_OVER };

struct sp_peer {
    struct list link; /* the worker's, oldest first */
    const struct sp_server *server;
    SSL *ssl;
    int fd;
    int64_t deadline;
    enum sp_state state;
    bool seen;           /* a certificate was verified, whatever came out */
    bool served;         /* at least one secret has left completely */
    bool told;           /* the event was reported */
    const char *trouble; /* why it is over before its time; static text */
    struct ratls_outcome outcome;
    struct sp_grant grant;
    uint8_t in[SP_NAME_REQUEST_MAX], head[SP_HEADER_SIZE];
    size_t in_size;
    const uint8_t *head_at, *body_at; /* what is still to be sent */
    size_t head_left, body_left;
    char name[128]; /* the address */
};

/* fd is taken on success. NULL: no memory. */
struct sp_peer *sp_peer_new(const struct sp_server *server, SSL_CTX *tls, int fd, const char *name,
                            int64_t deadline);
/* Reports what became of it, if nobody has; closes. NULL is fine. */
void sp_peer_free(struct sp_peer *p, const char *why);
/* Go on as far as the socket lets. */
enum sp_wants sp_peer_advance(struct sp_peer *p);

/* The certificate callback of the server's contexts. */
int sp_peer_verify(X509_STORE_CTX *ctx, void *arg);

#endif

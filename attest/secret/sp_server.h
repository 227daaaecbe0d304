#ifndef ATTEST_SP_SERVER_H
#define ATTEST_SP_SERVER_H

/*
 * Serve secrets to enclaves that prove themselves. A few workers, each with its own event loop and
 * clients: a client that stalls costs memory and a descriptor, no thread, and when the house is
 * full the oldest client that has not yet shown a certificate makes room. Start reading at
 * sp_server_run(); one client's way is attest/secret/sp_peer.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/ratls/ratls_verify.h"
#include "attest/secret/sp_session.h"

#define SP_SERVER_SECONDS 10   /* for handshake and protocol of one client together */
#define SP_SERVER_CLIENTS 2048 /* at once, over all workers; more wait in the listen queue */
#define SP_SERVER_TALKS   256  /* conversations (`talk`) at once */

enum sp_event_kind {
    SP_SERVED,
    SP_REFUSED, /* the outcome says why, or `detail` */
    SP_BROKEN,  /* TLS or protocol failed before a verdict: `detail` */
};

struct sp_event {
    enum sp_event_kind kind;
    const char *peer;                    /* "127.0.0.1:4711" */
    const char *name;                    /* of the secret; NULL without one */
    const char *detail;                  /* or NULL */
    const struct ratls_outcome *outcome; /* NULL: no certificate was seen */
};

/* A secret that an accepted enclave may have. The server calls `release` when it is done with it.
 */
struct sp_grant {
    const char *name;
    const uint8_t *secret;
    size_t size;
    void *hold; /* what keeps the above alive */
};

struct sp_server {
    int listener;
    const char *cert_path, *key_path; /* PEM; read again by a reload */
    /* The functions may be called by several threads at once, except reload. */
    /*
     * Judge a certificate. On acceptance *grant is the secret. name NULL: the first secret that the
     * enclave may have, or a name that an enclave with a grant asks for.
     */
    void (*verify)(void *arg, const char *name, const uint8_t *der, size_t size,
                   struct ratls_outcome *out, struct sp_grant *grant);
    void (*release)(void *arg, struct sp_grant *grant); /* NULL: nothing to do */
    /* Before a secret leaves: nonzero keeps it back (an audit log that cannot be written). NULL:
     * none. */
    int (*record)(void *arg, const struct sp_event *event);
    void (*log)(void *arg, const struct sp_event *event);
    int (*talk)(struct ra_tls_ctx
                    *session); /* after the secret, in a thread of its own; NULL: nothing more */
    void (*reload)(void *arg); /* after sp_server_reload(); NULL: none */
    bool by_name; /* clients may ask for more secrets by name: attest/secret/sp_wire.h */
    void *arg;
    uint64_t max_clients; /* stop after so many were served; 0: never */
};

/*
 * Listen on "address:port". Returns a descriptor; -EINVAL no such address; -errno (-EADDRINUSE).
 */
int sp_listen(const char *host, const char *port);

/* Serve until sp_server_stop() or max_clients. Returns 0; -EINVAL with *why: certificate or key
 * unusable; -ENOMEM. */
int sp_server_run(const struct sp_server *server, const char **why);
/* Async-signal-safe; for good: a server asked to stop before it began does not begin. */
void sp_server_stop(void);
/* Async-signal-safe: soon, call `reload` and read certificate and key again. Those that are bad
 * leave the old in use. */
void sp_server_reload(void);

#endif

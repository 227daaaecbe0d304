#ifndef ATTEST_SP_SERVER_H
#define ATTEST_SP_SERVER_H

/* Serve a secret to enclaves that prove themselves. One thread a client; a stalled one holds up nobody. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/ratls/ratls_verify.h"
#include "attest/secret/sp_session.h"

#define SP_SERVER_SECONDS 10  /* for handshake and protocol of one client together */
#define SP_SERVER_CLIENTS 256 /* at once; more wait in the listen queue */

enum sp_event_kind {
    SP_SERVED,
    SP_REFUSED,   /* the outcome says why */
    SP_BROKEN,    /* TLS or protocol failed before a verdict: `detail` */
};

struct sp_event {
    enum sp_event_kind kind;
    const char *peer;   /* "127.0.0.1:4711" */
    const char *detail; /* or NULL */
    const struct ratls_outcome *outcome; /* NULL: no certificate was seen */
};

struct sp_server {
    int listener;
    const char *cert_path, *key_path; /* PEM */
    const uint8_t *secret;
    size_t secret_size;
    /* All may be called by several threads at once. */
    void (*verify)(void *arg, const uint8_t *der, size_t size, struct ratls_outcome *out);
    void (*log)(void *arg, const struct sp_event *event);
    int (*talk)(struct ra_tls_ctx *session); /* after the secret; NULL: nothing more */
    void *arg;
    uint64_t max_clients; /* stop after so many were served; 0: never */
};

/*
 * Listen on "address:port". Returns a descriptor; -EINVAL no such address; -errno (-EADDRINUSE).
 */
int sp_listen(const char *host, const char *port);

/* Serve until sp_server_stop() or max_clients. Returns 0; -EINVAL with *why: certificate or key unusable. */
int sp_server_run(const struct sp_server *server, const char **why);
/* Async-signal-safe; for good: a server asked to stop before it began does not begin. */
void sp_server_stop(void);

#endif

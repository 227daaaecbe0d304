#ifndef ATTEST_SP_CLIENT_H
#define ATTEST_SP_CLIENT_H

/* Obtain a secret from a server by attesting to it. */
#include <stddef.h>

#include "attest/secret/sp_session.h"

#define SP_CONNECT_FAILED (-68) /* mbedTLS's number for "no server could be reached" */
#define SP_CLIENT_SECONDS 60

struct sp_client_options {
    const char *servers;         /* "host:port,..." */
    const char *ca_path;         /* PEM */
    const char *attestation_dir; /* RATLS_ATTESTATION_DIR, or a test's */
    const char *not_before, *not_after;
};

/*
 * The first server that accepts a TCP connection is the one; there is no falling back after that.
 *
 * why   on failure: one line for people, no newline
 * Returns 0 and *out (returned: sp_session_free); SP_CONNECT_FAILED; -EINVAL; -ENOMEM; -ECONNRESET; -EPERM.
 */
int sp_client_start(const struct sp_client_options *o, struct ra_tls_ctx **out, char *why,
                    size_t why_size);

#endif

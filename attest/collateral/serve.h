#ifndef ATTEST_SERVE_H
#define ATTEST_SERVE_H

/*
 * A small server of one set of collateral, over HTTPS on 127.0.0.1, that answers as PCS and PCCS do (API 3 and 4):
 * tcb, qe/identity, pckcrl, rootcacrl, crl. For the software device, and for clients to be tested with.
 */
#include <stdint.h>

#include "attest/dcap/collateral.h"
#include "text/problem.h"

struct serve_options {
    uint16_t port; /* 0: a free one */
    const char *cert, *key; /* PEM files */
    const struct collateral *collateral;
    const char *pck_issuer_chain; /* PEM text of PCK CA and root, or NULL: pckcrl then lacks its header */
    void (*ready)(void *arg, uint16_t port);
    void *arg;
};

/* Serve until SIGTERM or SIGINT. Returns 0; -errno with why. */
int collateral_serve(const struct serve_options *o, struct problem *why);

#endif

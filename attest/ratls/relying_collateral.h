#ifndef ATTEST_RELYING_COLLATERAL_H
#define ATTEST_RELYING_COLLATERAL_H

/*
 * Collateral for the platform of a certificate, for relying parties that named no file of it: asked
 * of the server that sgx_default_qcnl.conf names, kept in memory until it ought to be asked for
 * anew. A quote whose PCK chain does not lead to a trusted root makes nobody ask.
 */
#include <stddef.h>
#include <stdint.h>

#include "attest/collateral/provider.h"
#include "attest/dcap/collateral.h"
#include "attest/dcap/trust.h"

#define RELYING_SECONDS     30 /* the default bound for one fetch */
#define RELYING_SECONDS_MAX 3600

struct collateral_wish {
    char qcnl[1024]; /* settings; "": the machine's */
    enum provider_offline offline;
    unsigned seconds;
};

/* "refuse", "cached" or "never". Returns 0; -EINVAL. */
int collateral_wish_offline(const char *word, struct collateral_wish *out);

/*
 * Get the collateral for the quote of an RA-TLS certificate (hostile). Blocks at most about
 * wish->seconds; one fetch at a time in this process.
 *
 * out   a copy for the caller: collateral_fini()
 * Returns 0; -ENODATA the certificate has no believable quote: verifying it will say so; -errno
 * with why: one line.
 */
int relying_collateral_get(const uint8_t *der, size_t size, const struct trust_roots *roots,
                           const struct collateral_wish *wish, int64_t now, struct collateral *out,
                           char why[PROVIDER_WORDS]);

#endif

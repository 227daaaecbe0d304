#ifndef ATTEST_RATLS_VERIFY_H
#define ATTEST_RATLS_VERIFY_H

/* Decide whether an RA-TLS certificate deserves trust. No environment here: see ratls_verify_api.c. */
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/collateral.h"
#include "attest/include/gramine/ra_tls.h"
#include "attest/ratls/policy.h"
#include "attest/ratls/ratls_cert.h"
#include "attest/dcap/trust.h"
#include "attest/dcap/verify.h"

struct ratls_relying_party {
    const struct trust_roots *roots;
    const struct collateral *collateral;
    const struct policy *policy;
    verify_measurements_cb_t measurements; /* instead of the policy's identities; NULL: none */
    bool accept_out_of_date_collateral;
    struct verify_cache *cache; /* or NULL */
};

struct ratls_outcome {
    enum ratls_code code; /* RATLS_OK: accepted */
    ra_tls_err_loc_t where;
    struct verdict verdict;
    enum policy_answer answer;
};

/*
 * Pure but for the measurement callback.
 *
 * der   the certificate; ordinary X.509 questions (dates, names, self-signature) are not asked: the
 *       TLS handshake proves possession of the key, the quote proves whose key it is
 * Returns out->code.
 */
int ratls_verify(const uint8_t *der, size_t size, const struct ratls_relying_party *party,
                 int64_t now, struct ratls_outcome *out);

/* Why it was refused: a short name for logs ("wrong-mrenclave"), and words for people in *words. */
const char *ratls_outcome_reason(const struct ratls_outcome *o, const char **words);

#endif

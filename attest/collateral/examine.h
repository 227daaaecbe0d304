#ifndef ATTEST_EXAMINE_H
#define ATTEST_EXAMINE_H

/* What a set of collateral is about, and whether it holds together: signed by one chain, whole, of one platform family. */
#include <stdbool.h>
#include <stdint.h>

#include "attest/dcap/collateral.h"
#include "attest/dcap/trust.h"
#include "attest/dcap/verdict.h"
#include "text/problem.h"

struct collateral_facts {
    bool tdx;
    uint8_t fmspc[6];
    bool processor_ca; /* issuer of the PCK revocation list; else the platform CA */
    struct verdict_period tcb_info, qe_identity, pck_crl, root_crl, signer;
    uint32_t tcb_evaluation_number, qe_evaluation_number, tcb_version;
    size_t tcb_levels;
    int64_t expires; /* the earliest end */
    uint8_t root_point[65];
};

/*
 * Parse all, check the signatures of both documents by their chains, of the root list by the chain's root, and
 * the chains themselves. The PCK list's issuer is not part of a set: its signature is checked with the quote.
 * Nothing here says that the root is a trusted one: see trust_roots_contain(facts->root_point).
 * Returns 0; -EINVAL with why; -ENOMEM.
 */
int collateral_examine(const struct collateral *c, struct collateral_facts *out, struct problem *why);

/* Would `new` take us back behind `old`, which was seen before? NULL or in what. */
const char *collateral_rollback(const struct collateral_facts *old, const struct collateral_facts *new);

/* "sgx" or "tdx", "processor" or "platform". */
const char *collateral_tee_name(const struct collateral_facts *f);
const char *collateral_ca_name(const struct collateral_facts *f);

#endif

#ifndef ATTEST_VERIFY_H
#define ATTEST_VERIFY_H

/* From a quote to a verdict. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/collateral.h"
#include "attest/dcap/trust.h"
#include "attest/dcap/verify_cache.h"
#include "attest/dcap/verdict.h"

struct verify_options {
    const struct trust_roots *roots; /* required */
    bool accept_out_of_date_collateral; /* continue past VERIFY_EXPIRED and VERIFY_NOT_YET_VALID */
    struct verify_cache *cache;         /* or NULL: attest/dcap/verify_cache.h */
};

/* What a parsed quote says of its enclave or TD, believable or not. */
void verdict_body_read(const struct quote *q, struct verdict_body *b);

/*
 * Verify a quote against collateral at a given time. Pure: no clock, no network, no environment, no
 * files; the same arguments give the same verdict.
 *
 * quote, size   as the quoting enclave produced it, at most QUOTE_MAX bytes; padding after it is ignored
 * collateral    untrusted: it proves itself by signatures that lead to a trusted root
 * now           seconds since 1970-01-01 UTC, from a clock the caller trusts
 * out           always filled; out->failed names the first step that failed
 *
 * A verified quote may still be of a debug enclave, or of a platform that is out of date: whether that
 * deserves anything is for a policy to say (attest/ratls/policy.h).
 *
 * Returns 0 verified; -EBADMSG well formed but not valid; -EINVAL malformed (quote or collateral);
 * -ENOMEM could not decide.
 * Source: Intel DCAP, QuoteVerification; shared/specs/dcap.md section 3.
 */
int quote_verify(const void *quote, size_t size, const struct collateral *collateral,
                 const struct verify_options *options, int64_t now, struct verdict *out);

#endif

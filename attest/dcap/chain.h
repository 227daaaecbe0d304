#ifndef ATTEST_CHAIN_H
#define ATTEST_CHAIN_H

/*
 * Certificate chains of the DCAP hierarchy: the PCK chain (leaf, intermediate, root) and issuer
 * chains (signer, root). Sorted by names, checked by hand: who signed whom, with which key. Dates
 * are only recorded; the verifier compares them with the time it is given.
 */
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/verdict.h"

#define CHAIN_PEM_MAX (64u << 10)

struct chain {
    X509 *leaf, *intermediate, *root; /* owned; an issuer chain has no intermediate */
};

/* The window in which everything seen so far is valid. */
struct window {
    int64_t latest_start, earliest_end;
};

/*
 * Parse PEM text that holds exactly `count` (2 or 3) certificates, in any order, each with the five
 * standard extensions, none twice, no unknown critical one, exactly one self-issued.
 * Returns 0; -EINVAL with *why in words. Release with chain_fini() in any case.
 */
int chain_parse(const void *pem, size_t size, unsigned count, struct chain *out, const char **why);
void chain_fini(struct chain *c);

/*
 * The certificates after the first one's, as text without blanks and NULs at its end: what the
 * chains of all platforms below one CA have in common. *size 0: there are none.
 */
const char *chain_cas_text(const void *pem, size_t size, size_t *cas_size);
/*
 * As chain_parse() of a PCK chain whose chain_cas_text() has been parsed before, to `ca` and `root`
 * (borrowed): only the leaf is decoded. Returns 0; -EINVAL, and then chain_parse() has to say why.
 */
int chain_parse_below(const void *pem, size_t size, X509 *ca, X509 *root, struct chain *out);

/*
 * Names and signatures from the root down; `leaf_name` is what the leaf's CN must contain. With
 * `cas_known` the certificates above the leaf have passed before and only the leaf's are checked.
 * NULL or why not.
 */
const char *chain_problem(const struct chain *c, const char *leaf_name, bool cas_known);
void chain_dates(const struct chain *c, struct window *w);

/* Returns 0 or -EINVAL. */
int chain_root_point(const struct chain *c, uint8_t point[65]);
int pck_facts_parse(X509 *leaf, struct pck_facts *out);

void window_add(struct window *w, int64_t start, int64_t end);
/* Returns 0 or -EINVAL. */
int time_from_asn1(const ASN1_TIME *t, int64_t *out);

#endif

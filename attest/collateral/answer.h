#ifndef ATTEST_ANSWER_H
#define ATTEST_ANSWER_H

/*
 * What PCS, PCCS and Azure's THIM answer: a document in the body, its issuer chain URL-encoded in a header whose
 * name depends on the API's version. Pure; the answer is hostile.
 * Source: shared/specs/dcap.md 5.1, 5.2, 5.4.
 */
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/collateral.h"
#include "text/problem.h"

#define ANSWER_HEADERS_MAX (64u << 10)

enum answer_kind { ANSWER_TCB_INFO, ANSWER_QE_IDENTITY, ANSWER_PCK_CRL, ANSWER_ROOT_CRL };

/* As received; header lines end with CR LF or LF. */
struct answer {
    const char *headers;
    size_t headers_size;
    const uint8_t *body;
    size_t body_size;
};

/*
 * Put the document, and for the first two kinds its chain, into *out (which must have neither yet).
 * Returns 0; -EINVAL not such a document, with why in words; -ENOMEM.
 */
int answer_take(enum answer_kind kind, const struct answer *a, struct collateral *out, struct problem *why);

/*
 * The value of a header, percent-decoded, as text with a NUL. *out returned: free().
 * Returns 0; -ENOENT no such header; -EINVAL malformed; -ENOMEM.
 */
int answer_header(const struct answer *a, const char *name, char **out, size_t *size);

const char *answer_kind_words(enum answer_kind kind);

#endif

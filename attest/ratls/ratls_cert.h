#ifndef ATTEST_RATLS_CERT_H
#define ATTEST_RATLS_CERT_H

/*
 * An RA-TLS certificate taken apart: the evidence in it, and whether the evidence is about its key.
 * Both forms: TCG DICE tagged evidence (2.23.133.5.4.9) and the legacy quote extension.
 * Source: shared/specs/ra-tls.md sections 3 and 5.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATLS_CERT_MAX  (16u << 10)
#define RATLS_QUOTE_MIN 436
#define RATLS_QUOTE_MAX 8192

/* mbedTLS's numbers, which callers of RA-TLS know. */
enum ratls_code {
    RATLS_OK = 0,
    RATLS_INVALID_FORMAT = -0x2180,
    RATLS_INVALID_EXTENSIONS = -0x2500,
    RATLS_UNEXPECTED_TAG = -0x2562, /* in the list of extensions */
    RATLS_SIG_MISMATCH = -0x2680,
    RATLS_VERIFY_FAILED = -0x2700,
    RATLS_BAD_INPUT = -0x2800,
    RATLS_ALLOC_FAILED = -0x2880,
    RATLS_FILE_IO = -0x2900,
    RATLS_FATAL = -0x3000,
    RATLS_BAD_KEY = -0x3E80,
};

/* Everything points into the certificate. */
struct ratls_cert {
    const uint8_t *spki; /* SubjectPublicKeyInfo, tag and length included */
    size_t spki_size;
    const uint8_t *tcg, *legacy; /* extension values, NULL without */
    size_t tcg_size, legacy_size;
};

struct ratls_evidence {
    const uint8_t *quote;
    size_t quote_size;
    bool tcg; /* tagged evidence rather than the legacy extension */
};

/* Structure only. Returns RATLS_OK, _INVALID_FORMAT, _UNEXPECTED_TAG, _INVALID_EXTENSIONS. */
int ratls_cert_parse(const uint8_t *der, size_t size, struct ratls_cert *out);

/*
 * Find the quote and check that it is bound to the certificate's key. Tagged evidence wins and must be
 * right: there is no falling back. The quote itself is NOT verified here.
 * Returns RATLS_OK, _INVALID_EXTENSIONS, _SIG_MISMATCH, _BAD_KEY.
 */
int ratls_cert_evidence(const struct ratls_cert *cert, struct ratls_evidence *out);

#endif

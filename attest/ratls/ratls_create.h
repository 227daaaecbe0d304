#ifndef ATTEST_RATLS_CREATE_H
#define ATTEST_RATLS_CREATE_H

/* Make a key and an RA-TLS certificate for it. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/ratls/ratls_cert.h"

#define RATLS_ATTESTATION_DIR "/dev/attestation"
#define RATLS_NOT_BEFORE      "20010101000000"
#define RATLS_NOT_AFTER       "20301231235959"

/*
 * attestation_dir      RATLS_ATTESTATION_DIR; a test's folder in tests
 * not_before/after     14 digits YYYYMMDDhhmmss UTC
 * key, certificate     returned: EVP_PKEY_free, X509_free; NULL on failure
 * Returns RATLS_OK, _BAD_INPUT, _FILE_IO, _ALLOC_FAILED, _INVALID_EXTENSIONS (larger than 16 KiB).
 * Source: shared/specs/ra-tls.md section 3; byte for byte that form.
 */
int ratls_create(const char *attestation_dir, const char *not_before, const char *not_after,
                 EVP_PKEY **key, X509 **certificate);

#endif

#ifndef ATTEST_SOFT_PKI_H
#define ATTEST_SOFT_PKI_H

/* The made-up Intel of the software device: made on first use, then read. */
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/soft/state.h"

#define SOFT_ROOT_FILE       "pki/collateral/root_ca.pem" /* what a verifier must be told to trust */
#define SOFT_COLLATERAL_DIR  "pki/collateral"

/* Make folder/pki if it is not there. Returns 0; -EIO cannot make keys; -errno. */
int soft_pki_ensure(const char *folder);

/* Read a private key of folder/pki, e.g. "pck.key". Returned: EVP_PKEY_free. NULL on failure. */
EVP_PKEY *soft_pki_key(const char *folder, const char *name);

#endif

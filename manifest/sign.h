#ifndef MANIFEST_SIGN_H
#define MANIFEST_SIGN_H

/* What an enclave measures to, and the statement about it that its owner signs. */
#include <openssl/types.h>

#include "lib/sgx/layout.h"
#include "lib/sgx/sigstruct.h"
#include "manifest/image_file.h"

/*
 * Lay out and measure: no key, no SGX needed.
 * Returns 0; -ENOSPC sgx.enclave_size is too small: `why` names the least that fits.
 */
int sign_measure(const struct image_file *image, const struct plan *plan, struct layout *layout,
                 uint8_t mrenclave[SGX_HASH_SIZE], struct problem *why);

/* "today" (any case) or YYYY-MM-DD to the form of sigstruct_date(). Returns 0 or -EINVAL. */
int sign_parse_date(const char *text, uint32_t *date);

/* Fill and sign. key as key_load() gave it. The result is checked as EINIT would before it is given
 * out. */
int sign_sigstruct(EVP_PKEY *key, const struct plan *plan, const uint8_t mrenclave[SGX_HASH_SIZE],
                   uint32_t date, struct sgx_sigstruct *out, struct problem *why);

#endif

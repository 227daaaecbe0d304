#ifndef LIB_SGX_SECS_H
#define LIB_SGX_SECS_H

/* What ECREATE and EINIT check and write in the SECS (Intel SDM vol. 3D, ECREATE, EINIT). */
#include <stdint.h>

#include "lib/sgx/arch.h"

/*
 * May an enclave be created from this SECS?
 *
 * xfrm_supported   XCR0 bits that the machine has
 * Returns 0; -EINVAL where ECREATE raises #GP.
 */
int secs_check(const struct sgx_secs *secs, uint64_t xfrm_supported);

/* Least SECS.SSAFRAMESIZE, in pages, for these XFRM and MISCSELECT; 0: unknown bits. */
uint32_t secs_ssa_pages(uint64_t xfrm, uint32_t miscselect);

/*
 * EINIT: check the SIGSTRUCT against the enclave as built and on success write the identities into
 * the SECS and set INIT. No launch token: as with Linux's driver, the launch key hash is the signer's.
 *
 * Returns 0 or EINIT's error; the SECS is unchanged on error.
 */
enum sgx_error secs_einit(struct sgx_secs *secs, const uint8_t mrenclave[SGX_HASH_SIZE],
                          const struct sgx_sigstruct *sig);

#endif

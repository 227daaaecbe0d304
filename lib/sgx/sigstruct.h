#ifndef LIB_SGX_SIGSTRUCT_H
#define LIB_SGX_SIGSTRUCT_H

/* SIGSTRUCT: what an enclave's signer states, and EINIT's check of it (Intel SDM vol. 3D, §35.13). */
#include <stdint.h>

#include "lib/plan/plan.h"
#include "lib/sgx/arch.h"

#define SIGSTRUCT_SIGNED_SIZE 256

/* The date field: 2024-12-31 is 0x20241231. */
uint32_t sigstruct_date(unsigned year, unsigned month, unsigned day);

/* Fill everything but modulus, signature, q1 and q2. */
void sigstruct_fill(struct sgx_sigstruct *s, const struct plan *plan,
                    const uint8_t mrenclave[SGX_HASH_SIZE], uint32_t date);

/* The bytes that are signed: 0..127 and 900..1027. */
void sigstruct_signed_bytes(const struct sgx_sigstruct *s, uint8_t out[SIGSTRUCT_SIGNED_SIZE]);

/*
 * Check form and signature as EINIT does.
 * Returns 0; SGX_INVALID_SIG_STRUCT: header, vendor, exponent or reserved bytes; SGX_INVALID_SIGNATURE.
 */
enum sgx_error sigstruct_verify(const struct sgx_sigstruct *s);

/* SHA-256 of the modulus: the signer's identity. */
void sigstruct_mrsigner(const struct sgx_sigstruct *s, uint8_t mrsigner[SGX_HASH_SIZE]);

#endif

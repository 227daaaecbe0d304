#ifndef LIB_CRYPTO_RSA3_H
#define LIB_CRYPTO_RSA3_H

/*
 * RSA-3072 with exponent 3, PKCS#1 v1.5 and SHA-256, verified as EINIT does it: the signer supplies
 * the quotients Q1 = floor(S^2 / N) and Q2 = floor((S^2 mod N) * S / N), so that verification needs
 * neither division nor big-number library. All numbers are 384 bytes, little endian.
 */
#include <stdint.h>

#define RSA3_SIZE 384

/*
 * Returns 0; -EBADMSG when a number is out of range, a quotient is wrong, or the signature is not
 * one of this hash by this modulus. Not constant time: everything here is public.
 */
int rsa3_verify(const uint8_t modulus[RSA3_SIZE], const uint8_t signature[RSA3_SIZE],
                const uint8_t q1[RSA3_SIZE], const uint8_t q2[RSA3_SIZE], const uint8_t hash[32]);

#endif

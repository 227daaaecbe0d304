#ifndef ATTEST_ECDSA_H
#define ATTEST_ECDSA_H

/* ECDSA P-256 with SHA-256 over raw points (x, y) and raw signatures (r, s), as quotes hold them. */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P256_POINT_SIZE 65 /* 04, x, y */

/* A public key from x and y. Returns NULL when they are no point of the curve. Returned: EVP_PKEY_free. */
EVP_PKEY *p256_key_new(const uint8_t xy[64]);
/* The uncompressed point of a key. Returns 0; -EINVAL not on P-256. */
int p256_key_point(const EVP_PKEY *key, uint8_t point[P256_POINT_SIZE]);
bool p256_verify(EVP_PKEY *key, const uint8_t rs[64], const void *data, size_t size);
/* Returns 0; -EIO. */
int p256_sign(EVP_PKEY *key, const void *data, size_t size, uint8_t rs[64]);

#endif

#ifndef LIB_CRYPTO_HMAC_H
#define LIB_CRYPTO_HMAC_H

/* HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869). */
#include <stddef.h>
#include <stdint.h>

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t out[32]);

/* salt may be NULL with size 0; out_size at most 255 * 32. */
void hkdf_sha256(const void *secret, size_t secret_size, const void *salt, size_t salt_size,
                 const void *info, size_t info_size, void *out, size_t out_size);

#endif

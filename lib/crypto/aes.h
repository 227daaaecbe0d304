#ifndef LIB_CRYPTO_AES_H
#define LIB_CRYPTO_AES_H

/* AES-128-CMAC (NIST SP 800-38B, RFC 4493) and AES-128-GCM (SP 800-38D, 12-byte IV, 16-byte tag). */
#include <stddef.h>
#include <stdint.h>

#define AES128_KEY_SIZE 16
#define GCM_IV_SIZE     12
#define GCM_TAG_SIZE    16

void aes128_cmac(const uint8_t key[AES128_KEY_SIZE], const void *data, size_t size,
                 uint8_t mac[16]);

/* One call seals or opens a whole message. in and out may be the same buffer. */
void aes128_gcm_seal(const uint8_t key[AES128_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                     const void *aad, size_t aad_size, const void *in, size_t size, void *out,
                     uint8_t tag[GCM_TAG_SIZE]);

/* Returns 0; -EBADMSG when the tag does not match, and then out is wiped. */
int aes128_gcm_open(const uint8_t key[AES128_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                    const void *aad, size_t aad_size, const void *in, size_t size, void *out,
                    const uint8_t tag[GCM_TAG_SIZE]);

#endif

#ifndef LIB_CRYPTO_SHA256_H
#define LIB_CRYPTO_SHA256_H

/* SHA-256 (FIPS 180-4): streaming, one-shot, and many equal-sized messages at once. */
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
    uint64_t state[32]; /* opaque: the linked back end's context */
};

void sha256_init(struct sha256 *ctx);
void sha256_update(struct sha256 *ctx, const void *data, size_t size);
void sha256_final(struct sha256 *ctx, uint8_t out[SHA256_SIZE]);

void sha256_digest(const void *data, size_t size, uint8_t out[SHA256_SIZE]);

/*
 * Hash `count` consecutive blocks of `block_size` bytes each; out receives count digests. Uses the
 * multi-buffer or SHA-NI code of the machine where there is one.
 */
void sha256_blocks(const void *data, size_t block_size, size_t count, uint8_t (*out)[SHA256_SIZE]);

#endif

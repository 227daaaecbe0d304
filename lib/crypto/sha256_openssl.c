/* Hosted back end of SHA-256: OpenSSL's low-level functions; EVP would allocate for each context. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/crypto/sha256.h"

#include <openssl/sha.h>

#include "lib/base/assert.h"

static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256), "OpenSSL's context fits");

static SHA256_CTX *context(struct sha256 *ctx)
{
    return (SHA256_CTX *)ctx;
}

void sha256_init(struct sha256 *ctx)
{
    if (SHA256_Init(context(ctx)) != 1)
        BUG();
}

void sha256_update(struct sha256 *ctx, const void *data, size_t size)
{
    if (size && SHA256_Update(context(ctx), data, size) != 1)
        BUG();
}

void sha256_final(struct sha256 *ctx, uint8_t out[SHA256_SIZE])
{
    if (SHA256_Final(out, context(ctx)) != 1)
        BUG();
}

void sha256_digest(const void *data, size_t size, uint8_t out[SHA256_SIZE])
{
    struct sha256 ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, data, size);
    sha256_final(&ctx, out);
}

void sha256_blocks(const void *data, size_t block_size, size_t count, uint8_t (*out)[SHA256_SIZE])
{
    const uint8_t *p = data;
    for (size_t i = 0; i < count; i++)
        sha256_digest(p + i * block_size, block_size, out[i]);
}

/* HMAC and HKDF over whichever SHA-256 is linked: the same code in both back ends. */
#include "lib/crypto/hmac.h"

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/crypto/sha256.h"

#define BLOCK 64

struct hmac {
    struct sha256 hash;
    uint8_t pad[BLOCK]; /* the key, xored with ipad, then with opad */
};

static void hmac_init(struct hmac *m, const void *key, size_t key_size)
{
    memset(m->pad, 0, BLOCK);
    if (key_size > BLOCK)
        sha256_digest(key, key_size, m->pad);
    else if (key_size)
        memcpy(m->pad, key, key_size);
    for (size_t i = 0; i < BLOCK; i++)
        m->pad[i] ^= 0x36;
    sha256_init(&m->hash);
    sha256_update(&m->hash, m->pad, BLOCK);
}

static void hmac_final(struct hmac *m, uint8_t out[SHA256_SIZE])
{
    uint8_t inner[SHA256_SIZE];

    sha256_final(&m->hash, inner);
    for (size_t i = 0; i < BLOCK; i++)
        m->pad[i] ^= 0x36 ^ 0x5c;
    sha256_init(&m->hash);
    sha256_update(&m->hash, m->pad, BLOCK);
    sha256_update(&m->hash, inner, sizeof(inner));
    sha256_final(&m->hash, out);
    bytes_wipe(inner, sizeof(inner));
    bytes_wipe(m, sizeof(*m));
}

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t out[32])
{
    struct hmac m;
    hmac_init(&m, key, key_size);
    sha256_update(&m.hash, data, size);
    hmac_final(&m, out);
}

void hkdf_sha256(const void *secret, size_t secret_size, const void *salt, size_t salt_size,
                 const void *info, size_t info_size, void *out, size_t out_size)
{
    uint8_t prk[SHA256_SIZE], block[SHA256_SIZE], *p = out;
    struct hmac m;

    assert(out_size <= 255 * SHA256_SIZE);
    hmac_sha256(salt, salt_size, secret, secret_size, prk);
    for (uint8_t counter = 1; out_size; counter++) {
        hmac_init(&m, prk, sizeof(prk));
        if (counter > 1)
            sha256_update(&m.hash, block, sizeof(block));
        sha256_update(&m.hash, info, info_size);
        sha256_update(&m.hash, &counter, 1);
        hmac_final(&m, block);
        size_t n = MIN(out_size, sizeof(block));
        memcpy(p, block, n);
        p += n;
        out_size -= n;
    }
    bytes_wipe(prk, sizeof(prk));
    bytes_wipe(block, sizeof(block));
}

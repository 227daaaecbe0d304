/*
 * Hosted back end of AES-128-GCM and AES-128-CMAC: OpenSSL's EVP. A failure of OpenSSL other than a
 * tag mismatch means no memory or a broken installation: panic, never a wrong result.
 */
#include "lib/crypto/aes.h"

#include <openssl/evp.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"

#define CHUNK ((size_t)1 << 30) /* EVP's lengths are int */

static void must(int ok)
{
    if (ok != 1)
        BUG();
}

void aes128_cmac(const uint8_t key[AES128_KEY_SIZE], const void *data, size_t size, uint8_t mac[16])
{
    size_t length = 0;
    const void *p = size ? data : "";
    if (!EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, AES128_KEY_SIZE, p, size, mac, 16,
                   &length) ||
        length != 16)
        BUG();
}

/* Feed `size` bytes in pieces that fit EVP; out NULL: additional authenticated data. */
static void feed(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t size, uint8_t *out)
{
    int length;
    while (size) {
        size_t n = MIN(size, CHUNK);
        must(EVP_CipherUpdate(ctx, out, &length, in, (int)n));
        in += n;
        out = out ? out + n : NULL;
        size -= n;
    }
}

static EVP_CIPHER_CTX *gcm_start(const uint8_t *key, const uint8_t *iv, int seal)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!ctx)
        BUG();
    must(EVP_CipherInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv, seal));
    return ctx;
}

void aes128_gcm_seal(const uint8_t key[AES128_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                     const void *aad, size_t aad_size, const void *in, size_t size, void *out,
                     uint8_t tag[GCM_TAG_SIZE])
{
    EVP_CIPHER_CTX *ctx = gcm_start(key, iv, 1);
    uint8_t end[16];
    int length;

    feed(ctx, aad, aad_size, NULL);
    feed(ctx, in, size, out);
    must(EVP_CipherFinal_ex(ctx, end, &length));
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, tag));
    EVP_CIPHER_CTX_free(ctx);
}

int aes128_gcm_open(const uint8_t key[AES128_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                    const void *aad, size_t aad_size, const void *in, size_t size, void *out,
                    const uint8_t tag[GCM_TAG_SIZE])
{
    EVP_CIPHER_CTX *ctx = gcm_start(key, iv, 0);
    uint8_t end[16];
    int length;

    feed(ctx, aad, aad_size, NULL);
    feed(ctx, in, size, out);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, (void *)tag));
    int same = EVP_CipherFinal_ex(ctx, end, &length) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!same && size)
        bytes_wipe(out, size);
    return same ? 0 : -EBADMSG;
}

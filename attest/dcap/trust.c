/* Pinned root keys. See attest/dcap/trust.h. */
#include "attest/dcap/trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#include "attest/dcap/ecdsa.h"

/* Intel SGX Root CA, uncompressed point. Source: specs/dcap.md 2.1. */
static const uint8_t g_intel_root[65] = {
    0x04, 0x0b, 0xa9, 0xc4, 0xc0, 0xc0, 0xc8, 0x61, 0x93, 0xa3, 0xfe, 0x23, 0xd6,
    0xb0, 0x2c, 0xda, 0x10, 0xa8, 0xbb, 0xd4, 0xe8, 0x8e, 0x48, 0xb4, 0x45, 0x85,
    0x61, 0xa3, 0x6e, 0x70, 0x55, 0x25, 0xf5, 0x67, 0x91, 0x8e, 0x2e, 0xdc, 0x88,
    0xe4, 0x0d, 0x86, 0x0b, 0xd0, 0xcc, 0x4e, 0xe2, 0x6a, 0xac, 0xc9, 0x88, 0xe5,
    0x05, 0xa9, 0x53, 0x55, 0x8c, 0x45, 0x3f, 0x6b, 0x09, 0x04, 0xae, 0x73, 0x94,
};

void trust_roots_intel(struct trust_roots *t)
{
    *t = (struct trust_roots){ .count = 1 };
    memcpy(t->point[0], g_intel_root, sizeof(g_intel_root));
}

int trust_roots_add_pem(struct trust_roots *t, const void *pem, size_t size)
{
    if (t->count >= TRUST_ROOTS_MAX)
        return -ENOSPC;
    if (size > (1u << 20))
        return -EINVAL;
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    int ret = x ? p256_key_point(X509_get0_pubkey(x), t->point[t->count]) : -EINVAL;
    if (ret == 0)
        t->count++;
    X509_free(x);
    BIO_free(bio);
    ERR_clear_error();
    return ret;
}

void trust_roots_digest(const struct trust_roots *t, unsigned i, uint8_t hash[32])
{
    SHA256(t->point[i], sizeof(t->point[i]), hash);
}

bool trust_roots_contain(const struct trust_roots *t, const uint8_t point[65])
{
    for (unsigned i = 0; i < t->count && i < TRUST_ROOTS_MAX; i++)
        if (memcmp(t->point[i], point, 65) == 0)
            return true;
    return false;
}

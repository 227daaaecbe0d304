/*
 * Raw ECDSA P-256 on OpenSSL's EVP. Signatures and points come from quotes and JSON documents and are
 * hostile; OpenSSL checks ranges and that a point is on the curve.
 */
#include "attest/dcap/ecdsa.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/params.h>
#include <string.h>

EVP_PKEY *p256_key_new(const uint8_t xy[64])
{
    uint8_t point[P256_POINT_SIZE] = { 0x04 };
    memcpy(point + 1, xy, 64);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1", 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

int p256_key_point(const EVP_PKEY *key, uint8_t point[P256_POINT_SIZE])
{
    char group[32];
    size_t size = 0;
    if (!key || !EVP_PKEY_is_a(key, "EC") ||
        EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
        strcmp(group, "prime256v1") != 0)
        return -EINVAL;
    uint8_t full[2 * P256_POINT_SIZE];
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, full, sizeof(full), &size) != 1 ||
        size != P256_POINT_SIZE || full[0] != 0x04)
        return -EINVAL; /* compressed points do not occur in Intel's hierarchy */
    memcpy(point, full, P256_POINT_SIZE);
    return 0;
}

/* r, s as the DER that EVP wants. Returns its length or 0. */
static int signature_to_der(const uint8_t rs[64], uint8_t **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(rs, 32, NULL), *s = BN_bin2bn(rs + 32, 32, NULL);
    int size = 0;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL;
        size = i2d_ECDSA_SIG(sig, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return size > 0 ? size : 0;
}

bool p256_verify(EVP_PKEY *key, const uint8_t rs[64], const void *data, size_t size)
{
    uint8_t *der = NULL;
    int der_size = signature_to_der(rs, &der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = der_size && ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, der, (size_t)der_size, data, size) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    return ok;
}

int p256_sign(EVP_PKEY *key, const void *data, size_t size, uint8_t rs[64])
{
    uint8_t der[80];
    const uint8_t *p = der;
    size_t der_size = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ECDSA_SIG *sig = NULL;
    if (ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(ctx, der, &der_size, data, size) == 1)
        sig = d2i_ECDSA_SIG(NULL, &p, (long)der_size);
    int ret = -EIO;
    if (sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32) == 32 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32) == 32)
        ret = 0;
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
    return ret;
}

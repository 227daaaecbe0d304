/* Test helper: RSA-3072 with e = 3 and the quotients of EINIT, by OpenSSL's big numbers. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "rsa3_sign.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>

static RSA *key(void)
{
    static RSA *g_key;
    if (g_key)
        return g_key;
    BIGNUM *e = BN_new();
    RSA *rsa = RSA_new();
    BN_set_word(e, 3);
    if (RSA_generate_key_ex(rsa, 3072, e, NULL) == 1)
        g_key = rsa;
    BN_free(e);
    return g_key;
}

int rsa3_sign(const uint8_t hash[32], struct rsa3_signature *out)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *s = BN_new(), *t = BN_new(), *q = BN_new(), *r = BN_new();
    RSA *rsa = key();
    uint8_t big[384];
    unsigned size;
    int ret = -1;

    if (!rsa || RSA_sign(NID_sha256, hash, 32, big, &size, rsa) != 1 || size != 384)
        goto out;
    const BIGNUM *n = RSA_get0_n(rsa);
    BN_bin2bn(big, 384, s);
    BN_bn2lebinpad(n, out->modulus, 384);
    BN_bn2lebinpad(s, out->signature, 384);
    BN_mul(t, s, s, ctx);
    BN_div(q, r, t, n, ctx);
    BN_bn2lebinpad(q, out->q1, 384);
    BN_mul(t, r, s, ctx);
    BN_div(q, r, t, n, ctx);
    BN_bn2lebinpad(q, out->q2, 384);
    ret = 0;
out:
    BN_free(s), BN_free(t), BN_free(q), BN_free(r);
    BN_CTX_free(ctx);
    return ret;
}

/*
 * Measure and sign an enclave. lib/sgx knows what is measured and what is signed; here OpenSSL
 * makes the RSA signature and the quotients Q1 and Q2 that spare EINIT a division. Start at
 * sign_sigstruct().
 */
#include "manifest/sign.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/sgx/measure.h"
#include "manifest/key.h"

int sign_measure(const struct image_file *image, const struct plan *plan, struct layout *layout,
                 uint8_t mrenclave[SGX_HASH_SIZE], struct problem *why)
{
    uint64_t need = 0;
    int ret = layout_compute(&image->elf, image->enclave_entry, plan, layout, &need);
    if (ret == -ENOSPC && need > UINT64_C(1) << 40)
        return problem_set(
            why, ret, "sgx.enclave_size: the enclave does not fit in 1024G: lower sgx.max_threads");
    if (ret == -ENOSPC)
        return problem_set(why, ret,
                           "sgx.enclave_size: %lluK is too small for %u threads and their plan: "
                           "needs at least %lluM: set sgx.enclave_size",
                           (unsigned long long)(plan->h->enclave_size >> 10), plan->h->max_threads,
                           (unsigned long long)(need + (1 << 20) - 1) >> 20);
    if (ret)
        return problem_set(why, ret, "the image cannot be laid out: %s", strerror(-ret));
    uint8_t *scratch = aligned_alloc(4096, LAYOUT_SCRATCH);
    if (!scratch)
        return problem_set(why, -ENOMEM, "out of memory");
    ret = measure_layout(layout, &image->elf, plan, scratch, mrenclave);
    free(scratch);
    return ret ? problem_set(why, ret, "the image cannot be measured: %s", strerror(-ret)) : 0;
}

int sign_parse_date(const char *text, uint32_t *date)
{
    if (strcasecmp(text, "today") == 0) {
        time_t now = time(NULL);
        struct tm tm;
        if (!localtime_r(&now, &tm))
            return -EINVAL;
        *date = sigstruct_date((unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
                               (unsigned)tm.tm_mday);
        return 0;
    }
    static const char form[] = "0000-00-00";
    if (strlen(text) != sizeof(form) - 1)
        return -EINVAL;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != '-')
            return -EINVAL;
    *date = sigstruct_date((unsigned)atoi(text), (unsigned)atoi(text + 5),
                           (unsigned)atoi(text + 8));
    return 0;
}

/* RSASSA-PKCS1-v1_5 with SHA-256; big endian. */
static int rsa_sign(EVP_PKEY *key, const uint8_t *data, size_t size, uint8_t signature[KEY_BYTES])
{
    size_t length = KEY_BYTES;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey = NULL;
    bool ok = ctx && EVP_DigestSignInit(ctx, &pkey, EVP_sha256(), NULL, key) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PADDING) > 0 &&
              EVP_DigestSign(ctx, signature, &length, data, size) > 0 && length == KEY_BYTES;
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : -EIO;
}

/* Q1 = floor(S^2 / N); Q2 = floor((S^2 mod N) * S / N). */
static int quotients(const BIGNUM *n, const BIGNUM *s, struct sgx_sigstruct *out)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *q = BN_new(), *rest = BN_new(), *product = BN_new();
    bool ok = ctx && q && rest && product && BN_sqr(product, s, ctx) &&
              BN_div(q, rest, product, n, ctx) &&
              BN_bn2lebinpad(q, out->q1, KEY_BYTES) == KEY_BYTES && BN_mul(product, rest, s, ctx) &&
              BN_div(q, NULL, product, n, ctx) &&
              BN_bn2lebinpad(q, out->q2, KEY_BYTES) == KEY_BYTES;
    BN_free(q);
    BN_free(rest);
    BN_free(product);
    BN_CTX_free(ctx);
    return ok ? 0 : -EIO;
}

static int add_signature(EVP_PKEY *key, struct sgx_sigstruct *out)
{
    uint8_t message[SIGSTRUCT_SIGNED_SIZE], signature[KEY_BYTES];
    BIGNUM *n = NULL, *s = NULL;
    sigstruct_signed_bytes(out, message);
    int ret = rsa_sign(key, message, sizeof(message), signature);
    if (ret)
        return ret;
    s = BN_bin2bn(signature, KEY_BYTES, NULL);
    bool ok = s && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) &&
              BN_bn2lebinpad(n, out->modulus, KEY_BYTES) == KEY_BYTES &&
              BN_bn2lebinpad(s, out->signature, KEY_BYTES) == KEY_BYTES &&
              quotients(n, s, out) == 0;
    BN_free(n);
    BN_free(s);
    return ok ? 0 : -EIO;
}

int sign_sigstruct(EVP_PKEY *key, const struct plan *plan, const uint8_t mrenclave[SGX_HASH_SIZE],
                   uint32_t date, struct sgx_sigstruct *out, struct problem *why)
{
    memset(out, 0, sizeof(*out));
    sigstruct_fill(out, plan, mrenclave, date);
    int ret = add_signature(key, out);
    if (ret || sigstruct_verify(out) != SGX_SUCCESS)
        return problem_set(why, -EIO, "OpenSSL made no signature that SGX accepts");
    return 0;
}

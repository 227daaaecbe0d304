/* libra_tls_attest.so: certificate creation under Gramine's name, with its environment variables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/include/gramine/ra_tls.h"
#include "attest/ratls/ratls_create.h"
#include "lib/base/bytes.h"

#define API __attribute__((visibility("default")))

/* OpenSSL's allocations become malloc's, which the caller can free(). */
static int hand_out(uint8_t *from, int size, uint8_t **out, size_t *out_size)
{
    *out = size > 0 ? malloc((size_t)size) : NULL;
    *out_size = *out ? (size_t)size : 0;
    if (*out)
        memcpy(*out, from, (size_t)size);
    if (size > 0)
        OPENSSL_clear_free(from, (size_t)size);
    return *out ? 0 : RATLS_ALLOC_FAILED;
}

API int ra_tls_create_key_and_crt_der(uint8_t **der_key, size_t *der_key_size, uint8_t **der_crt,
                                      size_t *der_crt_size)
{
    const char *from = getenv("RA_TLS_CERT_TIMESTAMP_NOT_BEFORE");
    const char *until = getenv("RA_TLS_CERT_TIMESTAMP_NOT_AFTER");
    EVP_PKEY *key;
    X509 *crt;
    uint8_t *buf = NULL;
    if (!der_key || !der_key_size || !der_crt || !der_crt_size)
        return -EINVAL;
    int ret = ratls_create(RATLS_ATTESTATION_DIR, from ? from : RATLS_NOT_BEFORE,
                           until ? until : RATLS_NOT_AFTER, &key, &crt);
    if (ret)
        return ret;
    int size = i2d_X509(crt, &buf);
    ret = hand_out(buf, size, der_crt, der_crt_size);
    if (ret == 0) {
        buf = NULL;
        size = i2d_PrivateKey(key, &buf);
        ret = hand_out(buf, size, der_key, der_key_size);
        if (ret) {
            free(*der_crt);
            *der_crt = NULL;
        }
    }
    X509_free(crt);
    EVP_PKEY_free(key);
    return ret;
}

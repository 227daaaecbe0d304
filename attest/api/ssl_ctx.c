/*
 * libcloister.so: the verifier in an OpenSSL handshake, and an enclave's own identity for one. The
 * peer is hostile until cloister_verify_callback() has returned 1. Header:
 * attest/include/cloister/ratls.h.
 */
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "attest/api/verifier.h"
#include "attest/include/cloister/ratls.h"
#include "attest/ratls/ratls_create.h"

static int g_report_index = -1; /* made once by make_index() */
static pthread_once_t g_report_once = PTHREAD_ONCE_INIT;

static void free_report(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
                        void *argp)
{
    free(ptr);
}

static void make_index(void)
{
    g_report_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_report);
}

/* The connection's report, made when first asked for. */
static struct cloister_report *report_of(SSL *ssl)
{
    pthread_once(&g_report_once, make_index);
    struct cloister_report *r = g_report_index < 0 ? NULL : SSL_get_ex_data(ssl, g_report_index);
    if (r || g_report_index < 0)
        return r;
    r = calloc(1, sizeof(*r));
    if (r && SSL_set_ex_data(ssl, g_report_index, r) != 1) {
        free(r);
        r = NULL;
    }
    return r;
}

API int cloister_verify_callback(X509_STORE_CTX *store, void *verifier)
{
    struct cloister_report unkept;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct cloister_report *report = ssl ? report_of(ssl) : NULL;
    uint8_t *der = NULL;
    int ret = -EBADMSG;
    int size = i2d_X509(X509_STORE_CTX_get0_cert(store), &der);
    /* an enclave sends one certificate: more are an attempt to confuse */
    if (size > 0 && sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) <= 1)
        ret = cloister_verify_certificate(verifier, der, (size_t)size, (int64_t)time(NULL),
                                          report ? report : &unkept);
    OPENSSL_free(der);
    X509_STORE_CTX_set_error(store, ret == 0 ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return ret == 0;
}

API int cloister_ssl_ctx_require_enclave(SSL_CTX *tls, const struct cloister_verifier *v)
{
    if (!tls || !v)
        return -EINVAL;
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        return -ENOMEM;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(tls, cloister_verify_callback, (void *)(uintptr_t)v);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    return 0;
}

API int cloister_ssl_ctx_use_enclave_identity(SSL_CTX *tls)
{
    EVP_PKEY *key;
    X509 *crt;
    if (!tls)
        return -EINVAL;
    int ret = ratls_create(RATLS_ATTESTATION_DIR, RATLS_NOT_BEFORE, RATLS_NOT_AFTER, &key, &crt);
    if (ret)
        return ret == RATLS_FILE_IO ? -EIO : -ENOMEM;
    ret = SSL_CTX_use_certificate(tls, crt) == 1 && SSL_CTX_use_PrivateKey(tls, key) == 1 ? 0
                                                                                          : -EINVAL;
    X509_free(crt);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ret;
}

API const struct cloister_report *cloister_ssl_report(const SSL *ssl)
{
    pthread_once(&g_report_once, make_index);
    return ssl && g_report_index >= 0 ? SSL_get_ex_data(ssl, g_report_index) : NULL;
}

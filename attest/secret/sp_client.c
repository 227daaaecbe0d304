/*
 * Secret-provisioning client. Runs in the enclave as part of the program. The server is authenticated by
 * an ordinary certificate under the given CA; we are, by our RA-TLS certificate. The network and whoever
 * answers there are hostile until the handshake is done. Start at sp_client_start().
 */
#include "attest/secret/sp_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/ratls/ratls_create.h"
#include "attest/secret/sp_wire.h"
#include "attest/secret/tls_socket.h"
#include "lib/base/bytes.h"

static int connect_one(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    int fd = -1;
    if (getaddrinfo(host, port, &hints, &list))
        return -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen)) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

static int connect_any(const char *servers, char host[256])
{
    char port[32];
    while (sp_next_server(&servers, host, port)) {
        int fd = connect_one(host, port);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

static bool name_matches(X509 *leaf, X509_VERIFY_PARAM *param)
{
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    char *ip = host ? NULL : X509_VERIFY_PARAM_get1_ip_asc(param);
    bool ok = host ? X509_check_host(leaf, host, 0, 0, NULL) == 1
                   : ip && X509_check_ip_asc(leaf, ip, 0) == 1;
    OPENSSL_free(ip);
    return ok;
}

/*
 * The sample certificates that everyone copies give CA and server the same name, so that OpenSSL takes
 * the server's for a self-signed one. What counts is that the CA's key signed it.
 */
static bool signed_by_namesake(X509_STORE_CTX *ctx)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(X509_STORE_CTX_get0_store(ctx));
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) >= 0 ||
        X509_cmp_current_time(X509_get0_notAfter(leaf)) <= 0 ||
        !name_matches(leaf, X509_STORE_CTX_get0_param(ctx)))
        return false;
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (ca && X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(leaf)) == 0 &&
            X509_check_ca(ca) != 0 && X509_cmp_current_time(X509_get0_notAfter(ca)) > 0 &&
            X509_verify(leaf, X509_get0_pubkey(ca)) == 1)
            return true;
    }
    return false;
}

static int verify_server(X509_STORE_CTX *ctx, void *arg)
{
    (void)arg;
    if (X509_verify_cert(ctx) == 1)
        return 1;
    if (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT &&
        signed_by_namesake(ctx)) {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }
    return 0;
}

static int make_tls(const struct sp_client_options *o, SSL_CTX **out, char *why, size_t why_size)
{
    EVP_PKEY *key = NULL;
    X509 *crt = NULL;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    int ret = -EPERM;
    *out = NULL;
    if (!tls || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1) {
        snprintf(why, why_size, "out of memory");
        ret = -ENOMEM;
    } else if (SSL_CTX_load_verify_file(tls, o->ca_path) != 1) {
        snprintf(why, why_size, "CA file: %s: cannot read certificates", o->ca_path);
    } else if (ratls_create(o->attestation_dir, o->not_before, o->not_after, &key, &crt)) {
        snprintf(why, why_size, "%s: no quote: is this an enclave, with sgx.remote_attestation = \"dcap\"?",
                 o->attestation_dir);
    } else if (SSL_CTX_use_certificate(tls, crt) == 1 && SSL_CTX_use_PrivateKey(tls, key) == 1) {
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(tls, verify_server, NULL);
        *out = tls;
        tls = NULL;
        ret = 0;
    }
    X509_free(crt);
    EVP_PKEY_free(key);
    SSL_CTX_free(tls);
    return ret;
}

static int handshake(struct ra_tls_ctx *c, const char *host, char *why, size_t why_size)
{
    uint8_t address[16];
    bool is_ip = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    c->ssl = SSL_new(c->tls);
    if (!c->ssl || tls_socket_attach(c->ssl, c->fd, tls_seconds() + SP_CLIENT_SECONDS))
        return -ENOMEM;
    int named = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), host)
                      : SSL_set1_host(c->ssl, host) && SSL_set_tlsext_host_name(c->ssl, host);
    if (named == 1 && SSL_connect(c->ssl) == 1)
        return 0;
    long verdict = SSL_get_verify_result(c->ssl);
    const char *words = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                                             : ERR_reason_error_string(ERR_peek_last_error());
    snprintf(why, why_size, "%s: TLS handshake: %s", host, words ? words : "connection lost");
    return -EPERM;
}

static int receive_secret(struct ra_tls_ctx *c, char *why, size_t why_size)
{
    uint8_t header[SP_HEADER_SIZE];
    uint32_t size;
    int ret = tls_write_all(c->ssl, SP_REQUEST, SP_REQUEST_SIZE);
    if (ret == 0)
        ret = tls_read_all(c->ssl, header, sizeof(header));
    if (ret) {
        /* In TLS 1.3 the server judges us only after our handshake is done. */
        snprintf(why, why_size, "the server refused this enclave, or closed the connection: see its log");
        return ret;
    }
    if (sp_header_parse(header, &size)) {
        snprintf(why, why_size, "the server's answer is not secret provisioning");
        return -EINVAL;
    }
    c->secret = malloc(size);
    if (!c->secret)
        return -ENOMEM;
    c->secret_size = size;
    ret = tls_read_all(c->ssl, c->secret, size);
    if (ret)
        snprintf(why, why_size, "the connection broke while the secret was sent");
    return ret;
}

int sp_client_start(const struct sp_client_options *o, struct ra_tls_ctx **out, char *why,
                    size_t why_size)
{
    char host[256];
    *out = NULL;
    snprintf(why, why_size, "out of memory");
    struct ra_tls_ctx *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->fd = connect_any(o->servers, host);
    int ret = 0;
    if (c->fd < 0) {
        snprintf(why, why_size, "%s: no server can be reached", o->servers);
        ret = SP_CONNECT_FAILED;
    }
    if (ret == 0)
        ret = make_tls(o, &c->tls, why, why_size);
    if (ret == 0)
        ret = handshake(c, host, why, why_size);
    if (ret == 0)
        ret = receive_secret(c, why, why_size);
    if (ret) {
        sp_session_free(c, 0);
        return ret;
    }
    tls_socket_set_deadline(c->ssl, TLS_NO_DEADLINE);
    *out = c;
    return 0;
}

/*
 * A C client of an RA-TLS server, for ratls_test.py: asks for / and prints the answer, or says why
 * not (exit status 1). "gramine" uses ra_tls_verify_callback_der() as programs written for Gramine
 * do, "cloister" our own interface; both take their policy from RA_TLS_* and CLOISTER_*.
 * TEST_CLOCK_OFFSET shifts time(), which both libraries read.
 *
 * usage: ratls_client gramine|cloister HOST PORT
 */
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "attest/include/cloister/ratls.h"
#include "attest/include/gramine/ra_tls.h"

time_t time(time_t *out)
{
    struct timespec t;
    const char *offset = getenv("TEST_CLOCK_OFFSET");
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += offset ? atoll(offset) : 0;
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

/* What users of the library write. */
static int verify_with_gramine(X509_STORE_CTX *store, void *arg)
{
    uint8_t *der = NULL;
    int size = i2d_X509(X509_STORE_CTX_get0_cert(store), &der);
    int ret = size > 0 ? ra_tls_verify_callback_der(der, (size_t)size) : -1;
    OPENSSL_free(der);
    if (ret)
        fprintf(stderr, "ra_tls_verify_callback_der: %d\n", ret);
    return ret == 0;
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    if (getaddrinfo(host, port, &hints, &list))
        return -1;
    int fd = socket(list->ai_family, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen)) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

static int ask(SSL *ssl)
{
    static const char request[] = "GET / HTTP/1.0\r\nHost: RATLS\r\n\r\n";
    char answer[4096];
    int n;
    if (SSL_write(ssl, request, sizeof(request) - 1) <= 0)
        return 1;
    while ((n = SSL_read(ssl, answer, sizeof(answer))) > 0)
        fwrite(answer, 1, (size_t)n, stdout);
    return 0;
}

static int run(SSL_CTX *tls, const char *host, const char *port)
{
    int fd = connect_to(host, port), ret = 1;
    SSL *ssl = SSL_new(tls);
    if (fd >= 0 && ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1) {
        ret = ask(ssl);
    } else if (ssl) {
        const struct cloister_report *r = cloister_ssl_report(ssl);
        fprintf(stderr, "not connected: %s\n",
                r ? r->reason : ERR_reason_error_string(ERR_peek_error()));
    }
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
    return ret;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    struct cloister_verifier *v = cloister_verifier_new();
    if (!tls || !v)
        return 1;
    int ret = 0;
    if (strcmp(argv[1], "gramine") == 0) {
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(tls, verify_with_gramine, NULL);
    } else if (cloister_verifier_use_environment(v) || cloister_ssl_ctx_require_enclave(tls, v)) {
        ret = 1;
    }
    if (ret == 0)
        ret = run(tls, argv[2], argv[3]);
    SSL_CTX_free(tls);
    cloister_verifier_free(v);
    return ret;
}

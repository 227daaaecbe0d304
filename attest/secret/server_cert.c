/* Make a CA and a server certificate. The CA's key is kept so that more certificates can be issued. */
#include "attest/secret/server_cert.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/file.h"

#define VALID_SECONDS (825L * 86400)

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static bool fill(X509 *x, const char *cn, EVP_PKEY *key, X509 *issuer)
{
    uint64_t serial;
    X509_NAME *name = X509_get_subject_name(x);
    return RAND_bytes((uint8_t *)&serial, sizeof(serial)) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
           X509_set_version(x, X509_VERSION_3) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x), -86400) &&
           X509_gmtime_adj(X509_getm_notAfter(x), VALID_SECONDS) && X509_set_pubkey(x, key) == 1;
}

static X509 *make_ca(EVP_PKEY *key)
{
    X509 *x = X509_new();
    if (x && fill(x, "Cloister secret server CA", key, x) &&
        add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE") &&
        add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(x, x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

static X509 *make_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key)
{
    X509 *x = X509_new();
    if (x && fill(x, "localhost", key, ca) &&
        add_extension(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(x, ca, NID_key_usage, "critical,digitalSignature") &&
        add_extension(x, ca, NID_ext_key_usage, "serverAuth") &&
        add_extension(x, ca, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
        add_extension(x, ca, NID_subject_key_identifier, "hash") &&
        add_extension(x, ca, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(x, ca_key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

/* Write a key or (key NULL) a certificate. */
static int write_pem(const char *folder, const char *name, EVP_PKEY *key, X509 *x)
{
    char path[4096], *data;
    BIO *bio = BIO_new(BIO_s_mem());
    int ret = -EIO;
    bool ok = bio && (key ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
                          : PEM_write_bio_X509(bio, x) == 1);
    long size = ok ? BIO_get_mem_data(bio, &data) : 0;
    if (size > 0 && snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
        ret = file_write(path, data, (size_t)size, key ? 0600 : 0644);
    BIO_free(bio);
    return ret;
}

static bool complete(const char *folder)
{
    static const char *const names[] = { "ca.crt", "ca.key", "server.crt", "server.key" };
    char path[4096];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        if (access(path, F_OK))
            return false;
    }
    return true;
}

int server_cert_make(const char *folder)
{
    if (mkdir(folder, 0700) && errno != EEXIST)
        return -errno;
    if (complete(folder))
        return 0;
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = ca_key ? make_ca(ca_key) : NULL;
    X509 *server = ca && key ? make_server(key, ca, ca_key) : NULL;
    int ret = server ? 0 : -EIO;
    if (ret == 0 && (ret = write_pem(folder, "ca.key", ca_key, NULL)) == 0 &&
        (ret = write_pem(folder, "server.key", key, NULL)) == 0 &&
        (ret = write_pem(folder, "server.crt", NULL, server)) == 0)
        ret = write_pem(folder, "ca.crt", NULL, ca);
    X509_free(server);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return ret;
}

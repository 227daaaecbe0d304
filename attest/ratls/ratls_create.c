/*
 * Make an RA-TLS certificate: a fresh P-384 key, two quotes over its hash (legacy form and TCG DICE
 * evidence), and a self-signed certificate that carries both. Runs inside the enclave as part of the
 * program; /dev/attestation is the library OS's and trusted.
 */
#include "attest/ratls/ratls_create.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/bytes.h"

#define POINT_SIZE  97 /* P-384, uncompressed */
#define CLAIMS_SIZE 51

/* One write of 64 bytes: a second write would replace the first. */
static bool write_report_data(const char *dir, const uint8_t data[64])
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/user_report_data", dir) >= (int)sizeof(path))
        return false;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = write(fd, data, 64);
    return close(fd) == 0 && n == 64;
}

static bool read_quote(const char *dir, uint8_t quote[RATLS_QUOTE_MAX], size_t *size)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/quote", dir) >= (int)sizeof(path))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    *size = 0;
    while (fd >= 0 && *size < RATLS_QUOTE_MAX &&
           (n = read(fd, quote + *size, RATLS_QUOTE_MAX - *size)) > 0)
        *size += (size_t)n;
    if (fd >= 0)
        close(fd);
    return n >= 0 && *size >= RATLS_QUOTE_MIN;
}

static bool quote_over(const char *dir, const uint8_t hash[32], uint8_t quote[RATLS_QUOTE_MAX], size_t *size)
{
    uint8_t data[64] = { 0 };
    memcpy(data, hash, 32);
    return write_report_data(dir, data) && read_quote(dir, quote, size);
}

/* {"pubkey-hash": h'[1, hash]'} */
static void make_claims(const uint8_t key_hash[32], uint8_t claims[CLAIMS_SIZE])
{
    static const uint8_t head[] = "\xa1\x6bpubkey-hash\x58\x24\x82\x01\x58\x20";
    memcpy(claims, head, sizeof(head) - 1);
    memcpy(claims + sizeof(head) - 1, key_hash, 32);
}

/* Tag 60000 [quote, claims]. Returns its size. */
static size_t make_evidence(const uint8_t *quote, size_t size, const uint8_t claims[CLAIMS_SIZE],
                            uint8_t *out)
{
    uint8_t head[] = { 0xd9, 0xea, 0x60, 0x82, 0x59, (uint8_t)(size >> 8), (uint8_t)size };
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), quote, size);
    out[sizeof(head) + size] = 0x58;
    out[sizeof(head) + size + 1] = CLAIMS_SIZE;
    memcpy(out + sizeof(head) + size + 2, claims, CLAIMS_SIZE);
    return sizeof(head) + size + 2 + CLAIMS_SIZE;
}

static bool add_raw(X509 *x, const char *oid, const void *value, size_t size)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext = NULL;
    if (object && octets && ASN1_OCTET_STRING_set(octets, value, (int)size) == 1)
        ext = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets);
    bool ok = ext && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
    return ok;
}

/* basicConstraints (empty), subjectKeyIdentifier, authorityKeyIdentifier: none critical. */
static bool add_standard(X509 *x, EVP_PKEY *key)
{
    uint8_t point[POINT_SIZE + 1], ski[22] = { 0x04, 20 }, aki[24] = { 0x30, 22, 0x80, 20 };
    size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &size) != 1 ||
        size != POINT_SIZE)
        return false;
    SHA1(point, POINT_SIZE, ski + 2);
    memcpy(aki + 4, ski + 2, 20);
    return add_raw(x, "2.5.29.19", "\x30\x00", 2) && add_raw(x, "2.5.29.14", ski, sizeof(ski)) &&
           add_raw(x, "2.5.29.35", aki, sizeof(aki));
}

static bool add_name(X509_NAME *n, const char *type, int encoding, const char *value)
{
    return X509_NAME_add_entry_by_txt(n, type, encoding, (const uint8_t *)value, -1, -1, 0) == 1;
}

static int set_date(ASN1_TIME *t, const char *digits)
{
    char text[16];
    for (int i = 0; i < 14; i++)
        if (digits[i] < '0' || digits[i] > '9')
            return RATLS_BAD_INPUT;
    if (digits[14] != 0)
        return RATLS_BAD_INPUT;
    snprintf(text, sizeof(text), "%sZ", digits);
    return ASN1_TIME_set_string_X509(t, text) == 1 ? RATLS_OK : RATLS_BAD_INPUT;
}

static X509 *start_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *n = x ? X509_get_subject_name(x) : NULL;
    if (n && X509_set_version(x, X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
        add_name(n, "CN", V_ASN1_UTF8STRING, "RATLS") &&
        add_name(n, "O", V_ASN1_UTF8STRING, "GramineDevelopers") &&
        add_name(n, "C", V_ASN1_PRINTABLESTRING, "US") && X509_set_issuer_name(x, n) == 1 &&
        X509_set_pubkey(x, key) == 1 && add_standard(x, key))
        return x;
    X509_free(x);
    return NULL;
}

/* Legacy quote first, then evidence: two quotes with different report data. */
static int add_quotes(X509 *x, EVP_PKEY *key, const char *dir)
{
    uint8_t quote[RATLS_QUOTE_MAX], evidence[RATLS_QUOTE_MAX + 64];
    uint8_t hash[32], claims[CLAIMS_SIZE], *spki = NULL;
    size_t size;
    int spki_size = i2d_PUBKEY(key, &spki);
    if (spki_size <= 0)
        return RATLS_ALLOC_FAILED;
    SHA256(spki, (size_t)spki_size, hash);
    OPENSSL_free(spki);
    if (!quote_over(dir, hash, quote, &size))
        return RATLS_FILE_IO;
    /* OBJ_txt2obj encodes this to the historical content bytes 06 09 2A 86 48 86 F8 4D 8A 39 06 */
    if (!add_raw(x, "0.6.9.42.840.113741.1337.6", quote, size))
        return RATLS_ALLOC_FAILED;
    make_claims(hash, claims);
    SHA256(claims, sizeof(claims), hash);
    if (!quote_over(dir, hash, quote, &size))
        return RATLS_FILE_IO;
    size = make_evidence(quote, size, claims, evidence);
    return add_raw(x, "2.23.133.5.4.9", evidence, size) ? RATLS_OK : RATLS_ALLOC_FAILED;
}

int ratls_create(const char *attestation_dir, const char *not_before, const char *not_after,
                 EVP_PKEY **key, X509 **certificate)
{
    *key = EVP_EC_gen("P-384");
    *certificate = *key ? start_certificate(*key) : NULL;
    int ret = *certificate ? RATLS_OK : RATLS_ALLOC_FAILED;
    if (ret == RATLS_OK)
        ret = set_date(X509_getm_notBefore(*certificate), not_before);
    if (ret == RATLS_OK)
        ret = set_date(X509_getm_notAfter(*certificate), not_after);
    if (ret == RATLS_OK)
        ret = add_quotes(*certificate, *key, attestation_dir);
    if (ret == RATLS_OK && X509_sign(*certificate, *key, EVP_sha256()) <= 0)
        ret = RATLS_ALLOC_FAILED;
    if (ret == RATLS_OK && i2d_X509(*certificate, NULL) > (int)RATLS_CERT_MAX)
        ret = RATLS_INVALID_EXTENSIONS;
    if (ret != RATLS_OK) {
        X509_free(*certificate);
        EVP_PKEY_free(*key);
        *certificate = NULL;
        *key = NULL;
    }
    return ret;
}

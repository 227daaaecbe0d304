/*
 * Revocation lists. The bytes are hostile until crl_signed_by() has said yes; OpenSSL decodes them.
 */
#include "attest/dcap/crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "attest/dcap/ecdsa.h"
#include "lib/base/str.h"

static X509_CRL *parse_der(const uint8_t *data, size_t size)
{
    const uint8_t *p = data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)size);
    if (crl && p != data + size) {
        X509_CRL_free(crl);
        crl = NULL;
    }
    return crl;
}

static X509_CRL *parse_hex(const char *text, size_t size)
{
    X509_CRL *crl = NULL;
    uint8_t *der = malloc(size / 2 + 1);
    if (der && hex_decode(text, size, der, size / 2) == 0)
        crl = parse_der(der, size / 2);
    free(der);
    return crl;
}

static X509_CRL *parse_pem(const void *data, size_t size)
{
    BIO *bio = BIO_new_mem_buf(data, (int)size);
    X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return crl;
}

X509_CRL *crl_parse(const void *data, size_t size)
{
    static const char begin[] = "-----BEGIN";
    const char *text = data;
    X509_CRL *crl = NULL;
    if (!data || size == 0 || size > CRL_MAX)
        return NULL;
    size_t text_size = size;
    while (text_size > 0 && (text[text_size - 1] == 0 || text[text_size - 1] == '\n'))
        text_size--;
    if (size >= sizeof(begin) && memcmp(data, begin, sizeof(begin) - 1) == 0)
        crl = parse_pem(data, size);
    else if (text_size % 2 == 0 && !(crl = parse_hex(text, text_size)))
        crl = parse_der(data, size);
    else if (!crl)
        crl = parse_der(data, size);
    ERR_clear_error();
    if (crl && X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1) < 0) {
        X509_CRL_free(crl);
        crl = NULL;
    }
    return crl;
}

const char *crl_issuer_problem(X509_CRL *crl, X509 *issuer)
{
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0)
        return "the list's issuer is not the certificate's issuer";
    if (X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1) < 0)
        return "the list has no authority key identifier";
    return NULL;
}

bool crl_signed_by(X509_CRL *crl, X509 *issuer)
{
    uint8_t point[P256_POINT_SIZE];
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    return p256_key_point(key, point) == 0 &&
           X509_CRL_get_signature_nid(crl) == NID_ecdsa_with_SHA256 &&
           X509_CRL_verify(crl, key) == 1;
}

bool crl_lists(X509_CRL *crl, X509 *certificate)
{
    X509_REVOKED *entry = NULL;
    return X509_CRL_get0_by_serial(crl, &entry, X509_get_serialNumber(certificate)) != 0;
}

void crl_dates(X509_CRL *crl, struct window *w)
{
    int64_t start = INT64_MAX, end = INT64_MIN;
    (void)time_from_asn1(X509_CRL_get0_lastUpdate(crl), &start);
    (void)time_from_asn1(X509_CRL_get0_nextUpdate(crl), &end);
    window_add(w, start, end);
}

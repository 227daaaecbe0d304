/*
 * Certificates and documents that look like Intel's and say in each name that they are not. Their
 * safety rests on the root key alone: no verifier trusts it unless told to by name.
 */
#include "attest/soft/issue.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/dcap/ecdsa.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"

#define START_SLACK (-24L * 3600) /* clocks of other machines may be behind */

static bool set_serial(ASN1_INTEGER *serial)
{
    uint8_t random[20];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return false;
    random[0] = (uint8_t)((random[0] & 0x3f) | 0x40); /* positive, always 20 bytes */
    BIGNUM *n = BN_bin2bn(random, sizeof(random), NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, serial);
    BN_free(n);
    return ok;
}

static bool set_name(X509_NAME *name, const char *cn)
{
    static const char *const parts[][2] = { { "CN", NULL }, { "O", "Cloister" }, { "OU", "software device" } };
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        const char *value = parts[i][1] ? parts[i][1] : cn;
        if (X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_UTF8, (const uint8_t *)value, -1, -1,
                                       0) != 1)
            return false;
    }
    return true;
}

static bool add_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool ok = ext && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static bool add_extensions(X509 *x, X509 *issuer, int ca)
{
    static const char *const constraints[] = { "critical,CA:FALSE", "critical,CA:TRUE,pathlen:0",
                                               "critical,CA:TRUE,pathlen:1" };
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer ? issuer : x, x, NULL, NULL, 0);
    return add_extension(x, &ctx, NID_subject_key_identifier, "hash") &&
           add_extension(x, &ctx, NID_authority_key_identifier, "keyid:always") &&
           add_extension(x, &ctx, NID_crl_distribution_points, "URI:https://cloister.invalid/soft.crl") &&
           add_extension(x, &ctx, NID_key_usage,
                         ca ? "critical,keyCertSign,cRLSign"
                            : "critical,digitalSignature,nonRepudiation") &&
           add_extension(x, &ctx, NID_basic_constraints, constraints[ca]);
}

/* Write DER from the end of a buffer towards its start: lengths are known when they are needed. */
struct back {
    uint8_t buf[1024];
    size_t at;
};

static void back_put(struct back *b, const void *data, size_t size)
{
    b->at -= size; /* the extension is about 550 bytes and made of constants: it fits */
    memcpy(b->buf + b->at, data, size);
}

static void back_wrap(struct back *b, uint8_t tag, size_t end)
{
    size_t size = end - b->at;
    uint8_t head[4] = { tag, (uint8_t)size };
    size_t n = 2;
    if (size > 0xff) {
        head[1] = 0x82;
        head[2] = (uint8_t)(size >> 8);
        head[3] = (uint8_t)size;
        n = 4;
    } else if (size > 0x7f) {
        head[1] = 0x81;
        head[2] = (uint8_t)size;
        n = 3;
    }
    back_put(b, head, n);
}

/* SEQUENCE { OID 1.2.840.113741.1.13.1.<path>, what already stands at b->at..end }. */
static void back_member(struct back *b, size_t end, const uint8_t *path, size_t depth)
{
    static const uint8_t prefix[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };
    size_t oid_end = b->at;
    back_put(b, path, depth);
    back_put(b, prefix, sizeof(prefix));
    back_wrap(b, 0x06, oid_end);
    back_wrap(b, 0x30, end);
}

static void back_value(struct back *b, uint8_t tag, const void *data, size_t size,
                       const uint8_t *path, size_t depth)
{
    size_t end = b->at;
    back_put(b, data, size);
    back_wrap(b, tag, end);
    back_member(b, end, path, depth);
}

static void back_tcb(struct back *b)
{
    uint8_t cpusvn[16], svn = SOFT_COMPONENT, pcesvn = SOFT_PCESVN;
    size_t end = b->at;
    memset(cpusvn, SOFT_COMPONENT, sizeof(cpusvn));
    back_value(b, 0x04, cpusvn, sizeof(cpusvn), (const uint8_t[]){ 2, 18 }, 2);
    back_value(b, 0x02, &pcesvn, 1, (const uint8_t[]){ 2, 17 }, 2);
    for (uint8_t i = 16; i >= 1; i--)
        back_value(b, 0x02, &svn, 1, (const uint8_t[]){ 2, i }, 2);
    back_wrap(b, 0x30, end);
    back_member(b, end, (const uint8_t[]){ 2 }, 1);
}

static bool add_sgx_extension(X509 *x, const uint8_t ppid[16])
{
    struct back b = { .at = sizeof(b.buf) };
    uint8_t fmspc[6], zero[16] = { 0 };
    (void)hex_decode(SOFT_FMSPC, 12, fmspc, sizeof(fmspc));
    back_value(&b, 0x0a, zero, 1, (const uint8_t[]){ 5 }, 1);
    back_value(&b, 0x04, fmspc, sizeof(fmspc), (const uint8_t[]){ 4 }, 1);
    back_value(&b, 0x04, zero, 2, (const uint8_t[]){ 3 }, 1);
    back_tcb(&b);
    back_value(&b, 0x04, ppid, 16, (const uint8_t[]){ 1 }, 1);
    back_wrap(&b, 0x30, sizeof(b.buf));
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext = NULL;
    if (oid && value && ASN1_OCTET_STRING_set(value, b.buf + b.at, (int)(sizeof(b.buf) - b.at)) == 1)
        ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
    bool ok = ext && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    return ok;
}

X509 *issue_certificate(const struct issue_request *r)
{
    X509 *x = X509_new();
    const X509_NAME *issuer = NULL;
    if (x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(X509_get_serialNumber(x)) &&
        set_name(X509_get_subject_name(x), r->name))
        issuer = X509_get_subject_name(r->issuer ? r->issuer : x);
    if (issuer && X509_set_issuer_name(x, issuer) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x), START_SLACK) &&
        X509_gmtime_adj(X509_getm_notAfter(x), SOFT_VALID_DAYS * 86400) &&
        X509_set_pubkey(x, r->subject) == 1 && add_extensions(x, r->issuer, r->ca) &&
        (!r->ppid || add_sgx_extension(x, r->ppid)) &&
        X509_sign(x, r->issuer_key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

static bool crl_fill(X509_CRL *crl, X509 *issuer)
{
    X509V3_CTX ctx;
    ASN1_TIME *from = X509_gmtime_adj(NULL, START_SLACK);
    ASN1_TIME *until = X509_gmtime_adj(NULL, SOFT_VALID_DAYS * 86400);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    X509_EXTENSION *aki = NULL;
    X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
    bool ok = from && until && number && ASN1_INTEGER_set(number, 1) == 1 &&
              X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, from) == 1 &&
              X509_CRL_set1_nextUpdate(crl, until) == 1 &&
              X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1 &&
              (aki = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always")) &&
              X509_CRL_add_ext(crl, aki, -1) == 1;
    X509_EXTENSION_free(aki);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(until);
    ASN1_TIME_free(from);
    return ok;
}

int issue_crl(X509 *issuer, EVP_PKEY *key, uint8_t **der)
{
    X509_CRL *crl = X509_CRL_new();
    int size = -EIO;
    *der = NULL;
    if (crl && crl_fill(crl, issuer) && X509_CRL_sign(crl, key, EVP_sha256()) > 0)
        size = i2d_X509_CRL(crl, der);
    X509_CRL_free(crl);
    return size > 0 ? size : -EIO;
}

static void print_date(char out[32], int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* {"<member>":<text>,"signature":"<hex>"} */
static char *sign_document(const char *member, const char *text, EVP_PKEY *signer)
{
    uint8_t rs[64];
    char hex[129];
    size_t room = strlen(text) + 256;
    char *out = malloc(room);
    if (!out || p256_sign(signer, text, strlen(text), rs)) {
        free(out);
        return NULL;
    }
    hex_encode(rs, sizeof(rs), hex);
    snprintf(out, room, "{\"%s\":%s,\"signature\":\"%s\"}", member, text, hex);
    return out;
}

static void print_dates(char issued[32], char next[32])
{
    int64_t now = (int64_t)time(NULL);
    print_date(issued, now + START_SLACK);
    print_date(next, now + SOFT_VALID_DAYS * 86400);
}

char *issue_tcb_info(EVP_PKEY *signer)
{
    char text[2048], components[512], issued[32], next[32];
    size_t used = 0;
    print_dates(issued, next);
    for (int i = 0; i < 16; i++)
        used += (size_t)snprintf(components + used, sizeof(components) - used, "%s{\"svn\":%d}",
                                 i ? "," : "", SOFT_COMPONENT);
    snprintf(text, sizeof(text),
             "{\"id\":\"SGX\",\"version\":3,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\","
             "\"fmspc\":\"" SOFT_FMSPC "\",\"pceId\":\"0000\",\"tcbType\":0,"
             "\"tcbEvaluationDataNumber\":1,\"tcbLevels\":[{\"tcb\":{\"sgxtcbcomponents\":[%s],"
             "\"pcesvn\":%d},\"tcbDate\":\"%s\",\"tcbStatus\":\"UpToDate\"}]}",
             issued, next, components, SOFT_PCESVN, issued);
    return sign_document("tcbInfo", text, signer);
}

char *issue_qe_identity(EVP_PKEY *signer, const uint8_t mrsigner[32])
{
    char text[2048], signer_hex[65], issued[32], next[32];
    print_dates(issued, next);
    hex_encode(mrsigner, 32, signer_hex);
    snprintf(text, sizeof(text),
             "{\"id\":\"QE\",\"version\":2,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\","
             "\"tcbEvaluationDataNumber\":1,\"miscselect\":\"00000000\","
             "\"miscselectMask\":\"FFFFFFFF\",\"attributes\":\"11000000000000000000000000000000\","
             "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"%s\","
             "\"isvprodid\":%d,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%d},\"tcbDate\":\"%s\","
             "\"tcbStatus\":\"UpToDate\"}]}",
             issued, next, signer_hex, SOFT_QE_PRODID, SOFT_QE_SVN, issued);
    return sign_document("enclaveIdentity", text, signer);
}

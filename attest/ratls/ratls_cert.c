/*
 * RA-TLS certificates: hostile bytes from a TLS peer. The certificate is walked element by element (the
 * reference searches for OID bytes anywhere, which finds them inside other values, too). Nothing is
 * allocated. Start at ratls_cert_parse().
 */
#include "attest/ratls/ratls_cert.h"

#include <openssl/sha.h>

#include "attest/ratls/cbor.h"
#include "attest/dcap/der.h"
#include "attest/dcap/quote.h"
#include "lib/base/bytes.h"

#define EVIDENCE_TAG 60000

static const uint8_t g_oid_tcg[] = { 0x06, 0x06, 0x67, 0x81, 0x05, 0x05, 0x04, 0x09 };
/* Both encodings of 1.2.840.113741.1337.6: as Gramine writes it (a tag inside the content) and right. */
static const uint8_t g_oid_legacy[] = { 0x06, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48,
                                        0x86, 0xf8, 0x4d, 0x8a, 0x39, 0x06 };
static const uint8_t g_oid_legacy_right[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                              0xf8, 0x4d, 0x8a, 0x39, 0x06 };

static bool is(const struct der *d, const uint8_t *whole, size_t size)
{
    return d->whole_size == size && memcmp(d->whole, whole, size) == 0;
}

/* One Extension: OID, optional critical, OCTET STRING. */
static int parse_extension(struct cursor *list, struct ratls_cert *out)
{
    struct der ext = der_expect(list, DER_SEQUENCE);
    struct cursor c = der_inside(&ext);
    struct der oid = der_expect(&c, DER_OID);
    if (list->failed || c.failed)
        return RATLS_INVALID_EXTENSIONS;
    struct der value = der_next(&c);
    bool critical = false;
    if (!c.failed && value.tag == DER_BOOLEAN) {
        critical = value.size == 1 && value.content[0];
        value = der_next(&c);
    }
    if (c.failed || value.tag != DER_OCTETS)
        return RATLS_UNEXPECTED_TAG;
    if (c.left != 0)
        return RATLS_INVALID_EXTENSIONS;
    bool tcg = is(&oid, g_oid_tcg, sizeof(g_oid_tcg));
    bool legacy = is(&oid, g_oid_legacy, sizeof(g_oid_legacy)) ||
                  is(&oid, g_oid_legacy_right, sizeof(g_oid_legacy_right));
    if (!tcg && !legacy)
        return RATLS_OK;
    const uint8_t **slot = tcg ? &out->tcg : &out->legacy;
    if (critical || *slot)
        return RATLS_INVALID_EXTENSIONS;
    *slot = value.content;
    *(tcg ? &out->tcg_size : &out->legacy_size) = value.size;
    return RATLS_OK;
}

static int parse_extensions(struct cursor *tbs, struct ratls_cert *out)
{
    struct der wrap = der_expect(tbs, DER_CONTEXT3);
    struct cursor c = der_inside(&wrap);
    struct der list = der_expect(&c, DER_SEQUENCE);
    if (tbs->failed || c.failed || c.left != 0)
        return RATLS_INVALID_EXTENSIONS;
    for (c = der_inside(&list); c.left > 0;) {
        int ret = parse_extension(&c, out);
        if (ret)
            return ret;
    }
    return RATLS_OK;
}

int ratls_cert_parse(const uint8_t *der, size_t size, struct ratls_cert *out)
{
    struct cursor c = cursor_over(der, size);
    *out = (struct ratls_cert){ 0 };
    if (size > RATLS_CERT_MAX)
        return RATLS_INVALID_FORMAT;
    struct der certificate = der_expect(&c, DER_SEQUENCE);
    if (c.left != 0)
        return RATLS_INVALID_FORMAT;
    c = der_inside(&certificate);
    struct der tbs = der_expect(&c, DER_SEQUENCE);
    (void)der_expect(&c, DER_SEQUENCE); /* signature algorithm */
    (void)der_expect(&c, DER_BIT_STRING);
    if (c.failed || c.left != 0)
        return RATLS_INVALID_FORMAT;
    c = der_inside(&tbs);
    (void)der_expect(&c, DER_CONTEXT0); /* version */
    (void)der_expect(&c, DER_INTEGER);  /* serial */
    for (int i = 0; i < 4; i++)         /* algorithm, issuer, validity, subject */
        (void)der_expect(&c, DER_SEQUENCE);
    struct der spki = der_expect(&c, DER_SEQUENCE);
    if (c.failed)
        return RATLS_INVALID_FORMAT;
    out->spki = spki.whole;
    out->spki_size = spki.whole_size;
    if (c.left == 0)
        return RATLS_OK; /* no extensions at all */
    int ret = parse_extensions(&c, out);
    return ret ? ret : (c.left ? RATLS_INVALID_FORMAT : RATLS_OK);
}

/* The hash of the key in the form [id, digest]; ids of the IANA named-information registry. */
static int check_key_hash(struct cursor c, const struct ratls_cert *cert)
{
    uint8_t hash[SHA512_DIGEST_LENGTH];
    size_t size = 0;
    if (cbor_head(&c, CBOR_ARRAY) != 2)
        return RATLS_INVALID_EXTENSIONS;
    uint64_t id = cbor_head(&c, CBOR_UINT);
    struct cursor want = cbor_string(&c, CBOR_BYTES);
    if (c.failed || c.left != 0)
        return RATLS_INVALID_EXTENSIONS;
    switch (id) {
    case 1: SHA256(cert->spki, cert->spki_size, hash); size = 32; break;
    case 7: SHA384(cert->spki, cert->spki_size, hash); size = 48; break;
    case 8: SHA512(cert->spki, cert->spki_size, hash); size = 64; break;
    default: return RATLS_INVALID_EXTENSIONS;
    }
    if (want.left != size)
        return RATLS_INVALID_EXTENSIONS;
    return memcmp(want.pos, hash, size) == 0 ? RATLS_OK : RATLS_SIG_MISMATCH;
}

/*
 * The claims map must name the key: without that claim any certificate could carry this evidence. (The
 * reference does not insist.) Other claims are flat values and ignored.
 */
static int check_claims(struct cursor c, const struct ratls_cert *cert)
{
    static const char key_claim[] = "pubkey-hash";
    uint64_t count = cbor_head(&c, CBOR_MAP);
    bool bound = false;
    if (c.failed || count == 0)
        return RATLS_INVALID_EXTENSIONS;
    for (uint64_t i = 0; i < count; i++) {
        struct cursor key = cbor_string(&c, CBOR_TEXT);
        if (c.failed || key.left == 0)
            return RATLS_INVALID_EXTENSIONS;
        if (key.left != sizeof(key_claim) - 1 || memcmp(key.pos, key_claim, key.left) != 0) {
            cbor_skip_flat(&c);
            continue;
        }
        struct cursor value = cbor_string(&c, CBOR_BYTES);
        if (c.failed || bound)
            return RATLS_INVALID_EXTENSIONS;
        int ret = check_key_hash(value, cert);
        if (ret)
            return ret;
        bound = true;
    }
    return c.failed || c.left != 0 || !bound ? RATLS_INVALID_EXTENSIONS : RATLS_OK;
}

static bool report_data_is(const uint8_t *quote, const uint8_t hash[32])
{
    return memcmp(quote + QUOTE_BODY_OFFSET + REPORT_DATA, hash, 32) == 0;
}

/* Tag 60000 [quote, claims]; report data = SHA-256(claims). */
static int take_tcg(const struct ratls_cert *cert, struct ratls_evidence *out)
{
    struct cursor c = cursor_over(cert->tcg, cert->tcg_size);
    uint8_t hash[32];
    if (cbor_head(&c, CBOR_TAG) != EVIDENCE_TAG || cbor_head(&c, CBOR_ARRAY) != 2)
        return RATLS_INVALID_EXTENSIONS;
    struct cursor quote = cbor_string(&c, CBOR_BYTES), claims = cbor_string(&c, CBOR_BYTES);
    if (c.failed || c.left != 0 || quote.left < RATLS_QUOTE_MIN || claims.left == 0)
        return RATLS_INVALID_EXTENSIONS;
    SHA256(claims.pos, claims.left, hash);
    if (!report_data_is(quote.pos, hash))
        return RATLS_SIG_MISMATCH;
    *out = (struct ratls_evidence){ quote.pos, quote.left, true };
    return check_claims(claims, cert);
}

static int take_legacy(const struct ratls_cert *cert, struct ratls_evidence *out)
{
    uint8_t hash[32];
    if (cert->legacy_size < RATLS_QUOTE_MIN)
        return RATLS_INVALID_EXTENSIONS;
    SHA256(cert->spki, cert->spki_size, hash);
    if (!report_data_is(cert->legacy, hash))
        return RATLS_SIG_MISMATCH;
    *out = (struct ratls_evidence){ cert->legacy, cert->legacy_size, false };
    return RATLS_OK;
}

/* id-ecPublicKey with secp384r1 or secp256r1. */
static bool key_is_ec(const struct ratls_cert *cert)
{
    static const uint8_t ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
    static const uint8_t p256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
    static const uint8_t p384[] = { 0x2b, 0x81, 0x04, 0x00, 0x22 };
    struct cursor c = cursor_over(cert->spki, cert->spki_size);
    struct der spki = der_expect(&c, DER_SEQUENCE);
    c = der_inside(&spki);
    struct der algorithm = der_expect(&c, DER_SEQUENCE);
    c = der_inside(&algorithm);
    struct der type = der_expect(&c, DER_OID), curve = der_next(&c);
    return !c.failed && der_is_oid(&type, ec, sizeof(ec)) &&
           (der_is_oid(&curve, p256, sizeof(p256)) || der_is_oid(&curve, p384, sizeof(p384)));
}

int ratls_cert_evidence(const struct ratls_cert *cert, struct ratls_evidence *out)
{
    *out = (struct ratls_evidence){ 0 };
    if (!cert->tcg && !cert->legacy)
        return RATLS_INVALID_EXTENSIONS;
    if (cert->tcg_size > RATLS_QUOTE_MAX || cert->legacy_size > RATLS_QUOTE_MAX)
        return RATLS_INVALID_EXTENSIONS;
    int ret = cert->tcg ? take_tcg(cert, out) : take_legacy(cert, out);
    if (ret == RATLS_OK && !key_is_ec(cert))
        ret = RATLS_BAD_KEY;
    return ret;
}

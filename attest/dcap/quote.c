/*
 * Parse a quote. Input is hostile: every length is checked against what is left, nothing is
 * allocated, no byte is interpreted twice. Start at quote_parse().
 */
#include "attest/dcap/quote.h"

#include <errno.h>

#include "lib/base/bytes.h"
#include "lib/base/cursor.h"

static const uint8_t g_vendor_intel[16] = QUOTE_VENDOR_INTEL;

static size_t body_size_of(enum quote_body kind)
{
    switch (kind) {
    case QUOTE_BODY_SGX: return 384;
    case QUOTE_BODY_TD10: return 584;
    case QUOTE_BODY_TD15: return 648;
    case QUOTE_BODY_TD15EX: return 885;
    default: return 0;
    }
}

static const char *parse_header(struct cursor *c, struct quote *q)
{
    q->version = cursor_le16(c);
    q->key_type = cursor_le16(c);
    q->tee = cursor_le32(c);
    q->qe_svn = cursor_le16(c);
    q->pce_svn = cursor_le16(c);
    const uint8_t *vendor = cursor_take(c, 16);
    q->user_data = cursor_take(c, 20);
    if (c->failed)
        return "shorter than a quote header";
    if (q->version < 3 || q->version > 5)
        return "version is not 3, 4 or 5";
    if (q->key_type != QUOTE_KEY_ECDSA_P256)
        return "attestation key is not ECDSA P-256";
    if (q->tee != QUOTE_TEE_SGX && q->tee != QUOTE_TEE_TDX)
        return "unknown TEE type";
    if (q->version == 3 && q->tee != QUOTE_TEE_SGX)
        return "version 3 with a TEE other than SGX";
    if (memcmp(vendor, g_vendor_intel, 16) != 0)
        return "unknown quoting enclave vendor";
    return NULL;
}

static const char *parse_body(struct cursor *c, struct quote *q)
{
    if (q->version == 5) {
        uint16_t kind = cursor_le16(c);
        uint32_t size = cursor_le32(c);
        if (kind < QUOTE_BODY_SGX || kind > QUOTE_BODY_TD15EX || size != body_size_of(kind))
            return "unknown body type, or a size that does not belong to it";
        q->body_kind = kind;
    } else {
        q->body_kind = q->tee == QUOTE_TEE_SGX ? QUOTE_BODY_SGX : QUOTE_BODY_TD10;
    }
    if ((q->body_kind == QUOTE_BODY_SGX) != (q->tee == QUOTE_TEE_SGX))
        return "body does not belong to the TEE type";
    q->body_size = body_size_of(q->body_kind);
    q->body = cursor_take(c, q->body_size);
    return c->failed ? "body is cut off" : NULL;
}

/* QE report, its signature, authentication data and the (inner) certification data: must fill c. */
static const char *parse_certification(struct cursor *c, struct quote *q)
{
    q->qe_report = cursor_take(c, REPORT_BODY_SIZE);
    q->qe_signature = cursor_take(c, 64);
    q->auth_size = cursor_le16(c);
    q->auth = cursor_take(c, q->auth_size);
    q->cert_type = cursor_le16(c);
    q->cert_size = cursor_le32(c);
    q->cert_data = cursor_take(c, q->cert_size);
    if (c->failed)
        return "signature data is shorter than the lengths inside it";
    if (c->left != 0)
        return "unused bytes inside the signature data";
    if (q->cert_type < QUOTE_CERT_PPID_CLEAR || q->cert_type > QUOTE_CERT_PCK_CHAIN)
        return "unknown certification data type";
    return NULL;
}

static const char *parse_signature(struct cursor *c, struct quote *q)
{
    q->isv_signature = cursor_take(c, 64);
    q->attestation_key = cursor_take(c, 64);
    if (q->version == 3)
        return parse_certification(c, q);
    uint16_t outer = cursor_le16(c);
    uint32_t size = cursor_le32(c);
    if (c->failed || outer != QUOTE_CERT_QE_REPORT)
        return "no QE report certification data (type 6)";
    if (size != c->left)
        return "QE report certification data does not fill the signature data";
    return parse_certification(c, q);
}

static const char *parse(const uint8_t *data, size_t size, struct quote *q)
{
    struct cursor c = cursor_over(data, size);
    const char *why;
    if (size < QUOTE_MIN)
        return "shorter than the smallest quote";
    if ((why = parse_header(&c, q)) || (why = parse_body(&c, q)))
        return why;
    q->signed_bytes = data;
    q->signed_size = size - c.left;
    uint32_t signature_size = cursor_le32(&c);
    const uint8_t *signature = cursor_take(&c, signature_size);
    if (c.failed)
        return "signature data is cut off";
    q->size = size - c.left;
    struct cursor s = cursor_over(signature, signature_size);
    return parse_signature(&s, q);
}

int quote_parse(const void *data, size_t size, struct quote *out, const char **why)
{
    struct quote q = { 0 };
    const char *problem = size > QUOTE_MAX ? "larger than any quote" : parse(data, size, &q);
    *out = problem ? (struct quote){ 0 } : q;
    if (why)
        *why = problem;
    return problem ? -EINVAL : 0;
}

const uint8_t *quote_report_data(const struct quote *q)
{
    return q->body + (q->body_kind == QUOTE_BODY_SGX ? (size_t)REPORT_DATA : (size_t)TD_REPORT_DATA);
}

bool quote_is_debug(const struct quote *q)
{
    if (q->body_kind == QUOTE_BODY_SGX)
        return load_le64(q->body + REPORT_ATTRIBUTES) & SGX_FLAG_DEBUG;
    return q->body[TD_ATTRIBUTES] & 1;
}

#ifndef ATTEST_QUOTE_H
#define ATTEST_QUOTE_H

/*
 * An SGX or TDX ECDSA quote taken apart: versions 3 (SGX), 4 and 5 (SGX and TDX bodies). Everything
 * points into the caller's buffer. Parsing trusts nothing and decides nothing: see attest/dcap/verify.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/sgx/quote.h"

#define QUOTE_MIN         1020
#define QUOTE_MAX         (128u << 10)
#define QUOTE_HEADER_SIZE 48
#define QUOTE_BODY_OFFSET 48 /* of a version 3 or 4 quote */

#define QUOTE_TEE_SGX 0x00u
#define QUOTE_TEE_TDX 0x81u

/* Kinds of body, numbered as in the body descriptor of version 5. */
enum quote_body {
    QUOTE_BODY_NONE = 0,
    QUOTE_BODY_SGX = 1,    /* 384 bytes */
    QUOTE_BODY_TD10 = 2,   /* 584 */
    QUOTE_BODY_TD15 = 3,   /* 648 */
    QUOTE_BODY_TD15EX = 4, /* 885 */
};

/* Certification data: how to find the PCK certificate. */
enum quote_cert_type {
    QUOTE_CERT_PPID_CLEAR = 1,
    QUOTE_CERT_PPID_RSA2048 = 2,
    QUOTE_CERT_PPID_RSA3072 = 3,
    QUOTE_CERT_PCK_LEAF = 4,
    /* 5, PEM of leaf, intermediate, root: QUOTE_CERT_PCK_CHAIN of lib/sgx/quote.h */
    QUOTE_CERT_QE_REPORT = 6, /* the outer wrapper of versions 4 and 5 */
    QUOTE_CERT_MANIFEST = 7,  /* recognised, refused */
};

/* Offsets inside an SGX REPORT body: where in untrusted, unaligned bytes the fields of struct sgx_report stand. */
enum report_offset {
    REPORT_CPUSVN = offsetof(struct sgx_report, body.cpusvn),
    REPORT_MISCSELECT = offsetof(struct sgx_report, body.miscselect),
    REPORT_ATTRIBUTES = offsetof(struct sgx_report, body.attributes),
    REPORT_XFRM = offsetof(struct sgx_report, body.attributes.xfrm),
    REPORT_MRENCLAVE = offsetof(struct sgx_report, body.mrenclave),
    REPORT_MRSIGNER = offsetof(struct sgx_report, body.mrsigner),
    REPORT_CONFIGID = offsetof(struct sgx_report, body.config_id),
    REPORT_ISVPRODID = offsetof(struct sgx_report, body.isv_prod_id),
    REPORT_ISVSVN = offsetof(struct sgx_report, body.isv_svn),
    REPORT_DATA = offsetof(struct sgx_report, body.reportdata),
    REPORT_BODY_SIZE = sizeof(struct sgx_report_body),
    REPORT_KEYID = offsetof(struct sgx_report, keyid),
    REPORT_MAC = offsetof(struct sgx_report, mac),
    REPORT_SIZE = sizeof(struct sgx_report),
};

/* Offsets inside a TD report body. */
enum td_offset {
    TD_TCB_SVN = 0,
    TD_MRSEAM = 16,
    TD_MRSIGNERSEAM = 64,
    TD_SEAMATTRIBUTES = 112,
    TD_ATTRIBUTES = 120,
    TD_MRTD = 136,
    TD_REPORT_DATA = 520,
    TD_TCB_SVN2 = 584, /* TD 1.5 and later */
};

struct quote {
    uint16_t version, key_type, qe_svn, pce_svn;
    uint32_t tee;
    enum quote_body body_kind;
    const uint8_t *user_data; /* 20 */
    const uint8_t *body;
    size_t body_size;
    const uint8_t *signed_bytes; /* header, descriptor if any, body */
    size_t signed_size;
    const uint8_t *isv_signature;   /* 64: r, s big-endian */
    const uint8_t *attestation_key; /* 64: x, y big-endian */
    const uint8_t *qe_report;       /* 384 */
    const uint8_t *qe_signature;    /* 64 */
    const uint8_t *auth;
    uint16_t auth_size;
    uint16_t cert_type; /* the inner one in versions 4 and 5 */
    const uint8_t *cert_data;
    uint32_t cert_size;
    size_t size; /* of the quote; the buffer may be longer (padding) */
};

/*
 * Returns 0; -EINVAL malformed or of a version or key type that nobody issues, and then *why (may be
 * NULL) says in words what is wrong.
 * Source: shared/specs/dcap.md 1.3-1.4 (Intel DCAP ECDSA quote library API, appendix A).
 */
int quote_parse(const void *data, size_t size, struct quote *out, const char **why);

/* The 64 bytes that the enclave or TD put into its report. */
const uint8_t *quote_report_data(const struct quote *q);
bool quote_is_debug(const struct quote *q);

#endif

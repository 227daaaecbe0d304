#ifndef ATTEST_QUOTE_H
#define ATTEST_QUOTE_H

/*
 * An SGX or TDX ECDSA quote taken apart: versions 3 (SGX), 4 and 5 (SGX and TDX bodies). Everything
 * points into the caller's buffer. Parsing trusts nothing and decides nothing: see attest/verify.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTE_MIN         1020
#define QUOTE_MAX         (128u << 10)
#define QUOTE_HEADER_SIZE 48
#define QUOTE_BODY_OFFSET 48 /* of a version 3 or 4 quote */

#define QUOTE_TEE_SGX 0x00u
#define QUOTE_TEE_TDX 0x81u

#define QUOTE_KEY_ECDSA_P256 2

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
    QUOTE_CERT_PCK_CHAIN = 5, /* PEM: leaf, intermediate, root */
    QUOTE_CERT_QE_REPORT = 6, /* the outer wrapper of versions 4 and 5 */
    QUOTE_CERT_MANIFEST = 7,  /* recognised, refused */
};

/* Offsets inside an SGX REPORT body (384 bytes). Source: Intel SDM vol. 3D, table 38-21. */
enum report_offset {
    REPORT_CPUSVN = 0,
    REPORT_MISCSELECT = 16,
    REPORT_ATTRIBUTES = 48,
    REPORT_XFRM = 56,
    REPORT_MRENCLAVE = 64,
    REPORT_MRSIGNER = 128,
    REPORT_CONFIGID = 192,
    REPORT_ISVPRODID = 256,
    REPORT_ISVSVN = 258,
    REPORT_DATA = 320,
    REPORT_BODY_SIZE = 384,
    REPORT_KEYID = 384,
    REPORT_MAC = 416,
    REPORT_SIZE = 432,
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

#define SGX_FLAG_INIT         UINT64_C(0x01)
#define SGX_FLAG_DEBUG        UINT64_C(0x02)
#define SGX_FLAG_MODE64       UINT64_C(0x04)
#define SGX_FLAG_PROVISIONKEY UINT64_C(0x10)
#define SGX_FLAG_EINITTOKEN   UINT64_C(0x20)

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

#ifndef LIB_SGX_QUOTE_H
#define LIB_SGX_QUOTE_H

/*
 * Layout of an SGX ECDSA quote, version 3: header, report body, signature data. Integers little
 * endian; signatures and points are raw big-endian pairs of 32 bytes. Source: Intel SGX ECDSA
 * QuoteLibReference DCAP API, appendix A.
 *
 * These are for whoever writes quotes; attest/ has the parser for quotes from others.
 */
#include "lib/sgx/arch.h"

#define QUOTE_VERSION        3
#define QUOTE_KEY_ECDSA_P256 2
#define QUOTE_CERT_PCK_CHAIN 5 /* certification data: PEM chain, leaf first */

/* QE vendor id of Intel, which Intel's verifier insists on. */
#define QUOTE_VENDOR_INTEL                                                                         \
    { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 }

struct quote_header {
    uint16_t version, key_type;
    uint32_t tee_type; /* 0: SGX */
    uint16_t qe_svn, pce_svn;
    uint8_t vendor_id[16];
    uint8_t user_data[20];
};
static_assert(sizeof(struct quote_header) == 48, "quote header");

/* The signed part, and the length of what follows. */
struct quote_v3 {
    struct quote_header header;
    struct sgx_report_body body;
    uint32_t signature_size; /* not signed */
} __attribute__((packed));
static_assert(sizeof(struct quote_v3) == 436, "quote before its signature data");
#define QUOTE_SIGNED_SIZE 432

/* Start of the signature data. Then: auth data, struct quote_cert_header, certification data. */
struct quote_signature {
    uint8_t isv_signature[64];
    uint8_t attestation_key[64];
    struct sgx_report_body qe_report;
    uint8_t qe_report_signature[64];
    uint16_t auth_size;
} __attribute__((packed));
static_assert(sizeof(struct quote_signature) == 578, "quote signature data before the auth data");

struct quote_cert_header {
    uint16_t type;
    uint32_t size;
} __attribute__((packed));
static_assert(sizeof(struct quote_cert_header) == 6, "certification data header");

#endif

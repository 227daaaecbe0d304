#ifndef ATTEST_VERDICT_H
#define ATTEST_VERDICT_H

/*
 * What the verifier found. A verdict of all zero bytes means "not verified": nobody can forget to
 * fill it in and be lucky.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/quote.h"

/* The steps in the order in which they are taken. Rows: name, Intel's quote3_error_t, words. */
#define VERIFY_STEPS(STEP)                                                                         \
    STEP(NOT_STARTED, 0xE001, "verification has not been run")                                     \
    STEP(QUOTE_FORMAT, 0xE01D, "the quote is malformed or of an unknown version")                  \
    STEP(CERT_TYPE, 0xE01C, "the quote carries no PCK certificate chain (type 5)")                 \
    STEP(TCB_INFO_FORMAT, 0xE023, "the TCB info is malformed")                                     \
    STEP(PCK_CHAIN_FORMAT, 0xE022, "the PCK certificate chain is malformed or incomplete")         \
    STEP(TRUST_ROOT, 0xE022, "the root of the PCK certificate chain is not a trusted root")        \
    STEP(QE_IDENTITY_FORMAT, 0xE025, "the QE identity is malformed")                               \
    STEP(ISSUER_CHAIN_FORMAT, 0xE022, "a collateral issuer chain is malformed")                    \
    STEP(CRL_FORMAT, 0xE038, "a certificate revocation list is malformed")                         \
    STEP(PCK_CHAIN, 0xE001, "a certificate of the PCK chain is not what it should be")             \
    STEP(CRL_ISSUER, 0xE001, "a revocation list was issued by someone else")                       \
    STEP(CRL_SIGNATURE, 0xE068, "the signature of a revocation list is wrong")                     \
    STEP(REVOKED, 0xE031, "a certificate has been revoked")                                        \
    STEP(TCB_CHAIN, 0xE001, "the chain of the TCB info's signer is not what it should be")         \
    STEP(TCB_CHAIN_ROOT, 0xE03A, "the TCB info's signer does not lead to the trusted root")        \
    STEP(TCB_INFO_SIGNATURE, 0xE03A, "the signature of the TCB info is wrong")                     \
    STEP(QE_CHAIN, 0xE001, "the chain of the QE identity's signer is not what it should be")       \
    STEP(QE_CHAIN_ROOT, 0xE039, "the QE identity's signer does not lead to the trusted root")      \
    STEP(QE_IDENTITY_SIGNATURE, 0xE039, "the signature of the QE identity is wrong")               \
    STEP(NOT_YET_VALID, 0xE02E, "a certificate or a piece of collateral is from the future")       \
    STEP(EXPIRED, 0xE02C, "a certificate or a piece of collateral has expired")                    \
    STEP(TCB_INFO_MATCH, 0xE024, "the TCB info is for another platform or another TEE")            \
    STEP(TDX_MODULE, 0xE060, "the TDX module is not one that the TCB info knows")                  \
    STEP(QE_REPORT_SIGNATURE, 0xE01F, "the signature of the quoting enclave's report is wrong")    \
    STEP(QE_REPORT_DATA, 0xE001, "the quoting enclave did not vouch for the attestation key")      \
    STEP(QE_IDENTITY_MATCH, 0xE026, "the quoting enclave is not the one of the QE identity")       \
    STEP(QUOTE_SIGNATURE, 0xE068, "the signature of the quote is wrong")                           \
    STEP(TCB_LEVEL, 0xE066, "the platform is below every known TCB level")                         \
    STEP(TCB_REVOKED, 0xE032, "the platform's TCB level has been revoked")                         \
    STEP(DONE, 0, "verified")

enum verify_step {
#define STEP(name, code, words) VERIFY_##name,
    VERIFY_STEPS(STEP)
#undef STEP
};

enum tcb_status {
    TCB_UNKNOWN = 0,
    TCB_UP_TO_DATE,
    TCB_SW_HARDENING_NEEDED,
    TCB_CONFIG_NEEDED,
    TCB_CONFIG_AND_SW_HARDENING_NEEDED,
    TCB_OUT_OF_DATE,
    TCB_OUT_OF_DATE_CONFIG_NEEDED,
    TCB_RELAUNCH_ADVISED,
    TCB_RELAUNCH_ADVISED_CONFIG_NEEDED,
    TCB_REVOKED,
    TCB_STATUS_COUNT,
};

#define ADVISORY_MAX      64
#define ADVISORY_NAME_MAX 32

/* From the SGX extension of a PCK certificate. Source: dcap.md 2.2. */
struct pck_facts {
    uint8_t ppid[16], pceid[2], fmspc[6], cpusvn[16];
    uint8_t components[16];
    uint16_t pcesvn;
    unsigned sgx_type; /* 0 standard, 1 scalable, 2 scalable with integrity */
};

struct advisories {
    unsigned count;
    char name[ADVISORY_MAX][ADVISORY_NAME_MAX]; /* sorted, no duplicates */
};

/* Measurements and attributes of an SGX enclave or a TD, as signed. */
struct verdict_body {
    uint32_t tee;
    bool debug;
    uint64_t attributes, xfrm; /* TD: TDATTRIBUTES, XFAM */
    uint8_t mrenclave[32], mrsigner[32]; /* SGX */
    uint16_t isv_prod_id, isv_svn;       /* SGX */
    uint8_t mrtd[48];                    /* TDX */
    uint8_t report_data[64];
};

/* From when to when a part of the evidence holds; both 0 before the step that reads it. */
struct verdict_period {
    int64_t start, end;
};

struct verdict {
    bool verified;             /* every step passed */
    enum verify_step failed;   /* the first failed step; VERIFY_DONE when verified */
    const char *detail;        /* more words on the failed step, or NULL; static text */
    enum tcb_status status;    /* of platform, QE and TDX module together */
    enum tcb_status platform_status, qe_status, module_status;
    bool expired, not_yet_valid; /* of any certificate or collateral; see verify_options */
    int64_t tcb_date;          /* of the matched level: the oldest of platform, QE, module */
    uint32_t evaluation_number;
    int64_t now;               /* at which it was verified */
    int64_t earliest_expiration, latest_issue;
    int64_t collateral_issued; /* the oldest of TCB info, QE identity and PCK revocation list */
    struct verdict_period tcb_info, qe_identity, pck_crl, root_crl, pck_chain, signer_chain;
    struct advisories advisories;
    struct pck_facts pck;      /* what the platform's certificate says; see pck_known */
    bool pck_known;
    uint8_t fmspc[6];
    uint8_t root_key_sha256[32];
    struct verdict_body body;  /* filled as soon as the quote parses: read it only when verified */
};

const char *verify_step_name(enum verify_step step);
const char *verify_step_words(enum verify_step step);
/* quote3_error_t of a failed step, 0 when done. Source: specs/dcap.md 4.2, 4.3. */
uint32_t verify_step_code(enum verify_step step);

const char *tcb_status_name(enum tcb_status status); /* as in Intel's documents: "UpToDate" */
int tcb_status_parse(const char *name, enum tcb_status *out);
/* sgx_ql_qv_result_t, 0xA006 (unspecified) for what has none. Source: specs/dcap.md 4.1. */
uint32_t tcb_status_code(enum tcb_status status);

/* Returns 0; -E2BIG full or name too long; -ENOMEM never. */
int advisories_add(struct advisories *a, const char *name);

#endif

#ifndef ATTEST_POLICY_H
#define ATTEST_POLICY_H

/*
 * What a relying party demands of a verified quote: who the enclave is, and in what state its platform.
 * A policy of all zero bytes accepts only up-to-date platforms and no enclave in debug mode, and any
 * identity of an SGX enclave; policy_is_open() tells that nothing pins the identity.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/verdict.h"

#define POLICY_IDENTITIES_MAX 64

struct policy {
    unsigned mrenclave_count, mrsigner_count; /* 0: any */
    uint8_t mrenclave[POLICY_IDENTITIES_MAX][32];
    uint8_t mrsigner[POLICY_IDENTITIES_MAX][32];
    bool check_prod_id;
    uint16_t prod_id, min_svn;
    bool allow_debug;
    uint32_t accepted_statuses; /* bit 1 << enum tcb_status, beside UpToDate */
    bool check_advisories;      /* every advisory of the verdict must be among those accepted */
    struct advisories accepted_advisories, refused_advisories;
    int64_t max_collateral_age; /* seconds since TCB info, QE identity and PCK list were issued; 0: any */
    bool allow_tdx;             /* any TD; a list of MRTD allows those */
    unsigned mrtd_count;
    uint8_t mrtd[POLICY_IDENTITIES_MAX][48];
};

/* In the order in which they are checked. Zero means that nothing was decided. */
enum policy_answer {
    POLICY_UNDECIDED = 0,
    POLICY_QUOTE,      /* the verdict is not "verified" */
    POLICY_TCB_STATUS,
    POLICY_ADVISORY,
    POLICY_COLLATERAL_AGE,
    POLICY_NOT_SGX,
    POLICY_DEBUG,
    POLICY_ATTRIBUTES, /* not initialised, not 64-bit, or privileged */
    POLICY_MRSIGNER,
    POLICY_MRENCLAVE,
    POLICY_PROD_ID,
    POLICY_SVN,
    POLICY_MRTD,
    POLICY_ACCEPTED,
};

enum policy_answer policy_check(const struct policy *p, const struct verdict *v);
/* Only steps up to the attributes: for callers with a measurement callback of their own. */
enum policy_answer policy_check_platform(const struct policy *p, const struct verdict *v);
bool policy_is_open(const struct policy *p);

/* Short name for logs ("wrong-mrenclave") and words for people. */
const char *policy_answer_name(enum policy_answer a);
const char *policy_answer_words(enum policy_answer a);

/* 64 hexadecimal digits. Each returns 0; -EINVAL; -ENOSPC. */
int policy_add_mrenclave(struct policy *p, const char *hex);
int policy_add_mrsigner(struct policy *p, const char *hex);
int policy_add_mrtd(struct policy *p, const char *hex); /* 96 digits */
/* A status by Intel's name, e.g. "SWHardeningNeeded". Returns 0; -EINVAL unknown or Revoked. */
int policy_accept_status(struct policy *p, const char *name);
/* An advisory, e.g. "INTEL-SA-00615". Each returns 0; -EINVAL no such name; -E2BIG. */
int policy_accept_advisory(struct policy *p, const char *name);
int policy_refuse_advisory(struct policy *p, const char *name);

#endif

#ifndef ATTEST_POLICY_FILE_H
#define ATTEST_POLICY_FILE_H

/*
 * A relying party's policy as a TOML file. Every key is optional; an unknown one is an error; an empty list is
 * an error too, because it could be read as "none" and as "any".
 *
 *   mrenclave = ["hex", ...]              accepted programs
 *   mrsigner = ["hex", ...]               accepted signers
 *   product_id = 7, min_svn = 3           of that signer
 *   any_enclave = false                   accept whatever a genuine platform runs
 *   mrtd = ["hex", ...], any_td = false   accepted trust domains (TDX)
 *   allow_debug = false
 *   tcb_status = ["UpToDate", "SWHardeningNeeded", ...]   UpToDate is always accepted
 *   accepted_advisories = ["INTEL-SA-00615", ...]   if given, no others; [] accepts none
 *   refused_advisories = ["INTEL-SA-00828", ...]
 *   max_collateral_age_days = 30
 *   trust_roots = ["intel", "root.pem", ...]   root certificates; default: Intel's
 *   collateral = "folder or file"              instead of asking a server
 *
 * Names of files are relative to the policy's folder.
 */
#include "attest/ratls/policy.h"
#include "attest/ratls/relying_env.h"
#include "text/problem.h"

#define POLICY_TEXT_MAX (1u << 20)

struct policy_file {
    struct policy policy;
    bool any_enclave;
    struct trust_files roots; /* none: Intel's */
    char collateral[1024]; /* "" when absent */
};

/* From memory; `name` stands in messages, and its folder before relative paths. Returns 0; -EINVAL; -ENOMEM. */
int policy_file_parse(const char *name, const char *text, size_t size, struct policy_file *out, struct problem *why);
/* Returns 0; -errno with the reason in *why. */
int policy_file_load(const char *path, struct policy_file *out, struct problem *why);

#endif

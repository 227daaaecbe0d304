#ifndef ATTEST_POLICY_FILE_H
#define ATTEST_POLICY_FILE_H

/* A relying party's policy as a JSON file. Members, all optional, unknown ones are errors:
 *
 *   "mrenclave": ["hex"...], "mrsigner": ["hex"...], "isv_prod_id": 0, "isv_svn": 1 (at least),
 *   "allow_debug": false, "accept_tcb": ["SWHardeningNeeded"...], "any_enclave": false,
 *   "trust_root": "file.pem", "collateral": "folder or file"   (relative to the policy file)
 */
#include "attest/ratls/policy.h"

struct policy_file {
    struct policy policy;
    bool any_enclave;
    char trust_root[1024], collateral[1024]; /* "" when absent */
};

/* Returns 0; -errno with a line for people in why. */
int policy_file_load(const char *path, struct policy_file *out, char *why, size_t why_size);

#endif

/* A policy in TOML: refused with a reason in one line, or taken within its bounds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/ratls/policy_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct policy_file f;
    struct problem why = { "" };
    if (policy_file_parse("fuzz", (const char *)data, size, &f, &why)) {
        if (!why.text[0] || strchr(why.text, '\n'))
            abort();
    } else if (f.policy.accepted_statuses & 1u << TCB_REVOKED || f.roots.count > TRUST_ROOTS_MAX) {
        abort();
    }
    return 0;
}

#ifndef ATTEST_API_VERIFIER_H
#define ATTEST_API_VERIFIER_H

/* The inside of the public header's verifier: see attest/include/cloister/ratls.h. */
#include <stdbool.h>

#include "attest/ratls/relying_env.h"

#define API __attribute__((visibility("default")))

struct cloister_verifier {
    struct relying_env settings; /* owned */
    bool any_enclave;
    struct verify_cache *cache; /* owned; NULL is only slower */
};

#endif

#ifndef ATTEST_PROVIDER_H
#define ATTEST_PROVIDER_H

/*
 * libcloister_collateral.so: what fetches collateral for the verifying libraries, as Intel's quote
 * provider library does for its own. They load it only when they must ask a server
 * (attest/ratls/relying_collateral.c), so that a program, or an enclave, that has its collateral in
 * a file never loads an HTTP client.
 */
#include <stddef.h>
#include <stdint.h>

#define PROVIDER_LIBRARY "libcloister_collateral.so.0"
#define PROVIDER_SYMBOL  "cloister_collateral_fetch_0" /* changes when its arguments do */
#define PROVIDER_WORDS   1024

/* When no server answers. */
enum provider_offline {
    PROVIDER_REFUSE, /* fail */
    PROVIDER_CACHED, /* what was fetched before serves until its documents expire */
    PROVIDER_NEVER,  /* ask nobody at all: only what was fetched before */
};

struct provider_request {
    const uint8_t *quote; /* with a PCK chain */
    size_t quote_size;
    const char *qcnl; /* settings, or NULL: ${QCNL_CONF_PATH}, else /etc/sgx_default_qcnl.conf */
    enum provider_offline offline;
    unsigned seconds; /* for everything, retries included */
};

struct provider_answer {
    char *bundle; /* returned: free(). See collateral_parse_bundle() */
    size_t bundle_size;
    int64_t fresh_until; /* when to ask again, seconds since 1970 UTC; 0: with the next quote */
    char why[PROVIDER_WORDS]; /* one line on failure; a warning ("") on success */
};

/* Returns 0; -errno with why. Any number of threads. */
typedef int provider_fetch_fn(const struct provider_request *r, struct provider_answer *out);

#endif

#ifndef CLI_SECRET_OPTIONS_H
#define CLI_SECRET_OPTIONS_H

/* The command line of `cloister secret-server`, checked and loaded. */
#include <stdbool.h>
#include <stdint.h>

#include "attest/dcap/collateral.h"
#include "attest/ratls/policy_file.h"
#include "attest/dcap/trust.h"
#include "attest/dcap/verify_cache.h"

struct secret_options {
    char host[256], port[32];
    char cert[4096], key[4096];
    uint8_t *secret; /* owned, wiped */
    size_t secret_size;
    struct policy_file policy;
    struct trust_roots roots;
    struct collateral collateral;
    struct verify_cache *cache; /* owned: what verified once */
    bool json;
    bool soft; /* the software device is trusted */
    uint64_t max_clients;
    int ready_fd; /* -1: none */
};

/* Returns enum exit_code, or -1 to go on. Messages are printed. secret_options_fini() in any case. */
int secret_options_parse(int argc, char **argv, struct secret_options *out);
void secret_options_fini(struct secret_options *o);

#endif

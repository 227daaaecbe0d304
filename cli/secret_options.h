#ifndef CLI_SECRET_OPTIONS_H
#define CLI_SECRET_OPTIONS_H

/* The command line of `cloister secret-server`, checked and loaded. */
#include <stdbool.h>
#include <stdint.h>

#include "attest/ratls/policy_file.h"
#include "cli/secret_set.h"

struct secret_options {
    char host[256], port[32];
    char cert[4096], key[4096];
    struct policy_file policy;    /* of the command line */
    const char *secret_path;      /* borrowed from argv; NULL: none */
    bool secret_is_key;
    const char *secrets_path;     /* borrowed; NULL: none */
    const char *audit_path;       /* borrowed; NULL: none */
    struct secret_set *set;       /* returned: secret_set_put */
    bool json;
    bool soft; /* the software device is trusted */
    uint64_t max_clients;
    int ready_fd; /* -1: none */
};

/* Reads all files anew, so a reload calls it again. Returns enum exit_code, or -1 to go on. Messages are printed. secret_options_fini() in any case. */
int secret_options_parse(int argc, char **argv, struct secret_options *out);
void secret_options_fini(struct secret_options *o);

#endif

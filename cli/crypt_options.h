#ifndef CLI_CRYPT_OPTIONS_H
#define CLI_CRYPT_OPTIONS_H

/* What encrypt, decrypt and gramine-sgx-pf-crypt share: options, and what is told while they run. */
#include <stdbool.h>
#include <stdio.h>

struct crypt_options {
    const char *key, *input, *output, *path;
    bool verify, verbose, json, help, new_key;
};

/* Returns EXIT_OK or EXIT_USAGE (after a message). Complete unless help is set. */
int crypt_options_parse(struct crypt_options *o, int argc, char **argv, bool decrypt);

/* Both return enum exit_code, after a message when it is not EXIT_OK. */
int crypt_run(const struct crypt_options *o, bool decrypt);
int crypt_new_key(const struct crypt_options *o);

#endif

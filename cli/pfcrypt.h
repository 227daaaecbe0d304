#ifndef CLI_PFCRYPT_H
#define CLI_PFCRYPT_H

/*
 * Encrypting and decrypting files and directories outside an enclave: what `cloister encrypt`, `cloister
 * decrypt` and gramine-sgx-pf-crypt share. Nothing here prints; see struct pfcrypt for what is told to
 * whom. Functions return 0 or a negative errno, and then `why` says "which: why: remedy".
 */
#include <stdbool.h>
#include <stdint.h>

#include "text/problem.h"

#define PFCRYPT_KEY_SIZE 16

/* A file that is done. Strings live until the callback returns. */
struct pfcrypt_file {
    const char *input, *output;
    const char *bound; /* path the encrypted file is bound to */
    uint64_t size;     /* of the content in the clear */
    bool recovered;    /* a write had been interrupted: this is the content before it */
};

struct pfcrypt {
    uint8_t key[PFCRYPT_KEY_SIZE];
    bool decrypt;
    bool verify;       /* decrypting: the bound path must be `bound` */
    const char *bound; /* the bound path (below a directory: its beginning); NULL: encrypting as the
                          output's, decrypting as the input's, normalised */
    void *ctx;
    void (*progress)(void *ctx, const char *path, uint64_t done, uint64_t total); /* may be NULL */
    void (*done)(void *ctx, const struct pfcrypt_file *file);
    void (*skipped)(void *ctx, const char *path, const char *reason);
};

/* A file or, recursively, a directory. */
int pfcrypt_run(const struct pfcrypt *p, const char *input, const char *output, struct problem *why);

/* Exactly 16 raw bytes. */
int pfcrypt_load_key(const char *path, uint8_t key[PFCRYPT_KEY_SIZE], struct problem *why);

/* 16 random bytes, readable by the owner only. Returns -EEXIST when there is a file and not overwrite. */
int pfcrypt_make_key(const char *path, bool overwrite, struct problem *why);

#endif

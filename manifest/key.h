#ifndef MANIFEST_KEY_H
#define MANIFEST_KEY_H

/*
 * The key that signs enclaves: RSA-3072 with public exponent 3 (Intel SDM vol. 3D, SIGSTRUCT), kept
 * as an unencrypted PEM file that only its owner can read.
 */
#include <openssl/types.h>

#include "text/problem.h"

#define KEY_BITS  3072
#define KEY_BYTES 384

/*
 * Make a key and write it as PKCS#1 PEM with mode 0600, directories above it with 0700.
 * Returns 0; -EEXIST the file exists and `overwrite` is 0; another negative errno.
 */
int key_generate(const char *path, int overwrite, struct problem *why);

/*
 * Read a key and check that SGX can use it. passphrase may be NULL.
 * Returns 0 and *out is returned to the caller (EVP_PKEY_free); -EINVAL not such a key; -ENOENT...
 */
int key_load(const char *path, const char *passphrase, EVP_PKEY **out, struct problem *why);

#endif

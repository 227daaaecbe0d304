#ifndef TESTS_RSA3_SIGN_H
#define TESTS_RSA3_SIGN_H

/* Signer's side of rsa3 for tests, by OpenSSL: what manifest/ does when it signs. */
#include <stdint.h>

struct rsa3_signature {
    uint8_t modulus[384], signature[384], q1[384], q2[384];
};

/* Sign a SHA-256 hash with the process's one fresh key (RSA-3072, e = 3). Returns 0 or -1. */
int rsa3_sign(const uint8_t hash[32], struct rsa3_signature *out);

#endif

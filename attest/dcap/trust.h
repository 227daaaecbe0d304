#ifndef ATTEST_TRUST_H
#define ATTEST_TRUST_H

/*
 * The root keys that a relying party trusts. Keys are pinned, not certificates: Intel has issued three
 * root certificates for the same key. The software root of this machine is never here by itself.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRUST_ROOTS_MAX 8

struct trust_roots {
    unsigned count;
    uint8_t point[TRUST_ROOTS_MAX][65];
};

/* Only Intel's production root. */
void trust_roots_intel(struct trust_roots *t);
/* Returns 0; -EINVAL no P-256 certificate; -ENOSPC. Takes the first certificate of the PEM text. */
int trust_roots_add_pem(struct trust_roots *t, const void *pem, size_t size);
/* SHA-256 of a root key, as in struct verdict. */
void trust_roots_digest(const struct trust_roots *t, unsigned i, uint8_t hash[32]);
bool trust_roots_contain(const struct trust_roots *t, const uint8_t point[65]);

#endif

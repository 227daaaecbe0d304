#ifndef CLI_SECRET_SET_H
#define CLI_SECRET_SET_H

/*
 * The secrets of `cloister secret-server`, each with the policy by which it is released. A set does
 * not change once it is made; a reload makes another one, and those who hold the old keep it alive.
 * A file of secrets (TOML):
 *
 *     [secret.default]             # the name; the first one that an enclave may have is the one it
 * gets file = "wrap-key"            # relative to this file key = true                   # must be
 * 16 bytes, a key of encrypted files; default false policy = "digits.toml"       #
 * attest/ratls/policy_file.h; trust roots and collateral default to the command line's
 */
#include <pthread.h>
#include <stdint.h>

#include "attest/dcap/verify_cache.h"
#include "attest/ratls/policy_file.h"
#include "attest/ratls/ratls_verify.h"
#include "attest/secret/sp_server.h"
#include "attest/secret/sp_wire.h"

#define SECRETS_MAX 256

struct secret_entry {
    char name[SP_NAME_MAX + 1];
    uint8_t *secret; /* owned, wiped */
    size_t size;
    struct policy_file policy;
    struct trust_roots roots;
    struct collateral collateral;
};

struct secret_set {
    atomic_uint refs;
    struct secret_entry *entries; /* owned */
    size_t count;
    struct verify_cache *cache; /* owned: what verified once; NULL only costs speed */
};

struct secret_set *secret_set_new(void); /* one reference; NULL: no memory */
void secret_set_put(struct secret_set *s);

/*
 * Add one. secret is taken, also on failure; policy's trust roots and collateral are loaded,
 * `defaults` standing in for those it does not name (NULL: none). Returns 0; -errno with the reason
 * in *why.
 */
int secret_set_add(struct secret_set *s, const char *name, uint8_t *secret, size_t size,
                   const struct policy_file *policy, const struct policy_file *defaults,
                   struct problem *why);
/* All secrets of a file. Returns 0; -errno with the reason in *why. */
int secret_set_load(struct secret_set *s, const char *path, const struct policy_file *defaults,
                    struct problem *why);
/* Read a secret. Returns 0; -errno with the reason in *why. */
int secret_read(const char *path, bool is_key, uint8_t **out, size_t *size, struct problem *why);

/* For struct sp_server: the first secret (of that name) that the certificate may have. The grant
 * holds a reference. */
void secret_set_judge(struct secret_set *s, const char *name, const uint8_t *der, size_t size,
                      int64_t now, struct ratls_outcome *out, struct sp_grant *grant);
void secret_set_release(struct sp_grant *grant);

#endif

#ifndef ATTEST_RELYING_ENV_H
#define ATTEST_RELYING_ENV_H

/*
 * The relying party's settings as programs written for Gramine give them: RA_TLS_* in the
 * environment, plus CLOISTER_TRUST_ROOT and CLOISTER_COLLATERAL*. Only the libraries' edges read
 * the environment.
 */
#include "attest/ratls/ratls_verify.h"
#include "attest/ratls/relying_collateral.h"

#define TRUST_INTEL "intel" /* instead of a file's name: Intel's production root */

/* Root certificates to trust, by file. */
struct trust_files {
    unsigned count;
    char path[TRUST_ROOTS_MAX][1024];
};

struct relying_env {
    struct policy policy;
    struct trust_roots roots;
    struct collateral collateral; /* unless it is fetched */
    bool fetch;
    struct collateral_wish wish;
};

/*
 * with_identity   also the four measurement variables, each required
 * Returns 0; RATLS_VERIFY_FAILED a missing or malformed measurement variable; RATLS_FATAL no usable
 * collateral or root. Says on stderr what is wrong. relying_env_fini() in any case.
 */
int relying_env_load(bool with_identity, struct relying_env *out);
void relying_env_fini(struct relying_env *e);
/*
 * The collateral to verify this certificate with: what was loaded, or what is fetched now, into
 * *fetched (collateral_fini() in any case). NULL with why: it was not to be had. Thread-safe.
 */
const struct collateral *relying_env_collateral(const struct relying_env *e, const uint8_t *der,
                                                size_t size, int64_t now,
                                                struct collateral *fetched,
                                                char why[PROVIDER_WORDS]);
/* The root file or Intel's; the collateral path. Shared with cloister secret-server. Says what is
 * wrong. */
int relying_load_root(const char *path, struct trust_roots *out);
/* All of them; none means Intel's. Returns 0; -errno, and has said why. */
int relying_load_roots(const struct trust_files *files, struct trust_roots *out);

#endif

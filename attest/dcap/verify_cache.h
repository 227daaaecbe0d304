#ifndef ATTEST_VERIFY_CACHE_H
#define ATTEST_VERIFY_CACHE_H

/*
 * What verified once need not be verified again: sets of collateral and PCK certificate chains
 * whose every signature was right. They are found again by their exact bytes, so a cached answer
 * differs from a fresh one in nothing but speed; dates, trusted roots and the quote itself are
 * judged each time. Of ten P-256 verifications two remain for a known platform, three for a new one
 * below the same CA. Any number of threads; memory is bounded (VERIFY_SETS x VERIFY_CHAINS).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/chain.h"
#include "attest/dcap/collateral.h"
#include "attest/dcap/identity.h"
#include "attest/dcap/tcb.h"

#define VERIFY_SETS   4
#define VERIFY_CHAINS 32 /* in each set */

/* The PCK chain of one platform, taken apart. */
struct pck_chain {
    atomic_uint refs;
    uint8_t *text; /* owned: as it stands in quotes */
    size_t size;
    struct chain chain;
    struct pck_facts facts;
};

/* Collateral taken apart, and the CA certificates that its revocation lists were checked with. */
struct collateral_set {
    atomic_uint refs;
    struct collateral bytes; /* owned copy; filled when it enters the cache */
    struct chain tcb_chain, qe_chain;
    X509_CRL *root_crl, *pck_crl;
    struct tcb_info tcb;
    struct enclave_identity identity;
    X509 *pck_root, *pck_ca; /* owned references */
    char *cas_text;          /* owned: chain_cas_text() of the chain that they came in */
    size_t cas_size;
    struct pck_chain *chains[VERIFY_CHAINS]; /* cache->mu */
    unsigned next_chain;                     /* cache->mu */
};

struct verify_cache {
    pthread_mutex_t mu;
    struct collateral_set *sets[VERIFY_SETS]; /* mu */
    unsigned next_set;                        /* mu */
};

struct verify_cache *verify_cache_new(void);
void verify_cache_free(struct verify_cache *c);

/* Each returns a reference to put, or NULL. A NULL cache holds nothing. */
struct collateral_set *verify_cache_find_set(struct verify_cache *c,
                                             const struct collateral *bytes);
struct pck_chain *verify_cache_find_chain(struct verify_cache *c, struct collateral_set *set,
                                          const uint8_t *text, size_t size);

/* Remember what verified. Failing (no memory) costs only speed. */
void verify_cache_add_set(struct verify_cache *c, struct collateral_set *set,
                          const struct collateral *bytes);
void verify_cache_add_chain(struct verify_cache *c, struct collateral_set *set,
                            struct pck_chain *chain);

/* New ones hold one reference; NULL without memory. */
struct collateral_set *collateral_set_new(void);
void collateral_set_put(struct collateral_set *s);
struct pck_chain *pck_chain_new(const uint8_t *text, size_t size);
void pck_chain_put(struct pck_chain *p);

#endif

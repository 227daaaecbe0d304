/*
 * Verified collateral and certificate chains, found by their exact bytes. Trusts
 * attest/dcap/verify.c to add only what passed every signature check. See verify_cache.h.
 */
#include "attest/dcap/verify_cache.h"

#include <stdlib.h>
#include <string.h>

struct verify_cache *verify_cache_new(void)
{
    struct verify_cache *c = calloc(1, sizeof(*c));
    if (c)
        pthread_mutex_init(&c->mu, NULL);
    return c;
}

void verify_cache_free(struct verify_cache *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < VERIFY_SETS; i++)
        collateral_set_put(c->sets[i]);
    pthread_mutex_destroy(&c->mu);
    free(c);
}

struct collateral_set *collateral_set_new(void)
{
    struct collateral_set *s = calloc(1, sizeof(*s));
    if (s)
        atomic_init(&s->refs, 1);
    return s;
}

void collateral_set_put(struct collateral_set *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (unsigned i = 0; i < VERIFY_CHAINS; i++)
        pck_chain_put(s->chains[i]);
    collateral_fini(&s->bytes);
    identity_fini(&s->identity);
    tcb_info_fini(&s->tcb);
    X509_CRL_free(s->pck_crl);
    X509_CRL_free(s->root_crl);
    chain_fini(&s->qe_chain);
    chain_fini(&s->tcb_chain);
    X509_free(s->pck_root);
    X509_free(s->pck_ca);
    free(s->cas_text);
    free(s);
}

struct pck_chain *pck_chain_new(const uint8_t *text, size_t size)
{
    struct pck_chain *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    atomic_init(&p->refs, 1);
    p->text = malloc(size + 1);
    if (!p->text) {
        free(p);
        return NULL;
    }
    memcpy(p->text, text, size);
    p->size = size;
    return p;
}

void pck_chain_put(struct pck_chain *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    chain_fini(&p->chain);
    free(p->text);
    free(p);
}

static bool same_bytes(const struct collateral *a, const struct collateral *b)
{
    for (int i = 0; i < COLLATERAL_ITEMS; i++) {
        if (a->item[i].size != b->item[i].size || !a->item[i].data != !b->item[i].data)
            return false;
        if (a->item[i].size && memcmp(a->item[i].data, b->item[i].data, a->item[i].size) != 0)
            return false;
    }
    return true;
}

static struct collateral_set *find_set_locked(struct verify_cache *c,
                                              const struct collateral *bytes)
{
    for (unsigned i = 0; i < VERIFY_SETS; i++)
        if (c->sets[i] && same_bytes(&c->sets[i]->bytes, bytes))
            return c->sets[i];
    return NULL;
}

struct collateral_set *verify_cache_find_set(struct verify_cache *c, const struct collateral *bytes)
{
    if (!c)
        return NULL;
    pthread_mutex_lock(&c->mu);
    struct collateral_set *found = find_set_locked(c, bytes);
    if (found)
        atomic_fetch_add(&found->refs, 1);
    pthread_mutex_unlock(&c->mu);
    return found;
}

static struct pck_chain *find_chain_locked(struct collateral_set *set, const uint8_t *text,
                                           size_t size)
{
    for (unsigned i = 0; i < VERIFY_CHAINS; i++) {
        struct pck_chain *p = set->chains[i];
        if (p && p->size == size && memcmp(p->text, text, size) == 0)
            return p;
    }
    return NULL;
}

struct pck_chain *verify_cache_find_chain(struct verify_cache *c, struct collateral_set *set,
                                          const uint8_t *text, size_t size)
{
    if (!c)
        return NULL;
    pthread_mutex_lock(&c->mu);
    struct pck_chain *found = find_chain_locked(set, text, size);
    if (found)
        atomic_fetch_add(&found->refs, 1);
    pthread_mutex_unlock(&c->mu);
    return found;
}

static bool copy_bytes(const struct collateral *from, struct collateral *to)
{
    for (int i = 0; i < COLLATERAL_ITEMS; i++) {
        if (!from->item[i].data)
            continue;
        to->item[i].data = malloc(from->item[i].size + 1);
        if (!to->item[i].data)
            return false;
        memcpy(to->item[i].data, from->item[i].data, from->item[i].size);
        to->item[i].size = from->item[i].size;
    }
    return true;
}

void verify_cache_add_set(struct verify_cache *c, struct collateral_set *set,
                          const struct collateral *bytes)
{
    if (!c)
        return;
    if (!copy_bytes(bytes, &set->bytes)) {
        collateral_fini(&set->bytes);
        return;
    }
    struct collateral_set *old = NULL;
    pthread_mutex_lock(&c->mu);
    if (!find_set_locked(c, bytes)) { /* another thread may have been faster */
        old = c->sets[c->next_set];
        c->sets[c->next_set] = set;
        c->next_set = (c->next_set + 1) % VERIFY_SETS;
        atomic_fetch_add(&set->refs, 1);
    }
    pthread_mutex_unlock(&c->mu);
    collateral_set_put(old);
}

void verify_cache_add_chain(struct verify_cache *c, struct collateral_set *set,
                            struct pck_chain *chain)
{
    if (!c)
        return;
    struct pck_chain *old = NULL;
    pthread_mutex_lock(&c->mu);
    if (!find_chain_locked(set, chain->text, chain->size)) {
        old = set->chains[set->next_chain];
        set->chains[set->next_chain] = chain;
        set->next_chain = (set->next_chain + 1) % VERIFY_CHAINS;
        atomic_fetch_add(&chain->refs, 1);
    }
    pthread_mutex_unlock(&c->mu);
    pck_chain_put(old);
}

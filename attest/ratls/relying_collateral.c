/*
 * Fetch collateral on demand: see relying_collateral.h. The certificate is hostile, the provider
 * library is ours, what it brings proves itself by signatures. Start at relying_collateral_get().
 */
#include "attest/ratls/relying_collateral.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/dcap/chain.h"
#include "attest/dcap/quote.h"
#include "attest/ratls/ratls_cert.h"

#define KEPT_MAX 16
#define RETRY_SECONDS                                                                              \
    10 /* a failure is remembered for so long: a crowd must not wait for a dead server one by one  \
        */

/* Of one family of platforms, asked for in one way. */
struct key {
    uint32_t tee;
    uint8_t fmspc[6];
    bool processor_ca;
    struct collateral_wish wish;
};

struct kept {
    struct key key;
    bool used;
    struct collateral collateral; /* owned; none: asking failed, and `why` says how */
    int error;
    int64_t until; /* of the wall clock; of failures, of the monotonic one */
    char why[PROVIDER_WORDS];
};

static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static struct kept g_kept[KEPT_MAX]; /* g_mu */
static unsigned g_next;              /* g_mu */
/* Held while a server is asked, so that many handshakes ask once; g_mu is not held meanwhile. */
static pthread_mutex_t g_asking = PTHREAD_MUTEX_INITIALIZER;

static const char *const g_offline[] = {
    [PROVIDER_REFUSE] = "refuse", [PROVIDER_CACHED] = "cached", [PROVIDER_NEVER] = "never"
};

int collateral_wish_offline(const char *word, struct collateral_wish *out)
{
    for (unsigned i = 0; i < sizeof(g_offline) / sizeof(g_offline[0]); i++)
        if (strcmp(word, g_offline[i]) == 0) {
            out->offline = i;
            return 0;
        }
    return -EINVAL;
}

static int64_t monotonic_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* Signed from a trusted root down: a stranger's made-up platform is not worth a request. */
static int believable_key(const struct quote *q, const struct trust_roots *roots, struct key *out)
{
    struct chain chain;
    struct pck_facts facts;
    const char *why;
    uint8_t point[65];
    char cn[128] = "";
    int ret = chain_parse(q->cert_data, q->cert_size, 3, &chain, &why);
    if (ret || chain_root_point(&chain, point) || !trust_roots_contain(roots, point) ||
        chain_problem(&chain, "SGX PCK Certificate", false) ||
        pck_facts_parse(chain.leaf, &facts)) {
        ret = -ENODATA;
    } else {
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(chain.intermediate), NID_commonName,
                                        cn, sizeof(cn));
        out->tee = q->tee;
        out->processor_ca = strstr(cn, "Processor") != NULL;
        memcpy(out->fmspc, facts.fmspc, sizeof(out->fmspc));
    }
    chain_fini(&chain);
    ERR_clear_error();
    return ret;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->tee == b->tee && a->processor_ca == b->processor_ca &&
           memcmp(a->fmspc, b->fmspc, sizeof(a->fmspc)) == 0 &&
           strcmp(a->wish.qcnl, b->wish.qcnl) == 0 && a->wish.offline == b->wish.offline &&
           a->wish.seconds == b->wish.seconds;
}

static int copy(const struct collateral *from, struct collateral *to)
{
    *to = (struct collateral){ 0 };
    for (int i = 0; i < COLLATERAL_ITEMS; i++) {
        if (!from->item[i].data)
            continue;
        to->item[i].data = malloc(from->item[i].size + 1);
        if (!to->item[i].data) {
            collateral_fini(to);
            return -ENOMEM;
        }
        memcpy(to->item[i].data, from->item[i].data, from->item[i].size);
        to->item[i].data[from->item[i].size] = 0;
        to->item[i].size = from->item[i].size;
    }
    return 0;
}

/* Returns true when it is known how this ends: *ret, and *out or why. */
static bool find_kept(const struct key *key, int64_t now, struct collateral *out, char *why,
                      int *ret)
{
    bool found = false;
    pthread_mutex_lock(&g_mu);
    for (unsigned i = 0; i < KEPT_MAX && !found; i++) {
        struct kept *k = &g_kept[i];
        if (!k->used || !same_key(&k->key, key) ||
            (k->error ? monotonic_seconds() : now) >= k->until)
            continue;
        found = true;
        *ret = k->error ? k->error : copy(&k->collateral, out);
        snprintf(why, PROVIDER_WORDS, "%s", k->error ? k->why : "out of memory");
    }
    pthread_mutex_unlock(&g_mu);
    return found;
}

/* Takes `c`. */
static void keep(const struct key *key, struct collateral *c, int error, const char *why,
                 int64_t until)
{
    pthread_mutex_lock(&g_mu);
    unsigned at = KEPT_MAX;
    for (unsigned i = 0; i < KEPT_MAX; i++)
        if (g_kept[i].used && same_key(&g_kept[i].key, key))
            at = i;
    if (at == KEPT_MAX) {
        at = g_next;
        g_next = (g_next + 1) % KEPT_MAX;
    }
    struct kept *k = &g_kept[at];
    collateral_fini(&k->collateral);
    *k = (struct kept){
        .key = *key, .used = true, .collateral = *c, .error = error, .until = until
    };
    snprintf(k->why, sizeof(k->why), "%s", why);
    pthread_mutex_unlock(&g_mu);
}

/* Beside the library that this code is in, else by the loader's rules. */
static void *open_provider(void)
{
    Dl_info here;
    char path[4096];
    const char *slash = dladdr(g_offline, &here) && here.dli_fname ? strrchr(here.dli_fname, '/')
                                                                   : NULL;
    void *library = NULL;
    if (slash && snprintf(path, sizeof(path), "%.*s/" PROVIDER_LIBRARY,
                          (int)(slash - here.dli_fname), here.dli_fname) < (int)sizeof(path))
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return library ? library : dlopen(PROVIDER_LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

/* It stays loaded. NULL and why. */
static provider_fetch_fn *provider(char *why)
{
    void *library = open_provider();
    provider_fetch_fn *fetch = library ? (provider_fetch_fn *)dlsym(library, PROVIDER_SYMBOL)
                                       : NULL;
    if (!fetch)
        snprintf(why, PROVIDER_WORDS,
                 "no collateral was named (CLOISTER_COLLATERAL), and what fetches it cannot be "
                 "loaded: %s",
                 dlerror());
    return fetch;
}

static int ask(const struct quote *q, const struct key *key, struct collateral *out, char *why)
{
    provider_fetch_fn *fetch = provider(why);
    struct provider_request r = { .quote = q->signed_bytes,
                                  .quote_size = q->size,
                                  .offline = key->wish.offline,
                                  .qcnl = key->wish.qcnl[0] ? key->wish.qcnl : NULL,
                                  .seconds = key->wish.seconds };
    struct provider_answer a;
    struct collateral kept;
    const char *missing;
    if (!fetch)
        return -ENOSYS;
    int ret = fetch(&r, &a);
    snprintf(why, PROVIDER_WORDS, "%s", a.why);
    if (ret == 0)
        ret = collateral_parse_bundle(a.bundle, a.bundle_size, out, &missing);
    free(a.bundle);
    if (ret == 0 && a.fresh_until && copy(out, &kept) == 0)
        keep(key, &kept, 0, "", a.fresh_until);
    kept = (struct collateral){ 0 };
    if (ret)
        keep(key, &kept, ret, why, monotonic_seconds() + RETRY_SECONDS);
    return ret;
}

int relying_collateral_get(const uint8_t *der, size_t size, const struct trust_roots *roots,
                           const struct collateral_wish *wish, int64_t now, struct collateral *out,
                           char why[PROVIDER_WORDS])
{
    struct ratls_cert cert;
    struct ratls_evidence evidence;
    struct quote q;
    struct key key = { .wish = *wish };
    int ret;
    *out = (struct collateral){ 0 };
    why[0] = 0;
    if (ratls_cert_parse(der, size, &cert) || ratls_cert_evidence(&cert, &evidence) ||
        quote_parse(evidence.quote, evidence.quote_size, &q, NULL) ||
        q.cert_type != QUOTE_CERT_PCK_CHAIN || believable_key(&q, roots, &key))
        return -ENODATA;
    if (find_kept(&key, now, out, why, &ret))
        return ret;
    pthread_mutex_lock(&g_asking);
    if (!find_kept(&key, now, out, why, &ret)) /* someone else may have asked while we waited */
        ret = ask(&q, &key, out, why);
    pthread_mutex_unlock(&g_asking);
    return ret;
}

/*
 * libcloister.so: a verifier as an object, for programs that do not want their policy in the
 * environment. The deciding is ratls_verify()'s; the certificate is hostile, the settings are the
 * caller's. Header: attest/include/cloister/ratls.h.
 */
#include "attest/api/verifier.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/file.h"
#include "attest/include/cloister/ratls.h"

#define ROOT_FILE_MAX (1u << 20)

API struct cloister_verifier *cloister_verifier_new(void)
{
    struct cloister_verifier *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    trust_roots_intel(&v->settings.roots);
    v->cache = verify_cache_new();
    return v;
}

API void cloister_verifier_free(struct cloister_verifier *v)
{
    if (!v)
        return;
    verify_cache_free(v->cache);
    relying_env_fini(&v->settings);
    free(v);
}

API int cloister_verifier_add_mrenclave(struct cloister_verifier *v, const char *hex)
{
    return v && hex ? policy_add_mrenclave(&v->settings.policy, hex) : -EINVAL;
}

API int cloister_verifier_add_mrsigner(struct cloister_verifier *v, const char *hex)
{
    return v && hex ? policy_add_mrsigner(&v->settings.policy, hex) : -EINVAL;
}

API int cloister_verifier_set_product(struct cloister_verifier *v, int isv_prod_id)
{
    if (!v || isv_prod_id < -1 || isv_prod_id > UINT16_MAX)
        return -EINVAL;
    v->settings.policy.check_prod_id = isv_prod_id >= 0;
    v->settings.policy.prod_id = isv_prod_id >= 0 ? (uint16_t)isv_prod_id : 0;
    return 0;
}

API int cloister_verifier_set_least_svn(struct cloister_verifier *v, uint16_t isv_svn)
{
    if (!v)
        return -EINVAL;
    v->settings.policy.min_svn = isv_svn;
    return 0;
}

API int cloister_verifier_accept_tcb(struct cloister_verifier *v, const char *status)
{
    return v && status ? policy_accept_status(&v->settings.policy, status) : -EINVAL;
}

API int cloister_verifier_allow_debug_insecure(struct cloister_verifier *v)
{
    if (!v)
        return -EINVAL;
    v->settings.policy.allow_debug = true;
    return 0;
}

API int cloister_verifier_accept_any_enclave(struct cloister_verifier *v)
{
    if (!v)
        return -EINVAL;
    v->any_enclave = true;
    return 0;
}

API int cloister_verifier_set_trust_root(struct cloister_verifier *v, const char *path)
{
    struct trust_roots roots = { 0 };
    uint8_t *pem = NULL;
    size_t size = 0;
    if (!v || !path)
        return -EINVAL;
    int ret = file_read(path, ROOT_FILE_MAX, &pem, &size);
    if (ret == 0)
        ret = trust_roots_add_pem(&roots, pem, size);
    if (ret == 0)
        v->settings.roots = roots;
    free(pem);
    return ret;
}

API int cloister_verifier_set_collateral(struct cloister_verifier *v, const char *path)
{
    struct collateral fresh = { 0 };
    const char *missing;
    if (!v || !path)
        return -EINVAL;
    int ret = collateral_load(path, &fresh, &missing);
    if (ret) {
        collateral_fini(&fresh);
        return ret;
    }
    collateral_fini(&v->settings.collateral);
    v->settings.collateral = fresh;
    v->settings.fetch = false;
    return 0;
}

API int cloister_verifier_fetch_collateral(struct cloister_verifier *v, const char *qcnl,
                                           const char *offline, unsigned seconds)
{
    struct collateral_wish wish = { .seconds = seconds ? seconds : RELYING_SECONDS };
    if (!v || wish.seconds > RELYING_SECONDS_MAX ||
        (offline && collateral_wish_offline(offline, &wish)))
        return -EINVAL;
    if (qcnl && snprintf(wish.qcnl, sizeof(wish.qcnl), "%s", qcnl) >= (int)sizeof(wish.qcnl))
        return -ENAMETOOLONG;
    collateral_fini(&v->settings.collateral);
    v->settings.fetch = true;
    v->settings.wish = wish;
    return 0;
}

API int cloister_verifier_use_environment(struct cloister_verifier *v)
{
    struct relying_env fresh;
    if (!v)
        return -EINVAL;
    if (relying_env_load(true, &fresh)) {
        relying_env_fini(&fresh);
        return -EINVAL;
    }
    relying_env_fini(&v->settings);
    v->settings = fresh;
    v->any_enclave = true; /* an "any" was written out there */
    return 0;
}

static void fill_report(const struct ratls_outcome *o, struct cloister_report *r)
{
    const struct verdict *v = &o->verdict;
    const char *words = "accepted";
    r->accepted = o->code == RATLS_OK && o->where == AT_NONE && v->verified;
    r->quote_verified = v->verified;
    r->code = r->accepted ? 0 : o->code;
    snprintf(r->reason, sizeof(r->reason), "%s",
             r->accepted ? "accepted" : ratls_outcome_reason(o, &words));
    snprintf(r->words, sizeof(r->words), "%s", words);
    snprintf(r->tcb_status, sizeof(r->tcb_status), "%s", tcb_status_name(v->status));
    memcpy(r->mrenclave, v->body.mrenclave, 32);
    memcpy(r->mrsigner, v->body.mrsigner, 32);
    r->isv_prod_id = v->body.isv_prod_id;
    r->isv_svn = v->body.isv_svn;
    r->debug = v->body.debug;
    r->tcb_date = v->tcb_date;
    r->earliest_expiration = v->earliest_expiration;
}

/* Nobody was named: refuse before looking, for silence must not mean "anyone". */
static int refuse_without_policy(struct cloister_report *r)
{
    r->code = RATLS_VERIFY_FAILED;
    snprintf(r->reason, sizeof(r->reason), "no-policy");
    snprintf(r->words, sizeof(r->words),
             "the verifier names neither an enclave nor a signer to accept");
    return -EINVAL;
}

/* The quote may be good; nobody can tell. */
static int refuse_without_collateral(struct cloister_report *r, const char *why)
{
    r->code = RATLS_FATAL;
    snprintf(r->reason, sizeof(r->reason), "no-collateral");
    snprintf(r->words, sizeof(r->words), "%.*s", (int)sizeof(r->words) - 1, why);
    return -EBADMSG;
}

API int cloister_verify_certificate(const struct cloister_verifier *v, const uint8_t *der,
                                    size_t size, int64_t now, struct cloister_report *out)
{
    char why[PROVIDER_WORDS] = "";
    struct cloister_report unwanted;
    struct ratls_outcome outcome;
    struct collateral fetched;
    if (!out)
        out = &unwanted;
    memset(out, 0, sizeof(*out));
    if (!v || !der)
        return -EINVAL;
    if (policy_is_open(&v->settings.policy) && !v->any_enclave)
        return refuse_without_policy(out);
    const struct collateral *c = relying_env_collateral(&v->settings, der, size, now, &fetched,
                                                        why);
    if (!c)
        return refuse_without_collateral(out, why);
    struct ratls_relying_party party = { .roots = &v->settings.roots,
                                         .collateral = c,
                                         .policy = &v->settings.policy,
                                         .cache = v->cache };
    (void)ratls_verify(der, size, &party, now, &outcome);
    collateral_fini(&fetched);
    fill_report(&outcome, out);
    return out->accepted ? 0 : -EBADMSG;
}

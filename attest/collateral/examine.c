/* Examine a set of collateral by itself: see examine.h. The documents are hostile until their signature is checked. */
#include "attest/collateral/examine.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "attest/dcap/chain.h"
#include "attest/dcap/crl.h"
#include "attest/dcap/verify_cache.h"

static int parse(const struct collateral *c, struct collateral_set *s, struct problem *why)
{
    int qe = c->item[COLLATERAL_QE_CHAIN].data ? COLLATERAL_QE_CHAIN : COLLATERAL_TCB_CHAIN;
    const char *reason;
    if (tcb_info_parse((const char *)c->item[COLLATERAL_TCB_INFO].data, c->item[COLLATERAL_TCB_INFO].size, &s->tcb))
        return problem_set(why, -EINVAL, "the TCB info is malformed");
    if (identity_parse((const char *)c->item[COLLATERAL_QE_IDENTITY].data, c->item[COLLATERAL_QE_IDENTITY].size,
                       &s->identity))
        return problem_set(why, -EINVAL, "the QE identity is malformed");
    if (chain_parse(c->item[COLLATERAL_TCB_CHAIN].data, c->item[COLLATERAL_TCB_CHAIN].size, 2, &s->tcb_chain, &reason))
        return problem_set(why, -EINVAL, "the TCB info's issuer chain: %s", reason);
    if (chain_parse(c->item[qe].data, c->item[qe].size, 2, &s->qe_chain, &reason))
        return problem_set(why, -EINVAL, "the QE identity's issuer chain: %s", reason);
    s->root_crl = crl_parse(c->item[COLLATERAL_ROOT_CRL].data, c->item[COLLATERAL_ROOT_CRL].size);
    if (!s->root_crl)
        return problem_set(why, -EINVAL, "the root CA revocation list is malformed");
    s->pck_crl = crl_parse(c->item[COLLATERAL_PCK_CRL].data, c->item[COLLATERAL_PCK_CRL].size);
    return s->pck_crl ? 0 : problem_set(why, -EINVAL, "the PCK revocation list is malformed");
}

static int check_document(const struct chain *chain, const struct document *d, X509_CRL *root_crl, const char *name,
                          struct problem *why)
{
    const char *reason = chain_problem(chain, "SGX TCB Signing", false);
    if (reason)
        return problem_set(why, -EINVAL, "the %s's issuer chain: %s", name, reason);
    if (!document_signed_by(d, X509_get0_pubkey(chain->leaf)))
        return problem_set(why, -EINVAL, "the signature of the %s is wrong", name);
    if ((reason = crl_issuer_problem(root_crl, chain->root)))
        return problem_set(why, -EINVAL, "the root CA revocation list: %s", reason);
    if (!crl_signed_by(root_crl, chain->root))
        return problem_set(why, -EINVAL, "the root CA revocation list is not by the root of the %s", name);
    if (crl_lists(root_crl, chain->leaf))
        return problem_set(why, -EINVAL, "the signer of the %s has been revoked", name);
    return 0;
}

static int check(const struct collateral_set *s, struct problem *why)
{
    int ret = check_document(&s->tcb_chain, &s->tcb.document, s->root_crl, "TCB info", why);
    if (ret == 0)
        ret = check_document(&s->qe_chain, &s->identity.document, s->root_crl, "QE identity", why);
    if (ret == 0 && (s->identity.qve || s->identity.td_qe != s->tcb.tdx))
        ret = problem_set(why, -EINVAL, "the QE identity is for another TEE than the TCB info");
    return ret;
}

static struct verdict_period period(const struct window *w, int64_t *expires)
{
    if (w->earliest_end < *expires)
        *expires = w->earliest_end;
    return (struct verdict_period){ w->latest_start, w->earliest_end };
}

static bool issued_by_processor_ca(X509_CRL *crl)
{
    char cn[128] = "";
    (void)X509_NAME_get_text_by_NID(X509_CRL_get_issuer(crl), NID_commonName, cn, sizeof(cn));
    return strstr(cn, "Processor") != NULL;
}

static void collect(const struct collateral_set *s, struct collateral_facts *f)
{
    struct window tcb = { s->tcb.document.issued, s->tcb.document.next_update };
    struct window qe = { s->identity.document.issued, s->identity.document.next_update };
    struct window pck = { 0 }, root = { 0 }, signer = { 0 };
    crl_dates(s->pck_crl, &pck);
    crl_dates(s->root_crl, &root);
    chain_dates(&s->tcb_chain, &signer);
    chain_dates(&s->qe_chain, &signer);
    f->expires = INT64_MAX;
    f->tcb_info = period(&tcb, &f->expires);
    f->qe_identity = period(&qe, &f->expires);
    f->pck_crl = period(&pck, &f->expires);
    f->root_crl = period(&root, &f->expires);
    f->signer = period(&signer, &f->expires);
    f->tdx = s->tcb.tdx;
    memcpy(f->fmspc, s->tcb.fmspc, sizeof(f->fmspc));
    f->processor_ca = issued_by_processor_ca(s->pck_crl);
    f->tcb_version = s->tcb.version;
    f->tcb_levels = s->tcb.level_count;
    f->tcb_evaluation_number = s->tcb.document.evaluation_number;
    f->qe_evaluation_number = s->identity.document.evaluation_number;
}

int collateral_examine(const struct collateral *c, struct collateral_facts *out, struct problem *why)
{
    struct collateral_set *s = collateral_set_new();
    *out = (struct collateral_facts){ 0 };
    if (!s)
        return problem_set(why, -ENOMEM, "out of memory");
    int ret = parse(c, s, why);
    if (ret == 0)
        ret = check(s, why);
    if (ret == 0 && chain_root_point(&s->tcb_chain, out->root_point))
        ret = problem_set(why, -EINVAL, "the root's key is not on P-256");
    if (ret == 0)
        collect(s, out);
    collateral_set_put(s);
    ERR_clear_error();
    return ret;
}

const char *collateral_rollback(const struct collateral_facts *old, const struct collateral_facts *new)
{
    if (memcmp(old->root_point, new->root_point, sizeof(old->root_point)) != 0)
        return NULL; /* another world: nothing to compare */
    if (new->tcb_evaluation_number < old->tcb_evaluation_number || new->tcb_info.start < old->tcb_info.start)
        return "TCB info";
    if (new->qe_evaluation_number < old->qe_evaluation_number || new->qe_identity.start < old->qe_identity.start)
        return "QE identity";
    if (new->pck_crl.start < old->pck_crl.start)
        return "PCK revocation list";
    return new->root_crl.start < old->root_crl.start ? "root CA revocation list" : NULL;
}

const char *collateral_tee_name(const struct collateral_facts *f)
{
    return f->tdx ? "tdx" : "sgx";
}

const char *collateral_ca_name(const struct collateral_facts *f)
{
    return f->processor_ca ? "processor" : "platform";
}

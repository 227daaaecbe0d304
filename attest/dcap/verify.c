/*
 * The DCAP verification, step by step and in Intel's order: formats first, then the PCK chain, the
 * TCB info, the QE identity, their dates, the quote itself, and last the TCB level. Everything that
 * comes in is hostile until the step that checks its signature. Start at quote_verify().
 */
#include "attest/dcap/verify.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <string.h>

#include "attest/dcap/chain.h"
#include "attest/dcap/crl.h"
#include "attest/dcap/ecdsa.h"
#include "attest/dcap/evaluate.h"
#include "attest/dcap/identity.h"
#include "attest/dcap/quote.h"
#include "attest/dcap/tcb.h"
#include "lib/base/bytes.h"

struct verification {
    const struct collateral *collateral;
    const struct verify_options *options;
    struct quote quote;
    struct collateral_set *set; /* reference */
    struct pck_chain *pck;      /* reference */
    bool set_known, pck_known;  /* from the cache: every signature in it was right */
    struct verdict *out;
};

/* Each step returns 0 or fails with this. */
static int fail(struct verification *v, enum verify_step step, const char *detail)
{
    v->out->failed = step;
    v->out->detail = detail;
    return -EBADMSG;
}

static int malformed(struct verification *v, enum verify_step step, const char *detail)
{
    (void)fail(v, step, detail);
    return -EINVAL;
}

static int check_root(struct verification *v, const struct chain *chain, enum verify_step step)
{
    uint8_t point[P256_POINT_SIZE];
    if (chain_root_point(chain, point))
        return fail(v, step, "the root's key is not on P-256");
    if (!trust_roots_contain(v->options->roots, point))
        return fail(v, step, NULL);
    SHA256(point, sizeof(point), v->out->root_key_sha256);
    return 0;
}

void verdict_body_read(const struct quote *q, struct verdict_body *b)
{
    *b = (struct verdict_body){ 0 };
    b->tee = q->tee;
    b->debug = quote_is_debug(q);
    memcpy(b->report_data, quote_report_data(q), sizeof(b->report_data));
    if (q->body_kind == QUOTE_BODY_SGX) {
        b->attributes = load_le64(q->body + REPORT_ATTRIBUTES);
        b->xfrm = load_le64(q->body + REPORT_XFRM);
        memcpy(b->mrenclave, q->body + REPORT_MRENCLAVE, 32);
        memcpy(b->mrsigner, q->body + REPORT_MRSIGNER, 32);
        b->isv_prod_id = load_le16(q->body + REPORT_ISVPRODID);
        b->isv_svn = load_le16(q->body + REPORT_ISVSVN);
    } else {
        b->attributes = load_le64(q->body + TD_ATTRIBUTES);
        b->xfrm = load_le64(q->body + TD_ATTRIBUTES + 8);
        memcpy(b->mrtd, q->body + TD_MRTD, 48);
    }
}

static int decode_quote(struct verification *v, const void *quote, size_t size)
{
    const char *why;
    if (quote_parse(quote, size, &v->quote, &why))
        return malformed(v, VERIFY_QUOTE_FORMAT, why);
    verdict_body_read(&v->quote, &v->out->body);
    if (v->quote.cert_type != QUOTE_CERT_PCK_CHAIN)
        return fail(v, VERIFY_CERT_TYPE, NULL);
    return 0;
}

/* The CA's certificates stand in the quotes of all its platforms, byte for byte: then only the leaf
 * is decoded. */
static bool parse_below_known_cas(struct verification *v, struct pck_chain *p)
{
    const struct collateral_set *s = v->set;
    size_t size;
    const char *cas = v->set_known && s->cas_text ? chain_cas_text(p->text, p->size, &size) : NULL;
    return cas && size == s->cas_size && memcmp(cas, s->cas_text, size) == 0 &&
           chain_parse_below(p->text, p->size, s->pck_ca, s->pck_root, &p->chain) == 0;
}

static int parse_pck(struct verification *v)
{
    struct pck_chain *p = v->pck = pck_chain_new(v->quote.cert_data, v->quote.cert_size);
    const char *why;
    if (!p)
        return -ENOMEM;
    if (!parse_below_known_cas(v, p) && chain_parse(p->text, p->size, 3, &p->chain, &why))
        return malformed(v, VERIFY_PCK_CHAIN_FORMAT, why);
    if (pck_facts_parse(p->chain.leaf, &p->facts))
        return malformed(v, VERIFY_PCK_CHAIN_FORMAT, "the SGX extension of the leaf is malformed");
    /* Both say the same in every real certificate; one that contradicts itself is not believed. */
    if (memcmp(p->facts.components, p->facts.cpusvn, TCB_COMPONENTS) != 0)
        return malformed(v, VERIFY_PCK_CHAIN_FORMAT, "CPUSVN and TCB components disagree");
    return 0;
}

static int decode_pck(struct verification *v)
{
    if (v->set_known)
        v->pck = verify_cache_find_chain(v->options->cache, v->set, v->quote.cert_data,
                                         v->quote.cert_size);
    v->pck_known = v->pck != NULL;
    int ret = v->pck_known ? 0 : parse_pck(v);
    if (ret)
        return ret;
    v->out->pck = v->pck->facts;
    v->out->pck_known = true;
    memcpy(v->out->fmspc, v->pck->facts.fmspc, sizeof(v->out->fmspc));
    return check_root(v, &v->pck->chain, VERIFY_TRUST_ROOT);
}

static int decode_issuers(struct verification *v)
{
    const struct collateral *c = v->collateral;
    struct collateral_set *s = v->set;
    int qe = c->item[COLLATERAL_QE_CHAIN].data ? COLLATERAL_QE_CHAIN : COLLATERAL_TCB_CHAIN;
    const char *why;
    if (chain_parse(c->item[COLLATERAL_TCB_CHAIN].data, c->item[COLLATERAL_TCB_CHAIN].size, 2,
                    &s->tcb_chain, &why) ||
        chain_parse(c->item[qe].data, c->item[qe].size, 2, &s->qe_chain, &why))
        return malformed(v, VERIFY_ISSUER_CHAIN_FORMAT, why);
    s->root_crl = crl_parse(c->item[COLLATERAL_ROOT_CRL].data, c->item[COLLATERAL_ROOT_CRL].size);
    if (!s->root_crl)
        return malformed(v, VERIFY_CRL_FORMAT, "root CA revocation list");
    s->pck_crl = crl_parse(c->item[COLLATERAL_PCK_CRL].data, c->item[COLLATERAL_PCK_CRL].size);
    if (!s->pck_crl)
        return malformed(v, VERIFY_CRL_FORMAT, "PCK revocation list");
    return 0;
}

/* *late: why it will be refused, when Intel's library would read on to the PCK chain and its root
 * first. */
static int decode_tcb_info(struct verification *v, const char **late)
{
    const struct collateral *c = v->collateral;
    v->set = verify_cache_find_set(v->options->cache, c);
    v->set_known = v->set != NULL;
    if (v->set_known)
        return 0;
    v->set = collateral_set_new();
    if (!v->set)
        return -ENOMEM;
    if (!c->item[COLLATERAL_TCB_INFO]
             .data) { /* nobody fetches collateral for a chain that is not to be believed */
        *late = "there is none";
        return 0;
    }
    int ret = tcb_info_parse((const char *)c->item[COLLATERAL_TCB_INFO].data,
                             c->item[COLLATERAL_TCB_INFO].size, &v->set->tcb);
    if (ret == -ERANGE) {
        *late = "a TCB component is above 255";
        ret = 0;
    }
    return ret && ret != -ENOMEM ? malformed(v, VERIFY_TCB_INFO_FORMAT, NULL) : ret;
}

static int decode(struct verification *v, const void *quote, size_t size)
{
    const struct collateral *c = v->collateral;
    const char *late = NULL;
    int ret;
    if ((ret = decode_quote(v, quote, size)) || (ret = decode_tcb_info(v, &late)) ||
        (ret = decode_pck(v)) || v->set_known)
        return ret;
    if (late)
        return malformed(v, VERIFY_TCB_INFO_FORMAT, late);
    ret = identity_parse((const char *)c->item[COLLATERAL_QE_IDENTITY].data,
                         c->item[COLLATERAL_QE_IDENTITY].size, &v->set->identity);
    if (ret)
        return ret == -ENOMEM ? ret : malformed(v, VERIFY_QE_IDENTITY_FORMAT, NULL);
    return decode_issuers(v);
}

static int check_crl(struct verification *v, X509_CRL *crl, X509 *issuer)
{
    const char *why = crl_issuer_problem(crl, issuer);
    if (why)
        return fail(v, VERIFY_CRL_ISSUER, why);
    return crl_signed_by(crl, issuer) ? 0 : fail(v, VERIFY_CRL_SIGNATURE, NULL);
}

static bool take_reference(X509 *x, X509 **out)
{
    *out = X509_up_ref(x) == 1 ? x : NULL;
    return *out != NULL;
}

static int check_pck(struct verification *v)
{
    const struct chain *chain = &v->pck->chain;
    struct collateral_set *s = v->set;
    int ret;
    if (v->pck_known)
        return 0;
    bool cas_known = v->set_known && X509_cmp(chain->root, s->pck_root) == 0 &&
                     X509_cmp(chain->intermediate, s->pck_ca) == 0;
    const char *why = chain_problem(chain, "SGX PCK Certificate", cas_known);
    if (why)
        return fail(v, VERIFY_PCK_CHAIN, why);
    if (!cas_known && ((ret = check_crl(v, s->root_crl, chain->root)) ||
                       (ret = check_crl(v, s->pck_crl, chain->intermediate))))
        return ret;
    if (crl_lists(s->root_crl, chain->root))
        return fail(v, VERIFY_REVOKED, "the root has revoked itself");
    if (crl_lists(s->root_crl, chain->intermediate))
        return fail(v, VERIFY_REVOKED, "the PCK CA has been revoked by the root");
    if (crl_lists(s->pck_crl, chain->leaf))
        return fail(v, VERIFY_REVOKED, "the platform's PCK certificate has been revoked");
    if (v->set_known)
        verify_cache_add_chain(v->options->cache, s, v->pck);
    return 0;
}

/* The chain and the signature of one signed document; the steps differ by document. */
static int check_document(struct verification *v, const struct chain *chain,
                          const struct document *document, const enum verify_step steps[3])
{
    const char *why = v->set_known ? NULL : chain_problem(chain, "SGX TCB Signing", false);
    int ret;
    if (why)
        return fail(v, steps[0], why);
    if ((ret = check_root(v, chain, steps[1])) || v->set_known)
        return ret;
    /* The root list was checked with the PCK chain's root; this root may be another key of the set.
     */
    if (!crl_signed_by(v->set->root_crl, chain->root))
        return fail(v, VERIFY_CRL_SIGNATURE, "the root list is not by the signer's root");
    if (crl_lists(v->set->root_crl, chain->leaf))
        return fail(v, VERIFY_REVOKED, "the TCB signing certificate has been revoked");
    if (!document_signed_by(document, X509_get0_pubkey(chain->leaf)))
        return fail(v, steps[2], NULL);
    return 0;
}

/* The text of the CAs, if it is what follows the leaf. */
static void remember_cas(struct collateral_set *s, const struct pck_chain *p)
{
    struct chain again;
    size_t size;
    const char *cas = chain_cas_text(p->text, p->size, &size);
    bool leaf_first = chain_parse_below(p->text, p->size, s->pck_ca, s->pck_root, &again) == 0 &&
                      X509_cmp(again.leaf, p->chain.leaf) == 0;
    chain_fini(&again);
    s->cas_text = leaf_first ? strndup(cas, size) : NULL;
    s->cas_size = s->cas_text ? size : 0;
}

/* Everything but the quote has proven itself: the next quote need not ask again. */
static void remember(struct verification *v)
{
    struct collateral_set *s = v->set;
    if (v->set_known || !v->options->cache)
        return;
    if (!take_reference(v->pck->chain.root, &s->pck_root) ||
        !take_reference(v->pck->chain.intermediate, &s->pck_ca))
        return;
    remember_cas(s, v->pck);
    verify_cache_add_chain(v->options->cache, s, v->pck);
    verify_cache_add_set(v->options->cache, s, v->collateral);
}

static struct verdict_period period_of(const struct window *w, struct window *all)
{
    window_add(all, w->latest_start, w->earliest_end);
    return (struct verdict_period){ w->latest_start, w->earliest_end };
}

static struct window crl_window(X509_CRL *crl)
{
    struct window w = { 0 };
    crl_dates(crl, &w);
    return w;
}

static struct window document_window(const struct document *d)
{
    return (struct window){ d->issued, d->next_update };
}

static void collect_dates(const struct verification *v, struct window *all)
{
    struct verdict *out = v->out;
    const struct collateral_set *s = v->set;
    struct window w[] = { document_window(&s->tcb.document),
                          document_window(&s->identity.document),
                          crl_window(s->pck_crl),
                          crl_window(s->root_crl),
                          { 0 },
                          { 0 } };
    chain_dates(&v->pck->chain, &w[4]);
    chain_dates(&s->tcb_chain, &w[5]);
    chain_dates(&s->qe_chain, &w[5]);
    out->tcb_info = period_of(&w[0], all);
    out->qe_identity = period_of(&w[1], all);
    out->pck_crl = period_of(&w[2], all);
    out->root_crl = period_of(&w[3], all);
    out->pck_chain = period_of(&w[4], all);
    out->signer_chain = period_of(&w[5], all);
    out->collateral_issued = w[0].latest_start;
    for (int i = 1; i < 3; i++)
        if (w[i].latest_start < out->collateral_issued)
            out->collateral_issued = w[i].latest_start;
}

static int check_dates(struct verification *v, int64_t now)
{
    struct verdict *out = v->out;
    struct window all = { 0 };
    collect_dates(v, &all);
    out->earliest_expiration = all.earliest_end;
    out->latest_issue = all.latest_start;
    out->not_yet_valid = now < all.latest_start;
    out->expired = now >= all.earliest_end;
    if (v->options->accept_out_of_date_collateral)
        return 0;
    if (out->not_yet_valid)
        return fail(v, VERIFY_NOT_YET_VALID, NULL);
    if (out->expired)
        return fail(v, VERIFY_EXPIRED, NULL);
    return 0;
}

static int check_qe_report(struct verification *v)
{
    const struct quote *q = &v->quote;
    uint8_t hash[SHA256_DIGEST_LENGTH];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool hashed = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                  EVP_DigestUpdate(ctx, q->attestation_key, 64) == 1 &&
                  EVP_DigestUpdate(ctx, q->auth, q->auth_size) == 1 &&
                  EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!hashed)
        return -ENOMEM;
    if (!p256_verify(X509_get0_pubkey(v->pck->chain.leaf), q->qe_signature, q->qe_report,
                     REPORT_BODY_SIZE))
        return fail(v, VERIFY_QE_REPORT_SIGNATURE, NULL);
    if (memcmp(hash, q->qe_report + REPORT_DATA, sizeof(hash)) != 0 ||
        !bytes_are_zero(q->qe_report + REPORT_DATA + 32, 32))
        return fail(v, VERIFY_QE_REPORT_DATA, NULL);
    if (v->set->identity.qve || v->set->identity.td_qe != (q->tee == QUOTE_TEE_TDX))
        return fail(v, VERIFY_QE_IDENTITY_MATCH, "the identity is for another TEE");
    const char *why = identity_mismatch(&v->set->identity, q->qe_report);
    return why ? fail(v, VERIFY_QE_IDENTITY_MATCH, why) : 0;
}

static int check_quote(struct verification *v)
{
    const struct quote *q = &v->quote;
    if (v->set->tcb.tdx != (q->tee == QUOTE_TEE_TDX))
        return fail(v, VERIFY_TCB_INFO_MATCH, "it is for another TEE");
    if (memcmp(v->set->tcb.fmspc, v->pck->facts.fmspc, 6) != 0)
        return fail(v, VERIFY_TCB_INFO_MATCH, "FMSPC differs");
    if (memcmp(v->set->tcb.pceid, v->pck->facts.pceid, 2) != 0)
        return fail(v, VERIFY_TCB_INFO_MATCH, "PCEID differs");
    const char *why = q->tee == QUOTE_TEE_TDX ? tdx_module_problem(&v->set->tcb, q->body) : NULL;
    if (why)
        return fail(v, VERIFY_TDX_MODULE, why);
    int ret = check_qe_report(v);
    if (ret)
        return ret;
    EVP_PKEY *key = p256_key_new(q->attestation_key);
    bool good = key && p256_verify(key, q->isv_signature, q->signed_bytes, q->signed_size);
    EVP_PKEY_free(key);
    if (!key)
        return malformed(v, VERIFY_QUOTE_FORMAT, "the attestation key is no point of P-256");
    return good ? 0 : fail(v, VERIFY_QUOTE_SIGNATURE, NULL);
}

static int check_tcb(struct verification *v)
{
    const char *why = NULL;
    int ret = tcb_evaluate(&v->set->tcb, &v->set->identity, &v->pck->facts, &v->quote, v->out,
                           &why);
    if (ret == -EBADMSG)
        return fail(v, VERIFY_TCB_LEVEL, why);
    if (ret)
        return ret;
    if (v->out->status == TCB_REVOKED)
        return fail(v, VERIFY_TCB_REVOKED, NULL);
    return 0;
}

static int run(struct verification *v, const void *quote, size_t size, int64_t now)
{
    static const enum verify_step tcb_steps[] = { VERIFY_TCB_CHAIN, VERIFY_TCB_CHAIN_ROOT,
                                                  VERIFY_TCB_INFO_SIGNATURE };
    static const enum verify_step qe_steps[] = { VERIFY_QE_CHAIN, VERIFY_QE_CHAIN_ROOT,
                                                 VERIFY_QE_IDENTITY_SIGNATURE };
    int ret;
    if ((ret = decode(v, quote, size)) || (ret = check_pck(v)) ||
        (ret = check_document(v, &v->set->tcb_chain, &v->set->tcb.document, tcb_steps)) ||
        (ret = check_document(v, &v->set->qe_chain, &v->set->identity.document, qe_steps)))
        return ret;
    remember(v);
    if ((ret = check_dates(v, now)) || (ret = check_quote(v)) || (ret = check_tcb(v)))
        return ret;
    v->out->failed = VERIFY_DONE;
    v->out->verified = true;
    return 0;
}

int quote_verify(const void *quote, size_t size, const struct collateral *collateral,
                 const struct verify_options *options, int64_t now, struct verdict *out)
{
    struct verification v = { .collateral = collateral, .options = options, .out = out };
    *out = (struct verdict){ .now = now };
    int ret = run(&v, quote, size, now);
    pck_chain_put(v.pck);
    collateral_set_put(v.set);
    ERR_clear_error();
    return ret;
}

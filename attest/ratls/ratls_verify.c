/*
 * Verify an RA-TLS certificate in the reference's order: evidence, quote, platform and attributes,
 * identity. The certificate is hostile.
 */
#include "attest/ratls/ratls_verify.h"

#include <errno.h>

#include "lib/base/bytes.h"

static int end(struct ratls_outcome *o, ra_tls_err_loc_t where, int code)
{
    o->where = where;
    o->code = code;
    return code;
}

static int check_identity(const struct ratls_relying_party *party, struct ratls_outcome *o)
{
    const struct verdict_body *b = &o->verdict.body;
    char prod_id[2], svn[2];
    if (!party->measurements) {
        o->answer = policy_check(party->policy, &o->verdict);
        return o->answer == POLICY_ACCEPTED ? 0 : RATLS_VERIFY_FAILED;
    }
    store_le16(prod_id, b->isv_prod_id);
    store_le16(svn, b->isv_svn);
    if (party->measurements((const char *)b->mrenclave, (const char *)b->mrsigner, prod_id, svn) < 0) {
        o->answer = POLICY_MRENCLAVE;
        return RATLS_VERIFY_FAILED;
    }
    return 0;
}

int ratls_verify(const uint8_t *der, size_t size, const struct ratls_relying_party *party,
                 int64_t now, struct ratls_outcome *out)
{
    struct ratls_cert cert;
    struct ratls_evidence evidence;
    struct verify_options options = { party->roots, party->accept_out_of_date_collateral, party->cache };
    *out = (struct ratls_outcome){ .code = RATLS_FATAL, .where = AT_INIT };
    int ret = ratls_cert_parse(der, size, &cert);
    if (ret)
        return end(out, AT_INIT, ret);
    ret = ratls_cert_evidence(&cert, &evidence);
    if (ret)
        return end(out, AT_EXTRACT_QUOTE, ret);
    ret = quote_verify(evidence.quote, evidence.quote_size, party->collateral, &options, now,
                       &out->verdict);
    if (ret == -ENOMEM)
        return end(out, AT_VERIFY_EXTERNAL, RATLS_FATAL);
    out->answer = policy_check_platform(party->policy, &out->verdict);
    if (out->answer != POLICY_ACCEPTED && out->answer < POLICY_NOT_SGX) /* the platform's fault */
        return end(out, AT_VERIFY_EXTERNAL, RATLS_VERIFY_FAILED);
    if (out->answer != POLICY_ACCEPTED)
        return end(out, AT_VERIFY_ENCLAVE_ATTRS, RATLS_VERIFY_FAILED);
    if (check_identity(party, out))
        return end(out, AT_VERIFY_ENCLAVE_MEASUREMENTS, RATLS_VERIFY_FAILED);
    return end(out, AT_NONE, RATLS_OK);
}

const char *ratls_outcome_reason(const struct ratls_outcome *o, const char **words)
{
    *words = policy_answer_words(o->answer);
    if (o->where == AT_INIT) {
        *words = "the certificate is malformed";
        return "bad-certificate";
    }
    if (o->where == AT_EXTRACT_QUOTE) {
        *words = "the certificate holds no evidence that is bound to its key";
        return "bad-evidence";
    }
    if (o->answer != POLICY_QUOTE)
        return policy_answer_name(o->answer);
    *words = verify_step_words(o->verdict.failed);
    if (o->verdict.failed == VERIFY_TRUST_ROOT)
        return "untrusted-root";
    return o->verdict.failed == VERIFY_EXPIRED ? "expired-collateral" : "bad-quote";
}

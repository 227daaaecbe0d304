/* Apply a policy to a verdict. Pure; refuses in every case that it does not know. */
#include "attest/ratls/policy.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/sgx/arch.h"

static const struct {
    const char *name, *words;
} g_answers[] = {
    [POLICY_UNDECIDED] = { "undecided", "nothing was decided" },
    [POLICY_QUOTE] = { "bad-quote", "the quote did not verify" },
    [POLICY_TCB_STATUS] = { "tcb-status", "the platform's TCB status is not accepted" },
    [POLICY_ADVISORY] = { "advisory", "a security advisory that holds for the platform is not accepted" },
    [POLICY_COLLATERAL_AGE] = { "collateral-age", "the collateral is older than the policy allows" },
    [POLICY_NOT_SGX] = { "not-sgx", "the quote is not of an SGX enclave" },
    [POLICY_DEBUG] = { "debug-enclave", "it is a debug enclave: its memory can be read by the host" },
    [POLICY_ATTRIBUTES] = { "attributes", "the enclave's attributes are not those of a workload" },
    [POLICY_MRSIGNER] = { "wrong-mrsigner", "MRSIGNER is not accepted: signed by another key" },
    [POLICY_MRENCLAVE] = { "wrong-mrenclave", "MRENCLAVE is not accepted: another program or manifest" },
    [POLICY_PROD_ID] = { "wrong-prod-id", "the product id is not accepted" },
    [POLICY_SVN] = { "low-svn", "the security version is below the least accepted" },
    [POLICY_MRTD] = { "wrong-mrtd", "MRTD is not accepted: another trust domain" },
    [POLICY_ACCEPTED] = { "accepted", "accepted" },
};

const char *policy_answer_name(enum policy_answer a)
{
    return a <= POLICY_ACCEPTED ? g_answers[a].name : "?";
}

const char *policy_answer_words(enum policy_answer a)
{
    return a <= POLICY_ACCEPTED ? g_answers[a].words : "?";
}

bool policy_is_open(const struct policy *p)
{
    return p->mrenclave_count == 0 && p->mrsigner_count == 0;
}

static bool contains(const struct advisories *a, const char *name)
{
    for (unsigned i = 0; i < a->count; i++)
        if (strcmp(a->name[i], name) == 0)
            return true;
    return false;
}

static bool advisories_accepted(const struct policy *p, const struct advisories *a)
{
    for (unsigned i = 0; i < a->count; i++)
        if (contains(&p->refused_advisories, a->name[i]) ||
            (p->check_advisories && !contains(&p->accepted_advisories, a->name[i])))
            return false;
    return true;
}

static enum policy_answer check_body(const struct policy *p, const struct verdict_body *b)
{
    const uint64_t must = SGX_FLAG_INIT | SGX_FLAG_MODE64BIT;
    const uint64_t never = SGX_FLAG_PROVISIONKEY | SGX_FLAG_EINITTOKEN_KEY;
    bool sgx = b->tee == QUOTE_TEE_SGX;
    if (!sgx && !p->allow_tdx && p->mrtd_count == 0)
        return POLICY_NOT_SGX;
    if (b->debug && !p->allow_debug)
        return POLICY_DEBUG;
    if (sgx && ((b->attributes & must) != must || (b->attributes & never)))
        return POLICY_ATTRIBUTES;
    return POLICY_ACCEPTED;
}

enum policy_answer policy_check_platform(const struct policy *p, const struct verdict *v)
{
    if (!v->verified || v->failed != VERIFY_DONE)
        return POLICY_QUOTE;
    if (v->status != TCB_UP_TO_DATE &&
        (v->status == TCB_REVOKED || !(p->accepted_statuses & 1u << v->status)))
        return POLICY_TCB_STATUS;
    if (!advisories_accepted(p, &v->advisories))
        return POLICY_ADVISORY;
    if (p->max_collateral_age && v->now - v->collateral_issued > p->max_collateral_age)
        return POLICY_COLLATERAL_AGE;
    return check_body(p, &v->body);
}

static bool mrtd_listed(const struct policy *p, const uint8_t mrtd[48])
{
    for (unsigned i = 0; i < p->mrtd_count; i++)
        if (memcmp(p->mrtd[i], mrtd, 48) == 0)
            return true;
    return p->mrtd_count == 0;
}

static bool listed(const uint8_t list[][32], unsigned count, const uint8_t value[32])
{
    for (unsigned i = 0; i < count; i++)
        if (memcmp(list[i], value, 32) == 0)
            return true;
    return count == 0;
}

enum policy_answer policy_check(const struct policy *p, const struct verdict *v)
{
    enum policy_answer a = policy_check_platform(p, v);
    if (a != POLICY_ACCEPTED)
        return a;
    if (v->body.tee != QUOTE_TEE_SGX)
        return mrtd_listed(p, v->body.mrtd) ? POLICY_ACCEPTED : POLICY_MRTD;
    if (!listed(p->mrsigner, p->mrsigner_count, v->body.mrsigner))
        return POLICY_MRSIGNER;
    if (!listed(p->mrenclave, p->mrenclave_count, v->body.mrenclave))
        return POLICY_MRENCLAVE;
    if (p->check_prod_id && v->body.isv_prod_id != p->prod_id)
        return POLICY_PROD_ID;
    if (v->body.isv_svn < p->min_svn)
        return POLICY_SVN;
    return POLICY_ACCEPTED;
}

static int add(uint8_t list[][32], unsigned *count, const char *hex)
{
    if (*count == POLICY_IDENTITIES_MAX)
        return -ENOSPC;
    if (hex_decode(hex, strlen(hex), list[*count], 32))
        return -EINVAL;
    (*count)++;
    return 0;
}

int policy_add_mrenclave(struct policy *p, const char *hex)
{
    return add(p->mrenclave, &p->mrenclave_count, hex);
}

int policy_add_mrsigner(struct policy *p, const char *hex)
{
    return add(p->mrsigner, &p->mrsigner_count, hex);
}

int policy_accept_status(struct policy *p, const char *name)
{
    enum tcb_status status;
    if (tcb_status_parse(name, &status) || status == TCB_REVOKED)
        return -EINVAL;
    p->accepted_statuses |= 1u << status;
    return 0;
}

int policy_add_mrtd(struct policy *p, const char *hex)
{
    if (p->mrtd_count == POLICY_IDENTITIES_MAX)
        return -ENOSPC;
    if (hex_decode(hex, strlen(hex), p->mrtd[p->mrtd_count], 48))
        return -EINVAL;
    p->mrtd_count++;
    return 0;
}

static int add_advisory(struct advisories *a, const char *name)
{
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return -EINVAL;
    return *name ? advisories_add(a, name) : -EINVAL;
}

int policy_accept_advisory(struct policy *p, const char *name)
{
    p->check_advisories = true;
    return add_advisory(&p->accepted_advisories, name);
}

int policy_refuse_advisory(struct policy *p, const char *name)
{
    return add_advisory(&p->refused_advisories, name);
}

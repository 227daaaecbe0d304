/*
 * TCB evaluation. Documents and quote are authentic by now; only values from the PCK certificate and
 * TEE_TCB_SVN count, never the CPUSVN of a report. Start at tcb_evaluate().
 */
#include "attest/dcap/evaluate.h"

#include <errno.h>
#include <string.h>

#include "lib/base/bytes.h"

static const struct tdx_module *find_module(const struct tcb_info *t, uint8_t version)
{
    if (version == 0)
        return &t->module;
    for (size_t i = 0; i < t->identity_count; i++)
        if (t->identities[i].version == version)
            return &t->identities[i];
    return NULL;
}

const char *tdx_module_problem(const struct tcb_info *t, const uint8_t *td)
{
    const struct tdx_module *m = t->has_module ? find_module(t, td[TD_TCB_SVN + 1]) : NULL;
    if (!m)
        return "no identity for this module version";
    if (memcmp(td + TD_MRSIGNERSEAM, m->mrsigner, sizeof(m->mrsigner)) != 0)
        return "MRSIGNERSEAM differs";
    /* Intel's library ignores the mask: every byte must be zero and equal to the reference. */
    if (!bytes_are_zero(td + TD_SEAMATTRIBUTES, 8) || !bytes_are_zero(m->attributes, 8))
        return "SEAMATTRIBUTES are not zero";
    return NULL;
}

struct outcome {
    enum tcb_status status, platform, qe, module;
    int64_t date;
    struct advisories advisories;
};

static int take_part(struct outcome *o, int64_t date, const json_t *advisories)
{
    if (o->date == 0 || date < o->date)
        o->date = date;
    for (size_t i = 0; i < json_array_size(advisories); i++) {
        int ret = advisories_add(&o->advisories, json_string_value(json_array_get(advisories, i)));
        if (ret)
            return ret;
    }
    return 0;
}

/* Steps 1-5 for one TEE_TCB_SVN (NULL for SGX). */
static int evaluate_once(const struct tcb_info *t, const struct enclave_identity *id,
                         const struct pck_facts *pck, const struct quote *q, const uint8_t *svn,
                         struct outcome *o, const char **why)
{
    struct tcb_platform platform = { .pcesvn = pck->pcesvn, .tee_tcb_svn = svn };
    memcpy(platform.components, pck->components, TCB_COMPONENTS);
    const struct tcb_level *level = tcb_level_find(t, &platform);
    const struct svn_level *module = NULL;
    if (svn && svn[1] > 0) {
        const struct tdx_module *m = find_module(t, svn[1]);
        module = m ? svn_level_find(&m->levels, svn[0]) : NULL;
        if (!module) {
            *why = "the TDX module is below every level of its identity, or has none";
            return -EBADMSG;
        }
    }
    const struct svn_level *qe = svn_level_find(&id->levels, load_le16(q->qe_report + REPORT_ISVSVN));
    *why = !level ? "the platform is below every level" : "the quoting enclave is below every level";
    if (!level || !qe)
        return -EBADMSG;
    *why = NULL;
    *o = (struct outcome){ .platform = level->status, .qe = qe->status };
    o->module = module ? module->status : TCB_UNKNOWN;
    o->status = tcb_converge(level->status, qe->status);
    if (module)
        o->status = tcb_converge(o->status, module->status);
    int ret = take_part(o, level->date, level->advisories);
    if (ret == 0)
        ret = take_part(o, qe->date, qe->advisories);
    if (ret == 0 && module)
        ret = take_part(o, module->date, module->advisories);
    return ret;
}

/* Both statuses of a TD 1.5: at launch and now. Relaunching helps if only the launch was out of date. */
static enum tcb_status relaunch(enum tcb_status launch, enum tcb_status now)
{
    bool old = launch == TCB_OUT_OF_DATE || launch == TCB_OUT_OF_DATE_CONFIG_NEEDED;
    bool configure = now == TCB_CONFIG_NEEDED || now == TCB_CONFIG_AND_SW_HARDENING_NEEDED;
    bool good = configure || now == TCB_UP_TO_DATE || now == TCB_SW_HARDENING_NEEDED;
    if (!old || !good)
        return launch;
    return configure || launch == TCB_OUT_OF_DATE_CONFIG_NEEDED ? TCB_RELAUNCH_ADVISED_CONFIG_NEEDED
                                                                : TCB_RELAUNCH_ADVISED;
}

int tcb_evaluate(const struct tcb_info *t, const struct enclave_identity *id,
                 const struct pck_facts *pck, const struct quote *q, struct verdict *out,
                 const char **why)
{
    struct outcome launch, now;
    bool tdx = q->tee == QUOTE_TEE_TDX;
    int ret = evaluate_once(t, id, pck, q, tdx ? q->body + TD_TCB_SVN : NULL, &launch, why);
    if (ret)
        return ret;
    if (q->body_kind == QUOTE_BODY_TD15 || q->body_kind == QUOTE_BODY_TD15EX) {
        ret = evaluate_once(t, id, pck, q, q->body + TD_TCB_SVN2, &now, why);
        if (ret)
            return ret;
        launch.status = relaunch(launch.status, now.status);
    }
    out->status = launch.status;
    out->platform_status = launch.platform;
    out->qe_status = launch.qe;
    out->module_status = launch.module;
    out->tcb_date = launch.date;
    out->advisories = launch.advisories;
    out->evaluation_number =
        MIN(t->document.evaluation_number, id->document.evaluation_number);
    return 0;
}

/*
 * A verdict as a JSON value, with words for every status and code: what a person wants to know of a quote. It decides
 * nothing. See cli/show.h.
 */
#include <stdio.h>
#include <string.h>

#include "attest/dcap/trust.h"
#include "cli/relying_options.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/term_json.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/sgx/arch.h"

static const char *status_words(enum tcb_status status)
{
    static const char *const words[TCB_STATUS_COUNT] = {
        [TCB_UNKNOWN] = "not determined",
        [TCB_UP_TO_DATE] = "it has all security updates",
        [TCB_SW_HARDENING_NEEDED] = "the platform is current, but the enclave must be hardened against known attacks itself",
        [TCB_CONFIG_NEEDED] = "the platform is current, but its configuration (such as hyper-threading) may expose it",
        [TCB_CONFIG_AND_SW_HARDENING_NEEDED] = "configuration may expose the platform, and the enclave must be hardened itself",
        [TCB_OUT_OF_DATE] = "the platform lacks security updates",
        [TCB_OUT_OF_DATE_CONFIG_NEEDED] = "the platform lacks security updates, and its configuration may expose it",
        [TCB_RELAUNCH_ADVISED] = "the TDX module has been updated since the trust domain started: restart it",
        [TCB_RELAUNCH_ADVISED_CONFIG_NEEDED] = "restart the trust domain; the platform's configuration may expose it",
        [TCB_REVOKED] = "the platform's security version has been revoked: it must not be trusted",
    };
    return status < TCB_STATUS_COUNT ? words[status] : "not determined";
}

static json_t *flag_words(uint64_t flags, bool tdx)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } sgx[] = { { SGX_FLAG_INIT, "initialised" }, { SGX_FLAG_DEBUG, "DEBUG" }, { SGX_FLAG_MODE64BIT, "64-bit" },
                { SGX_FLAG_PROVISIONKEY, "provisioning key" }, { SGX_FLAG_EINITTOKEN_KEY, "launch key" },
                { 0x40, "CET" }, { 0x80, "KSS" }, { 0x400, "AEX notify" } },
      td[] = { { 1, "DEBUG" }, { 1u << 28, "SEPT_VE_DISABLE" }, { 1u << 29, "MIGRATABLE" }, { 1u << 30, "PKS" },
               { 1ull << 31, "KL" }, { 1ull << 63, "PERFMON" } };
    json_t *list = json_array();
    for (size_t i = 0; i < (tdx ? ARRAY_COUNT(td) : ARRAY_COUNT(sgx)); i++)
        if (flags & (tdx ? td[i].bit : sgx[i].bit))
            json_array_append_new(list, json_string(tdx ? td[i].name : sgx[i].name));
    return list;
}

static json_t *body_json(const struct verdict_body *b)
{
    bool tdx = b->tee == QUOTE_TEE_TDX;
    json_t *o = json_object();
    json_object_set_new(o, "tee", json_string(tdx ? "TDX" : "SGX"));
    if (tdx) {
        term_json_hex(o, "mrtd", b->mrtd, sizeof(b->mrtd));
    } else {
        term_json_hex(o, "mrenclave", b->mrenclave, sizeof(b->mrenclave));
        term_json_hex(o, "mrsigner", b->mrsigner, sizeof(b->mrsigner));
        json_object_set_new(o, "product_id", json_integer(b->isv_prod_id));
        json_object_set_new(o, "svn", json_integer(b->isv_svn));
    }
    json_object_set_new(o, "debug", json_boolean(b->debug));
    show_hex64(o, "attributes", b->attributes);
    json_object_set_new(o, "attributes_mean", flag_words(b->attributes, tdx));
    show_hex64(o, tdx ? "xfam" : "xfrm", b->xfrm);
    term_json_hex(o, "report_data", b->report_data, sizeof(b->report_data));
    return o;
}

json_t *show_platform(const struct pck_facts *p)
{
    static const char *const types[] = { "Standard", "Scalable", "Scalable with Integrity" };
    json_t *o = json_object();
    term_json_hex(o, "fmspc", p->fmspc, sizeof(p->fmspc));
    json_object_set_new(o, "sgx_type", json_string(p->sgx_type < 3 ? types[p->sgx_type] : "unknown"));
    term_json_hex(o, "cpusvn", p->cpusvn, sizeof(p->cpusvn));
    json_object_set_new(o, "pcesvn", json_integer(p->pcesvn));
    term_json_hex(o, "pceid", p->pceid, sizeof(p->pceid));
    json_object_set_new(o, "ppid", json_string(bytes_are_zero(p->ppid, sizeof(p->ppid))
                                                   ? "absent (zero)" : "present: it identifies the machine"));
    return o;
}

static void add_period(json_t *o, const char *name, const struct verdict_period *p, int64_t now)
{
    char from[32], until[32];
    if (p->start == 0 && p->end == 0)
        return;
    relying_time_text(p->start, from);
    relying_time_text(p->end, until);
    json_object_set_new(o, name, json_pack("{s:s, s:s, s:s}", "from", from, "until", until, "state",
                                           now < p->start ? "not yet valid" : (now >= p->end ? "expired" : "valid")));
}

static json_t *dates_json(const struct verdict *v)
{
    char text[32];
    json_t *o = json_object();
    add_period(o, "tcb_info", &v->tcb_info, v->now);
    add_period(o, "qe_identity", &v->qe_identity, v->now);
    add_period(o, "pck_crl", &v->pck_crl, v->now);
    add_period(o, "root_ca_crl", &v->root_crl, v->now);
    add_period(o, "pck_chain", &v->pck_chain, v->now);
    add_period(o, "signer_chain", &v->signer_chain, v->now);
    if (v->earliest_expiration) {
        relying_time_text(v->earliest_expiration, text);
        json_object_set_new(o, "earliest_expiration", json_string(text));
    }
    return o;
}

static json_t *status_json(enum tcb_status s)
{
    return json_sprintf("%s: %s", tcb_status_name(s), status_words(s));
}

static json_t *tcb_json(const struct verdict *v)
{
    char date[32];
    json_t *o = json_object(), *list = json_array();
    json_object_set_new(o, "status", json_string(tcb_status_name(v->status)));
    json_object_set_new(o, "meaning", json_string(status_words(v->status)));
    json_object_set_new(o, "platform", status_json(v->platform_status));
    json_object_set_new(o, "quoting_enclave", status_json(v->qe_status));
    if (v->module_status != TCB_UNKNOWN)
        json_object_set_new(o, "tdx_module", status_json(v->module_status));
    relying_time_text(v->tcb_date, date);
    json_object_set_new(o, "date", json_string(date));
    json_object_set_new(o, "evaluation_number", json_integer(v->evaluation_number));
    for (unsigned i = 0; i < v->advisories.count; i++)
        json_array_append_new(list, json_string(v->advisories.name[i]));
    json_object_set_new(o, "advisories", list);
    return o;
}

static const char *root_words(const struct verdict *v)
{
    struct trust_roots intel;
    uint8_t hash[32];
    trust_roots_intel(&intel);
    trust_roots_digest(&intel, 0, hash);
    if (bytes_are_zero(v->root_key_sha256, 32))
        return "not one of the trusted roots";
    return memcmp(hash, v->root_key_sha256, 32) == 0 ? "Intel SGX Root CA"
                                                     : "trusted by name, not Intel's: its quotes may protect nothing";
}

json_t *show_verdict(const struct verdict *v)
{
    char text[32];
    json_t *o = json_object();
    relying_time_text(v->now, text);
    json_object_set_new(o, "verified_at", json_string(text));
    json_object_set_new(o, "quote_verified", json_boolean(v->verified));
    json_object_set_new(o, "step", json_string(verify_step_name(v->failed)));
    json_object_set_new(o, "step_meaning", json_string(verify_step_words(v->failed)));
    if (v->detail)
        json_object_set_new(o, "detail", json_string(v->detail));
    if (v->failed != VERIFY_QUOTE_FORMAT)
        json_object_set_new(o, v->verified ? "enclave" : "claimed_enclave", body_json(&v->body));
    if (v->pck_known)
        json_object_set_new(o, v->verified ? "platform" : "claimed_platform", show_platform(&v->pck));
    json_object_set_new(o, "root", json_string(root_words(v)));
    if (v->platform_status != TCB_UNKNOWN)
        json_object_set_new(o, "tcb", tcb_json(v));
    if (v->tcb_info.end)
        json_object_set_new(o, "dates", dates_json(v));
    return o;
}

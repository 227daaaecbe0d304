/*
 * Fetch a set of collateral: four requests, each answer checked for what it is, the set examined as
 * a whole and cached as one file. Servers are hostile; what they say proves itself later, by
 * signatures. Start at collateral_fetch().
 */
#include "attest/collateral/fetch.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attest/collateral/answer.h"
#include "attest/collateral/http.h"
#include "attest/dcap/chain.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"

#define ROOT_CRL_URL  "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
#define AZURE_PARAMS  "&clientid=cloister&api-version=2020-02-12-preview"
#define URL_MAX       1536
#define DELAY_MAX     64
#define REFRESH_EARLY 86400 /* a document is fetched anew a day before it ends */

enum service { SERVICE_PCS, SERVICE_PCCS, SERVICE_AZURE };

/* By the host's name, which ends at the first '/' or ':'. */
static enum service service_of(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t size = strcspn(host, "/:");
    static const struct {
        const char *suffix;
        enum service service;
    } hosts[] = { { ".trustedservices.intel.com", SERVICE_PCS },
                  { ".azure.net", SERVICE_AZURE },
                  { "169.254.169.254", SERVICE_AZURE } };
    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        size_t n = strlen(hosts[i].suffix);
        if (size >= n && memcmp(host + size - n, hosts[i].suffix, n) == 0)
            return hosts[i].service;
    }
    return SERVICE_PCCS;
}

bool fetch_is_intel(const char *url)
{
    return service_of(url) == SERVICE_PCS;
}

bool fetch_is_azure(const char *url)
{
    return service_of(url) == SERVICE_AZURE;
}

/* base without its last slash; for TDX its first /sgx/ becomes /tdx/. */
static int base_url(const char *url, bool tdx, char *out, size_t size)
{
    if (str_copy(out, size, url) < 0)
        return -ENAMETOOLONG;
    size_t n = strlen(out);
    while (n > 0 && out[n - 1] == '/')
        out[--n] = 0;
    char *sgx = strstr(out, "/sgx/");
    if (tdx && sgx)
        memcpy(sgx, "/tdx/", 5);
    return 0;
}

static int root_crl_url(const char *base, const struct qcnl *q, enum service s, char *out,
                        size_t size)
{
    const char *sgx = strstr(base, "/sgx/");
    if (s == SERVICE_PCS)
        return snprintf(out, size, "%s", ROOT_CRL_URL);
    if (s == SERVICE_AZURE)
        return snprintf(out, size, "%.*s/sgx/certificates/pckcrl?uri=%s" AZURE_PARAMS,
                        (int)(sgx ? sgx - base : (ptrdiff_t)strlen(base)), base, ROOT_CRL_URL);
    return q->der_crls ? snprintf(out, size, "%s/crl?uri=%s", base, ROOT_CRL_URL)
                       : snprintf(out, size, "%s/rootcacrl", base);
}

int fetch_url(const struct fetch_request *r, const struct qcnl *q, int kind, char *out, size_t size)
{
    char base[QCNL_URL_MAX], fmspc[13], update[32] = "";
    const char *url = qcnl_service(q);
    enum service s = service_of(url);
    const char *extra = s == SERVICE_AZURE ? AZURE_PARAMS : "";
    bool v3 = strstr(url, "/v3") != NULL; /* it knows no channels */
    int n = 0;
    if (base_url(url, r->tdx && (kind == ANSWER_TCB_INFO || kind == ANSWER_QE_IDENTITY), base,
                 sizeof(base)))
        return -ENAMETOOLONG;
    hex_encode(r->fmspc, sizeof(r->fmspc), fmspc);
    if (!v3)
        snprintf(update, sizeof(update), "update=%s", q->tcb_update_type);
    switch (kind) {
    case ANSWER_TCB_INFO:
        n = snprintf(out, size, "%s/tcb?fmspc=%s%s%s%s", base, fmspc, v3 ? "" : "&", update, extra);
        break;
    case ANSWER_QE_IDENTITY:
        n = snprintf(out, size, "%s/qe/identity%s%s%s", base, v3 && !*extra ? "" : "?", update,
                     v3 && *extra ? extra + 1 : extra);
        break;
    case ANSWER_PCK_CRL:
        n = snprintf(out, size, "%s/pckcrl?ca=%s%s%s", base,
                     r->processor_ca ? "processor" : "platform",
                     q->der_crls || s != SERVICE_PCCS ? "&encoding=der" : "", extra);
        break;
    default: n = root_crl_url(base, q, s, out, size);
    }
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int fetch_request_from_quote(const void *quote, size_t size, struct fetch_request *out,
                             struct problem *why)
{
    struct quote q;
    struct chain chain;
    struct pck_facts facts;
    const char *reason;
    char cn[128] = "";
    *out = (struct fetch_request){ 0 };
    if (quote_parse(quote, size, &q, &reason))
        return problem_set(why, -EINVAL, "not a quote: %s", reason);
    if (q.cert_type != QUOTE_CERT_PCK_CHAIN)
        return problem_set(
            why, -EINVAL,
            "the quote carries no PCK certificate chain, so its platform is not known");
    int ret = chain_parse(q.cert_data, q.cert_size, 3, &chain, &reason);
    if (ret == 0 && pck_facts_parse(chain.leaf, &facts)) {
        reason = "the SGX extension of the leaf is malformed";
        ret = -EINVAL;
    }
    if (ret == 0) {
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(chain.intermediate), NID_commonName,
                                        cn, sizeof(cn));
        out->tdx = q.tee == QUOTE_TEE_TDX;
        memcpy(out->fmspc, facts.fmspc, sizeof(out->fmspc));
        out->processor_ca = strstr(cn, "Processor") != NULL;
    }
    chain_fini(&chain);
    return ret ? problem_set(why, ret, "the quote's PCK certificate chain: %s", reason) : 0;
}

static bool worth_a_retry(int ret, long status)
{
    return ret == -EHOSTUNREACH || ret == -ETIMEDOUT || ret == -EIO ||
           (ret == 0 && (status == 429 || status >= 500));
}

int64_t fetch_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* Wait before the next try. Returns false when there is no time left for one. */
static bool pause_before(unsigned try, const struct qcnl *q)
{
    unsigned seconds = q->retry_delay ? q->retry_delay : 1u << (try < 6 ? try : 6);
    if (seconds > DELAY_MAX)
        seconds = DELAY_MAX;
    if (q->deadline && fetch_clock() + seconds >= q->deadline)
        return false;
    nanosleep(&(struct timespec){ .tv_sec = seconds }, NULL);
    return true;
}

/* Seconds for the next request; 0: the deadline has passed. */
static unsigned time_for_one(const struct qcnl *q)
{
    int64_t left = q->deadline ? q->deadline - fetch_clock() : q->timeout;
    return left <= 0 ? 0 : left < q->timeout ? (unsigned)left : q->timeout;
}

int fetch_get(const char *url, const struct qcnl *q, const char (*headers)[QCNL_HEADER_MAX],
              struct http_answer *out, struct problem *why)
{
    *out = (struct http_answer){ 0 };
    struct http_options o = { .insecure_tls = q->insecure_tls,
                              .ca_file = q->ca_file[0] ? q->ca_file : NULL };
    size_t n = 0;
    if (service_of(url) == SERVICE_AZURE)
        o.header[n++] = "Metadata: true";
    for (size_t i = 0; headers && i < QCNL_HEADERS_MAX && headers[i][0]; i++)
        o.header[n++] = headers[i];
    for (unsigned try = 0;; try++) {
        o.timeout = time_for_one(q);
        if (o.timeout == 0)
            return problem_set(why, -ETIMEDOUT, "the time allowed for all of it is over");
        int ret = http_get(url, &o, out, why);
        if (try >= q->retry_times || !worth_a_retry(ret, out->status) || !pause_before(try, q))
            return ret;
        http_answer_fini(out);
    }
}

static int fetch_one(const struct fetch_request *r, const struct qcnl *q, enum answer_kind kind,
                     struct collateral *out, struct problem *why)
{
    char url[URL_MAX];
    struct http_answer h;
    struct problem inner = { "" };
    if (fetch_url(r, q, kind, url, sizeof(url)))
        return problem_set(why, -ENAMETOOLONG, "%s: the URL is too long", qcnl_service(q));
    int ret = fetch_get(url, q, NULL, &h, &inner);
    if (ret == 0 && h.status != 200)
        ret = problem_set(&inner, h.status == 404 ? -ENOENT : -EIO, "the server answered %ld: %s",
                          h.status, http_status_words(h.status));
    if (ret == 0) {
        struct answer a = { h.headers, h.headers_size, h.body, h.body_size };
        ret = answer_take(kind, &a, out, &inner);
    }
    http_answer_fini(&h);
    return ret ? problem_set(why, ret, "%s: %s: %s", answer_kind_words(kind), url, inner.text) : 0;
}

/* It must be the set that was asked for. */
static int check_set(const struct fetch_request *r, const struct qcnl *q,
                     const struct collateral_facts *f, struct problem *why)
{
    const char *what = NULL;
    if (f->tdx != r->tdx)
        what = "another TEE";
    else if (memcmp(f->fmspc, r->fmspc, sizeof(f->fmspc)) != 0)
        what = "another FMSPC";
    else if (f->processor_ca != r->processor_ca)
        what = "another PCK CA";
    return what ? problem_set(why, -EINVAL, "%s: the server sent collateral of %s", qcnl_service(q),
                              what)
                : 0;
}

static int fetch_set(const struct fetch_request *r, const struct qcnl *q, struct collateral *out,
                     struct collateral_facts *facts, struct problem *why)
{
    struct problem inner = { "" };
    int ret = 0;
    for (enum answer_kind kind = ANSWER_TCB_INFO; kind <= ANSWER_ROOT_CRL && ret == 0; kind++)
        ret = fetch_one(r, q, kind, out, why);
    if (ret)
        return ret;
    ret = collateral_examine(out, facts, &inner);
    if (ret)
        return problem_set(why, ret, "%s: %s", qcnl_service(q), inner.text);
    return check_set(r, q, facts, why);
}

static int cache_path(const struct fetch_request *r, const struct qcnl *q, char *out, size_t size,
                      struct problem *why)
{
    char folder[STORE_PATH_MAX - 128], key[2 * QCNL_URL_MAX], fmspc[13], hex[17];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    int ret = store_folder(folder, sizeof(folder), why);
    if (ret)
        return ret;
    int n = snprintf(key, sizeof(key), "%s %s", qcnl_service(q), q->tcb_update_type);
    SHA256((const uint8_t *)key, (size_t)n, hash);
    hex_encode(hash, 8, hex);
    hex_encode(r->fmspc, sizeof(r->fmspc), fmspc);
    snprintf(out, size, "%s/%s-%s-%s-%s.json", folder, r->tdx ? "tdx" : "sgx", fmspc,
             r->processor_ca ? "processor" : "platform", hex);
    return 0;
}

static void set_expiry(struct bundle_origin *origin, const struct collateral_facts *f,
                       const struct qcnl *q, int64_t now)
{
    origin->fetched = now;
    origin->expires = now + (int64_t)q->cache_hours * 3600;
    if (f->expires - REFRESH_EARLY < origin->expires)
        origin->expires = f->expires - REFRESH_EARLY;
}

/* Fetch anew; `old` is what was cached, NULL if nothing. */
static int fetch_and_keep(const struct fetch_request *r, const struct fetch_options *o,
                          const struct collateral_facts *old, struct collateral *out,
                          struct fetch_report *report, struct problem *why)
{
    int ret = fetch_set(r, o->qcnl, out, &report->facts, why);
    if (ret)
        return ret;
    const char *older = old && !o->accept_older ? collateral_rollback(old, &report->facts) : NULL;
    if (older)
        return problem_set(
            why, -ESTALE,
            "%s: its %s is older than the one it sent before: refused (--accept-older takes it)",
            qcnl_service(o->qcnl), older);
    snprintf(report->origin.source, sizeof(report->origin.source), "%s", qcnl_service(o->qcnl));
    set_expiry(&report->origin, &report->facts, o->qcnl, o->now);
    if (!report->cache_path[0] || report->origin.expires <= o->now)
        return 0;
    return bundle_write(report->cache_path, out, &report->facts, &report->origin, why);
}

int collateral_fetch(const struct fetch_request *r, const struct fetch_options *o,
                     struct collateral *out, struct fetch_report *report, struct problem *why)
{
    struct collateral_facts old;
    bool cached = false;
    int ret;
    *out = (struct collateral){ 0 };
    *report = (struct fetch_report){ 0 };
    if (!o->no_cache && (o->qcnl->cache_hours || o->qcnl->local_cache_only)) {
        ret = cache_path(r, o->qcnl, report->cache_path, sizeof(report->cache_path), why);
        if (ret)
            return ret;
        cached = store_load(report->cache_path, out, &old, &report->origin) == 0;
    }
    if (cached && !o->refresh && (o->now < report->origin.expires || o->qcnl->local_cache_only)) {
        report->facts = old;
        report->from_cache = true;
        return 0;
    }
    collateral_fini(out);
    if (o->qcnl->local_cache_only)
        return problem_set(why, -ENOENT, "%s: not cached, and local_cache_only forbids asking",
                           report->cache_path[0] ? report->cache_path : qcnl_service(o->qcnl));
    ret = fetch_and_keep(r, o, cached ? &old : NULL, out, report, why);
    if (ret)
        collateral_fini(out);
    return ret;
}

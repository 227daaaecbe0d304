/* The library that the verifying libraries load to fetch collateral: see provider.h. The work is in
 * fetch.c. */
#include "attest/collateral/provider.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "attest/collateral/fetch.h"

#define STALE_SECONDS                                                                              \
    60 /* what ought to have been fetched anew serves for so long before it is tried again */

#define API __attribute__((visibility("default")))

provider_fetch_fn cloister_collateral_fetch_0;

/* What was fetched before, though it ought to be asked for anew; its dates are judged by the
 * verifier. */
static int fetch_cached(const struct fetch_request *r, struct qcnl *q, struct fetch_options *o,
                        struct collateral *c, struct fetch_report *report, struct problem *why)
{
    q->local_cache_only = true;
    return collateral_fetch(r, o, c, report, why);
}

static int fetch(const struct provider_request *p, const struct fetch_request *r, struct qcnl *q,
                 int64_t now, struct collateral *c, struct fetch_report *report,
                 struct problem *why)
{
    struct problem second;
    struct fetch_options o = { .qcnl = q, .now = now };
    q->local_cache_only |= p->offline == PROVIDER_NEVER;
    q->deadline = fetch_clock() + p->seconds;
    if (p->offline != PROVIDER_REFUSE && q->cache_hours == 0)
        q->cache_hours = 168; /* or there would be nothing to fall back to */
    int ret = collateral_fetch(r, &o, c, report, why);
    if (ret == 0 || p->offline != PROVIDER_CACHED || q->local_cache_only)
        return ret;
    return fetch_cached(r, q, &o, c, report, &second) ? ret : 0;
}

API int cloister_collateral_fetch_0(const struct provider_request *p, struct provider_answer *out)
{
    struct fetch_request r;
    struct fetch_report report;
    struct collateral c = { 0 };
    struct problem why = { "" };
    struct qcnl q;
    int64_t now = (int64_t)time(NULL);
    *out = (struct provider_answer){ 0 };
    int ret = fetch_request_from_quote(p->quote, p->quote_size, &r, &why);
    if (ret == 0)
        ret = qcnl_load(p->qcnl, &q, &why);
    if (ret == 0)
        ret = fetch(p, &r, &q, now, &c, &report, &why);
    if (ret == 0 && bundle_text(&c, &report.facts, &report.origin, &out->bundle, &out->bundle_size))
        ret = problem_set(&why, -ENOMEM, "out of memory");
    if (ret == 0 && (q.cache_hours || q.local_cache_only))
        out->fresh_until = report.origin.expires > now ? report.origin.expires
                                                       : now + STALE_SECONDS;
    snprintf(out->why, sizeof(out->why), "%s", why.text);
    collateral_fini(&c);
    return ret;
}

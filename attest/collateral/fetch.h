#ifndef ATTEST_FETCH_H
#define ATTEST_FETCH_H

/*
 * Collateral for one platform family from PCS, a PCCS or Azure's cache, or from what was fetched
 * before. A set is fetched whole, examined, and only then cached.
 */
#include <stdbool.h>
#include <stdint.h>

#include "attest/collateral/examine.h"
#include "attest/collateral/http.h"
#include "attest/collateral/qcnl.h"
#include "attest/collateral/store.h"

struct fetch_request {
    bool tdx;
    uint8_t fmspc[6];
    bool processor_ca;
};

struct fetch_options {
    const struct qcnl *qcnl;
    int64_t now;       /* the wall clock, for the cache */
    bool refresh;      /* ask the server even if the cache is fresh */
    bool accept_older; /* let a server take us back behind what it said before */
    bool no_cache;
};

struct fetch_report {
    struct collateral_facts facts;
    struct bundle_origin origin;
    bool from_cache;
    char cache_path[STORE_PATH_MAX]; /* "" when not cached */
};

/* What to ask for, from a quote with a PCK chain. Returns 0; -EINVAL with why. */
int fetch_request_from_quote(const void *quote, size_t size, struct fetch_request *out,
                             struct problem *why);

/* Returns 0 with *out (collateral_fini) and *report; -errno with why: one line that names the URL
 * or the file. */
int collateral_fetch(const struct fetch_request *r, const struct fetch_options *o,
                     struct collateral *out, struct fetch_report *report, struct problem *why);

/* Which service a URL names, by its host. */
bool fetch_is_intel(const char *url);
bool fetch_is_azure(const char *url);

/* Seconds of a clock that nobody sets, for qcnl.deadline. */
int64_t fetch_clock(void);

/*
 * One GET as patiently as `q` says, with these headers (QCNL_HEADERS_MAX, may be NULL) and those
 * that the service wants. Returns 0 with whatever status; -errno with why, as http_get().
 */
int fetch_get(const char *url, const struct qcnl *q, const char (*headers)[QCNL_HEADER_MAX],
              struct http_answer *out, struct problem *why);

/* The URL of one request, for the given service. Returns 0; -ENAMETOOLONG. */
int fetch_url(const struct fetch_request *r, const struct qcnl *q, int kind, char *out,
              size_t size);

#endif

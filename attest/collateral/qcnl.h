#ifndef ATTEST_QCNL_H
#define ATTEST_QCNL_H

/*
 * Where collateral comes from and how patiently it is asked for, as sgx_default_qcnl.conf says it:
 * JSON with comments, or the older KEY=value lines. pck_cache_expire_hours is known and ignored:
 * certificates are not cached. Source: shared/specs/dcap.md 5.3.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/problem.h"

#define QCNL_FILE        "/etc/sgx_default_qcnl.conf"
#define QCNL_TEXT_MAX    (256u << 10)
#define QCNL_URL_MAX     512
#define QCNL_LOCAL       "https://localhost:8081/sgx/certification/v4/" /* of a file that names none */
#define QCNL_HEADERS_MAX 4
#define QCNL_HEADER_MAX  256
#define QCNL_INTEL       "https://api.trustedservices.intel.com/sgx/certification/v4/"

struct qcnl {
    char pccs_url[QCNL_URL_MAX];
    char collateral_service[QCNL_URL_MAX]; /* "": pccs_url */
    char local_pck_url[QCNL_URL_MAX];      /* asked for PCK certificates instead of pccs_url; "" */
    char pck_params[QCNL_URL_MAX];         /* "&name=value&name=value", appended to that request */
    char pck_headers[QCNL_HEADERS_MAX][QCNL_HEADER_MAX]; /* "name: value", sent with it; "" ends */
    char tcb_update_type[16];                            /* "standard" or "early" */
    char ca_file[1024]; /* trusted for TLS instead of the system's; "" */
    bool insecure_tls;  /* use_secure_cert false */
    bool der_crls;      /* API 3.1: revocation lists in DER rather than hexadecimal */
    bool local_cache_only;
    unsigned retry_times, retry_delay; /* delay in seconds; 0: 1, 2, 4, ... */
    unsigned cache_hours;              /* 0: do not cache */
    unsigned timeout;                  /* seconds for one request */
    int64_t
        deadline; /* of fetch_clock(), for all requests and retries; 0: none. Not from the file */
};

/* Intel's PCS, one week of cache, no retries. */
void qcnl_defaults(struct qcnl *q);
/* On top of the defaults; absent keys then mean what Intel's library takes them for. Returns 0;
 * -EINVAL. */
int qcnl_parse(const char *name, const char *text, size_t size, struct qcnl *out,
               struct problem *why);
/* `path`, else ${QCNL_CONF_PATH}, else QCNL_FILE if there, else the defaults. Returns 0; -errno. */
int qcnl_load(const char *path, struct qcnl *out, struct problem *why);
/* The server to ask for collateral. */
const char *qcnl_service(const struct qcnl *q);

#endif

/* Shared options of a relying party's commands: see relying_options.h. */
#include "cli/relying_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attest/dcap/document.h"
#include "attest/soft/pki.h"
#include "attest/soft/state.h"
#include "cli/term.h"
#include "lib/base/str.h"

const char server_options_help[] =
    "  --server URL           PCS, PCCS or Azure cache to ask, e.g. "
    "https://localhost:8081/sgx/certification/v4/\n"
    "                         (default: what the qcnl file says, else Intel's)\n"
    "  --qcnl FILE            settings (default ${QCNL_CONF_PATH:-/etc/sgx_default_qcnl.conf})\n"
    "  --ca-cert FILE         CA of the server's TLS certificate\n"
    "  --timeout SECS         for each request (default 30)\n"
    "  --refresh              ask even if the cache is fresh\n"
    "  --accept-older         take collateral older than what the server sent before\n"
    "  --no-cache             neither read nor write ~/.cache/cloister/collateral\n";

int server_options_take(int c, const char *arg, struct server_options *o)
{
    switch (c) {
    case OPT_SERVER: o->server = arg; return -1;
    case OPT_QCNL: o->qcnl_file = arg; return -1;
    case OPT_CA_CERT: o->ca_cert = arg; return -1;
    case OPT_REFRESH: o->refresh = true; return -1;
    case OPT_OLDER: o->accept_older = true; return -1;
    case OPT_NO_CACHE: o->no_cache = true; return -1;
    default:
        if (str_parse_u64(arg, strlen(arg), &o->timeout) || o->timeout == 0 || o->timeout > 3600)
            return term_usage("--timeout: not a number of seconds from 1 to 3600: %s", arg);
        return -1;
    }
}

static int make_settings(const struct server_options *o, struct qcnl *q)
{
    struct problem why;
    if (o->server && !o->qcnl_file)
        qcnl_defaults(q); /* the machine's file is about another server */
    else if (qcnl_load(o->qcnl_file, q, &why))
        return term_error("%s", why.text);
    if (o->server) {
        if ((strncmp(o->server, "https://", 8) != 0 && strncmp(o->server, "http://", 7) != 0) ||
            strpbrk(o->server, "?# ") || str_copy(q->pccs_url, sizeof(q->pccs_url), o->server) < 0)
            return term_usage("--server: not a URL: %s", o->server);
        q->collateral_service[0] = q->local_pck_url[0] = 0;
    }
    if (o->ca_cert && str_copy(q->ca_file, sizeof(q->ca_file), o->ca_cert) < 0)
        return term_usage("--ca-cert: the name is too long");
    if (o->timeout)
        q->timeout = (unsigned)o->timeout;
    return -1;
}

int server_options_fetch(const struct server_options *o, const struct fetch_request *r,
                         struct collateral *out, struct fetch_report *report)
{
    struct qcnl q;
    struct problem why;
    int ret = make_settings(o, &q);
    if (ret != -1)
        return ret;
    struct fetch_options f = { .qcnl = &q,
                               .now = (int64_t)time(NULL),
                               .refresh = o->refresh,
                               .accept_older = o->accept_older,
                               .no_cache = o->no_cache };
    return collateral_fetch(r, &f, out, report, &why) ? term_error("%s", why.text) : -1;
}

int server_options_pck(const struct server_options *o, const struct pck_request *r, char **chain,
                       size_t *size)
{
    struct qcnl q;
    struct problem why;
    int ret = make_settings(o, &q);
    if (ret != -1)
        return ret;
    return pck_fetch(r, &q, chain, size, &why) ? term_error("%s", why.text) : -1;
}

int relying_take_soft(const char *given, struct policy_file *policy)
{
    char folder[SOFT_PATH_MAX];
    int ret = soft_state_dir(given, folder, sizeof(folder));
    if (ret == 0)
        ret = soft_pki_ensure(folder);
    if (ret == 0)
        ret = soft_path(folder, SOFT_ROOT_FILE, policy->roots.path[0],
                        sizeof(policy->roots.path[0]));
    if (ret == 0)
        ret = soft_path(folder, SOFT_COLLATERAL_DIR, policy->collateral,
                        sizeof(policy->collateral));
    if (ret)
        return term_error("--soft: %s: %s", given ? given : "state folder", strerror(-ret));
    policy->roots.count = 1;
    return -1;
}

int relying_take_time(const char *option, const char *text, int64_t *out)
{
    char full[32];
    uint64_t seconds;
    if (strcmp(text, "now") == 0) {
        *out = (int64_t)time(NULL);
        return -1;
    }
    if (text[0] == '@' && str_parse_u64(text + 1, strlen(text + 1), &seconds) == 0 &&
        seconds <= INT64_MAX) {
        *out = (int64_t)seconds;
        return -1;
    }
    size_t size = strlen(text);
    if (size == 10)
        snprintf(full, sizeof(full), "%sT00:00:00Z", text);
    else
        snprintf(full, sizeof(full), "%.20s%s", text, size == 19 ? "Z" : "");
    if (size >= 19 && full[10] == ' ')
        full[10] = 'T';
    if (size > 20 || date_parse(full, out))
        return term_usage("%s: not a time: %s: write 2024-07-01T00:00:00Z, 2024-07-01 or @SECONDS",
                          option, text);
    return -1;
}

void relying_time_text(int64_t seconds, char out[32])
{
    time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, 32, "@%lld", (long long)seconds);
}

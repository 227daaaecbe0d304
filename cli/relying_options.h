#ifndef CLI_RELYING_OPTIONS_H
#define CLI_RELYING_OPTIONS_H

/*
 * Options that several commands of a relying party share: which collateral server to ask and how,
 * where the software device's things are, times. Each returns -1 to go on, or an exit code after it
 * has said why.
 */
#include <getopt.h>
#include <stdint.h>

#include "attest/collateral/fetch.h"
#include "attest/collateral/pck_cert.h"
#include "attest/ratls/policy_file.h"

/* What --server, --qcnl, --ca-cert, --timeout, --refresh, --accept-older, --no-cache said. */
struct server_options {
    const char *server, *qcnl_file, *ca_cert;
    uint64_t timeout;
    bool refresh, accept_older, no_cache;
};

enum { OPT_SERVER = 512, OPT_QCNL, OPT_CA_CERT, OPT_TIMEOUT, OPT_REFRESH, OPT_OLDER, OPT_NO_CACHE };
#define SERVER_LONG_OPTIONS                                                                        \
    { "server", required_argument, NULL, OPT_SERVER },                                             \
        { "qcnl", required_argument, NULL, OPT_QCNL },                                             \
        { "ca-cert", required_argument, NULL, OPT_CA_CERT },                                       \
        { "timeout", required_argument, NULL, OPT_TIMEOUT },                                       \
        { "refresh", no_argument, NULL, OPT_REFRESH },                                             \
        { "accept-older", no_argument, NULL, OPT_OLDER },                                          \
    {                                                                                              \
        "no-cache", no_argument, NULL, OPT_NO_CACHE                                                \
    }
extern const char server_options_help[];

int server_options_take(int c, const char *arg, struct server_options *o);
int server_options_fetch(const struct server_options *o, const struct fetch_request *r,
                         struct collateral *out, struct fetch_report *report);
/* The PCK certificate chain of a platform; *chain is returned: free(). */
int server_options_pck(const struct server_options *o, const struct pck_request *r, char **chain,
                       size_t *size);

/* --soft[=DIR]: this machine's software device as the only root, its folder as the collateral. */
int relying_take_soft(const char *given, struct policy_file *policy);

/* "2024-07-01T00:00:00Z", "2024-07-01", "2024-07-01 00:00:00", "@seconds" or "now". */
int relying_take_time(const char *option, const char *text, int64_t *out);
/* "2024-07-01T00:00:00Z". */
void relying_time_text(int64_t seconds, char out[32]);

#endif

#ifndef CLI_SECRET_LOG_H
#define CLI_SECRET_LOG_H

/* What `cloister secret-server` says about each client: a line on stdout, and a JSON line in the
 * audit log. */
#include <stdbool.h>

#include "attest/secret/sp_server.h"

struct secret_log {
    bool json;
    const char *audit_path; /* or NULL; borrowed */
    int audit_fd;           /* -1: none */
};

/* Open the audit log, again after it was moved away. Returns 0; -errno: the old one stays open. */
int secret_log_open(struct secret_log *log);
void secret_log_close(struct secret_log *log);

void secret_log_event(struct secret_log *log, const struct sp_event *e);
/* Before a release: returns 0 once it stands in the audit log (or there is none); -errno. */
int secret_log_grant(struct secret_log *log, const struct sp_event *e);

#endif

/*
 * Name each insecure setting of the measured plan, on every run and at every log level, so that nobody
 * ships one by accident.
 */
#include "libos/proc/banner.h"

#include <stdbool.h>

#include "enclave/log.h"
#include "lib/base/bytes.h"

struct setting {
    bool set;
    const char *line;
};

static const char *const log_levels[PLAN_LOG_COUNT] = { "none", "error", "warning", "debug", "trace", "all" };

#define RULE "-----------------------------------------------------------------------------------------------------------------------"

void banner_print(const struct plan *plan)
{
    const struct plan_header *h = plan->h;
    const struct setting settings[] = {
        { h->flags & PLAN_CMDLINE_ARGV, "loader.insecure__use_cmdline_argv = true   (forwarding command-line args from untrusted host)" },
        { h->flags & PLAN_HOST_ENV, "loader.insecure__use_host_env = true       (forwarding environment vars from untrusted host)" },
        { h->flags & PLAN_DISABLE_ASLR, "loader.insecure__disable_aslr = true       (Address Space Layout Randomization is off)" },
        { h->flags & PLAN_ALLOW_EVENTFD, "sys.insecure__allow_eventfd = true         (host-based eventfd is enabled)" },
        { h->flags & PLAN_FLOCK, "sys.experimental__enable_flock = true      (flock is experimental)" },
        { h->flags & PLAN_MEMFAULT_NO_EXINFO, "sgx.insecure__allow_memfaults_without_exinfo = true (memory faults as told by the host)" },
        { h->flags & PLAN_POLICY_ALLOW_ALL, "sgx.file_check_policy = allow_all_but_log  (all files are passed through from untrusted host)" },
        { h->allowed.count != 0, "sgx.allowed_files = [ ... ]                (some files are passed through from untrusted host)" },
        { h->keys.count != 0, "fs.insecure__keys.* = \"...\"                (keys hardcoded in manifest)" },
    };
    bool debug = h->flags & PLAN_DEBUG, verbose = h->log_level > PLAN_LOG_ERROR, any = debug || verbose;
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        any |= settings[i].set;
    if (!any)
        return;
    log_always(RULE);
    log_always("Cloister detected the following insecure configurations:");
    if (debug)
        log_always("  - sgx.debug = true                           (this is a debug enclave)");
    if (verbose)
        log_always("  - loader.log_level = %s                   (verbose log level, may leak information)", log_levels[h->log_level]);
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        if (settings[i].set)
            log_always("  - %s", settings[i].line);
    log_always("Cloister will continue application execution, but this configuration must not be used in production!");
    log_always(RULE);
}

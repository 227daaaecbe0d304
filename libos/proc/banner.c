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
    const char *name, *why;
};

static void print(const char *setting, const char *why)
{
    log_always("  %-46s %s", setting, why);
}

void banner_print(const struct plan *plan)
{
    const struct plan_header *h = plan->h;
    const struct setting settings[] = {
        { h->flags & PLAN_DEBUG, "sgx.debug", "anyone on the machine can read this enclave's memory" },
        { h->flags & PLAN_CMDLINE_ARGV, "loader.insecure__use_cmdline_argv", "the machine chooses the arguments" },
        { h->flags & PLAN_HOST_ENV, "loader.insecure__use_host_env", "the machine chooses the environment" },
        { h->flags & PLAN_DISABLE_ASLR, "loader.insecure__disable_aslr", "addresses are predictable" },
        { h->flags & PLAN_ALLOW_EVENTFD, "sys.insecure__allow_eventfd", "eventfd counters are the machine's" },
        { h->flags & PLAN_FLOCK, "sys.experimental__enable_flock", "file locks are the machine's" },
        { h->flags & PLAN_MEMFAULT_NO_EXINFO, "sgx.insecure__allow_memfaults_without_exinfo", "the machine can invent memory faults" },
        { h->flags & PLAN_POLICY_ALLOW_ALL, "sgx.file_check_policy = allow_all_but_log", "unlisted files are read unchecked" },
        { h->allowed.count != 0, "sgx.allowed_files", "files listed there are read unchecked" },
        { h->keys.count != 0, "fs.insecure__keys", "keys stand in the manifest, for all to read" },
    };
    bool verbose = h->log_level > PLAN_LOG_ERROR, any = verbose;
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        any |= settings[i].set;
    if (!any)
        return;
    log_always("NOT FOR PRODUCTION: the measured manifest weakens this enclave:");
    if (verbose)
        print("loader.log_level", "the log tells what the program does");
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        if (settings[i].set)
            print(settings[i].name, settings[i].why);
}

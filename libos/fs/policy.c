/*
 * The file policy: allowed before trusted before sgx.file_check_policy. All of it is measured; the host
 * only chooses what bytes it gives for a name, and trusted names are bound to digests.
 */
#include "libos/fs/policy.h"

#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/plan/plan.h"

#define WARNED_MAX 256u

static struct spinlock g_warned_lock;
static uint32_t g_warned[WARNED_MAX]; /* g_warned_lock: hashes of paths that were named already */
static uint32_t g_warned_count;       /* g_warned_lock */

static bool first_time(const char *path, size_t length)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < length; i++)
        h = (h ^ (uint8_t)path[i]) * 16777619u;
    bool fresh = true;
    spin_lock(&g_warned_lock);
    for (uint32_t i = 0; i < MIN(g_warned_count, WARNED_MAX); i++)
        if (g_warned[i] == h)
            fresh = false;
    if (fresh)
        g_warned[g_warned_count++ % WARNED_MAX] = h;
    spin_unlock(&g_warned_lock);
    return fresh;
}

static const char *use_name(enum policy_use use)
{
    return use == POLICY_READ ? "read" : use == POLICY_WRITE ? "written" : "created";
}

static int refuse(const char *path, size_t length, enum policy_use use, bool is_trusted)
{
    if (!first_time(path, length))
        return -EACCES;
    if (is_trusted)
        log_warning("file \"%s\" is trusted and may not be %s; list it in sgx.allowed_files instead if it must be", path, use_name(use));
    else if (use == POLICY_READ)
        log_warning("file \"%s\" is neither trusted nor allowed; to let it be read add \"file:%s\" to sgx.trusted_files", path, path);
    else
        log_warning("file \"%s\" may not be %s; to permit it add \"file:%s\" to sgx.allowed_files, or use an encrypted or tmpfs mount", path,
                    use_name(use), path);
    return -EACCES;
}

static int check_enclave(const char *path, size_t length, enum policy_use use, const struct plan_trusted **trusted)
{
    const struct plan *plan = &g_machine.plan;
    if (plan_is_allowed(plan, path, length))
        return 0;
    *trusted = plan_find_trusted(plan, path, length);
    if (*trusted)
        return use == POLICY_READ ? 0 : refuse(path, length, use, true);
    if (!(plan->h->flags & PLAN_POLICY_ALLOW_ALL))
        return refuse(path, length, use, false);
    log_warning("file \"%s\" is neither trusted nor allowed; %s unchecked (sgx.file_check_policy = \"allow_all_but_log\")", path, use_name(use));
    return 0;
}

int policy_check(const char *path, size_t length, enum policy_use use, bool is_directory, const struct plan_trusted **trusted)
{
    *trusted = NULL;
    if (is_directory)
        return 0;
    if (g_machine.is_enclave)
        return check_enclave(path, length, use, trusted);
    if (g_log_level >= PLAN_LOG_DEBUG)
        log_debug("file %s: %s", use_name(use), path);
    return 0;
}

/* Load, check and free a manifest; its defaults. See manifest/manifest.h. */
#include "manifest/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/disk.h"
#include "manifest/reader.h"

#define SIGNAL_BIT(n) (UINT64_C(1) << ((n)-1))

static const struct manifest g_defaults = {
    .flags = PLAN_CHECK_POINTERS,
    .log_level = PLAN_LOG_ERROR,
    .max_threads = 4,
    .fds_limit = 900,
    .enclave_size = UINT64_C(256) << 20,
    .stack_size = UINT64_C(256) << 10,
    .brk_max = UINT64_C(256) << 10,
    .seal_flags_mask = UINT64_MAX,
    .seal_xfrm_mask = UINT64_C(0xfffffffffff9ff1b),
    .seal_misc_mask = UINT32_MAX,
    /* HUP, INT, QUIT, USR1, USR2, TERM, WINCH: what a terminal and a service manager send */
    .host_signals = SIGNAL_BIT(1) | SIGNAL_BIT(2) | SIGNAL_BIT(3) | SIGNAL_BIT(10) |
                    SIGNAL_BIT(12) | SIGNAL_BIT(15) | SIGNAL_BIT(28),
    .mpx = FEATURE_DISABLED,
    .pkru = FEATURE_DISABLED,
    .start_dir = "/",
    .log_file = "",
    .verity_file = "",
};

int manifest_parse(const char *name, const char *text, size_t size, struct manifest **out,
                   struct problem *why)
{
    struct manifest *m = malloc(sizeof(*m));
    if (!m)
        return problem_set(why, -ENOMEM, "%s: out of memory", name);
    *m = g_defaults;
    m->name = strdup(name);
    struct reader r = { m, why };
    int ret = m->name ? toml_parse(name, text, size, &m->tree, why) : reader_no_memory(&r);
    if (!ret)
        ret = schema_read(&r);
    if (!ret)
        ret = mounts_default_root(&r);
    if (!ret)
        ret = manifest_check(&r);
    if (ret) {
        manifest_free(m);
        return ret;
    }
    *out = m;
    return 0;
}

int manifest_load(const char *path, struct manifest **out, struct problem *why)
{
    uint8_t *text;
    size_t size;
    int ret = disk_read(path, TOML_TEXT_MAX, &text, &size, why);
    if (ret)
        return ret;
    ret = manifest_parse(path, (char *)text, size, out, why);
    free(text);
    return ret;
}

void manifest_free(struct manifest *m)
{
    if (!m)
        return;
    toml_free(m->tree);
    arena_free(&m->arena);
    free(m->name);
    free(m);
}

int manifest_write(const struct manifest *m, char **out, size_t *size, struct problem *why)
{
    int ret = toml_write(m->tree, out, size);
    return ret ? problem_set(why, ret, "%s: out of memory", m->name) : 0;
}

static const struct {
    uint32_t flag;
    const char *key, *why;
} g_insecure_flags[] = {
    { PLAN_DEBUG, "sgx.debug", "anyone can read a debug enclave's memory" },
    { PLAN_CMDLINE_ARGV, "loader.insecure__use_cmdline_argv",
      "the host chooses the program's arguments" },
    { PLAN_HOST_ENV, "loader.insecure__use_host_env",
      "the host chooses the program's environment" },
    { PLAN_DISABLE_ASLR, "loader.insecure__disable_aslr", "addresses are predictable" },
    { PLAN_ALLOW_EVENTFD, "sys.insecure__allow_eventfd", "eventfd values come from the host" },
    { PLAN_MEMFAULT_NO_EXINFO, "sgx.insecure__allow_memfaults_without_exinfo",
      "fault addresses come from the host" },
    { PLAN_POLICY_ALLOW_ALL, "sgx.file_check_policy",
      "files that are neither trusted nor allowed may be opened" },
    { PLAN_STATS, "sgx.enable_stats", "statistics reveal what the program does" },
};

void manifest_insecure(const struct manifest *m,
                       void (*tell)(void *arg, const char *key, const char *why), void *arg)
{
    for (size_t i = 0; i < sizeof(g_insecure_flags) / sizeof(g_insecure_flags[0]); i++)
        if (m->flags & g_insecure_flags[i].flag)
            tell(arg, g_insecure_flags[i].key, g_insecure_flags[i].why);
    if (m->log_level > PLAN_LOG_ERROR)
        tell(arg, "loader.log_level", "the log reveals what the program does");
    if (m->key_count)
        tell(arg, "fs.insecure__keys", "keys in a manifest are no secret");
    if (m->mock_count)
        tell(arg, "sys.debug__mock_syscalls", "for debugging only");
    for (size_t i = 0; i < m->mount_count; i++)
        if (m->mounts[i].type == PLAN_MOUNT_SHM)
            tell(arg, "fs.mounts", "untrusted_shm is memory that the host can read and change");
}

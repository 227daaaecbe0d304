/* What must hold between keys of a manifest, after each was read alone. Start at manifest_check().
 */
#include <errno.h>
#include <string.h>

#include "manifest/reader.h"

#define ENCLAVE_SIZE_MAX                                                                           \
    (UINT64_C(1) << 40) /* 1024G: above stands the debug page of Gramine's layout */

/* Where a key's value stands, or NULL when the manifest does not give it. */
static const struct toml_node *at(const struct reader *r, const char *table, const char *key,
                                  const char *sub)
{
    const struct toml_node *node = toml_get(toml_get(r->m->tree, table), key);
    return sub ? toml_get(node, sub) : node;
}

static int check_entrypoint(struct reader *r)
{
    const struct toml_node *node = at(r, "libos", "entrypoint", NULL);
    if (!r->m->entrypoint || !*r->m->entrypoint)
        return reader_fail(r, node, "libos.entrypoint",
                           "missing: the path in the enclave of the program to start");
    if (strncmp(r->m->entrypoint, "file:", 5) == 0)
        return reader_fail(r, node, "libos.entrypoint",
                           "must be a path in the enclave, not a URI: drop \"file:\"");
    if (r->m->start_dir[0] != '/')
        return reader_fail(r, at(r, "fs", "start_dir", NULL), "fs.start_dir",
                           "\"%s\" is not an absolute path", r->m->start_dir);
    return 0;
}

static int check_argv(struct reader *r)
{
    const struct toml_node *argv = at(r, "loader", "argv", NULL);
    int given = (r->m->flags & PLAN_CMDLINE_ARGV ? 1 : 0) + (argv && r->m->argv.count ? 1 : 0) +
                (r->m->argv_src ? 1 : 0);
    if (given > 1)
        return reader_fail(r, argv, "loader",
                           "more than one of argv, argv_src_file and insecure__use_cmdline_argv");
    if (argv && !r->m->argv.count)
        return reader_fail(r, argv, "loader.argv", "empty: it holds at least the program's name");
    if (r->m->argv_src && strncmp(r->m->argv_src, "file:", 5) != 0)
        return reader_fail(r, at(r, "loader", "argv_src_file", NULL), "loader.argv_src_file",
                           "begins with \"file:\"");
    if (r->m->env_src && strncmp(r->m->env_src, "file:", 5) != 0)
        return reader_fail(r, at(r, "loader", "env_src_file", NULL), "loader.env_src_file",
                           "begins with \"file:\"");
    if (r->m->env_src && r->m->flags & PLAN_HOST_ENV)
        return reader_fail(r, at(r, "loader", "env_src_file", NULL), "loader.env_src_file",
                           "cannot stand beside loader.insecure__use_host_env");
    return 0;
}

static int check_sizes(struct reader *r)
{
    struct manifest *m = r->m;
    const struct toml_node *size = at(r, "sgx", "enclave_size", NULL);
    if (m->enclave_size == 0 || (m->enclave_size & (m->enclave_size - 1)))
        return reader_fail(r, size, "sgx.enclave_size",
                           "%s is not a power of two, such as \"512M\" or \"4G\"",
                           size ? size->text : "");
    if (m->enclave_size > ENCLAVE_SIZE_MAX)
        return reader_fail(r, size, "sgx.enclave_size", "larger than 1024G");
    if (m->max_threads == 0)
        return reader_fail(r, at(r, "sgx", "max_threads", NULL), "sgx.max_threads",
                           "0 is not between 1 and 4096");
    if (m->brk_max % 4096)
        return reader_fail(r, at(r, "sys", "brk", "max_size"), "sys.brk.max_size",
                           "not a multiple of 4096");
    if (m->brk_max > m->enclave_size)
        return reader_fail(r, at(r, "sys", "brk", "max_size"), "sys.brk.max_size",
                           "larger than sgx.enclave_size");
    if (m->stack_size == 0 || m->stack_size > m->enclave_size)
        return reader_fail(r, at(r, "sys", "stack", "size"), "sys.stack.size",
                           "0 or larger than sgx.enclave_size");
    m->stack_size = (m->stack_size + 4095) & ~UINT64_C(4095);
    if (m->stack_size > m->enclave_size)
        return reader_fail(r, at(r, "sys", "stack", "size"), "sys.stack.size",
                           "larger than sgx.enclave_size");
    return 0;
}

static int check_features(struct reader *r)
{
    if (r->m->mpx == FEATURE_UNSPECIFIED)
        return reader_fail(r, at(r, "sgx", "cpu_features", "mpx"), "sgx.cpu_features.mpx",
                           "\"disabled\" or \"required\", nothing else");
    if (r->m->pkru == FEATURE_UNSPECIFIED)
        return reader_fail(r, at(r, "sgx", "cpu_features", "pkru"), "sgx.cpu_features.pkru",
                           "\"disabled\" or \"required\", nothing else");
    if (strchr(r->m->verity_file, '/'))
        return reader_fail(r, at(r, "sgx", "verity_file", NULL), "sgx.verity_file",
                           "a file name beside the manifest, without \"/\"");
    return 0;
}

int manifest_check(struct reader *r)
{
    int ret = check_entrypoint(r);
    if (!ret)
        ret = check_argv(r);
    if (!ret)
        ret = check_sizes(r);
    if (!ret)
        ret = check_features(r);
    if (!ret)
        ret = mounts_check(r);
    return ret;
}

/*
 * Values that stand in the written manifest even when the template is silent, so that whoever reads
 * it (a person, or Gramine's loader, which requires some) sees what holds. Start at g_defaults.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "manifest/manifest.h"

enum default_kind { DEFAULT_BOOL, DEFAULT_INT, DEFAULT_STRING, DEFAULT_ARRAY };

static const struct {
    const char *sub; /* table below sgx, or NULL */
    const char *key;
    enum default_kind kind;
    int64_t number;
    const char *text;
} g_defaults[] = {
    { NULL, "trusted_files", DEFAULT_ARRAY, 0, NULL },
    { NULL, "max_threads", DEFAULT_INT, 4, NULL },
    { NULL, "isvprodid", DEFAULT_INT, 0, NULL },
    { NULL, "isvsvn", DEFAULT_INT, 0, NULL },
    { NULL, "remote_attestation", DEFAULT_STRING, 0, "none" },
    { NULL, "debug", DEFAULT_BOOL, 0, NULL },
    { NULL, "enable_stats", DEFAULT_BOOL, 0, NULL },
    { NULL, "edmm_enable", DEFAULT_BOOL, 0, NULL },
    { NULL, "enclave_size", DEFAULT_STRING, 0, "256M" },
    { NULL, "use_exinfo", DEFAULT_BOOL, 0, NULL },
    { "cpu_features", "avx", DEFAULT_STRING, 0, "unspecified" },
    { "cpu_features", "avx512", DEFAULT_STRING, 0, "unspecified" },
    { "cpu_features", "amx", DEFAULT_STRING, 0, "unspecified" },
    { "cpu_features", "mpx", DEFAULT_STRING, 0, "disabled" },
    { "cpu_features", "pkru", DEFAULT_STRING, 0, "disabled" },
};

static struct toml_node *table_in(struct toml_node *table, const char *key)
{
    struct toml_node *node = toml_get(table, key);
    return node ? node : toml_put(table, key, toml_new(TOML_TABLE));
}

static struct toml_node *make_value(size_t i)
{
    switch (g_defaults[i].kind) {
    case DEFAULT_BOOL: return toml_new_boolean(g_defaults[i].number != 0);
    case DEFAULT_INT: return toml_new_integer(g_defaults[i].number);
    case DEFAULT_STRING: return toml_new_string(g_defaults[i].text);
    case DEFAULT_ARRAY: return toml_new(TOML_ARRAY);
    }
    return NULL;
}

int manifest_insert_defaults(struct manifest *m, struct problem *why)
{
    struct toml_node *sgx = table_in(m->tree, "sgx");
    for (size_t i = 0; i < sizeof(g_defaults) / sizeof(g_defaults[0]) && sgx; i++) {
        struct toml_node *table = g_defaults[i].sub ? table_in(sgx, g_defaults[i].sub) : sgx;
        if (!table || (!toml_get(table, g_defaults[i].key) &&
                       !toml_put(table, g_defaults[i].key, make_value(i))))
            return problem_set(why, -ENOMEM, "%s: out of memory", m->name);
    }
    return sgx ? 0 : problem_set(why, -ENOMEM, "%s: out of memory", m->name);
}

int manifest_set_verity_file(struct manifest *m, const char *name, struct problem *why)
{
    struct toml_node *sgx = table_in(m->tree, "sgx");
    m->verity_file = arena_copy(&m->arena, name, strlen(name));
    if (!sgx || !m->verity_file || !toml_put(sgx, "verity_file", toml_new_string(name)))
        return problem_set(why, -ENOMEM, "%s: out of memory", m->name);
    return 0;
}

/*
 * Every key of a manifest, once: its name, its type, where it goes, and whether it is honoured. A
 * key that is not in the table is an error with "did you mean"; a key of Graphene's time is an
 * error that names its successor; a key that Cloister does not honour yet is refused unless it says
 * what holds anyway. Start at g_keys.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text/nearest.h"
#include "manifest/reader.h"

enum key_kind {
    KEY_TABLE,   /* a table whose members are keys of their own */
    KEY_FLAG,    /* boolean: `argument` is the plan flag */
    KEY_INT,     /* integer 0..argument -> uint32_t */
    KEY_SIZE,    /* "512M" -> uint64_t */
    KEY_HEX,     /* "0x" and `argument` hex digits -> uint64_t */
    KEY_STRING,  /* -> const char * */
    KEY_STRINGS, /* array of strings -> struct manifest_strings */
    KEY_CHOICE,  /* one of `choices` -> uint32_t, its index */
    KEY_LIST,    /* read by a function of its own */
    KEY_IGNORED, /* accepted, has no meaning here: `note` says why */
    KEY_REFUSED, /* refused unless false, 0, "none" or empty: `note` says why */
};

struct key {
    const char *name;
    enum key_kind kind;
    size_t offset; /* in struct manifest */
    uint64_t argument;
    const char *const *choices;
    int (*read)(struct reader *r, const struct toml_node *node, const char *key);
    const char *note;
};

static const char *const g_log_levels[] = { "none",  "error", "warning", "debug",
                                            "trace", "all",   NULL };
static const char *const g_attestations[] = { "none", "dcap", NULL };
static const char *const g_features[] = { "unspecified", "disabled", "required", NULL };
static const char *const g_policies[] = { "strict", "allow_all_but_log", NULL };

/* clang-format off: one key a line, to be read as a table */
#define AT(field) .offset = offsetof(struct manifest, field)
#define FLAG(key, bit)                                                                             \
    {                                                                                              \
        key, KEY_FLAG, AT(flags), .argument = (bit)                                                \
    }
#define INT(key, to, max)                                                                          \
    {                                                                                              \
        key, KEY_INT, AT(to), .argument = (max)                                                    \
    }
#define LIST(key, reader)                                                                          \
    {                                                                                              \
        key, KEY_LIST, .read = (reader)                                                            \
    }
#define REFUSED(key, why)                                                                          \
    {                                                                                              \
        key, KEY_REFUSED, .note = (why)                                                            \
    }
#define IGNORED(key, why)                                                                          \
    {                                                                                              \
        key, KEY_IGNORED, .note = (why)                                                            \
    }
#define FEATURE(key, to)                                                                           \
    {                                                                                              \
        key, KEY_CHOICE, AT(to), .choices = g_features                                             \
    }
#define NOT_YET "not honoured yet"

static const struct key g_keys[] = {
    { "fs", KEY_TABLE },
    LIST("fs.insecure__keys", read_keys),
    LIST("fs.mounts", read_mounts),
    LIST("fs.root", read_root),
    { "fs.start_dir", KEY_STRING, AT(start_dir) },

    { "libos", KEY_TABLE },
    { "libos.entrypoint", KEY_STRING, AT(entrypoint) },
    FLAG("libos.check_invalid_pointers", PLAN_CHECK_POINTERS),
    { "libos.sync", KEY_TABLE },
    REFUSED("libos.sync.enable", NOT_YET),

    { "loader", KEY_TABLE },
    { "loader.entrypoint", KEY_TABLE },
    IGNORED("loader.entrypoint.uri", "cloister.enclave takes the place of the library OS file"),
    IGNORED("loader.entrypoint.sha256", "cloister.enclave is measured itself"),
    { "loader.argv", KEY_STRINGS, AT(argv) },
    { "loader.argv_src_file", KEY_STRING, AT(argv_src) },
    LIST("loader.env", read_env),
    { "loader.env_src_file", KEY_STRING, AT(env_src) },
    INT("loader.uid", uid, UINT32_MAX),
    INT("loader.gid", gid, UINT32_MAX),
    FLAG("loader.insecure__use_cmdline_argv", PLAN_CMDLINE_ARGV),
    FLAG("loader.insecure__use_host_env", PLAN_HOST_ENV),
    FLAG("loader.insecure__disable_aslr", PLAN_DISABLE_ASLR),
    { "loader.log_file", KEY_STRING, AT(log_file) },
    { "loader.log_level", KEY_CHOICE, AT(log_level), .choices = g_log_levels },

    { "sgx", KEY_TABLE },
    LIST("sgx.allowed_files", read_allowed),
    { "sgx.cpu_features", KEY_TABLE },
    FEATURE("sgx.cpu_features.avx", avx),
    FEATURE("sgx.cpu_features.avx512", avx512),
    FEATURE("sgx.cpu_features.amx", amx),
    FEATURE("sgx.cpu_features.mpx", mpx),
    FEATURE("sgx.cpu_features.pkru", pkru),
    FLAG("sgx.debug", PLAN_DEBUG),
    REFUSED("sgx.edmm_enable", NOT_YET
            ": all pages are added at start; set sgx.enclave_size to what the program needs"),
    FLAG("sgx.enable_stats", PLAN_STATS),
    { "sgx.enclave_size", KEY_SIZE, AT(enclave_size) },
    { "sgx.file_check_policy", KEY_CHOICE, .offset = SIZE_MAX, .argument = PLAN_POLICY_ALLOW_ALL,
      .choices = g_policies },
    FLAG("sgx.insecure__allow_memfaults_without_exinfo", PLAN_MEMFAULT_NO_EXINFO),
    REFUSED("sgx.insecure__rpc_thread_num", NOT_YET ": there are no exitless helper threads"),
    INT("sgx.isvprodid", isv_prod_id, UINT16_MAX),
    INT("sgx.isvsvn", isv_svn, UINT16_MAX),
    INT("sgx.max_threads", max_threads, 4096),
    REFUSED("sgx.preheat_enclave", NOT_YET),
    { "sgx.profile", KEY_TABLE },
    REFUSED("sgx.profile.enable", NOT_YET),
    IGNORED("sgx.profile.mode", "means something only with sgx.profile.enable"),
    IGNORED("sgx.profile.with_stack", "means something only with sgx.profile.enable"),
    IGNORED("sgx.profile.frequency", "means something only with sgx.profile.enable"),
    { "sgx.remote_attestation", KEY_CHOICE, AT(attestation), .choices = g_attestations },
    { "sgx.seal_key", KEY_TABLE },
    { "sgx.seal_key.flags_mask", KEY_HEX, AT(seal_flags_mask), .argument = 16 },
    { "sgx.seal_key.xfrm_mask", KEY_HEX, AT(seal_xfrm_mask), .argument = 16 },
    { "sgx.seal_key.misc_mask", KEY_HEX, AT(seal_misc_mask), .argument = 8 },
    LIST("sgx.trusted_files", read_trusted),
    FLAG("sgx.use_exinfo", PLAN_EXINFO),
    { "sgx.verity_file", KEY_STRING, AT(verity_file) }, /* ours: written by sign */
    REFUSED("sgx.vtune_profile", NOT_YET),

    { "sys", KEY_TABLE },
    REFUSED("sys.allowed_ioctls", NOT_YET ": device ioctls are not passed to the host"),
    { "sys.brk", KEY_TABLE },
    { "sys.brk.max_size", KEY_SIZE, AT(brk_max) },
    LIST("sys.debug__mock_syscalls", read_mocks),
    FLAG("sys.disallow_subprocesses", PLAN_NO_SUBPROCESSES),
    FLAG("sys.enable_extra_runtime_domain_names_conf", PLAN_DOMAIN_CONF),
    FLAG("sys.enable_sigterm_injection", PLAN_SIGTERM),
    FLAG("sys.experimental__enable_flock", PLAN_FLOCK),
    { "sys.fds", KEY_TABLE },
    INT("sys.fds.limit", fds_limit, 65536),
    LIST("sys.host_signals", read_signals), /* ours */
    FLAG("sys.insecure__allow_eventfd", PLAN_ALLOW_EVENTFD),
    REFUSED("sys.ioctl_structs", NOT_YET ": device ioctls are not passed to the host"),
    { "sys.stack", KEY_TABLE },
    { "sys.stack.size", KEY_SIZE, AT(stack_size) },
};

#define KEY_COUNT (sizeof(g_keys) / sizeof(g_keys[0]))

/* Keys of Graphene and early Gramine; a name that ends in "." stands for everything below it. */
static const struct {
    const char *name, *now;
} g_old_keys[] = {
    { "fs.experimental__enable_sysfs_topology", "drop it: /sys topology is always on" },
    { "fs.insecure__protected_files_key", "use fs.insecure__keys.default" },
    { "fs.mount", "use an element of fs.mounts" },
    { "loader.argv0_override", "use the first element of loader.argv" },
    { "loader.debug_file", "use loader.log_file" },
    { "loader.debug_type", "use loader.log_level" },
    { "loader.exec", "use libos.entrypoint, a mount that holds it, and sgx.trusted_files" },
    { "loader.pal_internal_mem_size", "drop it" },
    { "loader.preload", "drop it: cloister.enclave takes its place" },
    { "loader.syscall_symbol", "drop it" },
    { "net", "drop it" },
    { "pal", "drop it" },
    { "sgx.allow_file_creation", "list the directory in sgx.allowed_files" },
    { "sgx.enclave_pal_file", "drop it" },
    { "sgx.insecure__protected_files_key", "use fs.insecure__keys.default" },
    { "sgx.nonpie_binary", "drop it" },
    { "sgx.protected_files", "use an element of fs.mounts with type = \"encrypted\"" },
    { "sgx.protected_files_key", "use fs.insecure__keys.default" },
    { "sgx.protected_mrenclave_files",
      "use an element of fs.mounts with type = \"encrypted\", key_name = \"_sgx_mrenclave\"" },
    { "sgx.protected_mrsigner_files",
      "use an element of fs.mounts with type = \"encrypted\", key_name = \"_sgx_mrsigner\"" },
    { "sgx.ra_client_linkable", "drop it: EPID is gone" },
    { "sgx.ra_client_spid", "drop it: EPID is gone; sgx.remote_attestation = \"dcap\"" },
    { "sgx.require_amx", "use sgx.cpu_features.amx = \"required\"" },
    { "sgx.require_avx", "use sgx.cpu_features.avx = \"required\"" },
    { "sgx.require_avx512", "use sgx.cpu_features.avx512 = \"required\"" },
    { "sgx.require_exinfo", "use sgx.use_exinfo" },
    { "sgx.require_mpx", "use sgx.cpu_features.mpx = \"required\"" },
    { "sgx.require_pkru", "use sgx.cpu_features.pkru = \"required\"" },
    { "sgx.rpc_thread_num", "use sgx.insecure__rpc_thread_num" },
    { "sgx.sigfile", "drop it" },
    { "sgx.static_address", "drop it" },
    { "sgx.support_exinfo", "use sgx.use_exinfo" },
    { "sgx.thread_num", "use sgx.max_threads" },
    { "sgx.trusted_checksum", "use elements { uri, sha256 } of sgx.trusted_files" },
    { "sgx.trusted_children", "drop it: children have the same measurement" },
    { "sgx.trusted_mrenclave", "drop it: children have the same measurement" },
    { "sgx.zero_heap_on_demand", "drop it" },
    { "sys.brk.size", "use sys.brk.max_size" },
};

#define OLD_KEY_COUNT (sizeof(g_old_keys) / sizeof(g_old_keys[0]))
/* clang-format on */

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(g_keys[i].name, name) == 0)
            return &g_keys[i];
    return NULL;
}

static int unknown_key(struct reader *r, const struct toml_node *node, const char *name)
{
    const char *names[KEY_COUNT + 1];
    for (size_t i = 0; i < OLD_KEY_COUNT; i++)
        if (strcmp(g_old_keys[i].name, name) == 0)
            return reader_fail(r, node, name, "a key of Graphene's time: %s", g_old_keys[i].now);
    for (size_t i = 0; i < KEY_COUNT; i++)
        names[i] = g_keys[i].name;
    names[KEY_COUNT] = NULL;
    const char *near = nearest_name(name, names);
    if (near)
        return reader_fail(r, node, name, "unknown key: did you mean %s?", near);
    return reader_fail(r, node, name, "unknown key");
}

/* Does a value of a refused key say what holds without it? */
static bool says_nothing(const struct toml_node *node)
{
    switch (node->kind) {
    case TOML_BOOLEAN: return !node->boolean;
    case TOML_INTEGER: return node->integer == 0;
    case TOML_STRING: return node->length == 0 || strcmp(node->text, "none") == 0;
    case TOML_ARRAY:
    case TOML_TABLE: return node->count == 0;
    default: return false;
    }
}

static int read_hex(struct reader *r, const struct key *key, const struct toml_node *node,
                    uint64_t *out)
{
    const char *text;
    int ret = reader_string(r, node, key->name, &text);
    if (ret)
        return ret;
    const char *digits = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : "";
    if (strlen(digits) != key->argument ||
        strspn(digits, "0123456789abcdefABCDEF") != key->argument)
        return reader_fail(r, node, key->name, "\"%s\" is not \"0x\" and %d hexadecimal digits",
                           text, (int)key->argument);
    *out = 0;
    for (; *digits; digits++)
        *out = *out << 4 | (uint64_t)(*digits <= '9' ? *digits - '0' : (*digits | 32) - 'a' + 10);
    return 0;
}

static int read_choice(struct reader *r, const struct key *key, const struct toml_node *node,
                       uint32_t *out)
{
    const char *text;
    int ret = reader_string(r, node, key->name, &text);
    if (ret)
        return ret;
    for (uint32_t i = 0; key->choices[i]; i++) {
        if (strcmp(key->choices[i], text) == 0) {
            *out = i;
            return 0;
        }
    }
    char list[256];
    size_t used = 0;
    list[0] = 0;
    for (uint32_t i = 0; key->choices[i] && used < sizeof(list); i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s\"%s\"", i ? ", " : "",
                                 key->choices[i]);
    return reader_fail(r, node, key->name, "\"%s\" is not one of %s", text, list);
}

static int read_strings(struct reader *r, const struct key *key, const struct toml_node *node,
                        struct manifest_strings *out)
{
    int ret = reader_is(r, node, key->name, TOML_ARRAY);
    if (ret)
        return ret;
    out->items = arena_alloc(&r->m->arena, node->count, sizeof(*out->items));
    if (!out->items)
        return reader_no_memory(r);
    for (size_t i = 0; i < node->count && !ret; i++)
        ret = reader_string(r, node->items[i], key->name, &out->items[i]);
    out->count = node->count;
    return ret;
}

static int read_flag(struct reader *r, const struct key *key, const struct toml_node *node)
{
    bool on = false;
    int ret = reader_bool(r, node, key->name, &on);
    if (!ret)
        r->m->flags = on ? r->m->flags | (uint32_t)key->argument
                         : r->m->flags & ~(uint32_t)key->argument;
    return ret;
}

static int read_scalar(struct reader *r, const struct key *key, const struct toml_node *node)
{
    void *to = (char *)r->m + key->offset;
    int64_t number = 0;
    uint32_t choice = 0;
    int ret;
    switch (key->kind) {
    case KEY_INT:
        ret = reader_int(r, node, key->name, 0, (int64_t)key->argument, &number);
        if (!ret)
            *(uint32_t *)to = (uint32_t)number;
        return ret;
    case KEY_CHOICE:
        ret = read_choice(r, key, node, &choice);
        if (!ret && key->offset == SIZE_MAX)
            r->m->flags |= choice ? (uint32_t)key->argument : 0;
        else if (!ret)
            *(uint32_t *)to = choice;
        return ret;
    case KEY_SIZE: return reader_size(r, node, key->name, to);
    case KEY_HEX: return read_hex(r, key, node, to);
    case KEY_STRING: return reader_string(r, node, key->name, to);
    default: return read_strings(r, key, node, to);
    }
}

static int read_table(struct reader *r, const struct toml_node *table, const char *prefix);

static int read_key(struct reader *r, const struct toml_node *node, const char *name)
{
    const struct key *key = find_key(name);
    int ret;
    if (!key)
        return unknown_key(r, node, name);
    switch (key->kind) {
    case KEY_TABLE:
        ret = reader_is(r, node, name, TOML_TABLE);
        return ret ? ret : read_table(r, node, name);
    case KEY_FLAG: return read_flag(r, key, node);
    case KEY_LIST: return key->read(r, node, name);
    case KEY_IGNORED: return 0;
    case KEY_REFUSED: return says_nothing(node) ? 0 : reader_fail(r, node, name, "%s", key->note);
    default: return read_scalar(r, key, node);
    }
}

static int read_table(struct reader *r, const struct toml_node *table, const char *prefix)
{
    char name[256];
    for (size_t i = 0; i < table->count; i++) {
        const struct toml_node *node = table->items[i];
        int length = snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", node->key);
        if (length >= (int)sizeof(name))
            return reader_fail(r, node, prefix, "a key longer than %zu bytes", sizeof(name));
        int ret = read_key(r, node, name);
        if (ret)
            return ret;
    }
    return 0;
}

int schema_read(struct reader *r)
{
    return read_table(r, r->m->tree, "");
}

/* What the schema refuses, and with which words; what it accepts, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/manifest.h"

#define ENTRY "libos.entrypoint = \"/x\"\n"

static const struct {
    const char *text, *error; /* the end of the message; "m:" and where come before it */
} g_bad[] = {
    { "", "m: libos.entrypoint: missing: the path in the enclave of the program to start" },
    { "[libos]\nentrypoint = 1", "m:2:14: libos.entrypoint: must be a string, not an integer" },
    { "libos.entrypoint = \"file:/x\"", "libos.entrypoint: must be a path in the enclave, not a URI: drop \"file:\"" },
    { "libos.entrypoint = \"a\\u0000b\"", "libos.entrypoint: holds a NUL character" },
    { ENTRY "libos = 1", NULL },
    { ENTRY "sgx = 1", "m:2:7: sgx: must be a table, not an integer" },
    { ENTRY "sgx.enclav_size = \"1G\"", "m:2:19: sgx.enclav_size: unknown key: did you mean sgx.enclave_size?" },
    { ENTRY "foo.bar = 1", "foo: unknown key" },
    { ENTRY "sgx.debug = 1", "m:2:13: sgx.debug: must be a boolean (true or false), not an integer" },
    { ENTRY "sgx.debug = \"true\"", "sgx.debug: must be a boolean (true or false), not a string" },
    { ENTRY "sgx.max_threads = 0", "sgx.max_threads: 0 is not between 1 and 4096" },
    { ENTRY "sgx.max_threads = 4097", "sgx.max_threads: 4097 is not between 0 and 4096" },
    { ENTRY "sgx.max_threads = -1", "sgx.max_threads: -1 is not between 0 and 4096" },
    { ENTRY "sgx.isvsvn = 65536", "sgx.isvsvn: 65536 is not between 0 and 65535" },
    { ENTRY "loader.uid = 4294967296", "loader.uid: 4294967296 is not between 0 and 4294967295" },
    { ENTRY "loader.gid = -1", "loader.gid: -1 is not between 0 and 4294967295" },
    { ENTRY "sgx.enclave_size = 1", "sgx.enclave_size: must be a size in quotes, such as \"512M\"" },
    { ENTRY "sgx.enclave_size = \"300M\"", "sgx.enclave_size: 300M is not a power of two, such as \"512M\" or \"4G\"" },
    { ENTRY "sgx.enclave_size = \"0\"", "sgx.enclave_size: 0 is not a power of two, such as \"512M\" or \"4G\"" },
    { ENTRY "sgx.enclave_size = \"2048G\"", "sgx.enclave_size: larger than 1024G" },
    { ENTRY "sgx.enclave_size = \"1GB\"", "sgx.enclave_size: \"1GB\" is not a size: digits and at most one of K, M, G" },
    { ENTRY "sgx.enclave_size = \"\"", "sgx.enclave_size: \"\" is not a size: digits and at most one of K, M, G" },
    { ENTRY "sgx.enclave_size = \"-1\"", "sgx.enclave_size: \"-1\" is not a size: digits and at most one of K, M, G" },
    { ENTRY "sgx.enclave_size = \"0x10\"", "is not a size: digits and at most one of K, M, G" },
    { ENTRY "sgx.enclave_size = \"17179869184G\"", "is not a size: digits and at most one of K, M, G" },
    { ENTRY "sys.brk.max_size = \"5000\"", "sys.brk.max_size: not a multiple of 4096" },
    { ENTRY "sys.stack.size = \"1G\"", "sys.stack.size: 0 or larger than sgx.enclave_size" },
    { ENTRY "loader.log_level = \"info\"", "loader.log_level: \"info\" is not one of \"none\", \"error\", \"warning\", \"debug\", \"trace\", \"all\"" },
    { ENTRY "sgx.remote_attestation = \"epid\"", "sgx.remote_attestation: \"epid\" is not one of \"none\", \"dcap\"" },
    { ENTRY "sgx.file_check_policy = \"no\"", "sgx.file_check_policy: \"no\" is not one of \"strict\", \"allow_all_but_log\"" },
    { ENTRY "sgx.cpu_features.mpx = \"unspecified\"", "sgx.cpu_features.mpx: \"disabled\" or \"required\", nothing else" },
    { ENTRY "sgx.seal_key.flags_mask = \"0xff\"", "sgx.seal_key.flags_mask: \"0xff\" is not \"0x\" and 16 hexadecimal digits" },
    { ENTRY "sgx.seal_key.misc_mask = \"0xfffffffg\"", "is not \"0x\" and 8 hexadecimal digits" },
    { ENTRY "sgx.edmm_enable = true", "sgx.edmm_enable: not honoured yet: all pages are added at start; set sgx.enclave_size to what the program needs" },
    { ENTRY "sgx.profile.enable = \"all\"", "sgx.profile.enable: not honoured yet" },
    { ENTRY "sys.allowed_ioctls = [{request_code=1}]", "sys.allowed_ioctls: not honoured yet: device ioctls are not passed to the host" },
    { ENTRY "sgx.insecure__rpc_thread_num = 2", "sgx.insecure__rpc_thread_num: not honoured yet: there are no exitless helper threads" },
    { ENTRY "loader.exec = \"file:x\"", "loader.exec: a key of Graphene's time: use libos.entrypoint, a mount that holds it, and sgx.trusted_files" },
    { ENTRY "sgx.thread_num = 4", "sgx.thread_num: a key of Graphene's time: use sgx.max_threads" },
    { ENTRY "fs.mount.lib.path = \"/lib\"", "fs.mount: a key of Graphene's time: use an element of fs.mounts" },
    { ENTRY "sgx.trusted_files.x = \"file:x\"", "must be an array; Graphene's sgx.trusted_files.NAME = \"file:...\" is now one of its elements" },
    { ENTRY "sgx.trusted_files = [\"x\"]", "sgx.trusted_files: \"x\" is not a URI that fits here: it begins with \"file:\"" },
    { ENTRY "sgx.trusted_files = [\"dev:x\"]", "sgx.trusted_files: \"dev:x\" is not a URI that fits here: it begins with \"file:\"" },
    { ENTRY "sgx.trusted_files = [{uri=\"file:x\", sha265=\"\"}]", "sgx.trusted_files: unknown member 'sha265': did you mean 'sha256'?" },
    { ENTRY "sgx.trusted_files = [{uri=\"file:x\", sha256=\"00\"}]", "sgx.trusted_files: sha256 is not 64 hexadecimal digits" },
    { ENTRY "sgx.trusted_files = [1]", "m:2:22: sgx.trusted_files: must be a string, not an integer" },
    { ENTRY "sgx.allowed_files = [\"https://x\"]", "sgx.allowed_files: \"https://x\" is not a URI that fits here: it begins with \"file:\" or \"dev:\"" },
    { ENTRY "fs.mounts = [{path=\"x\", uri=\"file:y\"}]", "fs.mounts: path \"x\" is not absolute" },
    { ENTRY "fs.mounts = [{path=\"/\", uri=\"file:y\"}]", "fs.mounts: path \"/\" is the root: use fs.root" },
    { ENTRY "fs.mounts = [{path=\"/x\"}]", "fs.mounts: uri is missing: \"file:\" and a host path" },
    { ENTRY "fs.mounts = [{uri=\"file:x\"}]", "fs.mounts: path is missing: where in the enclave" },
    { ENTRY "fs.mounts = [{path=\"/x\", uri=\"file:y\", type=\"nfs\"}]", "fs.mounts: type \"nfs\" is not one of \"chroot\", \"encrypted\", \"tmpfs\", \"untrusted_shm\"" },
    { ENTRY "fs.mounts = [{path=\"/x\", uri=\"file:y\", key_name=\"a\"}]", "fs.mounts: key_name is for mounts with type = \"encrypted\"" },
    { ENTRY "fs.mounts = [{path=\"/x\", uri=\"dev:y\", type=\"encrypted\"}]", "it begins with \"file:\"" },
    { ENTRY "fs.mounts = [{path=\"/x\", uri=\"file:y\", type=\"untrusted_shm\"}]", "fs.mounts: the uri of an untrusted_shm mount begins with \"dev:\"" },
    { ENTRY "fs.mounts = [{path=\"/x\", uri=\"file:y\"}, {path=\"//x/\", uri=\"file:z\"}]", "fs.mounts: /x is mounted twice, here and at line 2" },
    { ENTRY "fs.mounts = [{path=\"/data\", uri=\"file:.\"}]", "fs.mounts: a cycle of mounts: /data shows host directory ., which holds its own mount point data" },
    { ENTRY "fs.mounts = [{path=\"/a\", uri=\"file:/h\"}, {path=\"/a/b/c\", uri=\"file:/h/b\"}]", "a cycle of mounts: /a/b/c shows host directory /h/b, which holds its own mount point /h/b/c" },
    { ENTRY "fs.mounts = [{type=\"encrypted\", path=\"/a\", uri=\"file:/h\"}, {type=\"encrypted\", path=\"/b\", uri=\"file:/h/b\"}]", "fs.mounts: encrypted mounts /a and /b overlap on the host: /h, /h/b" },
    { ENTRY "fs.start_dir = \"x\"", "fs.start_dir: \"x\" is not an absolute path" },
    { ENTRY "fs.insecure__keys.k = \"00\"", "fs.insecure__keys: key 'k' is not 32 hexadecimal digits" },
    { ENTRY "loader.argv = []", "loader.argv: empty: it holds at least the program's name" },
    { ENTRY "loader.argv = [\"x\"]\nloader.insecure__use_cmdline_argv = true", "loader: more than one of argv, argv_src_file and insecure__use_cmdline_argv" },
    { ENTRY "loader.env_src_file = \"file:e\"\nloader.insecure__use_host_env = true", "loader.env_src_file: cannot stand beside loader.insecure__use_host_env" },
    { ENTRY "loader.env.A = { passthrough = false }", "loader.env.A: passthrough = false is not supported: leave the variable out" },
    { ENTRY "loader.env.A = { value = \"1\", passthrough = true }", "loader.env.A: exactly one of value and passthrough must be given" },
    { ENTRY "loader.env.A = {}", "loader.env.A: exactly one of value and passthrough must be given" },
    { ENTRY "loader.env.A.B = \"x\"", "loader.env.A: neither value nor passthrough; a name with dots must be quoted" },
    { ENTRY "loader.env.A = 1", "loader.env.A: must be a string, not an integer" },
    { ENTRY "loader.env.\"A=B\" = \"1\"", "loader.env.A=B: not a name of a variable" },
    { ENTRY "sys.debug__mock_syscalls = [{name=\"nosuch\"}]", "sys.debug__mock_syscalls: 'nosuch' is not a Linux x86-64 system call" },
    { ENTRY "sys.debug__mock_syscalls = [{return=1}]", "sys.debug__mock_syscalls: name is missing" },
    { ENTRY "sys.host_signals = [\"KILL\"]", "sys.host_signals: 'KILL' is not a signal that a host may send, such as TERM" },
    { ENTRY "loader.log_level = \"a\\n\\u001b[31m\"", "loader.log_level: \"a??[31m\" is not one of \"none\", \"error\", \"warning\", \"debug\", \"trace\", \"all\"" },
    { "libos.entrypoint = \"x\nfoo", NULL },
    { "libos.entrypoint = \"x\"\nlibos.entrypoint = \"y\"", NULL },
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void each_wrong_manifest_is_refused_with_its_reason(void **state)
{
    for (size_t i = 0; i < sizeof(g_bad) / sizeof(g_bad[0]); i++) {
        struct manifest *m = NULL;
        struct problem why = { "" };
        int ret = manifest_parse("m", g_bad[i].text, strlen(g_bad[i].text), &m, &why);
        if (ret >= 0)
            fail_msg("accepted: %s", g_bad[i].text);
        if (strncmp(why.text, "m:", 2) != 0 || strchr(why.text, '\n') || (g_bad[i].error && !ends_with(why.text, g_bad[i].error)))
            fail_msg("'%s' says '%s', not '%s'", g_bad[i].text, why.text, g_bad[i].error ? g_bad[i].error : "m:...");
    }
}

static const char *const g_good[] = {
    ENTRY,
    ENTRY "sgx.edmm_enable = false\nsgx.profile.enable = \"none\"\nsgx.profile.mode = \"aex\"\nsys.allowed_ioctls = []",
    ENTRY "fs.root.uri = \"file:/\"\nfs.mounts = [{path=\"/usr\", uri=\"file:/usr\"}]",
    ENTRY "fs.root = { type = \"tmpfs\" }\nfs.mounts = [{path=\"/t\", type=\"tmpfs\", uri=\"file:ignored\"}]",
    ENTRY "[[fs.mounts]]\npath = \"/a\"\nuri = \"file:a\"\n[[fs.mounts]]\npath = \"/b\"\nuri = \"dev:/dev/null\"",
    ENTRY "loader.entrypoint.uri = \"file:/usr/lib/gramine/libsysdb.so\"\nloader.entrypoint.sha256 = \"00\"",
    ENTRY "sgx.enclave_size = \"1024G\"\nsgx.max_threads = 0x1000",
    ENTRY "sgx.enclave_size = \"1g\"\nsys.brk.max_size = \"64m\"\nsys.stack.size = \"1k\"",
};

static void right_manifests_are_accepted(void **state)
{
    for (size_t i = 0; i < sizeof(g_good) / sizeof(g_good[0]); i++) {
        struct manifest *m = NULL;
        struct problem why = { "" };
        if (manifest_parse("m", g_good[i], strlen(g_good[i]), &m, &why))
            fail_msg("'%s': %s", g_good[i], why.text);
        manifest_free(m);
    }
}

static struct manifest *parse(const char *text)
{
    struct manifest *m = NULL;
    struct problem why = { "" };
    if (manifest_parse("m", text, strlen(text), &m, &why))
        fail_msg("%s", why.text);
    return m;
}

static void defaults_are_those_of_the_specification(void **state)
{
    struct manifest *m = parse(ENTRY);
    assert_int_equal(m->flags, PLAN_CHECK_POINTERS);
    assert_int_equal(m->log_level, PLAN_LOG_ERROR);
    assert_int_equal(m->enclave_size, 256 << 20);
    assert_int_equal(m->max_threads, 4);
    assert_int_equal(m->fds_limit, 900);
    assert_int_equal(m->stack_size, 256 << 10);
    assert_int_equal(m->seal_xfrm_mask, 0xfffffffffff9ff1b);
    assert_int_equal(m->mount_count, 1);
    assert_string_equal(m->mounts[0].host, ".");
    assert_int_equal(m->host_signals, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 9 | 1 << 11 | 1 << 14 | 1 << 27);
    manifest_free(m);
}

static void the_environment_has_plain_strings_first_in_order(void **state)
{
    struct manifest *m = parse(ENTRY "[loader.env]\nZ = \"1\"\nT = { passthrough = true }\nA = \"2\"\nV = { value = \"3\" }\n\"x.y\" = \"4\"");
    static const char *const order[] = { "Z", "A", "x.y", "T", "V" };
    assert_int_equal(m->env_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(m->env[i].name, order[i]);
    assert_true(m->env[3].passthrough);
    assert_string_equal(m->env[4].value, "3");
    manifest_free(m);
}

static void host_signals_are_named_with_or_without_sig(void **state)
{
    struct manifest *m = parse(ENTRY "sys.host_signals = [\"SIGTERM\", \"INT\"]");
    assert_int_equal(m->host_signals, 1 << 14 | 1 << 1);
    manifest_free(m);
}

static void count_insecure(void *arg, const char *key, const char *why)
{
    ++*(int *)arg;
}

static void insecure_settings_are_told(void **state)
{
    struct manifest *m = parse(ENTRY "sgx.debug = true\nloader.log_level = \"debug\"\nfs.insecure__keys.k = \"00112233445566778899aabbccddeeff\"");
    int count = 0;
    manifest_insecure(m, count_insecure, &count);
    assert_int_equal(count, 3);
    assert_int_equal(m->keys[0].key[15], 0xff);
    manifest_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wrong_manifest_is_refused_with_its_reason),
        cmocka_unit_test(right_manifests_are_accepted),
        cmocka_unit_test(defaults_are_those_of_the_specification),
        cmocka_unit_test(the_environment_has_plain_strings_first_in_order),
        cmocka_unit_test(host_signals_are_named_with_or_without_sig),
        cmocka_unit_test(insecure_settings_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

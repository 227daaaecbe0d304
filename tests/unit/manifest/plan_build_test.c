/* From a manifest to plan bytes: golden bytes, canonical order, and what may not become a plan. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/crypto/sha256.h"
#include "manifest/manifest.h"

#define ENTRY "libos.entrypoint = \"/x\"\n"
#define HEX(d) d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d

struct built {
    uint8_t *bytes;
    size_t size;
    struct plan plan;
    struct problem why;
    int ret;
};

static struct built build_with(const char *text, unsigned options)
{
    struct built b = { 0 };
    struct manifest *m = NULL;
    b.ret = manifest_parse("m", text, strlen(text), &m, &b.why);
    if (!b.ret)
        b.ret = manifest_to_plan(m, options, &b.bytes, &b.size, &b.why);
    if (!b.ret)
        assert_int_equal(plan_open(b.bytes, b.size, &b.plan), 0);
    manifest_free(m);
    return b;
}

static struct built build(const char *text)
{
    struct built b = build_with(text, 0);
    if (b.ret)
        fail_msg("%s", b.why.text);
    return b;
}

static const char g_full[] =
    "libos.entrypoint = \"python3\"\n[loader]\nargv = [\"python3\", \"a.py\"]\nlog_level = \"warning\"\nuid = 1000\n"
    "[loader.env]\nA = \"1\"\nB = { passthrough = true }\n[fs]\nstart_dir = \"/usr//bin/\"\nmounts = [ { path = \"/tmp\", type = \"tmpfs\" },\n"
    "{ path = \"/d/\", uri = \"file:./data\", type = \"encrypted\", key_name = \"k\" } ]\ninsecure__keys.k = \"00112233445566778899aabbccddeeff\"\n"
    "[sgx]\nenclave_size = \"1G\"\nmax_threads = 16\nuse_exinfo = true\nisvsvn = 3\nremote_attestation = \"dcap\"\nverity_file = \"a.verity\"\n"
    "allowed_files = [ \"file:./log/\" ]\ntrusted_files = [ { uri = \"file:b\", sha256 = \"" HEX("22") "\" },\n"
    "{ uri = \"file:./a\", sha256 = \"" HEX("11") "\", verity = \"" HEX("33") "\", size = 5000, tree_offset = 4096 } ]\n"
    "[sgx.cpu_features]\navx = \"required\"\n[sys]\ndebug__mock_syscalls = [ { name = \"getppid\", return = -1 } ]\n";

static void the_golden_manifest_gives_the_golden_plan(void **state)
{
    struct built b = build(g_full);
    uint8_t digest[32];
    char hex[65];
    sha256_digest(b.bytes, b.size, digest);
    hex_encode(digest, 32, hex);
    /* A change here changes every MRENCLAVE in the world: raise PLAN_VERSION if the format changed. */
    assert_string_equal(hex, "2e56f9ef0e32844261dde7d107498fc80c417a2f33c45109d53d8bdf776275db");
    free(b.bytes);
}

static void every_key_arrives_in_the_plan(void **state)
{
    struct built b = build(g_full);
    const struct plan *p = &b.plan;
    assert_string_equal(plan_string(p, p->h->entrypoint), "/usr/bin/python3");
    assert_string_equal(plan_string(p, p->h->start_dir), "/usr/bin");
    assert_int_equal(p->h->flags, PLAN_CHECK_POINTERS | PLAN_EXINFO);
    assert_int_equal(p->h->misc_select, 1);
    assert_int_equal(p->h->attributes_xfrm, 7);
    assert_int_equal(p->h->attributes_xfrm_mask, 0xfffffffffff9ff1f);
    assert_int_equal(p->h->uid, 1000);
    assert_int_equal(p->h->log_level, PLAN_LOG_WARNING);
    const struct plan_mount *mounts = plan_items(p, p->h->mounts);
    assert_int_equal(p->h->mounts.count, 3);
    assert_int_equal(mounts[1].type, PLAN_MOUNT_TMPFS);
    assert_string_equal(plan_string(p, mounts[2].path), "/d");
    assert_string_equal(plan_string(p, mounts[2].host), "data");
    assert_string_equal(plan_string(p, mounts[2].key), "k");
    const struct plan_trusted *t = plan_items(p, p->h->trusted);
    assert_string_equal(plan_string(p, t[0].path), "a");
    assert_int_equal(t[0].flags, PLAN_TRUSTED_VERITY | PLAN_TRUSTED_SHA256);
    assert_int_equal(t[0].size, 5000);
    assert_int_equal(t[0].tree_offset, 4096);
    assert_int_equal(t[1].flags, PLAN_TRUSTED_SHA256);
    assert_true(plan_is_allowed(p, "log/x", 5));
    const struct plan_mock *mocks = plan_items(p, p->h->mocks);
    assert_int_equal(mocks[0].nr, 110);
    assert_int_equal(mocks[0].result, -1);
    free(b.bytes);
}

static void two_runs_give_the_same_bytes(void **state)
{
    struct built a = build(g_full), b = build(g_full);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    free(a.bytes);
    free(b.bytes);
}

static void comments_and_spelling_of_the_text_do_not_matter(void **state)
{
    struct built a = build(ENTRY "sgx.isvsvn = 1\nsgx.debug = true"), b = build("# hello\n[sgx]\ndebug = true\nisvsvn = 0x1\n[libos]\nentrypoint = '/x'\n");
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    free(a.bytes);
    free(b.bytes);
}

static void a_changed_key_changes_the_plan(void **state)
{
    static const char *const changes[] = {
        "sgx.debug = true", "sgx.isvsvn = 1", "sgx.isvprodid = 1", "sgx.max_threads = 5", "sgx.enclave_size = \"512M\"", "loader.uid = 1",
        "loader.gid = 1", "loader.log_level = \"none\"", "loader.log_file = \"x\"", "loader.env.A = \"\"", "loader.argv = [\"y\"]",
        "fs.start_dir = \"/a\"", "fs.root.uri = \"file:/\"", "fs.mounts = [{path=\"/t\", type=\"tmpfs\"}]", "sgx.allowed_files = [\"file:a\"]",
        "sgx.use_exinfo = true", "sys.stack.size = \"512K\"", "sys.brk.max_size = \"512K\"", "sys.fds.limit = 10", "sys.host_signals = []",
        "libos.check_invalid_pointers = false", "sys.disallow_subprocesses = true", "sgx.remote_attestation = \"dcap\"", "loader.insecure__use_host_env = true",
        "loader.insecure__use_cmdline_argv = true", "sgx.file_check_policy = \"allow_all_but_log\"", "sgx.seal_key.misc_mask = \"0x00000000\"",
        "sgx.cpu_features.avx = \"disabled\"", "sgx.cpu_features.pkru = \"required\"", "fs.insecure__keys.a = \"" "00112233445566778899aabbccddeeff" "\"",
        "sgx.trusted_files = [{uri=\"file:a\", sha256=\"" HEX("00") "\"}]", "sys.debug__mock_syscalls = [{name=\"read\"}]",
    };
    struct built base = build(ENTRY);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), ENTRY "%s\n", changes[i]);
        struct built b = build(text);
        if (b.size == base.size && memcmp(b.bytes, base.bytes, b.size) == 0)
            fail_msg("no change by %s", changes[i]);
        free(b.bytes);
    }
    free(base.bytes);
}

static void trusted_files_without_digest_make_no_measured_plan(void **state)
{
    struct built b = build_with(ENTRY "sgx.trusted_files = [\"file:a\"]", 0);
    assert_int_equal(b.ret, -EINVAL);
    assert_string_equal(b.why.text, "m:2:22: sgx.trusted_files: file:a has no digest: 'cloister sign' adds it");
    b = build_with(ENTRY "sgx.trusted_files = [\"file:a\"]", MANIFEST_PLAN_UNSIGNED);
    assert_int_equal(b.ret, 0);
    assert_int_equal(b.plan.h->trusted.count, 0);
    free(b.bytes);
}

static void two_names_of_one_file_are_one_entry_or_an_error(void **state)
{
    struct built b = build(ENTRY "sgx.trusted_files = [{uri=\"file:a\", sha256=\"" HEX("00") "\"}, {uri=\"file:./a\", sha256=\"" HEX("00") "\"}]");
    assert_int_equal(b.plan.h->trusted.count, 1);
    free(b.bytes);
    b = build_with(ENTRY "sgx.trusted_files = [{uri=\"file:a\", sha256=\"" HEX("00") "\"}, {uri=\"file:./a\", sha256=\"" HEX("01") "\"}]", 0);
    assert_int_equal(b.ret, -EINVAL);
}

static void source_files_become_part_of_the_plan(void **state)
{
    char path[] = "/tmp/cloister-plan-XXXXXX", text[256];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "A=1\0B=2\0C=3", 12), 12);
    snprintf(text, sizeof(text), ENTRY "loader.env_src_file = \"file:%s\"\nloader.env.B = \"x\"\nloader.env.D = \"y\"", path);
    struct built b = build(text);
    const struct plan_env *env = plan_items(&b.plan, b.plan.h->env);
    assert_int_equal(b.plan.h->env.count, 4);
    assert_string_equal(plan_string(&b.plan, env[0].name), "A");
    assert_string_equal(plan_string(&b.plan, env[1].name), "C");
    assert_string_equal(plan_string(&b.plan, env[2].value), "x");
    free(b.bytes);
    assert_int_equal(ftruncate(fd, 11), 0); /* the last byte is no longer NUL */
    b = build_with(text, 0);
    assert_int_equal(b.ret, -EINVAL);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_manifest_gives_the_golden_plan),
        cmocka_unit_test(every_key_arrives_in_the_plan),
        cmocka_unit_test(two_runs_give_the_same_bytes),
        cmocka_unit_test(comments_and_spelling_of_the_text_do_not_matter),
        cmocka_unit_test(a_changed_key_changes_the_plan),
        cmocka_unit_test(trusted_files_without_digest_make_no_measured_plan),
        cmocka_unit_test(two_names_of_one_file_are_one_entry_or_an_error),
        cmocka_unit_test(source_files_become_part_of_the_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The plan reader: accepts a good plan, refuses each field corrupted, and finds what is in it. The plan
 * is built here by hand so that the reader is not tested against the writer's idea of the format.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/plan/plan.h"

struct sample {
    struct plan_header h;
    struct plan_str argv[2];
    struct plan_env env[2];
    struct plan_mount mounts[3];
    struct plan_trusted trusted[3];
    struct plan_str allowed[2];
    struct plan_key keys[1];
    struct plan_mock mocks[1];
    char text[512];
};

static uint32_t g_text_used;

static struct plan_str text(struct sample *s, const char *string)
{
    uint32_t length = (uint32_t)strlen(string);
    struct plan_str ref = { (uint32_t)offsetof(struct sample, text) + g_text_used, length };
    memcpy(s->text + g_text_used, string, length + 1);
    g_text_used += length + 1;
    return ref;
}

#define ARRAY(field) { (uint32_t)offsetof(struct sample, field), (uint32_t)(sizeof(s->field) / sizeof(s->field[0])) }

static struct sample *sample(void)
{
    struct sample *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    g_text_used = 0;
    s->h = (struct plan_header){
        .magic = PLAN_MAGIC, .version = PLAN_VERSION, .size = sizeof(*s), .flags = PLAN_DEBUG,
        .log_level = PLAN_LOG_ERROR, .attestation = PLAN_ATTEST_DCAP, .max_threads = 4,
        .enclave_size = 256 << 20, .attributes_flags = 6, .attributes_xfrm = 3,
        .attributes_xfrm_mask = 0xfffffffffff9ff1b, .misc_mask = 0xffffffff, .fds_limit = 900,
        .stack_size = 256 << 10, .brk_max = 256 << 10,
        .argv = ARRAY(argv), .env = ARRAY(env), .mounts = ARRAY(mounts), .trusted = ARRAY(trusted),
        .allowed = ARRAY(allowed), .keys = ARRAY(keys), .mocks = ARRAY(mocks),
    };
    s->h.entrypoint = text(s, "/usr/bin/python3");
    s->h.start_dir = text(s, "/");
    s->h.log_file = text(s, "");
    s->h.verity_file = text(s, "app.verity");
    s->argv[0] = text(s, "python3");
    s->argv[1] = text(s, "");
    s->env[0] = (struct plan_env){ text(s, "A"), text(s, "1"), 0, 0 };
    s->env[1] = (struct plan_env){ text(s, "B"), text(s, ""), 1, 0 };
    s->mounts[0] = (struct plan_mount){ PLAN_MOUNT_HOST, 0, text(s, "/"), text(s, "."), text(s, "") };
    s->mounts[1] = (struct plan_mount){ PLAN_MOUNT_ENCRYPTED, PLAN_MOUNT_RECOVERY, text(s, "/data"), text(s, "data"), text(s, "default") };
    s->mounts[2] = (struct plan_mount){ PLAN_MOUNT_TMPFS, 0, text(s, "/tmp"), text(s, ""), text(s, "") };
    s->trusted[0] = (struct plan_trusted){ .path = text(s, "/lib/a"), .size = 5, .flags = PLAN_TRUSTED_VERITY, .root = { 1 } };
    s->trusted[1] = (struct plan_trusted){ .path = text(s, "/lib/a/b"), .flags = PLAN_TRUSTED_SHA256, .sha256 = { 2 } };
    s->trusted[2] = (struct plan_trusted){ .path = text(s, "app"), .size = 9, .tree_offset = 64, .flags = 3 };
    s->allowed[0] = text(s, "tmp");
    s->allowed[1] = text(s, "/var/log");
    s->keys[0] = (struct plan_key){ text(s, "default"), { 7 } };
    s->mocks[0] = (struct plan_mock){ 39, 0, -1 };
    return s;
}

static int open_sample(struct sample *s)
{
    struct plan p;
    return plan_open(s, sizeof(*s), &p);
}

static void a_good_plan_opens(void **state)
{
    struct sample *s = sample();
    assert_int_equal(open_sample(s), 0);
    free(s);
}

struct change {
    size_t offset, size;
    uint64_t value;
};

#define SET(path, v) { offsetof(struct sample, path), sizeof(((struct sample *)0)->path), (v) }

static const struct change g_changes[] = {
    SET(h.magic[0], 'X'), SET(h.magic[7], 1), SET(h.version, 0), SET(h.version, 2),
    SET(h.size, sizeof(struct sample) - 1), SET(h.size, sizeof(struct sample) + 1), SET(h.flags, 1u << 16 | 1),
    SET(h.flags, 0) /* attributes still say debug */, SET(h.flags, PLAN_DEBUG | PLAN_EXINFO),
    SET(h.log_level, 6), SET(h.attestation, 2), SET(h.max_threads, 0), SET(h.max_threads, 4097),
    SET(h.enclave_size, 0), SET(h.enclave_size, 3 << 20), SET(h.enclave_size, 1ull << 41),
    SET(h.attributes_flags, 4), SET(h.attributes_flags, 0x16), SET(h.attributes_xfrm, 1),
    SET(h.attributes_xfrm, 7), SET(h.attributes_xfrm_mask, 0), SET(h.misc_select, 1), SET(h.fds_limit, 65537),
    SET(h.stack_size, 0), SET(h.stack_size, 4097), SET(h.stack_size, 1ull << 40), SET(h.brk_max, 1),
    SET(h.brk_max, 1ull << 40), SET(h.rpc_threads, 257), SET(h.host_signals, 1 << 8), SET(h.host_signals, 1 << 18),
    SET(h.entrypoint.offset, 0), SET(h.entrypoint.offset, 0xffffffff), SET(h.entrypoint.length, 0xffffffff),
    SET(h.entrypoint.length, 3), SET(h.start_dir.length, 0), SET(h.log_file.offset, 8), SET(h.verity_file.length, 11),
    SET(h.argv.offset, 4), SET(h.argv.offset, 228), SET(h.argv.count, 0xffffffff), SET(h.argv.count, 0),
    SET(h.env.offset, sizeof(struct sample)), SET(h.mounts.count, 0), SET(h.trusted.count, 0x10000000),
    SET(h.allowed.offset, 225), SET(h.keys.count, 1000), SET(h.mocks.offset, 0xfffffff8),
    SET(argv[1].offset, 1), SET(env[0].name.length, 0), SET(env[0].passthrough, 1), SET(env[0].passthrough, 2),
    SET(env[0].pad, 1), SET(env[1].value.offset, 0), SET(mounts[0].type, 4), SET(mounts[0].flags, 4),
    SET(mounts[0].flags, PLAN_MOUNT_RECOVERY), SET(mounts[1].flags, PLAN_MOUNT_DEVICE), SET(mounts[1].key.length, 0),
    SET(mounts[0].path.length, 0), SET(mounts[0].host.length, 0), SET(mounts[2].type, PLAN_MOUNT_HOST),
    SET(trusted[0].flags, 0), SET(trusted[0].flags, 4), SET(trusted[0].pad, 1), SET(trusted[0].sha256[31], 1),
    SET(trusted[0].size, UINT64_MAX), SET(trusted[0].tree_offset, INT64_MAX), SET(trusted[1].size, 1),
    SET(trusted[1].tree_offset, 1), SET(trusted[1].root[0], 1), SET(allowed[0].length, 0), SET(keys[0].name.length, 0),
    SET(mocks[0].nr, 1024), SET(mocks[0].pad, 1),
};

static void each_corrupted_field_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof(g_changes) / sizeof(g_changes[0]); i++) {
        struct sample *s = sample();
        memcpy((uint8_t *)s + g_changes[i].offset, &g_changes[i].value, g_changes[i].size);
        if (open_sample(s) != -EINVAL)
            fail_msg("change %zu at offset %zu was accepted", i, g_changes[i].offset);
        free(s);
    }
}

/* What plan_open_head() leaves out is what stands in the arrays, and nothing else. */
static void the_head_alone_is_checked_when_asked(void **state)
{
    for (size_t i = 0; i < sizeof(g_changes) / sizeof(g_changes[0]); i++) {
        bool head = g_changes[i].offset < offsetof(struct sample, h.argv);
        struct sample *s = sample();
        struct plan p;
        memcpy((uint8_t *)s + g_changes[i].offset, &g_changes[i].value, g_changes[i].size);
        if (plan_open_head(s, sizeof(*s), &p) != (head ? -EINVAL : 0))
            fail_msg("change %zu at offset %zu was %s", i, g_changes[i].offset, head ? "accepted" : "refused");
        free(s);
    }
}

static void a_plan_cut_short_or_unaligned_is_refused(void **state)
{
    struct sample *s = sample();
    struct plan p;
    for (size_t size = 0; size < sizeof(*s); size++)
        assert_int_equal(plan_open(s, size, &p), -EINVAL);
    assert_int_equal(plan_open((uint8_t *)s + 4, sizeof(*s) - 4, &p), -EINVAL);
    free(s);
}

static void trusted_files_out_of_order_or_twice_are_refused(void **state)
{
    struct sample *s = sample();
    struct plan_trusted t = s->trusted[0];
    s->trusted[0] = s->trusted[1];
    assert_int_equal(open_sample(s), -EINVAL);
    s->trusted[1] = t;
    assert_int_equal(open_sample(s), -EINVAL);
    free(s);
}

static void paths_that_are_not_normal_are_refused(void **state)
{
    static const char *const bad[] = { "/a//b", "/a/", "/a/.", "/./a", "/../a", "/a/../b" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sample *s = sample();
        s->h.entrypoint = text(s, bad[i]);
        assert_int_equal(open_sample(s), -EINVAL);
        s->h.entrypoint = text(s, "/ok");
        s->allowed[0] = text(s, bad[i] + 1);
        assert_int_equal(open_sample(s), i == 4 ? 0 : -EINVAL); /* a relative path may begin with ".." */
        free(s);
    }
}

enum { NAMES = 1 << 9, NAME_ROOM = 16 };
struct many {
    struct plan_header h;
    struct plan_trusted trusted[NAMES];
    char text[NAMES][NAME_ROOM];
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "/usr/" and the bits of n below its highest one, as a and b: 0 is none. Bytes above 127 sort as
 * unsigned ones. */
static size_t name_of(uint32_t n, char out[NAME_ROOM])
{
    size_t used = (size_t)sprintf(out, "/usr/");
    for (int bit = 30 - __builtin_clz(n | 1); bit >= 0; bit--)
        out[used++] = n >> bit & 1 ? (char)0xc3 : 'a';
    out[used] = 0;
    return used;
}

static void each_of_many_trusted_files_is_found_and_no_other(void **state)
{
    struct many *m = calloc(1, sizeof(*m));
    struct plan p = { .h = &m->h, .bytes = (const uint8_t *)m };
    memset(p.directories, 0xff, sizeof(p.directories)); /* plan_open did not note them */
    for (uint32_t n = 0; n < NAMES; n++)
        name_of(n * 2 + 2, m->text[n]); /* every other one */
    qsort(m->text, NAMES, NAME_ROOM, by_text);
    for (uint32_t n = 0; n < NAMES; n++)
        m->trusted[n].path = (struct plan_str){
            (uint32_t)offsetof(struct many, text) + n * NAME_ROOM, (uint32_t)strlen(m->text[n])
        };
    m->h.trusted = (struct plan_array){ (uint32_t)offsetof(struct many, trusted), NAMES };
    for (uint32_t n = 1; n < NAMES * 4; n++) {
        char name[NAME_ROOM];
        size_t length = name_of(n, name);
        const struct plan_trusted *t = plan_find_trusted(&p, name, length);
        assert_int_equal(t != NULL, n % 2 == 0 && n <= NAMES * 2);
        if (t)
            assert_string_equal(plan_string(&p, t->path), name);
    }
    free(m);
}

static void trusted_files_are_found_by_exact_path(void **state)
{
    struct sample *s = sample();
    struct plan p;
    assert_int_equal(plan_open(s, sizeof(*s), &p), 0);
    assert_ptr_equal(plan_find_trusted(&p, "/lib/a", 6), &s->trusted[0]);
    assert_ptr_equal(plan_find_trusted(&p, "/lib/a/b", 8), &s->trusted[1]);
    assert_ptr_equal(plan_find_trusted(&p, "app", 3), &s->trusted[2]);
    assert_null(plan_find_trusted(&p, "ap", 2));
    assert_null(plan_find_trusted(&p, "apps", 4));
    assert_null(plan_find_trusted(&p, "", 0));
    free(s);
}

static bool has_sibling(const struct plan *p, const char *path)
{
    struct plan_position place = plan_position_of(p, path, strlen(path));
    assert_null(place.entry);
    return plan_position_has_sibling(p, &place, path, strlen(path));
}

static void unlisted_paths_know_trusted_files_of_their_directory(void **state)
{
    struct sample *s = sample(); /* /lib/a, /lib/a/b, app */
    struct plan p;
    assert_int_equal(plan_open(s, sizeof(*s), &p), 0);
    assert_true(has_sibling(&p, "/lib/0"));
    assert_true(has_sibling(&p, "/lib/a/a"));
    assert_true(has_sibling(&p, "/lib/a/bc"));
    assert_true(has_sibling(&p, "ap"));
    assert_true(has_sibling(&p, "apps"));
    assert_false(has_sibling(&p, "/lib/a/b/c")); /* b is no directory of trusted files */
    assert_false(has_sibling(&p, "/lib"));
    assert_false(has_sibling(&p, "/other/a"));
    assert_false(has_sibling(&p, "app/a"));
    assert_false(has_sibling(&p, "/a"));
    s->h.trusted.count = 0;
    assert_false(has_sibling(&p, "/lib/0"));
    free(s);
}

static void allowed_entries_cover_what_is_below_them(void **state)
{
    struct sample *s = sample();
    struct plan p;
    assert_int_equal(plan_open(s, sizeof(*s), &p), 0);
    assert_true(plan_is_allowed(&p, "tmp", 3));
    assert_true(plan_is_allowed(&p, "tmp/x", 5));
    assert_false(plan_is_allowed(&p, "tmpx", 4));
    assert_false(plan_is_allowed(&p, "/tmp", 4));
    assert_true(plan_is_allowed(&p, "/var/log/a", 10));
    assert_false(plan_is_allowed(&p, "/var/lo", 7));
    free(s);
    assert_true(plan_path_is_below(".", 1, "a/b", 3));
    assert_true(plan_path_is_below(".", 1, "..a", 3));
    assert_false(plan_path_is_below(".", 1, "../a", 4));
    assert_false(plan_path_is_below(".", 1, "/a", 2));
    assert_true(plan_path_is_below("/", 1, "/a", 2));
    assert_false(plan_path_is_below("/", 1, "a", 1));
}

static void paths_are_normalised_as_file_lists_need(void **state)
{
    static const struct { const char *in, *out; } cases[] = {
        { "./lib//a/../b", "lib/b" }, { "/..", "/" }, { "/../../a", "/a" }, { "a/..", "." }, { ".", "." }, { "./", "." },
        { "../a", "../a" }, { "../../a/..", "../.." }, { "a/../..", ".." }, { "a/../../b", "../b" }, { "/a/b/", "/a/b" },
        { "//a", "/a" }, { "/", "/" }, { "...", "..." }, { "/a/...", "/a/..." }, { "a/./b", "a/b" }, { "..a/..", "." },
        { "a../../b", "b" }, { "/a/../..", "/" },
    };
    char out[64];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t n = plan_normalise(cases[i].in, strlen(cases[i].in), out, sizeof(out));
        assert_string_equal(out, cases[i].out);
        assert_int_equal(n, strlen(cases[i].out));
    }
    assert_int_equal(plan_normalise("", 0, out, sizeof(out)), -EINVAL);
    assert_int_equal(plan_normalise("a\0b", 3, out, sizeof(out)), -EINVAL);
}

static void normalising_never_writes_past_the_buffer(void **state)
{
    const char *path = "/abc/../def/./ghi";
    for (size_t size = 0; size < 12; size++) {
        char *out = malloc(size ? size : 1);
        int64_t n = plan_normalise(path, strlen(path), out, size);
        assert_int_equal(n, size >= 9 ? 8 : -ENAMETOOLONG);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_plan_opens),
        cmocka_unit_test(each_corrupted_field_is_refused),
        cmocka_unit_test(the_head_alone_is_checked_when_asked),
        cmocka_unit_test(a_plan_cut_short_or_unaligned_is_refused),
        cmocka_unit_test(trusted_files_out_of_order_or_twice_are_refused),
        cmocka_unit_test(paths_that_are_not_normal_are_refused),
        cmocka_unit_test(trusted_files_are_found_by_exact_path),
        cmocka_unit_test(unlisted_paths_know_trusted_files_of_their_directory),
        cmocka_unit_test(each_of_many_trusted_files_is_found_and_no_other),
        cmocka_unit_test(allowed_entries_cover_what_is_below_them),
        cmocka_unit_test(paths_are_normalised_as_file_lists_need),
        cmocka_unit_test(normalising_never_writes_past_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Encrypted files that Gramine's own tools wrote, damaged, or left half written: ../shared/vectors/pf,
 * whose manifest.json says what each must give.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "encfile_memory.h"
#include "lib/base/str.h"
#include "lib/crypto/sha256.h"

static json_t *g_manifest;

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void need_vectors(void)
{
    if (!g_manifest)
        g_manifest = json_load_file(VECTORS "/manifest.json", 0, NULL);
    if (!g_manifest) {
        print_message("no vectors at %s\n", VECTORS);
        skip();
    }
}

static void load(struct memory_file *m, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", VECTORS, name);
    memory_load(m, path);
}

static void hash_hex(const void *data, size_t size, char hex[65])
{
    uint8_t digest[32];
    sha256_digest(data, size, digest);
    hex_encode(digest, sizeof(digest), hex);
}

static void assert_decrypts(struct encfile *f, size_t size, const char *sha256)
{
    char hex[65];
    uint8_t *got = malloc(size + 1);
    assert_int_equal(encfile_size(f), size);
    assert_int_equal(encfile_read(f, 0, got, size + 1), size);
    hash_hex(got, size, hex);
    assert_string_equal(hex, sha256);
    free(got);
}

/* Read a good file, append to it, read it again: old versions become version 2. */
static void check_valid(const json_t *v)
{
    struct memory_file m;
    struct encfile *f;
    const char *path = text(v, "bound_path"), *format = text(v, "format");
    size_t size = (size_t)json_integer_value(json_object_get(v, "plaintext_size"));
    load(&m, text(v, "file"));
    m.frozen = true;
    assert_int_equal(memory_open(&m, NULL, path, 0, &f, NULL), 0);
    assert_string_equal(encfile_path(f), path);
    assert_int_equal(encfile_version(f), strcmp(format, "v2") ? 1 : 2);
    assert_decrypts(f, size, text(v, "plaintext_sha256"));
    assert_int_equal(encfile_close(f), 0);
    m.frozen = false;
    assert_int_equal(memory_open(&m, NULL, path, ENCFILE_WRITABLE, &f, NULL), 0);
    assert_int_equal(encfile_write(f, size, "end", 3), 3);
    assert_int_equal(encfile_close(f), 0);
    assert_memory_equal(m.data, "GRAFS_PF\2\0", 10);
    assert_int_equal(memory_open(&m, NULL, path, ENCFILE_WRITABLE, &f, NULL), 0);
    assert_int_equal(encfile_size(f), size + 3);
    assert_int_equal(encfile_set_size(f, size), 0);
    assert_decrypts(f, size, text(v, "plaintext_sha256"));
    assert_int_equal(encfile_close(f), 0);
    memory_free(&m);
}

static void files_that_gramine_and_graphene_wrote_are_read_and_continued(void **state)
{
    size_t i;
    json_t *v;
    need_vectors();
    json_array_foreach(json_object_get(g_manifest, "valid"), i, v)
        check_valid(v);
}

static void files_changed_by_truncation_rename_and_holes_are_read(void **state)
{
    size_t i;
    json_t *v;
    need_vectors();
    json_array_foreach(json_object_get(g_manifest, "ops"), i, v)
        check_valid(v);
}

static enum encfile_status expected_status(const char *name)
{
    static const struct {
        const char *name;
        enum encfile_status status;
    } known[] = {
        { "hdr_magic_flip", ENCFILE_NOT_ENCRYPTED },  { "hdr_flags_01", ENCFILE_RECOVERY_NEEDED },
        { "root_mht_last_flip", ENCFILE_TAMPERED },   { "trunc_mid_meta", ENCFILE_BAD_LENGTH },
        { "trunc_to_root", ENCFILE_TRUNCATED },       { "trunc_big_last_node", ENCFILE_TRUNCATED },
        { "extend_1", ENCFILE_BAD_LENGTH },           { "data0_last_flip", ENCFILE_TAMPERED },
        { "data_in_child_flip", ENCFILE_TAMPERED },   { "swap_data_across_mht", ENCFILE_TAMPERED },
        { "replay_old_data_node", ENCFILE_TAMPERED },
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].status;
    return ENCFILE_BAD_KEY;
}

/* Read in the tool's steps of 4096 bytes; the output has the full size, zeros where it stopped. */
static void check_corrupt_content(struct encfile *f, const json_t *v, bool good)
{
    size_t size = encfile_size(f);
    uint8_t *out = calloc(1, size + 1);
    int64_t n = 0;
    for (size_t at = 0; at < size; at += (size_t)n) {
        size_t step = size - at < 4096 ? size - at : 4096;
        n = encfile_read(f, at, out + at, step);
        if (n != (int64_t)step) {
            /* The tool drops the piece that came short. */
            memset(out + at, 0, size - at);
            break;
        }
    }
    char hex[65];
    hash_hex(out, size, hex);
    assert_string_equal(hex, text(json_object_get(json_object_get(v, "decrypt"), "output"), "sha256"));
    if (!good)
        assert_int_not_equal(encfile_status(f), ENCFILE_OK);
    free(out);
}

static void check_corrupt(const json_t *v)
{
    const char *name = text(v, "name"), *file = text(v, "file");
    const json_t *decrypt = json_object_get(v, "decrypt");
    bool good = json_integer_value(json_object_get(decrypt, "exit")) == 0;
    struct memory_file m;
    struct encfile *f;
    enum encfile_status status;
    uint8_t other[16];
    for (uint8_t i = 0; i < 16; i++)
        other[i] = i;
    load(&m, file ? file : text(v, "base"));
    m.frozen = true;
    struct encfile_params params = {
        .env = &memory_env, .io = &memory_io, .file = &m, .path = text(v, "placed_at_path"),
        .key = strcmp(text(v, "key"), "wrap_key.bin") ? other : test_key,
        .flags = ENCFILE_IGNORE_PENDING, /* as the tool does */
    };
    int err = encfile_open(&params, &f, &status);
    if (err) {
        assert_false(good);
        assert_int_equal(err, -EACCES);
    } else {
        check_corrupt_content(f, v, good);
        status = encfile_status(f);
        encfile_close(f);
    }
    if (!good)
        assert_int_equal(status, expected_status(name));
    memory_free(&m);
}

static void damaged_files_give_what_the_reference_gives(void **state)
{
    size_t i;
    json_t *v;
    need_vectors();
    json_array_foreach(json_object_get(g_manifest, "corrupt"), i, v)
        check_corrupt(v);
}

static void check_recovery(const json_t *v)
{
    struct memory_file m, recovery;
    struct encfile *f;
    enum encfile_status status;
    const char *path = text(v, "bound_path");
    bool pending = json_integer_value(json_object_get(v, "flags_on_disk")) != 0;
    bool is_old = json_is_true(json_object_get(json_object_get(v, "after_recovery"), "is_old_content"));
    load(&m, text(v, "file"));
    load(&recovery, text(v, "recovery_file"));
    if (pending) {
        assert_int_equal(memory_open(&m, NULL, path, ENCFILE_WRITABLE, &f, &status), -EACCES);
        assert_int_equal(status, ENCFILE_RECOVERY_NEEDED);
    }
    assert_int_equal(memory_open(&m, &recovery, path, ENCFILE_WRITABLE, &f, &status), 0);
    assert_decrypts(f, 401000, text(v, is_old ? "plaintext_before_sha256" : "plaintext_after_write_sha256"));
    assert_int_equal(encfile_close(f), 0);
    memory_free(&m);
    memory_free(&recovery);
}

static void interrupted_flushes_are_undone_from_gramines_recovery_file(void **state)
{
    size_t i;
    json_t *v;
    need_vectors();
    json_array_foreach(json_object_get(g_manifest, "recovery"), i, v)
        check_recovery(v);
}

/* All undone states are the same file, byte for byte. */
static void undoing_restores_the_original_file_exactly(void **state)
{
    struct memory_file first, m, recovery;
    struct encfile *f;
    need_vectors();
    load(&first, "recovery/crash_2.pf");
    load(&recovery, "recovery/crash_2.pf.gramine.recovery");
    /* Each crash file was made from its own original: undo twice, and from a further damaged file. */
    assert_int_equal(memory_open(&first, &recovery, "recovery/crash_2.pf", ENCFILE_WRITABLE, &f, NULL), 0);
    assert_int_equal(encfile_close(f), 0);
    load(&m, "recovery/crash_2.pf");
    memset(m.data + 98 * 4096, 0xee, 2 * 4096);
    memset(m.data + 4096, 0xee, 2 * 4096);
    assert_int_equal(memory_open(&m, &recovery, "recovery/crash_2.pf", ENCFILE_WRITABLE, &f, NULL), 0);
    assert_int_equal(encfile_close(f), 0);
    assert_int_equal(m.size, first.size);
    assert_memory_equal(m.data, first.data, m.size);
    memory_free(&first);
    memory_free(&m);
    memory_free(&recovery);
}

/* The same change as in the vectors' recipe: our recovery file has the same records in the same order. */
static void our_recovery_file_has_gramines_layout(void **state)
{
    static const uint64_t order[] = { 98, 99, 2, 1, 0 };
    static const uint8_t x[100];
    struct memory_file m, recovery, old, copy = { 0 };
    struct encfile *f;
    need_vectors();
    load(&m, "recovery/crash_0.pf");
    load(&old, "recovery/crash_0.pf");
    load(&recovery, "recovery/crash_0.pf.gramine.recovery");
    assert_int_equal(memory_open(&m, &copy, "recovery/crash_0.pf", ENCFILE_WRITABLE, &f, NULL), 0);
    assert_int_equal(encfile_write(f, 100, x, 3), 3);
    assert_int_equal(encfile_write(f, 4000, x, 10), 10);
    assert_int_equal(encfile_write(f, 400000, x, 100), 100);
    assert_int_equal(encfile_close(f), 0);
    assert_int_equal(copy.size, 5 * 4104);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(copy.data[i * 4104], order[i]);
        assert_memory_equal(copy.data + i * 4104 + 8, old.data + order[i] * 4096, 4096);
    }
    assert_memory_equal(copy.data, recovery.data, copy.size);
    memory_free(&m);
    memory_free(&old);
    memory_free(&recovery);
    memory_free(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_gramine_and_graphene_wrote_are_read_and_continued),
        cmocka_unit_test(files_changed_by_truncation_rename_and_holes_are_read),
        cmocka_unit_test(damaged_files_give_what_the_reference_gives),
        cmocka_unit_test(interrupted_flushes_are_undone_from_gramines_recovery_file),
        cmocka_unit_test(undoing_restores_the_original_file_exactly),
        cmocka_unit_test(our_recovery_file_has_gramines_layout),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(g_manifest);
    return failed;
}

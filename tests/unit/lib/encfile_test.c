/*
 * Encrypted files against a model in memory, an independent decoder, and a host that fails. Files
 * that Gramine wrote are in encfile_vectors_test.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "encfile_memory.h"

static uint8_t *pattern(uint64_t offset, size_t size)
{
    uint8_t *buf = malloc(size + 1);
    fill_pattern(buf, offset, size);
    return buf;
}

static void create_pattern(struct memory_file *m, struct memory_file *recovery, size_t size)
{
    struct encfile *f;
    uint8_t *data = pattern(0, size);
    assert_int_equal(memory_open(m, recovery, "a/b", ENCFILE_CREATE, &f, NULL), 0);
    assert_int_equal(encfile_write(f, 0, data, size), size);
    assert_int_equal(encfile_close(f), 0);
    free(data);
}

static void assert_content(struct encfile *f, const uint8_t *want, size_t size)
{
    uint8_t *got = malloc(size + 1);
    assert_int_equal(encfile_size(f), size);
    assert_int_equal(encfile_read(f, 0, got, size + 1), size);
    assert_memory_equal(got, want, size);
    free(got);
}

static void assert_file(struct memory_file *m, struct memory_file *recovery, const uint8_t *want,
                        size_t size)
{
    struct encfile *f;
    assert_int_equal(memory_open(m, recovery, "a/b", 0, &f, NULL), 0);
    assert_content(f, want, size);
    assert_int_equal(encfile_close(f), 0);
}

static const size_t boundaries[] = { 0, 1, 3071, 3072, 3073, 4096, 7167, 7168, 7169, 11264, 11265,
                                     396287, 396288, 396289, 400384, 400385, 1048576,
                                     12979200, 12979201, 13000000 };
#define BOUNDARIES (sizeof(boundaries) / sizeof(boundaries[0]))

static void files_of_every_boundary_size_read_back(void **state)
{
    for (size_t i = 0; i < BOUNDARIES; i++) {
        struct memory_file m = { 0 };
        size_t size = boundaries[i], nodes = size <= 3072 ? 0 : (size - 3072 + 4095) / 4096;
        create_pattern(&m, NULL, size);
        assert_int_equal(m.size, (1 + nodes + (nodes + 95) / 96) * 4096);
        uint8_t *want = pattern(0, size);
        assert_file(&m, NULL, want, size);
        free(want);
        memory_free(&m);
    }
}

static void an_independent_decoder_reads_what_we_write(void **state)
{
    char dir[] = "/tmp/encfile_test.XXXXXX", name[64], command[512];
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < BOUNDARIES; i++) {
        struct memory_file m = { 0 };
        create_pattern(&m, NULL, boundaries[i]);
        snprintf(name, sizeof(name), "%s/%zu.pf", dir, boundaries[i]);
        FILE *out = fopen(name, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(m.data, 1, m.size, out), m.size);
        assert_int_equal(fclose(out), 0);
        memory_free(&m);
    }
    snprintf(command, sizeof(command),
             "python3 -c 'import cryptography' 2>/dev/null || exit 77; python3 %s/pf_decode.py "
             "--check-pattern --path a/b ffeeddccbbaa99887766554433221100 %s/*.pf", TEST_DIR, dir);
    int status = system(command);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    if (WEXITSTATUS(status) == 77) {
        print_message("python3-cryptography is not installed\n");
        skip();
    }
    assert_int_equal(status, 0);
}

/* Small and odd pieces must give the same file as one big one. */
static void pieces_of_any_length_write_and_read(void **state)
{
    size_t size = 500000;
    static const size_t pieces[] = { 1000, 4096, 4097, 65536, 3072 };
    uint8_t *want = pattern(0, size), *got = malloc(size);
    for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        struct memory_file m = { 0 };
        struct encfile *f;
        assert_int_equal(memory_open(&m, NULL, "a/b", ENCFILE_CREATE, &f, NULL), 0);
        for (size_t at = 0; at < size; at += pieces[p]) {
            size_t n = size - at < pieces[p] ? size - at : pieces[p];
            assert_int_equal(encfile_write(f, at, want + at, n), n);
        }
        for (size_t at = 0; at < size; at += pieces[p])
            assert_true(encfile_read(f, at, got + at, pieces[p] < size - at ? pieces[p] : size - at) > 0);
        assert_memory_equal(got, want, size);
        assert_int_equal(encfile_close(f), 0);
        assert_file(&m, NULL, want, size);
        memory_free(&m);
    }
    free(want);
    free(got);
}

#define MODEL_MAX 1600000

struct model {
    uint8_t *data;
    size_t size;
};

static void model_step(struct encfile *f, struct model *model, uint32_t *seed)
{
    static uint8_t buf[300000], got[300000];
    uint32_t what = test_random(seed) % 16;
    size_t at = test_random(seed) % MODEL_MAX, n = 1 + test_random(seed) % 9000;
    if (test_random(seed) % 3 == 0)
        at = test_random(seed) % 20000;
    if (test_random(seed) % 2 == 0 && model->size)
        at %= model->size;
    if (test_random(seed) % 8 == 0)
        n *= 30;
    if (at + n > MODEL_MAX)
        n = MODEL_MAX - at;
    if (what < 7) {
        for (size_t i = 0; i < n; i++)
            buf[i] = (uint8_t)test_random(seed);
        assert_int_equal(encfile_write(f, at, buf, n), n);
        if (n && at > model->size)
            memset(model->data + model->size, 0, at - model->size);
        memcpy(model->data + at, buf, n);
        if (n && at + n > model->size)
            model->size = at + n;
    } else if (what < 13) {
        size_t want = at >= model->size ? 0 : n < model->size - at ? n : model->size - at;
        assert_int_equal(encfile_read(f, at, got, n), want);
        assert_memory_equal(got, model->data + at, want);
    } else if (what < 15) {
        if (at > model->size)
            memset(model->data + model->size, 0, at - model->size);
        assert_int_equal(encfile_set_size(f, at), 0);
        model->size = at;
    } else {
        assert_int_equal(encfile_flush(f), 0);
    }
    assert_int_equal(encfile_size(f), model->size);
}

static void random_operations_agree_with_a_model(void **state)
{
    for (uint32_t run = 1; run <= 6; run++) {
        struct memory_file m = { 0 }, recovery = { 0 };
        struct memory_file *rec = run % 2 ? &recovery : NULL;
        struct model model = { calloc(1, MODEL_MAX), 0 };
        uint32_t seed = run * 2654435761u;
        struct encfile *f;
        assert_int_equal(memory_open(&m, rec, "a/b", ENCFILE_CREATE, &f, NULL), 0);
        for (int step = 0; step < 300; step++) {
            model_step(f, &model, &seed);
            if (step % 50 == 49) {
                assert_int_equal(encfile_close(f), 0);
                assert_int_equal(memory_open(&m, rec, "a/b", ENCFILE_WRITABLE, &f, NULL), 0);
                assert_content(f, model.data, model.size);
            }
        }
        assert_int_equal(encfile_close(f), 0);
        assert_file(&m, rec, model.data, model.size);
        free(model.data);
        memory_free(&m);
        memory_free(&recovery);
    }
}

static void deep_trees_survive_random_writes(void **state)
{
    struct memory_file m = { 0 };
    size_t size = 14000000;
    create_pattern(&m, NULL, size);
    uint8_t *want = pattern(0, size);
    uint32_t seed = 7;
    struct encfile *f;
    assert_int_equal(memory_open(&m, NULL, "a/b", ENCFILE_WRITABLE, &f, NULL), 0);
    for (int i = 0; i < 300; i++) {
        size_t at = test_random(&seed) % (size - 5000), n = 1 + test_random(&seed) % 5000;
        memset(want + at, i, n);
        assert_int_equal(encfile_write(f, at, want + at, n), n);
    }
    assert_int_equal(encfile_close(f), 0);
    assert_file(&m, NULL, want, size);
    free(want);
    memory_free(&m);
}

static void a_hole_and_growth_read_as_zeros_even_after_shrinking(void **state)
{
    struct memory_file m = { 0 };
    struct encfile *f;
    uint8_t *want = calloc(1, 500000);
    create_pattern(&m, NULL, 401000);
    assert_int_equal(memory_open(&m, NULL, "a/b", ENCFILE_WRITABLE, &f, NULL), 0);
    fill_pattern(want, 0, 100);
    assert_int_equal(encfile_set_size(f, 100), 0);
    assert_int_equal(m.size, 4096);
    assert_int_equal(encfile_set_size(f, 5000), 0);
    assert_int_equal(encfile_write(f, 450000, "x", 1), 1);
    want[450000] = 'x';
    assert_content(f, want, 450001);
    assert_int_equal(encfile_close(f), 0);
    assert_file(&m, NULL, want, 450001);
    free(want);
    memory_free(&m);
}

static void a_file_opens_only_under_its_bound_path_and_rename_changes_it(void **state)
{
    struct memory_file m = { 0 };
    struct encfile *f;
    enum encfile_status status;
    create_pattern(&m, NULL, 10000);
    const char *wrong[] = { "a/c", "a/", "a/bb", "", "A/b" };
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(memory_open(&m, NULL, wrong[i], 0, &f, &status), -EACCES);
        assert_int_equal(status, ENCFILE_OTHER_PATH);
    }
    assert_int_equal(memory_open(&m, NULL, NULL, ENCFILE_WRITABLE, &f, NULL), 0);
    assert_string_equal(encfile_path(f), "a/b");
    char long_path[800];
    memset(long_path, 'p', sizeof(long_path));
    long_path[772] = 0;
    assert_int_equal(encfile_rename(f, long_path), -ENAMETOOLONG);
    assert_string_equal(encfile_path(f), "a/b");
    long_path[771] = 0;
    assert_int_equal(encfile_rename(f, long_path), 0);
    assert_int_equal(encfile_close(f), 0);
    assert_int_equal(memory_open(&m, NULL, "a/b", 0, &f, &status), -EACCES);
    assert_int_equal(memory_open(&m, NULL, long_path, 0, &f, &status), 0);
    assert_int_equal(encfile_close(f), 0);
    long_path[771] = 'p';
    assert_int_equal(memory_open(&m, NULL, long_path, 0, &f, &status), -ENAMETOOLONG);
    assert_int_equal(status, ENCFILE_PATH_TOO_LONG);
    memory_free(&m);
}

static void a_file_opened_for_reading_is_never_changed(void **state)
{
    struct memory_file m = { 0 };
    struct encfile *f;
    create_pattern(&m, NULL, 10000);
    m.frozen = true;
    assert_int_equal(memory_open(&m, NULL, "a/b", 0, &f, NULL), 0);
    assert_int_equal(encfile_write(f, 0, "x", 1), -EBADF);
    assert_int_equal(encfile_set_size(f, 0), -EBADF);
    assert_int_equal(encfile_rename(f, "c"), -EBADF);
    assert_int_equal(encfile_status(f), ENCFILE_READ_ONLY);
    assert_int_equal(encfile_sync(f), 0);
    assert_int_equal(encfile_close(f), 0);
    memory_free(&m);
}

static void a_wrong_key_is_told_apart_from_no_encrypted_file(void **state)
{
    struct memory_file m = { 0 }, plain = { 0 };
    struct encfile *f;
    enum encfile_status status;
    uint8_t key[16] = { 1 };
    create_pattern(&m, NULL, 10);
    struct encfile_params params = { .env = &memory_env, .io = &memory_io, .file = &m, .key = key };
    assert_int_equal(encfile_open(&params, &f, &status), -EACCES);
    assert_int_equal(status, ENCFILE_BAD_KEY);
    assert_null(f);
    params.file = &plain;
    assert_int_equal(encfile_open(&params, &f, &status), -EACCES);
    assert_int_equal(status, ENCFILE_BAD_LENGTH);
    plain.data = calloc(1, 4096);
    plain.size = 4096;
    assert_int_equal(encfile_open(&params, &f, &status), -EACCES);
    assert_int_equal(status, ENCFILE_NOT_ENCRYPTED);
    memory_free(&m);
    memory_free(&plain);
}

/* Every byte that is authenticated: flip one bit in each region of each node. */
static void a_flipped_bit_anywhere_is_found(void **state)
{
    struct memory_file m = { 0 };
    size_t size = 3072 + 4096 * 100 + 5;
    uint8_t *want = pattern(0, size), *got = malloc(size);
    create_pattern(&m, NULL, size);
    for (size_t at = 10; at < m.size; at += at < 4096 ? 97 : 1531) {
        if (at == 58 || (at >= 3943 && at < 4096))
            continue;
        struct encfile *f;
        m.data[at] ^= 0x10;
        int err = memory_open(&m, NULL, "a/b", 0, &f, NULL);
        if (!err) {
            int64_t n = encfile_read(f, 0, got, size);
            assert_true(n < (int64_t)size);
            assert_memory_equal(got, want, (size_t)n);
            assert_int_equal(encfile_read(f, (uint64_t)n, got, size), -EACCES);
            assert_int_equal(encfile_status(f), ENCFILE_TAMPERED);
            encfile_close(f);
        } else {
            assert_int_equal(err, -EACCES);
        }
        m.data[at] ^= 0x10;
    }
    assert_file(&m, NULL, want, size);
    free(want);
    free(got);
    memory_free(&m);
}

/* The change that the fault tests make: overwrite, append over an MHT border, flush, shrink. */
static bool change_file(struct encfile *f, uint8_t *model, size_t *size)
{
    size_t at = 300000, n = 250000;
    bool ok = true;
    uint8_t *data = malloc(n);
    memset(data, 0xa5, n);
    ok = encfile_write(f, 100, data, 20) == 20 && ok;
    ok = ok && encfile_write(f, at, data, n) == (int64_t)n;
    ok = ok && encfile_flush(f) == 0;
    ok = ok && encfile_set_size(f, 520000) == 0;
    memset(model + 100, 0xa5, 20);
    memset(model + at, 0xa5, n);
    *size = 520000;
    free(data);
    return ok;
}

/* Open after a fault: whatever is readable must be old or new content, else an error. */
static void check_torn_file(struct memory_file *m, struct memory_file *recovery, const uint8_t *old,
                            size_t old_size, const uint8_t *new, size_t new_size)
{
    struct encfile *f;
    int err = memory_open(m, recovery, "a/b", 0, &f, NULL);
    if (recovery)
        assert_int_equal(err, 0);
    if (err)
        return;
    size_t size = encfile_size(f), at = 0;
    uint8_t *got = malloc(size);
    while (at < size) {
        int64_t n = encfile_read(f, at, got, 1000);
        if (recovery)
            assert_true(n > 0);
        for (int64_t i = 0; i < n; i++, at++)
            assert_true((at < old_size && got[i] == old[at]) || (at < new_size + 30000 && got[i] == new[at]));
        if (n < 0)
            at += 1000;
    }
    free(got);
    encfile_close(f);
}

/*
 * Let write number k and all after it fail (a full disk), for every k. Then either a later flush
 * succeeds because there is room again, or the process dies there.
 */
static void faults_at_every_write(bool torn, bool with_recovery)
{
    size_t old_size = 410000, new_size = 0;
    struct memory_file base = { 0 }, none = { 0 };
    uint8_t *old = pattern(0, old_size), *new = calloc(1, 600000);
    create_pattern(&base, NULL, old_size);
    for (int k = 0, done = 0; !done; k++) {
        struct memory_file m, recovery = none;
        int budget = k;
        struct encfile *f;
        memory_copy(&m, &base);
        memory_open(&m, with_recovery ? &recovery : NULL, "a/b", ENCFILE_WRITABLE, &f, NULL);
        m.budget = recovery.budget = &budget;
        m.error = recovery.error = -ENOSPC;
        m.torn = recovery.torn = torn;
        memset(new, 0, 600000);
        memcpy(new, old, old_size);
        done = change_file(f, new, &new_size);
        struct memory_file dead, dead_recovery;
        memory_copy(&dead, &m);
        memory_copy(&dead_recovery, &recovery);
        if (!done) {
            /* The very last step, cutting the host's file, has nothing left to flush. */
            int err = encfile_flush(f);
            assert_true(err == -ENOSPC || (err == 0 && encfile_size(f) == 520000));
            check_torn_file(&dead, with_recovery ? &dead_recovery : NULL, old, old_size, new, new_size);
        }
        m.budget = recovery.budget = NULL;
        assert_true(change_file(f, new, &new_size));
        assert_int_equal(encfile_close(f), 0);
        assert_file(&m, with_recovery ? &recovery : NULL, new, new_size);
        memory_free(&m);
        memory_free(&recovery);
        memory_free(&dead);
        memory_free(&dead_recovery);
    }
    memory_free(&base);
    free(old);
    free(new);
}

static void a_full_disk_is_reported_and_repaired_by_a_later_flush(void **state)
{
    faults_at_every_write(false, false);
    faults_at_every_write(true, false);
}

static void with_a_recovery_file_a_full_disk_never_costs_the_good_state(void **state)
{
    faults_at_every_write(false, true);
    faults_at_every_write(true, true);
}

static void a_stale_or_malformed_recovery_file_is_refused(void **state)
{
    struct memory_file m = { 0 }, recovery = { 0 };
    struct encfile *f;
    enum encfile_status status;
    create_pattern(&m, NULL, 10000);
    m.data[58] = 1;
    assert_int_equal(memory_open(&m, NULL, "a/b", 0, &f, &status), -EACCES);
    assert_int_equal(status, ENCFILE_RECOVERY_NEEDED);
    assert_int_equal(memory_open(&m, &recovery, "a/b", 0, &f, &status), -EACCES);
    assert_int_equal(status, ENCFILE_RECOVERY_NEEDED);
    recovery.data = calloc(1, 4104);
    recovery.size = 4103;
    assert_int_equal(memory_open(&m, &recovery, "a/b", 0, &f, &status), -EACCES);
    assert_int_equal(status, ENCFILE_RECOVERY_FAILED);
    recovery.size = 4104;
    memset(recovery.data, 0xff, 8); /* a node number that would wrap */
    assert_int_equal(memory_open(&m, &recovery, "a/b", 0, &f, &status), -EACCES);
    assert_int_equal(status, ENCFILE_RECOVERY_FAILED);
    assert_int_equal(memory_open(&m, NULL, "a/b", ENCFILE_IGNORE_PENDING, &f, &status), 0);
    assert_true(encfile_was_pending(f));
    assert_int_equal(encfile_close(f), 0);
    memory_free(&m);
    memory_free(&recovery);
}

static void sizes_beyond_the_format_are_refused(void **state)
{
    struct memory_file m = { 0 };
    struct encfile *f;
    assert_int_equal(memory_open(&m, NULL, "a/b", ENCFILE_CREATE, &f, NULL), 0);
    assert_int_equal(encfile_set_size(f, UINT64_MAX), -EFBIG);
    assert_int_equal(encfile_write(f, UINT64_MAX, "x", 1), -EFBIG);
    assert_int_equal(encfile_write(f, UINT64_MAX / 2, "x", 1), -EFBIG);
    assert_int_equal(encfile_read(f, UINT64_MAX, &m, 1), 0);
    assert_int_equal(encfile_write(f, 5, "x", 0), 0);
    assert_int_equal(encfile_size(f), 0);
    assert_int_equal(encfile_close(f), 0);
    memory_free(&m);
}

static int g_allocs, g_randoms; /* how many more succeed */

static void *scarce_alloc(size_t size)
{
    return g_allocs-- > 0 ? malloc(size) : NULL;
}

static int scarce_random(void *buf, size_t size)
{
    return g_randoms-- > 0 ? memory_env.random(buf, size) : -EIO;
}

/* With `left` allocations or random draws to go, a file must be right or say that it is not. */
static bool write_with_scarcity(int allocs, int randoms)
{
    static const struct encfile_env scarce = { scarce_alloc, free, scarce_random };
    struct memory_file m = { 0 };
    struct encfile_params params = { .env = &scarce, .io = &memory_io, .file = &m, .key = test_key,
                                     .path = "a/b", .flags = ENCFILE_CREATE };
    size_t size = 450000, done = 0;
    uint8_t *data = pattern(0, size);
    struct encfile *f;
    g_allocs = allocs;
    g_randoms = randoms;
    int err = encfile_open(&params, &f, NULL);
    if (!err) {
        int64_t n = encfile_write(f, 0, data, size);
        done = n < 0 ? 0 : (size_t)n;
        if (done < size) {
            assert_true(encfile_write(f, done, data + done, size - done) < 0);
            assert_int_equal(encfile_status(f), allocs < 1000 ? ENCFILE_NO_MEMORY : ENCFILE_NO_RANDOM);
        }
        err = encfile_close(f);
    }
    if (!err)
        assert_file(&m, NULL, data, done);
    free(data);
    memory_free(&m);
    return !err && done == size;
}

static void running_out_of_memory_or_randomness_is_an_error_without_damage(void **state)
{
    int k = 0;
    while (!write_with_scarcity(k, 1000))
        k++;
    assert_true(k > 40);
    for (k = 0; !write_with_scarcity(1000, k);)
        k++;
    assert_true(k > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_every_boundary_size_read_back),
        cmocka_unit_test(an_independent_decoder_reads_what_we_write),
        cmocka_unit_test(pieces_of_any_length_write_and_read),
        cmocka_unit_test(random_operations_agree_with_a_model),
        cmocka_unit_test(deep_trees_survive_random_writes),
        cmocka_unit_test(a_hole_and_growth_read_as_zeros_even_after_shrinking),
        cmocka_unit_test(a_file_opens_only_under_its_bound_path_and_rename_changes_it),
        cmocka_unit_test(a_file_opened_for_reading_is_never_changed),
        cmocka_unit_test(a_wrong_key_is_told_apart_from_no_encrypted_file),
        cmocka_unit_test(a_flipped_bit_anywhere_is_found),
        cmocka_unit_test(a_full_disk_is_reported_and_repaired_by_a_later_flush),
        cmocka_unit_test(with_a_recovery_file_a_full_disk_never_costs_the_good_state),
        cmocka_unit_test(a_stale_or_malformed_recovery_file_is_refused),
        cmocka_unit_test(running_out_of_memory_or_randomness_is_an_error_without_damage),
        cmocka_unit_test(sizes_beyond_the_format_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

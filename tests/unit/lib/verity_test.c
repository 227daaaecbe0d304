/* fs-verity trees against roots computed by Python's hashlib, and against tampering. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/verity/verity.h"
#include "verity_roots.h"

struct sample {
    uint8_t *data, *tree;
    uint64_t *bitmap;
    uint64_t size, tree_size;
    uint8_t root[VERITY_ROOT];
};

/* As verity_roots.py makes it. */
static void fill(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16) * 29 + 3);
}

static void sample_init(struct sample *s, size_t size, size_t chunk)
{
    struct verity_builder b;
    s->size = size;
    s->tree_size = verity_tree_size(size);
    s->data = malloc(size + 1);
    s->tree = malloc(s->tree_size + 1);
    s->bitmap = calloc(1, verity_bitmap_size(size) + 8);
    fill(s->data, size);
    assert_int_equal(verity_build_init(&b, size, s->tree), 0);
    for (size_t at = 0; at < size; at += chunk)
        assert_int_equal(verity_build_update(&b, s->data + at, size - at < chunk ? size - at : chunk), 0);
    assert_int_equal(verity_build_final(&b, s->root), 0);
}

static void sample_fini(struct sample *s)
{
    free(s->data);
    free(s->tree);
    free(s->bitmap);
}

static void sample_open(struct sample *s, struct verity_file *v)
{
    memset(s->bitmap, 0, verity_bitmap_size(s->size));
    assert_int_equal(verity_file_init(v, s->size, s->root, s->tree, s->bitmap), 0);
}

static void roots_are_those_of_an_independent_computation(void **state)
{
    for (size_t i = 0; i < sizeof(verity_roots) / sizeof(verity_roots[0]); i++) {
        static const size_t chunks[] = { 100000000, 4096, 1000, 10000 };
        for (size_t c = 0; c < 4; c++) {
            struct sample s;
            char hex[2 * VERITY_ROOT + 1];
            sample_init(&s, verity_roots[i].size, chunks[c]);
            hex_encode(s.root, VERITY_ROOT, hex);
            assert_string_equal(hex, verity_roots[i].root);
            assert_int_equal(s.tree_size, verity_roots[i].tree_size);
            sample_fini(&s);
        }
    }
}

static void good_data_is_accepted_in_any_range_of_blocks(void **state)
{
    struct sample s;
    struct verity_file v;
    sample_init(&s, 4096 * 300 + 77, 4096);
    for (uint64_t first = 0; first < 301; first += 13) {
        for (uint64_t count = 1; first + count <= 301; count += 31) {
            uint64_t size = count * 4096;
            if (first * 4096 + size > s.size)
                size = s.size - first * 4096;
            sample_open(&s, &v);
            assert_int_equal(verity_check(&v, first, s.data + first * 4096, size), 0);
            assert_int_equal(verity_check(&v, first, s.data + first * 4096, size), 0);
        }
    }
    assert_int_equal(verity_check(&v, 301, s.data, 1), -EINVAL);
    assert_int_equal(verity_check(&v, 0, s.data, 100), -EINVAL);
    assert_int_equal(verity_check(&v, 300, s.data, 78), -EINVAL);
    assert_int_equal(verity_check(&v, UINT64_MAX / 4096, s.data, 4096), -EINVAL);
    sample_fini(&s);
}

static void a_changed_byte_of_data_is_found(void **state)
{
    static const size_t sizes[] = { 1, 4096, 5000, 4096 * 129 + 5 };
    for (size_t k = 0; k < 4; k++) {
        struct sample s;
        struct verity_file v;
        sample_init(&s, sizes[k], 4096);
        for (size_t at = 0; at < s.size; at += s.size > 10000 ? 997 : 1) {
            sample_open(&s, &v);
            s.data[at] ^= 1;
            assert_int_equal(verity_check(&v, 0, s.data, s.size), -EBADMSG);
            s.data[at] ^= 1;
        }
        sample_open(&s, &v);
        assert_int_equal(verity_check(&v, 0, s.data, s.size), 0);
        sample_fini(&s);
    }
}

static void a_changed_byte_of_the_tree_is_found(void **state)
{
    struct sample s;
    struct verity_file v;
    sample_init(&s, 4096 * 130, 4096);
    assert_int_equal(s.tree_size, 3 * 4096);
    for (size_t at = 0; at < s.tree_size; at += 31) {
        sample_open(&s, &v);
        s.tree[at] ^= 0x80;
        assert_int_equal(verity_check(&v, 0, s.data, s.size), -EBADMSG);
        /* The other half of the file does not depend on a changed leaf. */
        if (at >= 8192)
            assert_int_equal(verity_check(&v, 0, s.data, 4096 * 128), 0);
        s.tree[at] ^= 0x80;
        assert_int_equal(verity_check(&v, 0, s.data, s.size), 0);
    }
    s.root[5] ^= 1;
    sample_open(&s, &v);
    assert_int_equal(verity_check(&v, 129, s.data + 129 * 4096, 4096), -EBADMSG);
    sample_fini(&s);
}

/* A forged tree that fits forged data fails at the root. */
static void a_whole_other_tree_is_refused(void **state)
{
    struct sample s, other;
    struct verity_file v;
    sample_init(&s, 4096 * 200, 4096);
    sample_init(&other, 4096 * 200, 4096);
    other.data[5] ^= 1;
    struct verity_builder b;
    uint8_t root[VERITY_ROOT];
    assert_int_equal(verity_build_init(&b, other.size, other.tree), 0);
    assert_int_equal(verity_build_update(&b, other.data, other.size), 0);
    assert_int_equal(verity_build_final(&b, root), 0);
    memset(s.bitmap, 0, verity_bitmap_size(s.size));
    assert_int_equal(verity_file_init(&v, s.size, s.root, other.tree, s.bitmap), 0);
    assert_int_equal(verity_check(&v, 0, other.data, other.size), -EBADMSG);
    sample_fini(&s);
    sample_fini(&other);
}

struct stored {
    const uint8_t *tree;
    unsigned fetches;
    int error;
};

static int fetch(void *ctx, uint64_t offset, void *buf, size_t size)
{
    struct stored *stored = ctx;
    stored->fetches++;
    if (stored->error)
        return stored->error;
    memcpy(buf, stored->tree + offset, size);
    return 0;
}

static void tree_blocks_are_fetched_once_when_first_needed(void **state)
{
    struct sample s;
    struct verity_file v;
    sample_init(&s, 4096 * 1000, 4096);
    struct stored stored = { .tree = s.tree };
    uint8_t *copy = calloc(1, s.tree_size);
    memset(s.bitmap, 0, verity_bitmap_size(s.size));
    assert_int_equal(verity_file_init(&v, s.size, s.root, copy, s.bitmap), 0);
    v.fetch = fetch;
    v.ctx = &stored;
    stored.error = -EIO;
    assert_int_equal(verity_check(&v, 0, s.data, 4096), -EIO);
    stored.error = stored.fetches = 0;
    assert_int_equal(verity_check(&v, 0, s.data, 4096), 0);
    assert_int_equal(stored.fetches, 2);
    assert_int_equal(verity_check(&v, 1, s.data + 4096, 4096 * 127), 0);
    assert_int_equal(stored.fetches, 2);
    assert_int_equal(verity_check(&v, 0, s.data, s.size), 0);
    assert_int_equal(stored.fetches, 9);
    free(copy);
    sample_fini(&s);
}

static void a_file_that_changes_its_length_while_it_is_built_is_an_error(void **state)
{
    struct verity_builder b;
    uint8_t data[5000] = { 0 }, tree[4096], root[VERITY_ROOT];
    assert_int_equal(verity_build_init(&b, 4999, tree), 0);
    assert_int_equal(verity_build_update(&b, data, 5000), -EFBIG);
    assert_int_equal(verity_build_update(&b, data, 4998), 0);
    assert_int_equal(verity_build_final(&b, root), -ENODATA);
    assert_int_equal(verity_build_update(&b, data, 1), 0);
    assert_int_equal(verity_build_final(&b, root), 0);
    assert_int_equal(verity_build_init(&b, UINT64_MAX, NULL), -EFBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_an_independent_computation),
        cmocka_unit_test(good_data_is_accepted_in_any_range_of_blocks),
        cmocka_unit_test(a_changed_byte_of_data_is_found),
        cmocka_unit_test(a_changed_byte_of_the_tree_is_found),
        cmocka_unit_test(a_whole_other_tree_is_refused),
        cmocka_unit_test(tree_blocks_are_fetched_once_when_first_needed),
        cmocka_unit_test(a_file_that_changes_its_length_while_it_is_built_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

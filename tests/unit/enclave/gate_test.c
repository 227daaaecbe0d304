/* The gate against a host that lies: every row of hostcall.def, every kind of lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "enclave/backend.h"
#include "enclave/gate.h"
#include "lib/base/bytes.h"
#include "lib/boundary/start.h"
#include "tests/unit/enclave/hostile.h"

static const uint8_t noise[61] = { 0xff, 0, 0x7f, 0x41, 0x80, 1, 2, 3, 4, 5, 6 };
static const int64_t results[] = {
    0, 1, 3, 15, 16, 17, 99, 100, 101, 4095, 4096, 4097, INT32_MAX, INT64_C(1) << 31, INT64_C(1) << 32, INT64_MAX, INT64_MIN,
    INT64_MIN + 1, -134, -255, -256, -257, -4095, -4096, -(INT64_C(1) << 32), INT64_C(0x7f0000000000),
};
static const uint64_t lengths[] = { 0, 1, 7, 8, 100, 4096, 20000 };

static void every_row_holds_its_promise_whatever_the_host_returns(void **state)
{
    for (int nr = 0; nr < HC_COUNT; nr++)
        for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
            for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
                hostile_call((enum hostcall_nr)nr, lengths[l], &(struct lie){ results[i], noise, i % 3 ? sizeof(noise) : 0 });
}

static void every_errno_is_told_only_where_the_row_lists_it(void **state)
{
    for (int nr = 0; nr < HC_COUNT; nr++)
        for (int64_t e = -300; e < 0; e++)
            hostile_call((enum hostcall_nr)nr, 4, &(struct lie){ e, noise, 0 });
}

static void a_long_length_is_an_error_and_nothing_is_believed(void **state)
{
    assert_int_equal(hostile_call(HC_read, 100, &(struct lie){ 101, noise, sizeof(noise) }), -EIO);
    assert_int_equal(hostile_call(HC_read, 100, &(struct lie){ 100, noise, sizeof(noise) }), 100);
    assert_int_equal(hostile_call(HC_read, 100, &(struct lie){ 3, noise, sizeof(noise) }), 3);
}

static void a_wild_descriptor_is_an_error(void **state)
{
    assert_int_equal(hostile_call(HC_openat, 8, &(struct lie){ INT64_C(1) << 31, noise, 0 }), -EIO);
    assert_int_equal(hostile_call(HC_socket, 8, &(struct lie){ INT64_MIN, noise, 0 }), -EIO);
    assert_int_equal(hostile_call(HC_socket, 8, &(struct lie){ 7, noise, 0 }), 7);
}

static void long_reads_and_writes_become_short_ones(void **state)
{
    int64_t most = (int64_t)gate_transfer_max();
    assert_int_equal(hostile_call(HC_pread64, 300000, &(struct lie){ most, noise, sizeof(noise) }), most);
    assert_int_equal(hostile_call(HC_pread64, 300000, &(struct lie){ most + 1, noise, sizeof(noise) }), -EIO);
    assert_int_equal(hostile_call(HC_pwrite64, 300000, &(struct lie){ most, noise, sizeof(noise) }), most);
}

static void random_lies_break_no_promise(void **state)
{
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        int64_t lie = (int64_t)((uint64_t)random() << 33 ^ (uint64_t)random());
        lie >>= random() % 64;
        hostile_call((enum hostcall_nr)(random() % HC_COUNT), (uint64_t)random() % 2000, &(struct lie){ lie, noise, (size_t)random() % sizeof(noise) });
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_holds_its_promise_whatever_the_host_returns),
        cmocka_unit_test(every_errno_is_told_only_where_the_row_lists_it),
        cmocka_unit_test(a_long_length_is_an_error_and_nothing_is_believed),
        cmocka_unit_test(a_wild_descriptor_is_an_error),
        cmocka_unit_test(long_reads_and_writes_become_short_ones),
        cmocka_unit_test(random_lies_break_no_promise),
    };
    hostile_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

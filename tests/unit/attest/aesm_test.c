/* lib/aesm against the bytes of the specification and against hostile responses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aesm/aesm.h"
#include "lib/base/bytes.h"

static void init_request_has_the_bytes_of_the_specification(void **state)
{
    uint8_t buf[AESM_REQUEST_MAX], id[AESM_KEY_ID_SIZE];
    aesm_key_id_ecdsa(id);
    int64_t n = aesm_encode_init(buf, sizeof(buf), id);
    assert_int_equal(n, 4 + 3 + 3 + 256 + 4);
    assert_int_equal(load_le32(buf), n - 4);
    assert_memory_equal(buf + 4, "\x7a\x87\x02\x0a\x80\x02", 6);
    assert_memory_equal(buf + 10, id, 256);
    assert_memory_equal(buf + 266, "\x18\x01\x20\x20", 4);
}

static void quote_request_has_the_bytes_of_the_specification(void **state)
{
    uint8_t buf[AESM_REQUEST_MAX], id[AESM_KEY_ID_SIZE], report[432] = { 9 };
    aesm_key_id_ecdsa(id);
    int64_t n = aesm_encode_quote(buf, sizeof(buf), id, report, 8192);
    assert_true(n > 0);
    assert_memory_equal(buf + 4, "\x8a\x01", 2);
    assert_memory_equal(buf + 8, "\x0a\xb0\x03\x09", 4);
    assert_memory_equal(buf + n - 3, "\x20\x80\x40", 3);
    assert_int_equal(aesm_encode_quote(buf, 100, id, report, 8192), -ENOBUFS);
}

static void response_to_another_request_is_refused(void **state)
{
    struct aesm_response r;
    static const uint8_t size_answer[] = { 0x82, 0x01, 5, 0x08, 0, 0x10, 0x80, 0x20 };
    assert_int_equal(aesm_decode_response(size_answer, sizeof(size_answer), AESM_QUOTE_SIZE, &r), 0);
    assert_int_equal(r.quote_size, 4096);
    assert_int_equal(aesm_decode_response(size_answer, sizeof(size_answer), AESM_QUOTE, &r), -EBADMSG);
}

static void error_42_is_reported_as_it_is(void **state)
{
    struct aesm_response r;
    static const uint8_t answer[] = { 0x7a, 2, 0x08, 42 };
    assert_int_equal(aesm_decode_response(answer, sizeof(answer), AESM_INIT_QUOTE, &r), 0);
    assert_int_equal(r.error, AESM_ATT_KEY_NOT_INITIALIZED);
}

static void truncated_and_overlong_fields_are_refused(void **state)
{
    struct aesm_response r;
    static const uint8_t answer[] = { 0x7a, 6, 0x08, 0, 0x12, 0x7f, 1, 2 };
    for (size_t n = 0; n <= sizeof(answer); n++)
        assert_int_equal(aesm_decode_response(answer, n, AESM_INIT_QUOTE, &r), -EBADMSG);
}

static void quote_longer_than_its_buffer_is_refused(void **state)
{
    uint8_t answer[600] = { 0x8a, 0x01, 0xc1, 0x03, 0x08, 0, 0x12, 0xbc, 0x03 };
    struct aesm_response r;
    store_le32(answer + 9 + 432, 9); /* the buffer has room for 8 bytes of signature */
    assert_int_equal(aesm_decode_response(answer, 4 + 449, AESM_QUOTE, &r), -EBADMSG);
    store_le32(answer + 9 + 432, 3);
    assert_int_equal(aesm_decode_response(answer, 4 + 449, AESM_QUOTE, &r), 0);
    assert_int_equal(r.data_size, 439);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_request_has_the_bytes_of_the_specification),
        cmocka_unit_test(quote_request_has_the_bytes_of_the_specification),
        cmocka_unit_test(response_to_another_request_is_refused),
        cmocka_unit_test(error_42_is_reported_as_it_is),
        cmocka_unit_test(truncated_and_overlong_fields_are_refused),
        cmocka_unit_test(quote_longer_than_its_buffer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The image's memory functions, compiled here as our_memcpy and so on, against the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 80, AROUND = 16 };

void *our_memcpy(void *restrict dst, const void *restrict src, size_t size);
void *our_memmove(void *dst, const void *src, size_t size);
void *our_memset(void *dst, int byte, size_t size);
int our_memcmp(const void *a, const void *b, size_t size);
size_t our_strlen(const char *s);

static void fill(uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)random();
}

static void bytes_are_copied_and_none_around_them(void **state)
{
    uint8_t from[MOST + AROUND], to[MOST + 2 * AROUND], wanted[sizeof(to)];
    for (size_t size = 0; size <= MOST; size++)
        for (size_t at = 0; at < AROUND; at++) {
            fill(from, sizeof(from));
            fill(to, sizeof(to));
            memcpy(wanted, to, sizeof(to));
            memcpy(wanted + AROUND, from + at, size);
            assert_ptr_equal(our_memcpy(to + AROUND, from + at, size), to + AROUND);
            assert_memory_equal(to, wanted, sizeof(to));
            memset(wanted + AROUND, (int)at - 5, size);
            assert_ptr_equal(our_memset(to + AROUND, (int)at - 5, size), to + AROUND);
            assert_memory_equal(to, wanted, sizeof(to));
        }
}

static void ranges_that_overlap_are_moved(void **state)
{
    uint8_t bytes[MOST + 2 * AROUND], wanted[sizeof(bytes)];
    for (size_t size = 0; size <= MOST; size++)
        for (size_t from = 0; from < AROUND; from++)
            for (size_t to = 0; to < AROUND; to++) {
                fill(bytes, sizeof(bytes));
                memcpy(wanted, bytes, sizeof(bytes));
                memmove(wanted + to, wanted + from, size);
                assert_ptr_equal(our_memmove(bytes + to, bytes + from, size), bytes + to);
                assert_memory_equal(bytes, wanted, sizeof(bytes));
            }
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void the_first_byte_that_differs_decides(void **state)
{
    uint8_t a[MOST], b[MOST];
    fill(a, sizeof(a));
    for (size_t size = 0; size <= MOST; size++) {
        memcpy(b, a, sizeof(b));
        assert_int_equal(our_memcmp(a, b, size), 0);
        for (size_t i = 0; i < MOST; i++) {
            b[i] ^= (uint8_t)(1 + random() % 255);
            assert_int_equal(sign(our_memcmp(a, b, size)), sign(memcmp(a, b, size)));
            b[i] = i % 2 ? a[i] : b[i];
        }
    }
}

static void strings_are_measured(void **state)
{
    assert_int_equal(our_strlen(""), 0);
    assert_int_equal(our_strlen("abc"), 3);
    for (size_t from = 0; from < 8; from++)
        for (size_t n = 0; n < 40; n++) {
            char text[64];
            memset(text, 0x80 | 0x01,
                   sizeof(text)); /* bytes that an inexact word test takes for NUL */
            memset(text + from, n & 1 ? 0x01 : 0xff, n);
            text[from + n] = 0;
            assert_int_equal(our_strlen(text + from), n);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_copied_and_none_around_them),
        cmocka_unit_test(ranges_that_overlap_are_moved),
        cmocka_unit_test(the_first_byte_that_differs_decides),
        cmocka_unit_test(strings_are_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

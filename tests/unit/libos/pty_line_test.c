/*
 * The line discipline under any keys, modes and reads: what is kept stays within the buffer, what was typed in raw mode
 * comes out as it went in, and a full buffer can always be ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef assert

#include "enclave/heap.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "libos/fs/pty.h"
#include "libos/sys/iobuf.h"

void *mem_alloc(size_t size)
{
    return malloc(size);
}

void *mem_realloc(void *p, size_t size)
{
    return realloc(p, size);
}

void mem_free(void *p)
{
    free(p);
}

bool user_range_ok(uaddr_t address, uint64_t size)
{
    return false;
}

size_t user_write_some(uaddr_t to, const void *from, size_t size)
{
    return 0;
}

size_t user_read_some(void *to, uaddr_t from, size_t size)
{
    return 0;
}

int user_zero(uaddr_t to, size_t size)
{
    return -1;
}

static struct pty *new_pty(void)
{
    struct pty *p = calloc(1, sizeof(*p));
    line_reset(p);
    ring_init(&p->output, PTY_OUTPUT);
    return p;
}

static void free_pty(struct pty *p)
{
    ring_fini(&p->output);
    free(p);
}

static int64_t take(struct pty *p, void *to, size_t size)
{
    struct iobuf b;
    iobuf_kernel(&b, to, size);
    return line_read(p, &b);
}

static void check(const struct pty *p)
{
    assert_true(p->head - p->tail <= PTY_INPUT);
    assert_true(p->line - p->tail <= p->head - p->tail);
    assert_true(p->output.used <= PTY_OUTPUT);
    assert_true(line_waiting(p) <= PTY_INPUT);
}

static void random_keys_stay_within_the_buffers(void **state)
{
    uint8_t out[5000];
    struct pty *p = new_pty();
    p->packet = true;
    srand(1);
    for (int i = 0; i < 400000; i++) {
        int what = rand() % 100;
        if (what < 90 && line_accepts(p)) {
            line_type(p, (uint8_t)(rand() % 3 ? rand() % 32 + (rand() % 4 ? 0 : 96) : rand()));
        } else if (what < 93) {
            int64_t n = take(p, out, (size_t)(rand() % 10 ? rand() % 20 + 1 : 5000));
            assert_true(n >= 0 && n <= 5000);
        } else if (what < 95) {
            (void)line_print(p, (uint8_t)rand());
        } else if (what < 96) {
            struct linux_termios t = p->t;
            t.lflag ^= 1u << rand() % 16;
            t.iflag ^= 1u << rand() % 15;
            t.oflag ^= 1u << rand() % 13;
            t.cc[rand() % 19] = (uint8_t)(rand() % 40);
            line_set_termios(p, &t);
        } else if (what < 97) {
            ring_skip(&p->output, p->output.used);
        } else if (what == 98 && rand() % 50 == 0) {
            line_flush_input(p);
        }
        check(p);
    }
    free_pty(p);
}

static void a_full_line_can_be_ended(void **state)
{
    uint8_t out[PTY_INPUT + 10];
    struct pty *p = new_pty();
    for (int i = 0; i < 10000; i++) {
        assert_true(line_accepts(p));
        line_type(p, 'x');
        ring_skip(&p->output, p->output.used);
    }
    assert_false(line_readable(p));
    line_type(p, '\n');
    assert_true(line_readable(p));
    assert_false(line_accepts(p));
    assert_int_equal(take(p, out, sizeof(out)), PTY_INPUT);
    assert_int_equal(out[PTY_INPUT - 1], '\n');
    assert_true(line_accepts(p));
    free_pty(p);
}

static void raw_bytes_come_out_as_they_went_in(void **state)
{
    uint8_t out[PTY_INPUT];
    struct pty *p = new_pty();
    struct linux_termios t = p->t;
    t.iflag = t.oflag = t.lflag = 0;
    line_set_termios(p, &t);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned c = 0; c < 256; c++)
            line_type(p, (uint8_t)c);
        assert_int_equal(take(p, out, sizeof(out)), 256);
        for (unsigned c = 0; c < 256; c++)
            assert_int_equal(out[c], c);
    }
    assert_int_equal(p->output.used, 0);
    free_pty(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_keys_stay_within_the_buffers),
        cmocka_unit_test(a_full_line_can_be_ended),
        cmocka_unit_test(raw_bytes_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Segmented buffers of libos/sys, over memory of ours and of the "program" with true faults at its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "enclave/fixup.h"
#include "enclave/zone.h"
#include "lib/base/bytes.h"
#include "libos/sys/iobuf.h"

struct zone g_zone = { .user_low = 0x10000, .user_high = UINT64_C(0x7ffffffff000) };
static uint8_t *page; /* behind it is one that may not be touched */

static void on_fault(int sig, siginfo_t *info, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    g[REG_RIP] = (greg_t)fixup_find((uint64_t)g[REG_RIP]);
}

static void catch_faults(void)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &sa, NULL);
}

static void random_pieces_arrive_in_order_over_segments(void **state)
{
    static uint8_t flat[3000], memory[4000];
    srandom(11);
    for (int round = 0; round < 500; round++) {
        struct iobuf b;
        struct iobuf_segment segments[6];
        uint64_t at = 0, total = 0;
        iobuf_kernel(&b, memory, 0);
        for (int i = 0; i < 6; i++) {
            uint64_t size = random() % 3 ? (uint64_t)random() % 500 : 0;
            segments[i] = (struct iobuf_segment){ (uintptr_t)memory + at, size };
            at += size + 50;
            total += size;
        }
        b.segments = segments, b.count = 6, b.left = total, b.user = round % 2;
        for (uint64_t i = 0; i < sizeof(flat); i++)
            flat[i] = (uint8_t)random();
        memset(memory, 0xee, sizeof(memory));
        uint64_t done = 0;
        while (b.left) {
            size_t n = 1 + (size_t)random() % 300;
            int64_t moved = iobuf_put(&b, flat + done, n);
            assert_int_equal(moved, MIN(n, total - done));
            done += (uint64_t)moved;
        }
        assert_int_equal(iobuf_put(&b, flat, 10), 0);
        for (uint64_t i = 0, f = 0; i < 6; f += segments[i++].size) {
            assert_memory_equal((void *)segments[i].address, flat + f, segments[i].size);
            assert_int_equal(*(uint8_t *)(segments[i].address + segments[i].size), 0xee);
        }
    }
}

static void a_fault_ends_the_move_short_and_only_the_first_byte_is_an_error(void **state)
{
    struct iobuf b;
    uint8_t data[64] = { 1 };
    catch_faults();
    assert_int_equal(iobuf_user(&b, (uintptr_t)page + PAGE_SIZE - 10, 64), 0);
    assert_int_equal(iobuf_put(&b, data, 64), 10);
    assert_int_equal(iobuf_put(&b, data, 54), -EFAULT);
    assert_int_equal(b.left, 54);
    assert_int_equal(iobuf_user(&b, (uintptr_t)page + PAGE_SIZE - 3, 64), 0);
    assert_int_equal(iobuf_get(&b, data, 64), 3);
}

static void memory_that_is_not_the_programs_is_refused_at_once(void **state)
{
    struct iobuf b;
    struct zone whole = g_zone;
    uint64_t wall = (uintptr_t)page;
    g_zone.low = wall, g_zone.high = wall + PAGE_SIZE;
    assert_int_equal(iobuf_user(&b, wall, 1), -EFAULT);
    assert_int_equal(iobuf_user(&b, wall - 1, 2), -EFAULT);
    assert_int_equal(iobuf_user(&b, wall - 1, 1), 0);
    assert_int_equal(iobuf_user(&b, wall, 0), 0);
    assert_int_equal(iobuf_user(&b, UINT64_MAX, 2), -EFAULT);
    g_zone = whole;
}

static void spans_are_clipped_to_what_is_left(void **state)
{
    struct iobuf b;
    uint64_t size;
    uint8_t memory[16];
    iobuf_kernel(&b, memory, 16);
    b.left = 5;
    assert_int_equal(iobuf_span(&b, &size), (uintptr_t)memory);
    assert_int_equal(size, 5);
    iobuf_advance(&b, UINT64_MAX);
    assert_int_equal(b.left, 0);
    assert_int_equal(iobuf_span(&b, &size), 0);
    assert_int_equal(size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pieces_arrive_in_order_over_segments),
        cmocka_unit_test(a_fault_ends_the_move_short_and_only_the_first_byte_is_an_error),
        cmocka_unit_test(memory_that_is_not_the_programs_is_refused_at_once),
        cmocka_unit_test(spans_are_clipped_to_what_is_left),
    };
    page = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The map of free addresses against a model of one byte per page, and the heap against overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "enclave/zone_alloc.h"
#include "lib/base/bytes.h"
#include <sched.h>
#include "enclave/sync.h"

void spin_lock_slow(struct spinlock *l)
{
    while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}

#define LOW   UINT64_C(0x100000)
#define PAGES 4096
#define HIGH  (LOW + PAGES * PAGE_SIZE)
#define ARENA (UINT64_C(64) << 20)

int machine_pages_commit(uint64_t address, uint64_t size, unsigned prot) { return 0; }
int machine_pages_release(uint64_t address, uint64_t size) { return 0; }

static uint8_t taken[PAGES];

static bool all(uint64_t first, uint64_t count, uint8_t value)
{
    for (uint64_t i = first; i < first + count; i++)
        if (taken[i] != value)
            return false;
    return true;
}

/* The highest start at which the model has room. */
static uint64_t model_alloc(uint64_t count, uint64_t align, uint64_t low, uint64_t high)
{
    for (uint64_t at = PAGES; at-- > 0;) {
        uint64_t address = LOW + at * PAGE_SIZE;
        if (address >= low && address + count * PAGE_SIZE <= high && at + count <= PAGES && address % align == 0 && all(at, count, 0))
            return address;
    }
    return 0;
}

static uint64_t page_below(uint64_t n) { return (uint64_t)random() % n; }

static void try_alloc(void)
{
    uint64_t count = 1 + page_below(page_below(8) ? 6 : 200), align = PAGE_SIZE << page_below(6);
    uint64_t low = page_below(3) ? 0 : LOW + page_below(PAGES) * PAGE_SIZE, high = page_below(3) ? UINT64_MAX : LOW + page_below(PAGES) * PAGE_SIZE;
    uint64_t got = range_alloc(count * PAGE_SIZE, align, low, high);
    assert_int_equal(got, model_alloc(count, align, low, high));
    if (got)
        memset(taken + (got - LOW) / PAGE_SIZE, 1, count);
}

static void try_take(void)
{
    uint64_t at = page_below(PAGES), count = 1 + page_below(8);
    int err = range_take(LOW + at * PAGE_SIZE, count * PAGE_SIZE);
    if (at + count > PAGES) {
        assert_int_equal(err, -12);
        return;
    }
    assert_int_equal(err, all(at, count, 0) ? 0 : -17);
    if (!err)
        memset(taken + at, 1, count);
}

static void try_free(void)
{
    uint64_t at = page_below(PAGES), count = 1 + page_below(40);
    if (at + count > PAGES || !all(at, count, 1))
        return;
    range_free(LOW + at * PAGE_SIZE, count * PAGE_SIZE);
    memset(taken + at, 0, count);
}

static void ranges_agree_with_a_model_over_random_steps(void **state)
{
    srandom(7);
    for (int i = 0; i < 60000; i++)
        switch (random() % 4) {
        case 0: try_alloc(); break;
        case 1: try_take(); break;
        default: try_free(); break;
        }
    for (uint64_t i = 0; i < PAGES; i++)
        if (taken[i])
            range_free(LOW + i * PAGE_SIZE, PAGE_SIZE);
    memset(taken, 0, sizeof(taken));
    assert_int_equal(range_alloc(PAGES * PAGE_SIZE, PAGE_SIZE, 0, UINT64_MAX), LOW);
    range_free(LOW, PAGES * PAGE_SIZE);
}

static void ranges_refuse_what_does_not_fit_or_wraps(void **state)
{
    assert_int_equal(range_alloc(0, PAGE_SIZE, 0, UINT64_MAX), 0);
    assert_int_equal(range_alloc(UINT64_MAX - 4095, PAGE_SIZE, 0, UINT64_MAX), 0);
    assert_int_equal(range_alloc((PAGES + 1) * PAGE_SIZE, PAGE_SIZE, 0, UINT64_MAX), 0);
    assert_int_equal(range_take(UINT64_MAX - 4095, 8192), -12);
    assert_int_equal(range_take(0, PAGE_SIZE), -12);
    assert_int_equal(range_take(HIGH, PAGE_SIZE), -12);
}

static void heap_blocks_do_not_overlap_and_keep_their_content(void **state)
{
    enum { SLOTS = 400 };
    static struct { uint8_t *p, fill; size_t size; } s[SLOTS];
    srandom(3);
    for (int i = 0; i < 60000; i++) {
        size_t n = (size_t)random() % SLOTS, size = (size_t)random() % (random() % 20 ? 600 : 60000);
        for (size_t j = 0; s[n].p && j < s[n].size; j++)
            assert_int_equal(s[n].p[j], s[n].fill);
        if (s[n].p && random() % 2) {
            uint8_t *p = mem_realloc(s[n].p, size);
            assert_non_null(p);
            for (size_t j = 0; j < MIN(size, s[n].size); j++)
                assert_int_equal(p[j], s[n].fill);
            s[n].p = p;
        } else {
            mem_free(s[n].p);
            s[n].p = random() % 2 ? mem_alloc(size) : mem_zalloc(size);
            assert_non_null(s[n].p);
        }
        assert_int_equal((uintptr_t)s[n].p % 16, 0);
        s[n].size = size;
        s[n].fill = (uint8_t)random();
        memset(s[n].p, s[n].fill, size);
    }
    for (int n = 0; n < SLOTS; n++)
        mem_free(s[n].p);
}

static void heap_refuses_sizes_that_overflow(void **state)
{
    assert_null(mem_alloc(SIZE_MAX));
    assert_null(mem_alloc(SIZE_MAX - 15));
    assert_null(mem_alloc((size_t)1 << 40));
    assert_null(mem_alloc(ARENA));
    mem_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_agree_with_a_model_over_random_steps),
        cmocka_unit_test(ranges_refuse_what_does_not_fit_or_wraps),
        cmocka_unit_test(heap_blocks_do_not_overlap_and_keep_their_content),
        cmocka_unit_test(heap_refuses_sizes_that_overflow),
    };
    uint64_t arena = (uintptr_t)mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    zone_set_arena(arena, arena + ARENA);
    ranges_init(LOW, HIGH);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Access to the program's memory with true faults: a SIGSEGV handler does what the machines do, by
 * fixup_find(). */
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
#include "enclave/uaccess.h"
#include "enclave/zone.h"
#include "lib/base/bytes.h"

struct zone g_zone;
size_t uaccess_copy(void *dst, const void *src, size_t size);
size_t uaccess_set(void *dst, size_t size);
size_t uaccess_clear(void *dst, size_t size);

static uint8_t
    *page; /* one page that may be touched, behind it one that may not, and one read-only */
static uint64_t end;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    uint64_t go_on = fixup_find((uint64_t)g[REG_RIP]);
    if (!go_on)
        _exit(98);
    g[REG_RIP] = (greg_t)go_on;
}

/* In each test: cmocka has a handler of its own around each. */
static void catch_faults(void)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &sa, NULL);
}

static void copies_stop_where_the_memory_ends(void **state)
{
    uint8_t buf[200] = { 0 };
    catch_faults();
    memset(page, 7, PAGE_SIZE);
    assert_int_equal(user_read(buf, end - 100, 100), 0);
    assert_int_equal(user_read(buf, end - 100, 101), -EFAULT);
    assert_int_equal(user_read_some(buf, end - 100, 200), 100);
    assert_int_equal(user_read_some(buf, end, 200), 0);
    assert_int_equal(user_write_some(end - 5, buf, 200), 5);
    assert_int_equal(user_write(end - 5, buf, 6), -EFAULT);
    assert_int_equal(user_zero(end - 8, 8), 0);
    assert_int_equal(user_zero(end - 8, 9), -EFAULT);
    assert_int_equal(user_write(end + PAGE_SIZE, buf, 1), -EFAULT);
    assert_int_equal(user_read(buf, end + PAGE_SIZE, 1), 0);
}

static void strings_end_with_nul_or_not_at_all(void **state)
{
    char buf[16];
    catch_faults();
    memset(page, 'a', PAGE_SIZE);
    assert_int_equal(user_string(buf, end - 10, sizeof(buf)), -EFAULT);
    assert_int_equal(user_string(buf, end - 20, sizeof(buf)), -ENAMETOOLONG);
    page[PAGE_SIZE - 1] = 0;
    assert_int_equal(user_string(buf, end - 10, sizeof(buf)), 9);
    assert_string_equal(buf, "aaaaaaaaa");
    assert_int_equal(user_string(buf, end - 16, sizeof(buf)), 15);
    assert_int_equal(user_string(buf, end - 17, sizeof(buf)), -ENAMETOOLONG);
    assert_int_equal(user_string(buf, end - 1, sizeof(buf)), 0);
    assert_int_equal(user_string(buf, 0, sizeof(buf)), -EFAULT);
    assert_int_equal(user_string(buf, UINT64_MAX, sizeof(buf)), -EFAULT);
}

static void strings_of_every_length_at_every_alignment_arrive_whole(void **state)
{
    char buf[64];
    catch_faults();
    for (size_t length = 0; length < 40; length++)
        for (size_t room = 1; room <= sizeof(buf); room++)
            for (size_t gap = 0; gap < 9;
                 gap++) { /* between the NUL and the page that cannot be touched */
                memset(page, 'x', PAGE_SIZE);
                uaddr_t at = end - gap - length - 1;
                for (size_t i = 0; i < length; i++)
                    page[PAGE_SIZE - gap - length - 1 + i] = (uint8_t)(i % 3 ? 0x80 + i : 1 + i);
                page[PAGE_SIZE - gap - 1] = 0;
                memset(buf, 'b', sizeof(buf));
                int64_t r = user_string(buf, at, room);
                assert_int_equal(r, length < room ? (int64_t)length : -ENAMETOOLONG);
                if (r >= 0)
                    assert_memory_equal(buf, page + PAGE_SIZE - gap - length - 1, length + 1);
                for (size_t i = room; i < sizeof(buf); i++)
                    assert_int_equal(buf[i], 'b');
            }
}

static void words_are_loaded_and_exchanged_or_fault(void **state)
{
    uint32_t v, expected = 1;
    catch_faults();
    assert_int_equal(user_store64(end - 8, 5), 0);
    assert_int_equal(user_store64(end - 4, 5), -EFAULT);
    assert_int_equal(user_load32(end - 8, &v), 0);
    assert_int_equal(v, 5);
    assert_int_equal(user_load32(end, &v), -EFAULT);
    assert_int_equal(user_cmpxchg32(end - 8, &expected, 9), 0);
    assert_int_equal(expected, 5);
    assert_int_equal(user_cmpxchg32(end - 8, &expected, 9), 0);
    assert_int_equal(expected, 5);
    assert_int_equal(user_load32(end - 8, &v), 0);
    assert_int_equal(v, 9);
    assert_int_equal(user_cmpxchg32(end + PAGE_SIZE, &expected, 9), -EFAULT);
}

static void a_probe_tells_reading_from_writing(void **state)
{
    catch_faults();
    assert_int_equal(user_probe((uint64_t)page, PAGE_SIZE, true), 0);
    assert_int_equal(user_probe((uint64_t)page, PAGE_SIZE + 1, false), -EFAULT);
    assert_int_equal(user_probe(end + PAGE_SIZE, 1, false), 0);
    assert_int_equal(user_probe(end + PAGE_SIZE, 1, true), -EFAULT);
}

static void a_program_cannot_name_the_trusted_side(void **state)
{
    struct zone was = g_zone;
    g_zone = (struct zone){ .user_low = 0x10000,
                            .user_high = 0x100000,
                            .low = 0x40000,
                            .high = 0x50000,
                            .image_low = 0x60000,
                            .image_high = 0x70000 };
    assert_true(user_range_ok(0x10000, 0x30000));
    assert_false(user_range_ok(0x10000, 0x30001));
    assert_false(user_range_ok(0x4ffff, 1));
    assert_true(user_range_ok(0x50000, 0x10000));
    assert_false(user_range_ok(0x30000, 0x80000));
    assert_false(user_range_ok(0x6ffff, 2));
    assert_false(user_range_ok(0xfffff, 2));
    assert_false(user_range_ok(0xffff, 1));
    assert_false(user_range_ok(UINT64_MAX, 2));
    assert_false(user_range_ok(0x20000, UINT64_MAX));
    g_zone = was;
}

/* Whole pages: page is writable, the next may not be touched, the third is read-only and zero. */
static void pages_are_cleared_and_zero_pages_not_written(void **state)
{
    uint8_t *read_only = page + 2 * PAGE_SIZE;
    catch_faults();
    for (size_t at = 0; at < PAGE_SIZE; at += at < 64 || at >= PAGE_SIZE - 64 ? 1 : 61) {
        memset(page, 0, PAGE_SIZE);
        page[at] = 1;
        assert_int_equal(uaccess_clear(page, PAGE_SIZE), 0);
        for (size_t i = 0; i < PAGE_SIZE; i++)
            assert_int_equal(page[i], 0);
    }
    memset(page, 7, PAGE_SIZE);
    assert_int_equal(uaccess_clear(page, 2 * PAGE_SIZE), PAGE_SIZE);
    assert_int_equal(page[0] | page[PAGE_SIZE - 1], 0);
    assert_int_equal(uaccess_clear(page + PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
    assert_int_equal(uaccess_clear(read_only, PAGE_SIZE), 0);
    mprotect(read_only, PAGE_SIZE, PROT_READ | PROT_WRITE);
    read_only[4000] = 1;
    mprotect(read_only, PAGE_SIZE, PROT_READ);
    assert_int_equal(uaccess_clear(read_only, PAGE_SIZE), PAGE_SIZE);
    assert_int_equal(read_only[4000], 1);
    assert_int_equal(uaccess_clear(page, 0), 0);
}

static int fixups_between(uint64_t from, uint64_t to)
{
    int found = 0;
    for (uint64_t rip = from; rip < to; rip++)
        found += fixup_find(rip) != 0;
    return found;
}

/* A host that claims a fault elsewhere in these routines must not be obeyed: the count is not in
 * its register there. */
static void only_the_accessing_instructions_have_a_fixup(void **state)
{
    assert_int_equal(fixup_find((uint64_t)uaccess_copy), 0);
    assert_in_range(fixups_between((uint64_t)uaccess_copy, (uint64_t)uaccess_clear), 3, 16);
    assert_int_equal(fixups_between((uint64_t)uaccess_clear, (uint64_t)uaccess_clear + 128), 9);
    assert_int_equal(fixup_find((uint64_t)uaccess_clear), 0);
    assert_int_equal(fixup_find((uint64_t)uaccess_set), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_stop_where_the_memory_ends),
        cmocka_unit_test(strings_end_with_nul_or_not_at_all),
        cmocka_unit_test(strings_of_every_length_at_every_alignment_arrive_whole),
        cmocka_unit_test(words_are_loaded_and_exchanged_or_fault),
        cmocka_unit_test(a_probe_tells_reading_from_writing),
        cmocka_unit_test(a_program_cannot_name_the_trusted_side),
        cmocka_unit_test(pages_are_cleared_and_zero_pages_not_written),
        cmocka_unit_test(only_the_accessing_instructions_have_a_fixup),
    };
    page = mmap(NULL, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
    mprotect(page + 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ);
    end = (uint64_t)page + PAGE_SIZE;
    g_zone = (struct zone){ .user_low = 0x10000, .user_high = UINT64_C(0x7ffffffff000) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

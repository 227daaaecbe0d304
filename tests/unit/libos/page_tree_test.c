/* The sparse table of pages, against a sorted list of the numbers that were put in. */
#include "libos/fs/page_tree.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NUMBERS 2000
#define LIMIT   (UINT64_C(1) << (PAGE_TREE_BITS * PAGE_TREE_LEVELS))

static unsigned pages_left = UINT32_MAX, pages_out;
static uint8_t pages[NUMBERS]; /* what stands in the tree is only an address */

void *mem_pages(uint64_t size)
{
    if (pages_left == 0)
        return NULL;
    pages_left--;
    pages_out++;
    return calloc(1, size);
}

void mem_pages_free(void *p, uint64_t size)
{
    pages_out--;
    free(p);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Numbers of every magnitude, sorted, each once. */
static size_t make_numbers(uint64_t *numbers)
{
    size_t count = 0;
    srand(1);
    for (size_t i = 0; i < NUMBERS; i++) {
        uint64_t n = (uint64_t)rand() << 31 ^ (uint64_t)rand();
        numbers[i] = n % LIMIT >> rand() % 36;
    }
    qsort(numbers, NUMBERS, sizeof(*numbers), by_value);
    for (size_t i = 0; i < NUMBERS; i++)
        if (count == 0 || numbers[count - 1] != numbers[i])
            numbers[count++] = numbers[i];
    return count;
}

static void check_walk(const struct page_tree *t, const uint64_t *numbers, size_t count)
{
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++, at++) {
        assert_true(page_tree_next(t, &at));
        assert_int_equal(at, numbers[i]);
        assert_non_null(page_tree_get(t, at));
    }
    assert_false(page_tree_next(t, &at));
}

static void what_was_put_in_is_found_and_nothing_else(void **state)
{
    static uint64_t numbers[NUMBERS];
    size_t count = make_numbers(numbers);
    struct page_tree t = { 0 };
    for (size_t i = 0; i < count; i++) { /* in another order than theirs: 7919 is prime */
        size_t at = i * 7919 % count;
        uint8_t **slot = page_tree_slot(&t, numbers[at]);
        assert_non_null(slot);
        assert_null(*slot);
        *slot = &pages[at];
    }
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(page_tree_get(&t, numbers[i]), &pages[i]);
        if (i + 1 < count && numbers[i] + 1 < numbers[i + 1])
            assert_null(page_tree_get(&t, numbers[i] + 1));
    }
    check_walk(&t, numbers, count);
    for (size_t i = 0; i < count; i += 2)
        *page_tree_slot(&t, numbers[i]) = NULL;
    for (size_t i = 1; i < count; i += 2)
        numbers[i / 2] = numbers[i];
    check_walk(&t, numbers, count / 2);
    page_tree_free(&t);
    assert_int_equal(pages_out, 0);
}

static void an_empty_tree_and_one_page_need_no_node(void **state)
{
    struct page_tree t = { 0 };
    uint64_t at = 0;
    assert_null(page_tree_get(&t, 0));
    assert_null(page_tree_get(&t, UINT64_MAX));
    assert_false(page_tree_next(&t, &at));
    *page_tree_slot(&t, 0) = pages;
    assert_int_equal(pages_out, 0);
    assert_ptr_equal(page_tree_get(&t, 0), pages);
    assert_null(page_tree_get(&t, 1));
    *page_tree_slot(&t, LIMIT - 1) = pages + 1; /* the tree grows: number 0 keeps its page */
    assert_ptr_equal(page_tree_get(&t, 0), pages);
    assert_ptr_equal(page_tree_get(&t, LIMIT - 1), pages + 1);
    check_walk(&t, (const uint64_t[]){ 0, LIMIT - 1 }, 2);
    page_tree_free(&t);
    assert_int_equal(pages_out, 0);
}

static void numbers_out_of_range_are_refused(void **state)
{
    struct page_tree t = { 0 };
    assert_null(page_tree_slot(&t, LIMIT));
    assert_null(page_tree_slot(&t, UINT64_MAX));
    assert_int_equal(pages_out, 0);
}

/* Wherever memory ends, what was there stays and nothing leaks. */
static void without_memory_nothing_is_lost(void **state)
{
    for (unsigned some = 0; some < 8; some++) {
        struct page_tree t = { 0 };
        *page_tree_slot(&t, 0) = pages;
        pages_left = some;
        uint8_t **slot = page_tree_slot(&t, LIMIT - 1);
        assert_true(slot ? some >= 7
                         : some < 7); /* four levels, and three more on the other side */
        pages_left = UINT32_MAX;
        assert_ptr_equal(page_tree_get(&t, 0), pages);
        check_walk(&t, (const uint64_t[]){ 0 }, 1);
        page_tree_free(&t);
        assert_int_equal(pages_out, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_is_found_and_nothing_else),
        cmocka_unit_test(an_empty_tree_and_one_page_need_no_node),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(without_memory_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

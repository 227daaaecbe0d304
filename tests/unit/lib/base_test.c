/* lib/base: formatting against the C library, strings at their edges, the tree's invariants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/base/rbtree.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"

#define SAME(...)                                                                                                      \
    do {                                                                                                               \
        char ours[64], libc[64];                                                                                       \
        for (size_t room = 0; room <= sizeof(ours); room += room < 20 ? 1 : 11) {                                      \
            memset(ours, 'x', sizeof(ours));                                                                           \
            memset(libc, 'x', sizeof(libc));                                                                           \
            assert_int_equal(fmt_print(ours, room, __VA_ARGS__), snprintf(libc, room, __VA_ARGS__));                   \
            assert_memory_equal(ours, libc, sizeof(ours));                                                             \
        }                                                                                                              \
    } while (0)

#pragma GCC diagnostic ignored "-Wformat-truncation"

static void formats_agree_with_the_c_library(void **state)
{
    SAME("plain 100%%");
    SAME("%s|%.*s|%c", "text", 3, "abcdef", 'z');
    SAME("%d %d %u %x %X %o", -1, INT32_MIN, UINT32_MAX, 0xbeefu, 0xbeefu, 0755u);
    SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
    SAME("%#lx %#x", 0x1234ul, 0x0u);
    SAME("%08x|%-8d|%8d|%02x", 0x1fu, -5, -5, 7u);
    SAME("%zu %lld", (size_t)42, -42LL);
    SAME("%-10s|%10s|", "left", "right");
}

static void strings_are_copied_whole_or_not(void **state)
{
    char buf[4] = "zzz";
    assert_int_equal(str_copy(buf, sizeof(buf), "abc"), 3);
    assert_string_equal(buf, "abc");
    assert_int_equal(str_copy(buf, sizeof(buf), "abcd"), -ENAMETOOLONG);
    assert_string_equal(buf, "");
    assert_int_equal(str_length("abc", 2), 2);
    assert_int_equal(str_length("abc", 9), 3);
    assert_true(str_starts_with("abc", "ab"));
    assert_false(str_starts_with("ab", "abc"));
    assert_true(str_equal("", ""));
    assert_true(str_compare("a\xff", "ab") > 0);
}

static void numbers_parse_to_the_last_that_fits(void **state)
{
    uint64_t v;
    assert_int_equal(str_parse_u64("18446744073709551615", 20, &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(str_parse_u64("18446744073709551616", 20, &v), -ERANGE);
    assert_int_equal(str_parse_u64("99999999999999999999", 20, &v), -ERANGE);
    assert_int_equal(str_parse_u64("", 0, &v), -EINVAL);
    assert_int_equal(str_parse_u64("-1", 2, &v), -EINVAL);
    assert_int_equal(str_parse_u64("1 ", 2, &v), -EINVAL);
    assert_int_equal(str_parse_u64("12x", 2, &v), 0);
    assert_int_equal(v, 12);
}

static void hexadecimal_goes_both_ways_and_refuses_the_rest(void **state)
{
    uint8_t in[] = { 0, 0x7f, 0xff, 0xa5 }, out[4];
    char text[9];
    hex_encode(in, sizeof(in), text);
    assert_string_equal(text, "007fffa5");
    assert_int_equal(hex_decode("007FffA5", 8, out, 4), 0);
    assert_memory_equal(in, out, 4);
    assert_int_equal(hex_decode("007fffa", 7, out, 4), -EINVAL);
    assert_int_equal(hex_decode("007fffa500", 10, out, 4), -EINVAL);
    assert_int_equal(hex_decode("007fffag", 8, out, 4), -EINVAL);
    assert_int_equal(hex_decode("0 7fffa5", 8, out, 4), -EINVAL);
}

struct item {
    struct rb_node node;
    unsigned key, count; /* of the nodes of this subtree */
    bool in;
};
#define ITEM(n) ((struct item *)(void *)(n))

static unsigned count_of(struct rb_node *n)
{
    return n ? ITEM(n)->count : 0;
}

static void count(struct rb_node *n)
{
    ITEM(n)->count = 1 + count_of(n->left) + count_of(n->right);
}

static void insert(struct rb_tree *t, struct item *item)
{
    struct rb_node **link = &t->root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = item->key < ITEM(parent)->key ? &parent->left : &parent->right;
    }
    rb_link(t, &item->node, parent, link);
}

/* Black height, or abort. */
static unsigned check(struct rb_node *n, const struct rb_node *parent)
{
    if (!n)
        return 1;
    assert_ptr_equal(n->parent, parent);
    assert_false(n->red && parent && parent->red);
    unsigned left = check(n->left, n), right = check(n->right, n);
    assert_int_equal(left, right);
    assert_int_equal(ITEM(n)->count, 1 + count_of(n->left) + count_of(n->right));
    return left + !n->red;
}

static void the_tree_stays_ordered_and_balanced(void **state)
{
    enum { N = 300 };
    static struct item items[N];
    struct rb_tree t = { .update = count };
    srandom(5);
    for (int step = 0; step < 20000; step++) {
        struct item *i = &items[random() % N];
        i->in = !i->in;
        if (i->in) {
            i->key = (unsigned)random() % 1000;
            insert(&t, i);
        } else {
            rb_remove(&t, &i->node);
        }
        if (step % 16)
            continue;
        check(t.root, NULL);
        size_t there = 0, seen = 0;
        for (int k = 0; k < N; k++)
            there += items[k].in;
        unsigned last = 0;
        rb_for_each(n, &t) {
            assert_true(ITEM(n)->key >= last);
            last = ITEM(n)->key;
            seen++;
        }
        assert_int_equal(seen, there);
        assert_int_equal(count_of(t.root), there);
        for (struct rb_node *n = rb_last(&t); n; n = rb_prev(n))
            seen--;
        assert_int_equal(seen, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_agree_with_the_c_library),
        cmocka_unit_test(strings_are_copied_whole_or_not),
        cmocka_unit_test(numbers_parse_to_the_last_that_fits),
        cmocka_unit_test(hexadecimal_goes_both_ways_and_refuses_the_rest),
        cmocka_unit_test(the_tree_stays_ordered_and_balanced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

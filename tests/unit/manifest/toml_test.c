/* TOML to a tree and back: positions, order, bounds on nesting, and that writing is a fixed point. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text/nearest.h"
#include "text/toml.h"

static struct toml_node *parse(const char *text)
{
    struct toml_node *root = NULL;
    struct problem why;
    if (toml_parse("t", text, strlen(text), &root, &why))
        fail_msg("%s", why.text);
    return root;
}

static void members_keep_the_order_and_place_of_the_text(void **state)
{
    struct toml_node *root = parse("z = 1\na = \"x\"\n[m]\nq = true\nb = 1.5\n");
    assert_int_equal(root->count, 3);
    assert_string_equal(root->items[0]->key, "z");
    assert_string_equal(root->items[1]->key, "a");
    assert_int_equal(root->items[1]->line, 2);
    assert_int_equal(root->items[1]->column, 5);
    assert_string_equal(toml_get(root, "m")->items[0]->key, "q");
    assert_int_equal(toml_get(toml_get(root, "m"), "b")->kind, TOML_FLOAT);
    toml_free(root);
}

static char *write_text(const struct toml_node *root)
{
    char *text;
    size_t size;
    assert_int_equal(toml_write(root, &text, &size), 0);
    return text;
}

static void what_is_written_reads_back_and_writes_the_same(void **state)
{
    struct toml_node *root = parse("a.\"b.c\".d = \"q\\\"\\\\\\n\\u0001\\u007f\u00e9\"\nx = []\ny = {}\nz = [ [1, -2], { k = \"v\", e = {} } ]\n"
                                   "when = 1979-05-27T07:32:00Z\nf = 1e10\n[[t]]\nn = 1\n[[t]]\n[empty]\n[deep.er]\nv = false\n");
    char *once = write_text(root);
    struct toml_node *again = parse(once);
    char *twice = write_text(again);
    assert_string_equal(once, twice);
    assert_string_equal(toml_get(toml_get(toml_get(again, "a"), "b.c"), "d")->text, "q\"\\\n\x01\x7f\u00e9");
    assert_non_null(toml_get(again, "empty"));
    free(once);
    free(twice);
    toml_free(root);
    toml_free(again);
}

static void deep_nesting_is_an_error_not_a_crash(void **state)
{
    struct toml_node *root = NULL;
    struct problem why;
    char *text = malloc(400000);
    size_t n = 0;
    for (int i = 0; i < 100; i++)
        n += (size_t)sprintf(text + n, "a.");
    n += (size_t)sprintf(text + n, "b = 1");
    assert_int_equal(toml_parse("t", text, n, &root, &why), -EINVAL);
    memset(text, '.', 400000);
    for (size_t i = 0; i < 400000; i += 2)
        text[i] = 'a';
    assert_int_equal(toml_parse("t", text, 400000, &root, &why), -EINVAL);
    memset(text, '[', 400000);
    assert_int_equal(toml_parse("t", text, 400000, &root, &why), -EINVAL);
    free(text);
}

static void a_parse_error_is_one_line_with_its_place(void **state)
{
    struct toml_node *root = NULL;
    struct problem why;
    assert_int_equal(toml_parse("t", "a = 1\nb = \n", 11, &root, &why), -EINVAL);
    assert_memory_equal(why.text, "t:2:", 4);
    assert_null(strchr(why.text, '\n'));
}

static void what_breaks_the_parser_s_assertions_is_an_error_of_the_text(void **state)
{
    static const char *const texts[] = { "[[[", "a = 1\u040b", "a = 1\u2100", "[a]\u1700", "a.[", "[a.[", "a = [\u040b]" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct toml_node *root = NULL;
        struct problem why;
        assert_int_equal(toml_parse("t", texts[i], strlen(texts[i]), &root, &why), -EINVAL);
        assert_null(root);
    }
}

static void near_names_are_found_and_far_ones_are_not(void **state)
{
    static const char *const names[] = { "sign", "inspect", "sgx.enclave_size", NULL };
    assert_string_equal(nearest_name("sing", names), "sign");
    assert_string_equal(nearest_name("insect", names), "inspect");
    assert_string_equal(nearest_name("sgx.enclavesize", names), "sgx.enclave_size");
    assert_null(nearest_name("xyz", names));
    assert_null(nearest_name("", names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_keep_the_order_and_place_of_the_text),
        cmocka_unit_test(what_is_written_reads_back_and_writes_the_same),
        cmocka_unit_test(deep_nesting_is_an_error_not_a_crash),
        cmocka_unit_test(a_parse_error_is_one_line_with_its_place),
        cmocka_unit_test(what_breaks_the_parser_s_assertions_is_an_error_of_the_text),
        cmocka_unit_test(near_names_are_found_and_far_ones_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* argv, environment, scripts, and the initial stack: what a program is given when it starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/linux/auxv.h"
#include "lib/linux/errno.h"
#include "libos/exec/script.h"
#include "libos/exec/stack.h"
#include "libos/proc/args.h"

/* ---- a plan by hand: header, then strings and arrays */

struct maker {
    _Alignas(8) uint8_t bytes[4096];
    uint32_t used;
    struct plan plan;
};

static struct plan_header *header(struct maker *m)
{
    return (struct plan_header *)m->bytes;
}

static void begin(struct maker *m, uint32_t flags)
{
    memset(m, 0, sizeof(*m));
    m->used = sizeof(struct plan_header);
    header(m)->flags = flags;
    m->plan = (struct plan){ header(m), m->bytes };
}

static struct plan_str put(struct maker *m, const char *s)
{
    struct plan_str out = { m->used, (uint32_t)strlen(s) };
    memcpy(m->bytes + m->used, s, strlen(s) + 1);
    m->used += out.length + 1;
    return out;
}

static struct plan_array put_array(struct maker *m, const void *items, uint32_t count, size_t size)
{
    m->used = (m->used + 7) & ~7u;
    struct plan_array out = { m->used, count };
    memcpy(m->bytes + m->used, items, count * size);
    m->used += (uint32_t)(count * size);
    return out;
}

#define HOST(s) ((struct host_words){ s, sizeof(s) - 1 })
#define NO_HOST ((struct host_words){ NULL, 0 })

static void expect_words(const struct words *w, uint32_t count, const char *block, size_t size)
{
    assert_int_equal(w->count, count);
    assert_int_equal(w->size, size);
    assert_memory_equal(w->block, block, size);
}
#define EXPECT(w, n, s) expect_words(w, n, s, sizeof(s) - 1)

static void argv_is_the_entrypoint_when_nothing_is_said(void **state)
{
    struct maker m;
    struct words w = { 0 };
    enum args_note note;
    begin(&m, 0);
    header(&m)->entrypoint = put(&m, "/bin/x");
    assert_int_equal(args_build_argv(&m.plan, NO_HOST, &w, &note), 0);
    EXPECT(&w, 1, "/bin/x\0");
    words_free(&w);
}

static void command_line_words_without_permission_are_refused(void **state)
{
    struct maker m;
    struct words w = { 0 };
    enum args_note note;
    begin(&m, 0);
    header(&m)->entrypoint = put(&m, "/bin/x");
    assert_int_equal(args_build_argv(&m.plan, HOST("a\0"), &w, &note), -EINVAL);
    words_free(&w);
}

static void command_line_words_follow_the_entrypoint_when_allowed(void **state)
{
    struct maker m;
    struct words w = { 0 };
    enum args_note note;
    begin(&m, PLAN_CMDLINE_ARGV);
    header(&m)->entrypoint = put(&m, "/bin/x");
    assert_int_equal(args_build_argv(&m.plan, HOST("-c\0\0pass\0"), &w, &note), 0);
    EXPECT(&w, 4, "/bin/x\0-c\0\0pass\0");
    words_free(&w);
}

static void fixed_argv_wins_and_dropping_the_command_line_is_noted(void **state)
{
    struct maker m;
    struct words w = { 0 };
    enum args_note note;
    begin(&m, 0);
    header(&m)->entrypoint = put(&m, "/bin/x");
    const struct plan_str argv[] = { put(&m, "zero"), put(&m, "one") };
    header(&m)->argv = put_array(&m, argv, 2, sizeof(argv[0]));
    assert_int_equal(args_build_argv(&m.plan, HOST("evil\0"), &w, &note), 0);
    EXPECT(&w, 2, "zero\0one\0");
    assert_int_equal(note, ARGS_DROPPED);
    words_free(&w);
}

static void make_env(struct maker *m, uint32_t flags)
{
    begin(m, flags);
    const struct plan_env env[] = {
        { .name = put(m, "A"), .value = put(m, "fixed") },
        { .name = put(m, "B"), .passthrough = 1 },
        { .name = put(m, "GONE"), .passthrough = 1 },
    };
    header(m)->env = put_array(m, env, 3, sizeof(env[0]));
}

static void only_passthrough_variables_of_the_host_get_in(void **state)
{
    struct maker m;
    struct words w = { 0 };
    make_env(&m, 0);
    assert_int_equal(args_build_env(&m.plan, HOST("A=host\0B=b=c\0LD_PRELOAD=evil\0"), &w), 0);
    EXPECT(&w, 2, "B=b=c\0A=fixed\0");
    words_free(&w);
}

static void host_environment_comes_first_and_listed_names_are_replaced(void **state)
{
    struct maker m;
    struct words w = { 0 };
    make_env(&m, PLAN_HOST_ENV);
    assert_int_equal(args_build_env(&m.plan, HOST("Z=1\0A=host\0B=2\0"), &w), 0);
    EXPECT(&w, 3, "Z=1\0B=2\0A=fixed\0");
    words_free(&w);
}

static void a_host_variable_without_equals_sign_is_an_error(void **state)
{
    struct maker m;
    struct words w = { 0 };
    make_env(&m, 0);
    assert_int_equal(args_build_env(&m.plan, HOST("JUNK\0"), &w), -EINVAL);
    words_free(&w);
}

/* ---- scripts */

static void expect_script(const char *text, size_t size, const char *interpreter, const char *argument)
{
    struct script s;
    assert_int_equal(script_parse(text, size, &s), 0);
    assert_string_equal(s.interpreter, interpreter);
    assert_int_equal(s.has_argument, argument != NULL);
    assert_string_equal(s.argument, argument ? argument : "");
}
#define SCRIPT(text, interpreter, argument) expect_script(text, sizeof(text) - 1, interpreter, argument)

static void script_lines_are_read_as_linux_reads_them(void **state)
{
    SCRIPT("#!/bin/sh\n", "/bin/sh", NULL);
    SCRIPT("#! \t/bin/sh \t -e -x \t\nrest", "/bin/sh", "-e -x");
    SCRIPT("#!/bin/sh", "/bin/sh", NULL); /* the file ends here */
    SCRIPT("#!/usr/bin/env python3\n", "/usr/bin/env", "python3");
}

static void what_is_no_script_is_refused(void **state)
{
    struct script s;
    char long_name[300];
    assert_int_equal(script_parse("#", 1, &s), -ENOEXEC);
    assert_int_equal(script_parse("", 0, &s), -ENOEXEC);
    assert_int_equal(script_parse("#!\n/bin/sh", 10, &s), -ENOEXEC);
    assert_int_equal(script_parse("#!   ", 5, &s), -ENOEXEC);
    memset(long_name, 'a', sizeof(long_name));
    memcpy(long_name, "#!/", 3);
    assert_int_equal(script_parse(long_name, sizeof(long_name), &s), -ENOEXEC);
}

static void a_script_takes_the_place_of_argv0(void **state)
{
    struct words w = { 0 };
    words_add(&w, "old", 3);
    words_add(&w, "x", 1);
    const char *front[] = { "/bin/sh", "-e", "/s" };
    assert_int_equal(words_replace_front(&w, 1, front, 3), 0);
    EXPECT(&w, 4, "/bin/sh\0-e\0/s\0x\0");
    words_free(&w);
}

/* ---- the stack */

static void the_stack_is_what_the_abi_says(void **state)
{
    enum { TOP = 0x10000 };
    struct words argv = { 0 }, envp = { 0 };
    struct stack_input in = { .argv = &argv, .envp = &envp, .execfn = "/bin/prog" };
    words_add(&argv, "prog", 4);
    words_add(&argv, "", 0);
    words_add(&envp, "A=1", 3);
    for (int i = 0; i < 16; i++)
        in.random[i] = (uint8_t)(i + 1);
    in.auxv[in.auxv_count++] = LINUX_AT_PAGESZ;
    in.auxv[in.auxv_count++] = 4096;
    uint64_t size = stack_size(&in), base;
    uint8_t *buf = malloc(size);
    base = stack_build(&in, TOP, buf, size);
#define AT(address) (buf + ((address)-base))
    const uint64_t *w = (const uint64_t *)buf;
    assert_int_equal(base % 16, 0);
    assert_int_equal(base + size, TOP);
    assert_int_equal(w[0], 2);
    assert_string_equal(AT(w[1]), "prog");
    assert_string_equal(AT(w[2]), "");
    assert_int_equal(w[3], 0);
    assert_string_equal(AT(w[4]), "A=1");
    assert_int_equal(w[5], 0);
    const uint64_t *aux = w + 6;
    assert_int_equal(aux[0], LINUX_AT_PAGESZ);
    assert_int_equal(aux[1], 4096);
    assert_int_equal(aux[2], LINUX_AT_RANDOM);
    assert_memory_equal(AT(aux[3]), in.random, 16);
    assert_int_equal(aux[4], LINUX_AT_EXECFN);
    assert_string_equal(AT(aux[5]), "/bin/prog");
    assert_int_equal(aux[6], LINUX_AT_PLATFORM);
    assert_string_equal(AT(aux[7]), "x86_64");
    assert_int_equal(aux[8], LINUX_AT_NULL);
    assert_int_equal(in.auxv_count, 10);
    assert_int_equal(*(const uint64_t *)(buf + size - 8), 0);
    free(buf);
    words_free(&argv);
    words_free(&envp);
}

static void an_empty_argv_and_environment_make_a_stack_too(void **state)
{
    struct words none = { 0 };
    struct stack_input in = { .argv = &none, .envp = &none, .execfn = "" };
    uint64_t size = stack_size(&in);
    uint8_t *buf = malloc(size);
    assert_int_equal(stack_build(&in, 0x10000, buf, size) % 16, 0);
    const uint64_t *w = (const uint64_t *)buf;
    assert_int_equal(w[0] | w[1] | w[2], 0);
    free(buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argv_is_the_entrypoint_when_nothing_is_said),
        cmocka_unit_test(command_line_words_without_permission_are_refused),
        cmocka_unit_test(command_line_words_follow_the_entrypoint_when_allowed),
        cmocka_unit_test(fixed_argv_wins_and_dropping_the_command_line_is_noted),
        cmocka_unit_test(only_passthrough_variables_of_the_host_get_in),
        cmocka_unit_test(host_environment_comes_first_and_listed_names_are_replaced),
        cmocka_unit_test(a_host_variable_without_equals_sign_is_an_error),
        cmocka_unit_test(script_lines_are_read_as_linux_reads_them),
        cmocka_unit_test(what_is_no_script_is_refused),
        cmocka_unit_test(a_script_takes_the_place_of_argv0),
        cmocka_unit_test(the_stack_is_what_the_abi_says),
        cmocka_unit_test(an_empty_argv_and_environment_make_a_stack_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* CPUID in an enclave, over a host that says what the test wants it to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enclave/cpuid.c"

struct machine g_machine = { .is_enclave = true };

static uint32_t g_says[4];
static uint64_t g_features;
static unsigned g_asked;
static jmp_buf g_end;
static bool g_expect_end;

int64_t hostcall(enum hostcall_nr nr, const uint64_t r[6])
{
    assert_int_equal(nr, HC_cpuid);
    memcpy((void *)r[2], g_says, sizeof(g_says));
    g_asked++;
    return 0;
}

int machine_report(const void *target, const void *data, void *report)
{
    memset(report, 0, sizeof(struct sgx_report));
    ((struct sgx_report *)report)->body.attributes.xfrm = g_features;
    return 0;
}

void log_print(enum plan_log_level level, const char *format, ...) {}
void spin_lock_slow(struct spinlock *l) { abort(); }

_Noreturn void machine_exit(int status)
{
    if (g_expect_end)
        longjmp(g_end, 1);
    abort();
}

static void restart(uint64_t features)
{
    g_cached = 0;
    g_xfrm = 0;
    g_features = features;
    g_asked = 0;
    memset(g_says, 0, sizeof(g_says));
}

static void say(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t v[4] = { a, b, c, d };
    memcpy(g_says, v, sizeof(v));
}

static void expect(uint32_t leaf, uint32_t subleaf, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint32_t v[4];
    cpuid_get(leaf, subleaf, v);
    assert_int_equal(v[0], a);
    assert_int_equal(v[1], b);
    assert_int_equal(v[2], c);
    assert_int_equal(v[3], d);
}

static void ends_the_machine(uint32_t leaf, uint32_t subleaf, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint32_t v[4];
    say(a, b, c, d);
    g_cached = 0;
    g_expect_end = true;
    if (!setjmp(g_end)) {
        cpuid_get(leaf, subleaf, v);
        fail_msg("leaf %x subleaf %x: %x %x %x %x was believed", leaf, subleaf, a, b, c, d);
    }
    g_expect_end = false;
}

static void xsave_sizes_follow_xfrm_whatever_the_host_says(void **state)
{
    restart(0x3);
    say(1, 1, 1, 1);
    expect(0xd, 0, 3, 576, 576, 0);
    expect(0xd, 2, 0, 0, 0, 0);
    restart(0x7);
    say(0xffffffff, 0, 0, 0);
    expect(0xd, 0, 7, 832, 832, 0);
    expect(0xd, 1, 7, 832, 0, 0);
    expect(0xd, 2, 256, 576, 2, 0);
    expect(0xd, 5, 0, 0, 0, 0);
    restart(0xe7);
    expect(0xd, 0, 0xe7, 2688, 2688, 0);
    expect(0xd, 1, 0, 576 + 256 + 64 + 512 + 1024, 0, 0);
    expect(0xd, 7, 1024, 1664, 2, 0);
    restart(0x602e7);
    expect(0xd, 0, 0x602e7, 11008, 11008, 0);
    expect(0xd, 1, 0, 2432 + 64 + 64 + 8192, 0, 0); /* PKRU takes a unit of its own before TILECFG */
    expect(0xd, 18, 8192, 2816, 6, 0);
    expect(0xd, 64, 0, 0, 0, 0);
}

static void features_that_libos_needs_are_there_and_those_without_registers_are_not(void **state)
{
    uint32_t v[4];
    restart(0x3);
    say(2, 0xffffffff, 0xffffffff, 0xffffffff);
    cpuid_get(1, 0, v);
    assert_false(v[2] & 1u << 28);
    cpuid_get(7, 0, v);
    assert_false(v[1] & (1u << 5 | 1u << 16) || v[3] & 1u << 24);
    restart(0x602e7);
    say(7, 0, 0, 0);
    cpuid_get(1, 0, v);
    assert_int_equal(v[2], 1u << 25 | 1u << 26 | 1u << 30);
    expect(7, 0, 2, 5, 0, 0);
    say(0x20, 0, 0, 0);
    expect(0, 0, 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69);
}

static void leaves_that_mean_nothing_here_are_zero_and_nobody_is_asked(void **state)
{
    static const uint32_t zero[] = { 8, 0xc, 0xe, 0x11, 0x13 };
    restart(0x7);
    say(1, 2, 3, 4);
    for (size_t i = 0; i < ARRAY_COUNT(zero); i++)
        expect(zero[i], 0, 0, 0, 0, 0);
    expect(7, 3, 0, 0, 0, 0);
    expect(0x10, 4, 0, 0, 0, 0);
    expect(0xf, 2, 0, 0, 0, 0);
    assert_int_equal(g_asked, 0);
}

static void an_unknown_leaf_and_amx_without_its_registers_answer_as_leaf_1f(void **state)
{
    restart(0x7);
    say(1, 2, 0x101, 4);
    expect(0x1f, 1, 1, 2, 0x101, 4);
    expect(0x77, 1, 1, 2, 0x101, 4);
    expect(0x1d, 0, 1, 2, 0x101, 4);
    expect(0xffffffff, 0, 1, 2, 0x101, 4);
}

static void a_constant_leaf_is_asked_once(void **state)
{
    restart(0x7);
    say(1, 2, 3, 4);
    expect(0x15, 0, 1, 2, 3, 4);
    say(9, 9, 9, 9);
    expect(0x15, 0, 1, 2, 3, 4);
    expect(0x15, 7, 1, 2, 3, 4); /* it has no subleaves */
    assert_int_equal(g_asked, 1);
    say(1, 1, 0x100, 8);
    expect(0xb, 0, 1, 1, 0x100, 8);
    say(1, 1, 0x100, 9);
    expect(0xb, 0, 1, 1, 0x100, 9);
}

static void more_leaves_than_the_cache_holds_are_still_answered(void **state)
{
    restart(0x7);
    say(0x121, 0x1c0003f, 63, 0);
    for (uint32_t i = 0; i < 2 * CACHE_MAX; i++)
        expect(4, i, 0x121, 0x1c0003f, 63, 0);
    assert_int_equal(g_cached, CACHE_MAX);
}

static void values_that_no_cpu_has_end_the_machine(void **state)
{
    restart(0x602e7);
    ends_the_machine(0, 0, 0xc, 0, 0, 0);
    ends_the_machine(0, 0, 0xffffffff, 0, 0, 0);
    ends_the_machine(4, 0, 0x121, 0x1c00000, 63, 0);
    ends_the_machine(0x1d, 0, 2, 0, 0, 0);
    ends_the_machine(0x1d, 1, 8192 | 2048u << 16, 64 | 8 << 16, 16, 0);
    ends_the_machine(0x1d, 1, 8192 | 1024 << 16, 64 | 9 << 16, 16, 0);
    ends_the_machine(0x1e, 0, 0, 17, 0, 0);
    ends_the_machine(0x80000000, 0, 0, 0, 0, 0);
    ends_the_machine(0x80000008, 0, 0xff, 0, 0, 0);
}

static void random_answers_break_nothing(void **state)
{
    static const uint32_t first[] = { 0, 0x40000000, 0x80000000 };
    uint32_t v[4];
    srandom(2);
    restart(0x602e7);
    g_expect_end = true;
    for (unsigned i = 0; i < 20000; i++) {
        say((uint32_t)random(), (uint32_t)random() * 2, (uint32_t)random(), (uint32_t)random());
        g_cached = i % 3 ? g_cached : 0;
        if (!setjmp(g_end))
            cpuid_get(first[random() % 3] + (uint32_t)random() % 0x40, (uint32_t)random() % 70, v);
    }
    g_expect_end = false;
    expect(0xd, 0, 0x602e7, 11008, 11008, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xsave_sizes_follow_xfrm_whatever_the_host_says),
        cmocka_unit_test(features_that_libos_needs_are_there_and_those_without_registers_are_not),
        cmocka_unit_test(leaves_that_mean_nothing_here_are_zero_and_nobody_is_asked),
        cmocka_unit_test(an_unknown_leaf_and_amx_without_its_registers_answer_as_leaf_1f),
        cmocka_unit_test(a_constant_leaf_is_asked_once),
        cmocka_unit_test(more_leaves_than_the_cache_holds_are_still_answered),
        cmocka_unit_test(values_that_no_cpu_has_end_the_machine),
        cmocka_unit_test(random_answers_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

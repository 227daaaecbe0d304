/* Instructions that an enclave may not execute: read from the program, emulated, or handed to libos. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enclave/clock.h"
#include "enclave/cpuid.h"
#include "enclave/event.h"
#include "enclave/machine.h"
#include "enclave/thread_block.h"
#include "enclave/zone.h"
#include "tests/unit/enclave/gs.h"

void event_dispatch(struct cpu_regs *regs, struct event *event);

struct machine g_machine = { .is_enclave = true };
struct zone g_zone = { .user_high = UINT64_MAX };

static struct thread_block g_tb;
static struct event g_told; /* what libos got */
static unsigned g_told_count;

void libos_event(struct cpu_regs *regs, const struct event *event)
{
    g_told = *event;
    g_told_count++;
}

int64_t clock_monotonic(void)
{
    return INT64_C(0x123456789abcdef0);
}

void cpuid_get(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const uint32_t v[4] = { leaf + 1, subleaf + 2, 0xfffffff3, 4 };
    memcpy(out, v, sizeof(v));
}

static struct cpu_regs run(const void *code, unsigned vector)
{
    struct cpu_regs regs = { .rip = (uintptr_t)code, .rax = UINT64_MAX, .rcx = UINT64_MAX, .rdx = UINT64_MAX, .rbx = UINT64_MAX };
    struct event e = { .kind = EVENT_FAULT, .vector = vector };
    g_told_count = 0;
    event_dispatch(&regs, &e);
    return regs;
}

static void rdtsc_and_rdtscp_read_the_clock_on_ud_and_on_gp(void **state)
{
    static const uint8_t tsc[] = { 0x0f, 0x31, 0x90 }, tscp[] = { 0x0f, 0x01, 0xf9 };
    for (unsigned vector = 6; vector <= 13; vector += 7) {
        struct cpu_regs r = run(tsc, vector);
        assert_true(r.rax == 0x9abcdef0 && r.rdx == 0x12345678 && r.rcx == UINT64_MAX && r.rip == (uintptr_t)tsc + 2);
        r = run(tscp, vector);
        assert_true(r.rax == 0x9abcdef0 && r.rdx == 0x12345678 && r.rcx == 0 && r.rip == (uintptr_t)tscp + 3);
        assert_int_equal(g_told_count, 0);
    }
}

static void cpuid_clears_the_upper_halves(void **state)
{
    static const uint8_t code[] = { 0x0f, 0xa2, 0x90 };
    struct cpu_regs r = run(code, 6);
    assert_true(r.rax == 0 && r.rbx == 1 && r.rcx == 0xfffffff3 && r.rdx == 4 && r.rip == (uintptr_t)code + 2);
    assert_int_equal(g_told_count, 0);
}

static void a_trapped_system_call_goes_to_libos(void **state)
{
    static const uint8_t code[] = { 0x0f, 0x05, 0x90 };
    struct cpu_regs r = run(code, 6);
    assert_true(g_told_count == 1 && g_told.kind == EVENT_SYSCALL && r.orig_rax == UINT64_MAX && r.rip == (uintptr_t)code + 2);
}

static void every_other_fault_is_the_programs(void **state)
{
    static const uint8_t codes[][3] = { { 0x0f, 0x0b, 0x90 }, { 0x0f, 0x01, 0xd0 }, { 0xf4, 0x90, 0x90 } };
    for (size_t i = 0; i < 3; i++) {
        struct cpu_regs r = run(codes[i], i == 2 ? 13 : 6);
        assert_true(g_told_count == 1 && g_told.kind == EVENT_FAULT && r.rip == (uintptr_t)codes[i]);
    }
    static const uint8_t cpuid[] = { 0x0f, 0xa2, 0x90 };
    run(cpuid, 13); /* CPUID never raises #GP */
    assert_int_equal(g_told_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rdtsc_and_rdtscp_read_the_clock_on_ud_and_on_gp),
        cmocka_unit_test(cpuid_clears_the_upper_halves),
        cmocka_unit_test(a_trapped_system_call_goes_to_libos),
        cmocka_unit_test(every_other_fault_is_the_programs),
    };
    gs_set(&g_tb);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

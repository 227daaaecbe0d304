/*
 * What the software device refuses while an enclave is built: the SDM's conditions of ECREATE and EADD.
 * One enclave a process, so the tests run in order. Not under ASan, which maps low addresses itself.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/device.h"
#include "host/soft_device.h"

#define SIZE (UINT64_C(16) << 20)

static struct sgx_secs g_secs;
static struct sgx_tcs g_tcs;
static const uint8_t g_page[4096];

static int setup(void **state)
{
    memset(&g_secs, 0, sizeof(g_secs));
    g_secs.size = SIZE;
    g_secs.ssa_frame_size = LAYOUT_SSA_PAGES;
    g_secs.attributes.flags = SGX_FLAG_MODE64BIT;
    g_secs.attributes.xfrm = SGX_XFRM_LEGACY;
    g_tcs = (struct sgx_tcs){ .ossa = 0x40000, .nssa = 2, .oentry = 0x50000, .ogsbasgx = 0x60000, .fslimit = 0xfff, .gslimit = 0xfff };
    return 0;
}

static int64_t create(void)
{
    return device_soft.create((const uint8_t *)&g_secs);
}

static int64_t add(uint64_t address, uint64_t secinfo, const void *content)
{
    const struct layout_run run = { address, 4096, secinfo, 1, content };
    return device_soft.add_pages(&run);
}

static void a_size_that_is_no_power_of_two_is_refused(void **state)
{
    g_secs.size = SIZE + 4096;
    assert_int_equal(create(), -EINVAL);
}

static void a_base_that_is_no_multiple_of_the_size_is_refused(void **state)
{
    g_secs.base = 4096;
    assert_int_equal(create(), -EINVAL);
}

static void reserved_attributes_are_refused(void **state)
{
    g_secs.attributes.flags |= UINT64_C(1) << 40;
    assert_int_equal(create(), -EINVAL);
    g_secs.attributes.flags = SGX_FLAG_MODE64BIT | SGX_FLAG_INIT;
    assert_int_equal(create(), -EINVAL);
}

static void an_xfrm_that_the_cpu_lacks_is_refused(void **state)
{
    g_secs.attributes.xfrm |= UINT64_C(1) << 62;
    assert_int_equal(create(), -EINVAL);
    g_secs.attributes.xfrm = 0;
    assert_int_equal(create(), -EINVAL);
}

static void an_ssa_frame_too_small_for_xfrm_is_refused(void **state)
{
    g_secs.ssa_frame_size = 0;
    assert_int_equal(create(), -EINVAL);
}

static void an_enclave_over_the_launcher_is_refused(void **state)
{
    g_secs.size = UINT64_C(1) << 47;
    assert_int_not_equal(create(), 0);
}

static void a_good_secs_is_taken_once(void **state)
{
    assert_int_equal(create(), 0);
    assert_int_equal(create(), -EBUSY);
}

static void pages_outside_the_enclave_are_refused(void **state)
{
    assert_int_equal(add(SIZE, SECINFO_REG | 3, g_page), -EINVAL);
    assert_int_equal(add(0x8000, SECINFO_REG | 3, g_page), -EINVAL);
    assert_int_equal(add(0x20001, SECINFO_REG | 3, g_page), -EINVAL);
}

static void a_writable_page_must_be_readable(void **state)
{
    assert_int_equal(add(0x20000, SECINFO_REG | SECINFO_W, g_page), -EINVAL);
}

static void unknown_types_and_flags_are_refused(void **state)
{
    assert_int_equal(add(0x20000, (uint64_t)SGX_PT_VA << 8 | 3, g_page), -EINVAL);
    assert_int_equal(add(0x20000, SECINFO_REG | 3 | SECINFO_PENDING, g_page), -EINVAL);
    assert_int_equal(add(0x20000, SECINFO_REG | 3 | UINT64_C(1) << 20, g_page), -EINVAL);
}

static void a_page_cannot_be_added_twice(void **state)
{
    assert_int_equal(add(0x20000, SECINFO_REG | 3, g_page), 0);
    assert_int_equal(add(0x20000, SECINFO_REG | 3, g_page), -EEXIST);
}

static void a_tcs_with_reserved_bits_or_a_used_frame_is_refused(void **state)
{
    g_tcs.cssa = 1;
    assert_int_equal(add(0x30000, SECINFO_TCS, &g_tcs), -EINVAL);
    g_tcs.cssa = 0;
    g_tcs.flags = TCS_DBGOPTIN;
    assert_int_equal(add(0x30000, SECINFO_TCS, &g_tcs), -EINVAL);
    g_tcs.flags = 0;
    g_tcs.reserved[100] = 1;
    assert_int_equal(add(0x30000, SECINFO_TCS, &g_tcs), -EINVAL);
}

static void a_tcs_has_no_permissions(void **state)
{
    assert_int_equal(add(0x30000, SECINFO_TCS | 3, &g_tcs), -EINVAL);
}

static void a_tcs_whose_ssa_is_outside_is_refused(void **state)
{
    g_tcs.ossa = SIZE - 4096;
    assert_int_equal(add(0x30000, SECINFO_TCS, &g_tcs), -EINVAL);
    g_tcs.ossa = 0x40001;
    assert_int_equal(add(0x30000, SECINFO_TCS, &g_tcs), -EINVAL);
}

static void a_good_tcs_is_taken(void **state)
{
    assert_int_equal(add(0x30000, SECINFO_TCS, &g_tcs), 0);
    assert_int_equal(g_soft.tcs_count, 1);
    assert_int_equal(g_soft.tcs[0].nssa, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_size_that_is_no_power_of_two_is_refused, setup),
        cmocka_unit_test_setup(a_base_that_is_no_multiple_of_the_size_is_refused, setup),
        cmocka_unit_test_setup(reserved_attributes_are_refused, setup),
        cmocka_unit_test_setup(an_xfrm_that_the_cpu_lacks_is_refused, setup),
        cmocka_unit_test_setup(an_ssa_frame_too_small_for_xfrm_is_refused, setup),
        cmocka_unit_test_setup(an_enclave_over_the_launcher_is_refused, setup),
        cmocka_unit_test_setup(a_good_secs_is_taken_once, setup),
        cmocka_unit_test_setup(pages_outside_the_enclave_are_refused, setup),
        cmocka_unit_test_setup(a_writable_page_must_be_readable, setup),
        cmocka_unit_test_setup(unknown_types_and_flags_are_refused, setup),
        cmocka_unit_test_setup(a_page_cannot_be_added_twice, setup),
        cmocka_unit_test_setup(a_tcs_with_reserved_bits_or_a_used_frame_is_refused, setup),
        cmocka_unit_test_setup(a_tcs_has_no_permissions, setup),
        cmocka_unit_test_setup(a_tcs_whose_ssa_is_outside_is_refused, setup),
        cmocka_unit_test_setup(a_good_tcs_is_taken, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

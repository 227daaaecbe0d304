/* The loops around the SGX driver's ioctls, against a driver made up here. */
#include <asm/sgx.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/device_hw.h"
#include "lib/sgx/arch.h"

#define PAGE 4096u

/* What the driver answers, one step a call, and what it was asked. */
struct step {
    int64_t ret;
    uint64_t count;
};

static const struct step *g_steps;
static unsigned g_calls;
static struct sgx_enclave_add_pages g_asked[64];
static uint64_t g_flags;

static int64_t fake_ioctl(int fd, uint64_t request, void *argument)
{
    const struct step *s = &g_steps[g_calls];
    assert_int_equal(fd, 7);
    if (request == SGX_IOC_ENCLAVE_ADD_PAGES) {
        struct sgx_enclave_add_pages *p = argument;
        const struct sgx_secinfo *secinfo = (const void *)(uintptr_t)p->secinfo;
        g_asked[g_calls] = *p;
        g_flags = secinfo->flags;
        p->count = s->count ? s->count : (s->ret == 0 ? p->length : 0);
        if (s->count == UINT64_MAX)
            p->count = 0;
    }
    g_calls++;
    return s->ret;
}

static int64_t add(const struct step *steps, const struct layout_run *run)
{
    g_steps = steps;
    g_calls = 0;
    return hw_add_run(7, fake_ioctl, run);
}

static int64_t init(const struct step *steps)
{
    static const uint8_t sigstruct[1808];
    g_steps = steps;
    g_calls = 0;
    return hw_init(7, fake_ioctl, sigstruct);
}

static const uint8_t g_content[4 * PAGE];
static const struct layout_run g_run = { 0x20000, sizeof(g_content), SECINFO_REG | 5, 1, g_content };

static void a_run_is_added_in_one_call_when_the_driver_takes_it(void **state)
{
    const struct step steps[] = { { 0, 0 } };
    assert_int_equal(add(steps, &g_run), 0);
    assert_int_equal(g_calls, 1);
    assert_int_equal(g_asked[0].src, (uintptr_t)g_content);
    assert_int_equal(g_asked[0].offset, 0x20000);
    assert_int_equal(g_asked[0].length, sizeof(g_content));
    assert_int_equal(g_asked[0].flags, SGX_PAGE_MEASURE);
    assert_int_equal(g_flags, SECINFO_REG | 5);
}

static void what_the_driver_left_over_is_added_next(void **state)
{
    const struct step steps[] = { { 0, PAGE }, { -EINTR, 2 * PAGE }, { 0, 0 } };
    assert_int_equal(add(steps, &g_run), 0);
    assert_int_equal(g_calls, 3);
    assert_int_equal(g_asked[1].offset, 0x20000 + PAGE);
    assert_int_equal(g_asked[2].offset, 0x20000 + 3 * PAGE);
    assert_int_equal(g_asked[2].src, (uintptr_t)g_content + 3 * PAGE);
    assert_int_equal(g_asked[2].length, PAGE);
}

static void an_interrupted_call_without_progress_is_made_again(void **state)
{
    const struct step steps[] = { { -EINTR, UINT64_MAX }, { -EAGAIN, UINT64_MAX }, { -EBUSY, UINT64_MAX }, { 0, 0 } };
    assert_int_equal(add(steps, &g_run), 0);
    assert_int_equal(g_calls, 4);
}

static void success_without_progress_is_an_error(void **state)
{
    const struct step steps[] = { { 0, UINT64_MAX } };
    assert_int_equal(add(steps, &g_run), -EIO);
}

static void more_progress_than_was_asked_is_an_error(void **state)
{
    const struct step steps[] = { { 0, 5 * PAGE } }, odd[] = { { 0, 100 } };
    assert_int_equal(add(steps, &g_run), -EIO);
    assert_int_equal(add(odd, &g_run), -EIO);
}

static void an_error_of_the_driver_is_passed_on(void **state)
{
    const struct step steps[] = { { 0, PAGE }, { -ENOMEM, UINT64_MAX } };
    assert_int_equal(add(steps, &g_run), -ENOMEM);
}

static void zero_pages_come_from_zeros_a_chunk_at_a_time(void **state)
{
    const struct step steps[] = { { 0, 0 }, { 0, 0 }, { 0, 0 } };
    const struct layout_run run = { 0x10000, (2u << 20) + PAGE, SECINFO_REG | 7, 0, NULL };
    assert_int_equal(add(steps, &run), 0);
    assert_int_equal(g_calls, 3);
    assert_int_equal(g_asked[0].src, g_asked[2].src);
    assert_int_equal(g_asked[2].offset, 0x10000 + (2u << 20));
    assert_int_equal(g_asked[2].length, PAGE);
    assert_int_equal(g_asked[0].flags, 0);
    assert_int_equal(*(const uint8_t *)(uintptr_t)g_asked[0].src, 0);
}

static void init_is_tried_again_when_interrupted(void **state)
{
    const struct step steps[] = { { -EINTR, 0 }, { SGX_UNMASKED_EVENT, 0 }, { 0, 0 } };
    assert_int_equal(init(steps), 0);
    assert_int_equal(g_calls, 3);
}

static void init_passes_on_what_einit_says(void **state)
{
    const struct step steps[] = { { SGX_INVALID_MEASUREMENT, 0 } }, error[] = { { -EPERM, 0 } };
    assert_int_equal(init(steps), SGX_INVALID_MEASUREMENT);
    assert_int_equal(init(error), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_added_in_one_call_when_the_driver_takes_it),
        cmocka_unit_test(what_the_driver_left_over_is_added_next),
        cmocka_unit_test(an_interrupted_call_without_progress_is_made_again),
        cmocka_unit_test(success_without_progress_is_an_error),
        cmocka_unit_test(more_progress_than_was_asked_is_an_error),
        cmocka_unit_test(an_error_of_the_driver_is_passed_on),
        cmocka_unit_test(zero_pages_come_from_zeros_a_chunk_at_a_time),
        cmocka_unit_test(init_is_tried_again_when_interrupted),
        cmocka_unit_test(init_passes_on_what_einit_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

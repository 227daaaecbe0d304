/* Trusted time over a host clock that lies, and a TSC of our making. The source is included to replace cpu_tsc(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enclave/cpu.h"
static uint64_t fake_tsc(void);
#define cpu_tsc fake_tsc
#include "enclave/clock.c"

#define HZ    UINT64_C(2500000000)
#define START INT64_C(1000000000)

static int64_t now_ns;                   /* true time */
static double drift;                     /* of the TSC against its nominal frequency */
static int64_t (*host_says)(int64_t ns);

static uint64_t fake_tsc(void)
{
    now_ns += 20;
    return 1000 + (uint64_t)((double)now_ns * 2.5 * (1 + drift));
}

int64_t hostcall(enum hostcall_nr nr, const uint64_t r[6])
{
    struct linux_timespec *ts = (struct linux_timespec *)r[1];
    now_ns += 300;
    int64_t ns = (int64_t)((uint64_t)host_says(now_ns) + (r[0] == CLOCK_REALTIME ? UINT64_C(1700000000000000000) : 0));
    *ts = (struct linux_timespec){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
    return 0;
}

void *mem_pages(size_t size) { return calloc(1, size); }
void mutex_lock_slow(struct mutex *m) { abort(); }
void mutex_unlock_slow(struct mutex *m) { abort(); }

static int64_t honest(int64_t ns) { return START + ns; }
static int64_t stalled(int64_t ns) { return START; }
static int64_t backwards(int64_t ns) { return START + 3600 * NSEC_PER_SEC - ns; }
static int64_t wild(int64_t ns) { return (int64_t)((uint64_t)random() << 32 | (uint64_t)random()) >> (random() % 60); }
static int64_t jumping(int64_t ns) { return START + ns + (ns / NSEC_PER_SEC % 2 ? 0 : 50 * NSEC_PER_SEC); }

static void begin(uint64_t hz, double off, int64_t (*host)(int64_t))
{
    free(g_clock_page);
    g_last_tsc = 0, g_last_host = 0, g_last_answer = 0;
    now_ns = 0, drift = off, host_says = host;
    assert_int_equal(clock_init(hz), 0);
}

static void stay_monotonic(int steps)
{
    int64_t last = 0, realtime;
    for (int i = 0; i < steps; i++) {
        int64_t t = clock_monotonic();
        assert_true(t >= last);
        last = t;
        clock_read(CLOCK_REALTIME, &realtime);
        now_ns += random() % (i % 100 ? 100000 : 3000000000);
    }
}

static void monotonic_time_never_goes_back_whatever_the_host_says(void **state)
{
    int64_t (*const hosts[])(int64_t) = { honest, stalled, backwards, wild, jumping };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        begin(HZ, 1e-4, hosts[i]);
        stay_monotonic(20000);
        begin(0, 0, hosts[i]);
        stay_monotonic(2000);
        begin(1000000, 0, hosts[i]);
        stay_monotonic(2000);
        begin(UINT64_C(20000000000), 0, hosts[i]);
        stay_monotonic(2000);
    }
}

static void an_honest_host_is_followed_within_fifty_microseconds(void **state)
{
    const double drifts[] = { 0, 5e-5, -5e-5, 2e-3, -2e-3 };
    for (size_t d = 0; d < sizeof(drifts) / sizeof(drifts[0]); d++) {
        begin(HZ, drifts[d], honest);
        for (int i = 0; i < 100000; i++) {
            now_ns += 1000000;
            int64_t error = clock_monotonic() - (START + now_ns);
            if (i > 2000)
                assert_in_range(error + 50000, 0, 100000);
        }
    }
}

static void a_stalled_host_bends_time_by_little(void **state)
{
    begin(HZ, 0, honest);
    now_ns += 20 * NSEC_PER_SEC;
    int64_t before = clock_monotonic(), true_before = now_ns;
    host_says = stalled;
    for (int i = 0; i < 100; i++) {
        now_ns += 100000000;
        clock_monotonic();
    }
    double rate = (double)(clock_monotonic() - before) / (double)(now_ns - true_before);
    assert_true(rate > 0.9 && rate < 1.02);
}

static void clock_ids_that_linux_does_not_have_are_refused(void **state)
{
    int64_t ns;
    begin(HZ, 0, honest);
    assert_int_equal(clock_read(12, &ns), -EINVAL);
    assert_int_equal(clock_read(-1, &ns), -EINVAL);
    assert_int_equal(clock_read(CLOCK_BOOTTIME, &ns), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back_whatever_the_host_says),
        cmocka_unit_test(an_honest_host_is_followed_within_fifty_microseconds),
        cmocka_unit_test(a_stalled_host_bends_time_by_little),
        cmocka_unit_test(clock_ids_that_linux_does_not_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

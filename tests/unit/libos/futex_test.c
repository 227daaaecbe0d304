/* The futex table under real concurrency: no wake-up lost, none invented, nobody else's waiter touched. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "enclave/clock.h"
#include "enclave/park.h"
#include "fake_threads.h"
#include "lib/linux/errno.h"
#include "lib/linux/futex.h"
#include "libos/proc/futex.h"

#define MM   ((struct mm *)0x1000)
#define ALL  LINUX_FUTEX_BITSET_ANY
#define A(p) ((uint64_t)(uintptr_t)(p))

struct sleeper {
    struct fake_thread thread;
    pthread_t pthread;
    uint32_t *word, expected, bitset, tid;
    int64_t deadline, result;
    bool pi;
    int entered, done; /* atomic */
};

static void *sleep_main(void *arg)
{
    struct sleeper *s = arg;
    fake_thread_enter(&s->thread);
    __atomic_store_n(&s->entered, 1, __ATOMIC_SEQ_CST);
    if (s->pi)
        s->result = futex_lock_pi(MM, A(s->word), s->tid, false, s->deadline);
    else
        s->result = futex_wait(MM, A(s->word), s->expected, s->bitset, s->deadline);
    __atomic_store_n(&s->done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void start(struct sleeper *s, uint32_t *word, uint32_t bitset)
{
    *s = (struct sleeper){ .word = word, .expected = *word, .bitset = bitset, .deadline = PARK_FOREVER };
    pthread_create(&s->pthread, NULL, sleep_main, s);
}

/* From here on an interruption is not lost. */
static void wait_until_entered(struct sleeper *s)
{
    while (!__atomic_load_n(&s->entered, __ATOMIC_SEQ_CST))
        usleep(100);
}

static int64_t finish(struct sleeper *s)
{
    pthread_join(s->pthread, NULL);
    return s->result;
}

/* Wake one at a time until `count` have been woken: the sleepers need time to get there. */
static void wake_exactly(uint32_t *word, uint32_t count)
{
    uint32_t woken = 0;
    while (woken < count) {
        woken += (uint32_t)futex_wake(MM, A(word), count - woken, ALL);
        usleep(100);
    }
    assert_int_equal(woken, count);
}

static void a_changed_word_is_not_waited_for(void **state)
{
    uint32_t word = 5;
    assert_int_equal(futex_wait(MM, A(&word), 4, ALL, PARK_FOREVER), -EAGAIN);
    assert_int_equal(futex_wait(MM, 16, 4, ALL, PARK_FOREVER), -EFAULT);
}

static void a_deadline_ends_the_wait(void **state)
{
    uint32_t word = 5;
    assert_int_equal(futex_wait(MM, A(&word), 5, ALL, clock_monotonic() + 2000000), -ETIMEDOUT);
    assert_int_equal(futex_wake(MM, A(&word), 1, ALL), 0); /* and leaves nobody behind */
}

static void an_event_ends_the_wait(void **state)
{
    uint32_t word = 1;
    struct sleeper s;
    start(&s, &word, ALL);
    wait_until_entered(&s);
    fake_thread_interrupt(&s.thread);
    assert_int_equal(finish(&s), -EINTR);
    assert_int_equal(futex_wake(MM, A(&word), 1, ALL), 0);
}

static void wake_counts_only_its_own_word_and_mm(void **state)
{
    uint32_t words[64] = { 0 };
    struct sleeper s[64];
    for (int i = 0; i < 64; i++)
        start(&s[i], &words[i], ALL);
    assert_int_equal(futex_wake((struct mm *)0x2000, A(&words[3]), 64, ALL), 0);
    for (int i = 0; i < 64; i++)
        wake_exactly(&words[i], 1);
    for (int i = 0; i < 64; i++)
        assert_int_equal(finish(&s[i]), 0);
}

static void forty_waiters_of_one_word_are_woken_by_one_call(void **state)
{
    uint32_t word = 7;
    struct sleeper s[40];
    for (int i = 0; i < 40; i++)
        start(&s[i], &word, ALL);
    wake_exactly(&word, 40);
    for (int i = 0; i < 40; i++)
        assert_int_equal(finish(&s[i]), 0);
}

static void a_bitset_chooses_who_wakes(void **state)
{
    uint32_t word = 7;
    struct sleeper one, two;
    start(&one, &word, 1);
    start(&two, &word, 2);
    while (futex_wake(MM, A(&word), 10, 2) != 1)
        usleep(100);
    assert_int_equal(finish(&two), 0);
    assert_int_equal(futex_wake(MM, A(&word), 10, 2), 0);
    while (futex_wake(MM, A(&word), 10, 1) != 1)
        usleep(100);
    assert_int_equal(finish(&one), 0);
}

static void requeue_moves_waiters_that_then_wake_on_the_other_word(void **state)
{
    uint32_t a = 1, b = 2;
    struct sleeper s[10];
    const uint32_t wrong = 9, right = 1;
    for (int i = 0; i < 10; i++)
        start(&s[i], &a, ALL);
    assert_int_equal(futex_requeue(MM, A(&a), A(&b), 1, 100, &wrong), -EAGAIN);
    uint32_t woken = 0, moved = 0;
    while (woken + moved < 10) {
        int64_t n = futex_requeue(MM, A(&a), A(&b), woken ? 0 : 1, 100, &right);
        assert_true(n >= 0);
        if (n && !woken) {
            woken = 1;
            n--;
        }
        moved += (uint32_t)n;
        usleep(100);
    }
    assert_int_equal(futex_wake(MM, A(&a), 100, ALL), 0);
    assert_int_equal(futex_wake(MM, A(&b), 100, ALL), 9);
    for (int i = 0; i < 10; i++)
        assert_int_equal(finish(&s[i]), 0);
}

static void a_moved_waiter_can_still_time_out(void **state)
{
    uint32_t a = 1, b = 2;
    struct sleeper s = { .word = &a, .expected = 1, .bitset = ALL, .deadline = clock_monotonic() + 20000000 };
    pthread_create(&s.pthread, NULL, sleep_main, &s);
    while (futex_requeue(MM, A(&a), A(&b), 0, 1, NULL) != 1)
        usleep(100);
    assert_int_equal(finish(&s), -ETIMEDOUT);
    assert_int_equal(futex_wake(MM, A(&b), 1, ALL), 0);
}

static uint32_t encode(uint32_t op, uint32_t cmp, uint32_t op_arg, uint32_t cmp_arg)
{
    return op << 28 | cmp << 24 | (op_arg & 0xfff) << 12 | (cmp_arg & 0xfff);
}

static void wake_op_changes_the_word_and_compares_what_it_was(void **state)
{
    uint32_t first = 0, second = 10;
    struct sleeper s;
    start(&s, &second, ALL);
    wait_until_entered(&s);
    usleep(20000); /* it must have looked at the word before that changes */
    /* 10 is not below 5: changed, nobody woken */
    assert_int_equal(futex_wake_op(MM, A(&first), A(&second), 1, 1, encode(LINUX_FUTEX_OP_ADD, LINUX_FUTEX_CMP_LT, (uint32_t)-3, 5)), 0);
    assert_int_equal(second, 7);
    while (futex_wake_op(MM, A(&first), A(&second), 1, 1, encode(LINUX_FUTEX_OP_SET, LINUX_FUTEX_CMP_EQ, 7, 7)) != 1)
        usleep(100);
    assert_int_equal(finish(&s), 0);
    futex_wake_op(MM, A(&first), A(&second), 1, 1, encode(LINUX_FUTEX_OP_OR | LINUX_FUTEX_OP_OPARG_SHIFT, LINUX_FUTEX_CMP_EQ, 4, 0));
    assert_int_equal(second, 7 | 16);
    assert_int_equal(futex_wake_op(MM, A(&first), 16, 1, 1, 0), -EFAULT);
    assert_int_equal(futex_wake_op(MM, A(&first), A(&second), 1, 1, encode(7, 0, 0, 0)), -ENOSYS);
}

static void a_pi_lock_is_handed_to_the_oldest_waiter(void **state)
{
    uint32_t word = 0;
    struct sleeper s[3];
    assert_int_equal(futex_lock_pi(MM, A(&word), 100, false, PARK_FOREVER), 0);
    assert_int_equal(word, 100);
    assert_int_equal(futex_lock_pi(MM, A(&word), 100, false, PARK_FOREVER), -EDEADLK);
    assert_int_equal(futex_lock_pi(MM, A(&word), 101, true, PARK_FOREVER), -EAGAIN);
    assert_int_equal(futex_unlock_pi(MM, A(&word), 101), -EPERM);
    for (uint32_t i = 0; i < 3; i++) {
        s[i] = (struct sleeper){ .word = &word, .pi = true, .tid = 1 + i, .deadline = PARK_FOREVER };
        pthread_create(&s[i].pthread, NULL, sleep_main, &s[i]);
        wait_until_entered(&s[i]);
        usleep(20000); /* into the queue: the order is what is tested */
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(futex_unlock_pi(MM, A(&word), i ? i : 100), 0);
        assert_int_equal(word & LINUX_FUTEX_TID_MASK, 1 + i);
        assert_int_equal(finish(&s[i]), 0);
    }
    assert_int_equal(futex_unlock_pi(MM, A(&word), 3), 0);
    assert_int_equal(word, 0);
}

/* ---- a mutex as glibc makes it, hammered */

static uint32_t g_mutex;
static long g_counter;

static void lock(void)
{
    uint32_t c = 0;
    if (__atomic_compare_exchange_n(&g_mutex, &c, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&g_mutex, 2, __ATOMIC_ACQUIRE))
        futex_wait(MM, A(&g_mutex), 2, ALL, PARK_FOREVER);
}

static void unlock(void)
{
    if (__atomic_exchange_n(&g_mutex, 0, __ATOMIC_RELEASE) == 2)
        futex_wake(MM, A(&g_mutex), 1, ALL);
}

static void *hammer(void *arg)
{
    struct fake_thread self;
    fake_thread_enter(&self);
    for (int i = 0; i < 20000; i++) {
        lock();
        g_counter++;
        unlock();
    }
    return NULL;
}

static void a_mutex_built_on_it_excludes_and_never_hangs(void **state)
{
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, hammer, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(g_counter, 80000);
}

int main(void)
{
    struct fake_thread self;
    fake_thread_enter(&self);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_word_is_not_waited_for),
        cmocka_unit_test(a_deadline_ends_the_wait),
        cmocka_unit_test(an_event_ends_the_wait),
        cmocka_unit_test(wake_counts_only_its_own_word_and_mm),
        cmocka_unit_test(forty_waiters_of_one_word_are_woken_by_one_call),
        cmocka_unit_test(a_bitset_chooses_who_wakes),
        cmocka_unit_test(requeue_moves_waiters_that_then_wake_on_the_other_word),
        cmocka_unit_test(a_moved_waiter_can_still_time_out),
        cmocka_unit_test(wake_op_changes_the_word_and_compares_what_it_was),
        cmocka_unit_test(a_pi_lock_is_handed_to_the_oldest_waiter),
        cmocka_unit_test(a_mutex_built_on_it_excludes_and_never_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

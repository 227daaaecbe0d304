/* Parking and mutexes with real threads over the calls that direct makes. A lost wake-up hangs: the alarm ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <time.h>

#include "enclave/backend.h"
#include "enclave/clock.h"
#include "enclave/gate.h"
#include "enclave/machine.h"
#include "enclave/park.h"
#include "enclave/sync.h"
#include "tests/unit/enclave/gs.h"

#define ROUNDS 100000

static long futex(void *word, int op, uint32_t value, const struct timespec *ts) { return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, ts, NULL, 0); }

struct machine g_machine = { .cpu_count = 2 };
static int early_timeouts; /* how often the host lies */

static int fake_wait(struct thread_block *tb, int64_t timeout)
{
    struct timespec ts = { timeout / 1000000000, timeout % 1000000000 };
    if (early_timeouts && early_timeouts--)
        return -ETIMEDOUT;
    long err = futex(&tb->park_token, FUTEX_WAIT, 0, timeout == PARK_FOREVER ? NULL : &ts);
    return err && (errno == ETIMEDOUT || errno == EINTR) ? -errno : 0;
}

static void fake_wake(struct thread_block *tb) { futex(&tb->park_token, FUTEX_WAKE, 1, NULL); }
static void fake_lock_wait(const uint32_t *word, uint32_t value) { futex((void *)word, FUTEX_WAIT, value, NULL); }
static void fake_lock_wake(const uint32_t *word) { futex((void *)word, FUTEX_WAKE, 1, NULL); }

static const struct backend fake = { .thread_wait = fake_wait, .thread_wake = fake_wake, .lock_wait = fake_lock_wait, .lock_wake = fake_lock_wake };
const struct backend *g_backend = &fake;

/* As direct: what blocks is refused while an event is pending. */
int64_t hostcall(enum hostcall_nr nr, const uint64_t r[6])
{
    if ((nr == HC_read || nr == HC_write || nr == HC_ppoll || nr == HC_epoll_pwait) && thread_block()->pending)
        return -EINTR;
    long ret = syscall(hostcall_table[nr].linux_nr, r[0], r[1], r[2], r[3], r[4], r[5]);
    return ret < 0 ? -errno : ret;
}

void *mem_alloc(size_t size) { return malloc(size); }
void mem_free(void *p) { free(p); }

int64_t clock_monotonic(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct thread_block blocks[2] = { { .wake_fd = -1 }, { .wake_fd = -1 } };
static uint32_t turn;
static int use_poll;

/* A host epoll instance in which the calling thread can sleep. */
static int epoll_with_wake_fd(void)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = UINT64_MAX };
    int ep = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, park_wake_fd(), &e), 0);
    return ep;
}

static void wait_for_turn(uint32_t mine, int ep)
{
    struct park_pollfd fds[1];
    struct epoll_event e[1];
    while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) % 2 != mine)
        if (use_poll && random() % 2)
            park_poll(fds, 0, PARK_FOREVER);
        else if (use_poll && random() % 2)
            park_epoll(ep, e, 1, PARK_FOREVER);
        else
            park(PARK_FOREVER);
}

static void *player(void *arg)
{
    uint32_t mine = (uint32_t)(uintptr_t)arg;
    gs_set(&blocks[mine]);
    int ep = epoll_with_wake_fd();
    for (int i = 0; i < ROUNDS; i++) {
        wait_for_turn(mine, ep);
        __atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST);
        unpark(&blocks[!mine]);
    }
    close(ep);
    return NULL;
}

static void play(int poll)
{
    pthread_t t[2];
    turn = 0;
    use_poll = poll;
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, player, (void *)i);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(turn, 2 * ROUNDS);
}

static void no_wake_up_is_lost_in_a_hundred_thousand_rounds(void **state) { play(0); }
static void no_wake_up_is_lost_between_park_and_poll(void **state) { play(1); }

static void *sleep_in_poll(void *arg)
{
    struct park_pollfd fds[1];
    gs_set(&blocks[1]);
    while (!__atomic_load_n(&turn, __ATOMIC_SEQ_CST))
        park_poll(fds, 0, PARK_FOREVER);
    return NULL;
}

static void an_epoll_ends_a_park_with_its_events_a_token_an_event_or_the_deadline(void **state)
{
    struct epoll_event e[2], readable = { .events = EPOLLIN, .data.u64 = 7 };
    int ends[2];
    gs_set(&blocks[0]);
    int ep = epoll_with_wake_fd();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &readable), 0);
    while (park_epoll(ep, e, 2, clock_monotonic() + 1000000) != -ETIMEDOUT)
        ; /* what is left of other tests */
    int64_t until = clock_monotonic() + 2300000;
    assert_int_equal(park_epoll(ep, e, 2, until), -ETIMEDOUT);
    assert_true(clock_monotonic() >= until);
    unpark(&blocks[0]);
    assert_int_equal(park_epoll(ep, e, 2, PARK_FOREVER), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(park_epoll(ep, e, 2, PARK_FOREVER), 1);
    assert_int_equal(e[0].data.u64, 7);
    park_wake_again(&blocks[0]);
    assert_int_equal(park_epoll(ep, e, 2, PARK_FOREVER), 2);
    blocks[0].pending = 4;
    assert_int_equal(park_epoll(ep, e, 2, PARK_FOREVER), -EINTR);
    blocks[0].pending = 0;
    close(ends[0]);
    close(ends[1]);
    close(ep);
}

static void an_event_pending_for_the_waker_does_not_lose_the_wake_up(void **state)
{
    pthread_t t;
    gs_set(&blocks[0]);
    turn = 0;
    pthread_create(&t, NULL, sleep_in_poll, NULL);
    usleep(50000);
    blocks[0].pending = 1;
    turn = 1;
    unpark(&blocks[1]);
    pthread_join(t, NULL);
    blocks[0].pending = 0;
}

static void park_ends_with_a_token_an_event_or_the_deadline(void **state)
{
    struct park_pollfd fds[1];
    gs_set(&blocks[0]);
    blocks[0].park_token = 0;
    unpark(&blocks[0]);
    assert_int_equal(park(PARK_FOREVER), 0);
    blocks[0].pending = 4;
    assert_int_equal(park(PARK_FOREVER), -EINTR);
    assert_int_equal(park_poll(fds, 0, PARK_FOREVER), -EINTR);
    blocks[0].pending = 0;
    int64_t until = clock_monotonic() + 2000000;
    int err;
    while ((err = park(until)) == 0)
        ;
    assert_int_equal(err, -ETIMEDOUT);
    assert_true(clock_monotonic() >= until);
    assert_int_equal(park(clock_monotonic() - 1), -ETIMEDOUT);
}

static void a_time_out_that_comes_too_early_is_not_believed(void **state)
{
    gs_set(&blocks[0]);
    early_timeouts = 1;
    assert_int_equal(park(clock_monotonic() + 1000000000), 0);
}

static struct mutex mu;
static uint64_t counter;

static void *count_up(void *arg)
{
    for (int i = 0; i < 200000; i++) {
        mutex_lock(&mu);
        counter++;
        mutex_unlock(&mu);
    }
    return NULL;
}

static void a_mutex_lets_one_thread_in(void **state)
{
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, count_up, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(counter, 800000);
    assert_int_equal(mu.state, 0);
    assert_true(mutex_trylock(&mu));
    assert_false(mutex_trylock(&mu));
    mutex_unlock(&mu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wake_up_is_lost_in_a_hundred_thousand_rounds),
        cmocka_unit_test(no_wake_up_is_lost_between_park_and_poll),
        cmocka_unit_test(an_epoll_ends_a_park_with_its_events_a_token_an_event_or_the_deadline),
        cmocka_unit_test(an_event_pending_for_the_waker_does_not_lose_the_wake_up),
        cmocka_unit_test(park_ends_with_a_token_an_event_or_the_deadline),
        cmocka_unit_test(a_time_out_that_comes_too_early_is_not_believed),
        cmocka_unit_test(a_mutex_lets_one_thread_in),
    };
    alarm(100);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

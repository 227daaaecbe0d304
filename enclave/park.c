/*
 * Sleeping and waking. The token is trusted memory; what the host gives is only the sleep itself, so a
 * lying host can make a thread sleep too long or wake it for nothing, never make it believe in a token.
 */
#include "enclave/park.h"

#include "enclave/backend.h"
#include "enclave/clock.h"
#include "enclave/cpu.h"
#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/thread_block.h"
#include "lib/base/bytes.h"
#include "lib/linux/time.h"

enum park_sleep { AWAKE, SLEEPING_TOKEN, SLEEPING_POLL };

#define EFD_FLAGS 0x80800 /* EFD_CLOEXEC | EFD_NONBLOCK */
#define POLLIN    1
#define POLLALWAYS 0x38 /* POLLERR POLLHUP POLLNVAL */
#define POLL_FEW  16
#define NSEC_PER_MSEC 1000000

static bool take_token(struct thread_block *tb)
{
    return __atomic_load_n(&tb->park_token, __ATOMIC_RELAXED) &&
           __atomic_exchange_n(&tb->park_token, 0, __ATOMIC_SEQ_CST);
}

static bool event_pending_now(const struct thread_block *tb)
{
    return __atomic_load_n(&tb->pending, __ATOMIC_SEQ_CST) != 0;
}

/* Nanoseconds left; 0 when passed. */
static int64_t time_left(int64_t deadline)
{
    if (deadline == PARK_FOREVER)
        return PARK_FOREVER;
    int64_t left = deadline - clock_monotonic();
    return left > 0 ? left : 0;
}

static uint32_t g_holds; /* atomic */

void park_hold(void)
{
    __atomic_fetch_add(&g_holds, 1, __ATOMIC_SEQ_CST);
}

void park_let_go(void)
{
    __atomic_fetch_sub(&g_holds, 1, __ATOMIC_SEQ_CST);
}

bool park_is_asleep(const struct thread_block *tb)
{
    return __atomic_load_n(&tb->park_sleeping, __ATOMIC_SEQ_CST) == SLEEPING_TOKEN;
}

/* Whoever holds has either seen us awake, or we see now that it holds. */
static void wake_up(struct thread_block *tb)
{
    __atomic_store_n(&tb->park_sleeping, AWAKE, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&g_holds, __ATOMIC_SEQ_CST))
        cpu_pause();
}

#define LOOKS        300 /* with a pause each: some microseconds, what a sleep and a wake across CPUs cost */
#define MISSES_COUNT 10

/*
 * Whoever unparks us is often about to, on another CPU: looking for a moment then spares both of us the host. A
 * thread for which that was in vain tries again only after 1, 3, 7, ... 1023 sleeps. true: there is something to see.
 */
static bool look_a_while(struct thread_block *tb)
{
    if (tb->park_sleeps) {
        tb->park_sleeps--;
        return false;
    }
    for (int i = 0; i < LOOKS; i++) {
        if (__atomic_load_n(&tb->park_token, __ATOMIC_RELAXED) || __atomic_load_n(&tb->pending, __ATOMIC_RELAXED)) {
            tb->park_misses = 0;
            return true;
        }
        cpu_pause();
    }
    tb->park_misses = MIN(tb->park_misses + 1, MISSES_COUNT);
    tb->park_sleeps = (1u << tb->park_misses) - 1;
    return false;
}

int park(int64_t deadline)
{
    struct thread_block *tb = thread_block();

    if (take_token(tb))
        return 0;
    if (g_machine.cpu_count > 1 && look_a_while(tb) && take_token(tb))
        return 0;
    if (event_pending_now(tb))
        return -EINTR;
    int64_t left = time_left(deadline);
    if (left == 0)
        return -ETIMEDOUT;
    __atomic_store_n(&tb->park_sleeping, SLEEPING_TOKEN, __ATOMIC_SEQ_CST);
    int err = 0;
    if (!__atomic_load_n(&tb->park_token, __ATOMIC_SEQ_CST))
        err = g_backend->thread_wait(tb, left);
    wake_up(tb);
    if (take_token(tb))
        return 0;
    if (event_pending_now(tb))
        return -EINTR;
    /* host may say too early that the time is over: then it was for nothing */
    return err == -ETIMEDOUT && time_left(deadline) == 0 ? -ETIMEDOUT : 0;
}

/* write_now, not `write`: an event pending for the caller must not lose the wake-up. */
void park_wake_again(struct thread_block *tb)
{
    uint64_t one = 1;
    host_call(write_now, (uint64_t)tb->wake_fd, PTR(&one), sizeof(one));
}

void unpark(struct thread_block *tb)
{
    if (__atomic_exchange_n(&tb->park_token, 1, __ATOMIC_SEQ_CST))
        return;
    switch (__atomic_load_n(&tb->park_sleeping, __ATOMIC_SEQ_CST)) {
    case SLEEPING_TOKEN: g_backend->thread_wake(tb); break;
    case SLEEPING_POLL: park_wake_again(tb); break;
    default: break;
    }
}

int park_wake_fd(void)
{
    struct thread_block *tb = thread_block();
    if (tb->wake_fd < 0) {
        int64_t fd = host_call(eventfd2, 0, EFD_FLAGS);
        if (fd < 0)
            return (int)fd;
        tb->wake_fd = (int32_t)fd;
    }
    return tb->wake_fd;
}

int64_t park_ask(struct park_pollfd *fds, uint32_t count, const struct linux_timespec *timeout)
{
    struct park_pollfd few[POLL_FEW], *asked = few;
    int64_t ready = 0;

    if (count > POLL_FEW && !(asked = mem_alloc(count * sizeof(*asked))))
        return -ENOMEM;
    memcpy(asked, fds, count * sizeof(*asked));
    int64_t r = host_call(ppoll, PTR(asked), count, PTR(timeout), 0, 8);
    /* host may rewrite fd and events, which are ours and are used again, and lie about the count: only revents cross */
    for (uint32_t i = 0; i < count; i++) {
        fds[i].revents = r > 0 ? asked[i].revents & (int16_t)(fds[i].events | POLLALWAYS) : 0;
        ready += fds[i].revents != 0;
    }
    if (asked != few)
        mem_free(asked);
    return r < 0 ? r : ready;
}

static int64_t poll_host(struct park_pollfd *fds, uint32_t count, int64_t left)
{
    struct linux_timespec ts = { left / NSEC_PER_SEC, left % NSEC_PER_SEC };
    return park_ask(fds, count, left == PARK_FOREVER ? NULL : &ts);
}

int park_poll(struct park_pollfd *fds, uint32_t count, int64_t deadline)
{
    struct thread_block *tb = thread_block();
    int wake_fd = park_wake_fd();

    if (wake_fd < 0)
        return wake_fd;
    if (take_token(tb))
        return 0;
    if (event_pending_now(tb))
        return -EINTR;
    int64_t left = time_left(deadline);
    fds[count] = (struct park_pollfd){ .fd = wake_fd, .events = POLLIN };
    for (uint32_t i = 0; i < count; i++)
        fds[i].revents = 0;
    __atomic_store_n(&tb->park_sleeping, SLEEPING_POLL, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&tb->park_token, __ATOMIC_SEQ_CST))
        left = 0;
    int64_t ready = poll_host(fds, count + 1, left);
    __atomic_store_n(&tb->park_sleeping, AWAKE, __ATOMIC_SEQ_CST);
    if (ready > 0 && fds[count].revents) {
        uint64_t sink;
        host_call(read_now, (uint64_t)wake_fd, PTR(&sink), sizeof(sink));
        ready--;
    }
    bool token = take_token(tb);
    if (ready > 0 || token)
        return (int)MAX(ready, 0);
    if (ready == -EINTR || event_pending_now(tb))
        return -EINTR;
    if (ready < 0)
        return (int)ready;
    return time_left(deadline) == 0 ? -ETIMEDOUT : 0;
}

/* As epoll_pwait takes it, rounded up. */
static int32_t milliseconds(int64_t left)
{
    if (left == PARK_FOREVER)
        return -1;
    return (int32_t)MIN(left / NSEC_PER_MSEC + (left % NSEC_PER_MSEC != 0), INT32_MAX);
}

/* The wake descriptor is not read: each write to it is an edge, and it holds 2^64 - 2 of them. */
int64_t park_epoll(int epoll_fd, void *events, uint32_t max, int64_t deadline)
{
    struct thread_block *tb = thread_block();

    if (take_token(tb))
        return 0;
    if (event_pending_now(tb))
        return -EINTR;
    int32_t timeout = milliseconds(time_left(deadline));
    __atomic_store_n(&tb->park_sleeping, SLEEPING_POLL, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&tb->park_token, __ATOMIC_SEQ_CST))
        timeout = 0;
    int64_t n = host_call(epoll_pwait, (uint64_t)epoll_fd, PTR(events), max, (uint64_t)(int64_t)timeout, 0, 8);
    __atomic_store_n(&tb->park_sleeping, AWAKE, __ATOMIC_SEQ_CST);
    bool token = take_token(tb);
    if (n > 0 || token)
        return MAX(n, 0);
    if (n == -EINTR || event_pending_now(tb))
        return -EINTR;
    if (n < 0)
        return n;
    return time_left(deadline) == 0 ? -ETIMEDOUT : 0;
}

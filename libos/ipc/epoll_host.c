/*
 * The host's side of epoll: its descriptors are registered in ONE host epoll instance per epoll of
 * ours, so waiting on a thousand sockets costs one host call. The host answers with our slot and
 * its generation; what does not name a live item is dropped. Its event bits are masked by what the
 * program asked for: a lying host can pretend readiness, no more.
 *
 * One thread sleeps in the instance itself, with its wake descriptor registered there: one host
 * call for a sleep and what ends it. Further threads of the same epoll sleep by park_poll() on the
 * instance; one that is told of the sleeper's edge hands it on.
 */
#include "enclave/clock.h"
#include "enclave/cpu.h"
#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "enclave/thread_block.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/ipc/epoll_object.h"

#define HOST_BATCH    64
#define HOST_BITS     0x3fffu
#define SLOTS_FIRST   16u
#define HOST_CLOEXEC  02000000
#define WAKE_DATA     UINT64_MAX /* no slot has this number */
#define NSEC_PER_MSEC 1000000
#define LATE_MOST     100000 /* ns that a sleep may last too long */

static int64_t host_control(struct epoll *ep, int op, struct epoll_item *item)
{
    /* ONESHOT and ET are the host's to keep for its descriptors: it knows when the edge is. */
    struct linux_epoll_event e = {
        .events = (item->events & item->host_mask & HOST_BITS) |
                  (item->events & (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE)),
        .data = (uint64_t)item->generation << 32 | item->slot,
    };
    return host_call(epoll_ctl, (uint64_t)ep->host_fd, (uint64_t)op, (uint64_t)item->host_fd,
                     PTR(&e));
}

static int take_slot_locked(struct epoll *ep, struct epoll_item *item)
{
    uint32_t i = 0;
    while (i < ep->slot_count && ep->slots[i].item)
        i++;
    if (i == ep->slot_count) {
        uint32_t count = ep->slot_count ? ep->slot_count * 2 : SLOTS_FIRST;
        struct epoll_slot *slots = mem_realloc(ep->slots, count * sizeof(*slots));
        if (!slots)
            return -ENOMEM;
        memset(slots + ep->slot_count, 0, (count - ep->slot_count) * sizeof(*slots));
        ep->slots = slots;
        ep->slot_count = count;
    }
    ep->slots[i].item = item;
    item->slot = i;
    item->generation = ++ep->slots[i].generation;
    return 0;
}

int epoll_host_add_locked(struct epoll *ep, struct epoll_item *item)
{
    if (ep->host_fd < 0) {
        int64_t fd = host_call(epoll_create1, HOST_CLOEXEC);
        if (fd < 0)
            return (int)fd;
        ep->host_fd = (int)fd;
    }
    int r = take_slot_locked(ep, item);
    if (r < 0)
        return r;
    r = (int)host_control(ep, EPOLL_CTL_ADD, item);
    if (r < 0) {
        ep->slots[item->slot].item = NULL;
        return r;
    }
    if (ep->host_items++ == 0) /* those who sleep do not look at the host yet */
        wake_all(&ep->waiters, 0);
    return 0;
}

/* What the host told before and is still on its way names a generation that is gone: it is told
 * again if it still holds. */
int epoll_host_modify_locked(struct epoll *ep, struct epoll_item *item)
{
    uint32_t *generation = &ep->slots[item->slot].generation;
    item->generation = ++*generation;
    int r = (int)host_control(ep, EPOLL_CTL_MOD, item);
    if (r < 0)
        item->generation = --*generation;
    return r;
}

void epoll_host_remove_locked(struct epoll *ep, struct epoll_item *item)
{
    (void)host_control(ep, EPOLL_CTL_DEL,
                       item); /* an event for it that still comes names a dead generation */
    ep->slots[item->slot].item = NULL;
    ep->host_items--;
}

static uint32_t take_batch_locked(struct epoll *ep, const struct linux_epoll_event *batch,
                                  int64_t got, struct linux_epoll_event *out)
{
    uint32_t n = 0;
    for (int64_t i = 0; i < got; i++) {
        if (batch[i].data == WAKE_DATA && ep->sleeper)
            park_wake_again(ep->sleeper);
        uint32_t slot = (uint32_t)batch[i].data, generation = (uint32_t)(batch[i].data >> 32);
        /* host may lie about which descriptor is ready: only a live item with this generation
         * counts */
        if (slot >= ep->slot_count)
            continue;
        cpu_speculation_barrier();
        struct epoll_item *item = ep->slots[slot].item;
        if (!item || item->generation != generation)
            continue;
        uint32_t asked = item->events & ~EPOLL_SETTINGS;
        uint32_t found = asked ? batch[i].events & (asked | EPOLLERR | EPOLLHUP) : 0;
        if (found)
            epoll_deliver_locked(item, found, &out[n++]);
    }
    return n;
}

uint32_t epoll_host_collect_locked(struct epoll *ep, struct linux_epoll_event *out, uint32_t max)
{
    struct linux_epoll_event batch[HOST_BATCH];
    int64_t got = host_call(epoll_pwait, (uint64_t)ep->host_fd, PTR(batch), MIN(max, HOST_BATCH), 0,
                            0, 8);
    return take_batch_locked(ep, batch, got, out);
}

/* ---- sleeping */

static int64_t wake_control(struct epoll *ep, int op, int fd)
{
    struct linux_epoll_event e = { .events = EPOLLIN | EPOLLET, .data = WAKE_DATA };
    return host_call(epoll_ctl, (uint64_t)ep->host_fd, (uint64_t)op, (uint64_t)fd, PTR(&e));
}

static void forget_wake_fd_locked(struct epoll *ep)
{
    if (ep->wake_fd >= 0)
        (void)wake_control(ep, EPOLL_CTL_DEL, ep->wake_fd);
    ep->wake_fd = -1;
}

static bool register_wake_fd_locked(struct epoll *ep)
{
    int fd = park_wake_fd();
    if (ep->wake_fd == fd)
        return fd >= 0;
    forget_wake_fd_locked(ep);
    if (fd < 0 || wake_control(ep, EPOLL_CTL_ADD, fd) < 0)
        return false;
    ep->wake_fd = fd;
    return true;
}

void epoll_host_watch_locked(struct epoll *ep)
{
    ep->watched = true;
    if (!ep->sleeper)
        forget_wake_fd_locked(ep);
}

/* The host's epoll counts milliseconds. */
static bool counts_well(int64_t deadline, int64_t now)
{
    int64_t rest = deadline == PARK_FOREVER ? 0 : (deadline - now) % NSEC_PER_MSEC;
    return rest == 0 || NSEC_PER_MSEC - rest <= LATE_MOST;
}

static int64_t collect_last(struct epoll *ep, struct linux_epoll_event *out, uint32_t max)
{
    mutex_lock(&ep->mu);
    int64_t n = epoll_host_collect_locked(ep, out, max);
    mutex_unlock(&ep->mu);
    return n ? n : -ETIMEDOUT;
}

static bool enter_locked(struct epoll *ep)
{
    if (ep->sleeper || ep->watched || !register_wake_fd_locked(ep))
        return false;
    ep->sleeper = thread_block();
    return true;
}

static int64_t sleep_inside(struct epoll *ep, struct linux_epoll_event *out, uint32_t max,
                            int64_t deadline)
{
    struct linux_epoll_event batch[HOST_BATCH];
    int64_t r = park_epoll(ep->host_fd, batch, MIN(max, HOST_BATCH), deadline);
    mutex_lock(&ep->mu);
    ep->sleeper = NULL;
    if (ep->watched)
        forget_wake_fd_locked(ep);
    if (r > 0)
        r = take_batch_locked(ep, batch, r, out);
    mutex_unlock(&ep->mu);
    return r;
}

static int64_t sleep_beside(struct epoll *ep, struct linux_epoll_event *out, uint32_t max,
                            int64_t deadline)
{
    struct park_pollfd fds[2] = { { .fd = ep->host_fd, .events = EPOLLIN } };
    int64_t r = park_poll(fds, 1, deadline);
    if (r <= 0)
        return r;
    mutex_lock(&ep->mu);
    r = epoll_host_collect_locked(ep, out, max);
    mutex_unlock(&ep->mu);
    return r;
}

int64_t epoll_host_sleep(struct epoll *ep, struct linux_epoll_event *out, uint32_t max,
                         int64_t deadline)
{
    if (__atomic_load_n(&ep->host_items, __ATOMIC_ACQUIRE) == 0)
        return wait_sleep(deadline);
    int64_t r = wait_interrupted();
    if (r < 0)
        return r;
    int64_t now = deadline == PARK_FOREVER ? 0 : clock_monotonic();
    bool inside = false;
    /* A host that says "ready" each time and then tells nothing must not hold us. */
    if (deadline <= now)
        return collect_last(ep, out, max);
    if (counts_well(deadline, now)) {
        mutex_lock(&ep->mu);
        inside = enter_locked(ep);
        mutex_unlock(&ep->mu);
    }
    r = inside ? sleep_inside(ep, out, max, deadline) : sleep_beside(ep, out, max, deadline);
    return r == -EINTR ? wait_interrupted() : r;
}

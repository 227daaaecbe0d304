/*
 * The host's side of epoll: its descriptors are registered in ONE host epoll instance per epoll of
 * ours, so waiting on a thousand sockets costs one host call. The host answers with our slot and
 * its generation; what does not name a live item is dropped. Its event bits are masked by what the
 * program asked for: a lying host can pretend readiness, no more.
 */
#include "enclave/clock.h"
#include "enclave/cpu.h"
#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/ipc/epoll_object.h"

#define HOST_BATCH   64
#define HOST_BITS    0x3fffu
#define SLOTS_FIRST  16u
#define HOST_CLOEXEC 02000000

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

int epoll_host_modify_locked(struct epoll *ep, struct epoll_item *item)
{
    return (int)host_control(ep, EPOLL_CTL_MOD, item);
}

void epoll_host_remove_locked(struct epoll *ep, struct epoll_item *item)
{
    (void)host_control(ep, EPOLL_CTL_DEL,
                       item); /* an event for it that still comes names a dead generation */
    ep->slots[item->slot].item = NULL;
    ep->host_items--;
}

uint32_t epoll_host_collect_locked(struct epoll *ep, struct linux_epoll_event *out, uint32_t max)
{
    struct linux_epoll_event batch[HOST_BATCH];
    uint32_t n = 0;
    int64_t got = host_call(epoll_pwait, (uint64_t)ep->host_fd, PTR(batch), MIN(max, HOST_BATCH), 0,
                            0, 8);
    for (int64_t i = 0; i < got; i++) {
        uint32_t slot = (uint32_t)batch[i].data, generation = (uint32_t)(batch[i].data >> 32);
        /* host may lie about which descriptor is ready: only a live item with this generation
         * counts */
        if (slot >= ep->slot_count)
            continue;
        cpu_speculation_barrier();
        if (!ep->slots[slot].item ||
            ep->slots[slot].generation != generation)
            continue;
        struct epoll_item *item = ep->slots[slot].item;
        uint32_t asked = item->events & ~EPOLL_SETTINGS;
        uint32_t found = asked ? batch[i].events & (asked | EPOLLERR | EPOLLHUP) : 0;
        if (found)
            epoll_deliver_locked(item, found, &out[n++]);
    }
    return n;
}

int epoll_sleep(struct epoll *ep, int64_t deadline)
{
    struct park_pollfd fds[2] = { { .events = EPOLLIN } };
    if (__atomic_load_n(&ep->host_items, __ATOMIC_ACQUIRE) == 0)
        return wait_sleep(deadline);
    int r = wait_interrupted();
    if (r < 0)
        return r;
    /* What there is was just collected. A host that says "ready" each time and then tells nothing must not hold us. */
    if (deadline != PARK_FOREVER && clock_monotonic() >= deadline)
        return -ETIMEDOUT;
    fds[0].fd = ep->host_fd;
    r = park_poll(fds, 1, deadline);
    return r == -EINTR ? wait_interrupted() : r < 0 ? r : 0;
}

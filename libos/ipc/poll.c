/*
 * Readiness of files, and waiting for it: poll(2), select(2) and blocking reads and writes of
 * host-backed files all come here; epoll.c keeps its own lists.
 *
 * One pass asks each file and registers where it announces changes: queues of ours get a waiter,
 * host descriptors are collected. Then one park_poll() sleeps on all. What the host says about its
 * own descriptors is only a hint to try again: a lie costs a wake-up or a wait.
 */
#include "libos/ipc/poll.h"

#include "enclave/clock.h"
#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "enclave/thread_block.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/time.h"
#include "libos/fs/file.h"

#define INLINE_SLOTS   16
#define ALWAYS         (EPOLLERR | EPOLLHUP)
#define EVENTS_DEFAULT (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM)
#define POLL_BITS      0xffffu

/* Where one pass registers. Waiters must not move once queued, so they come in chunks. */
struct wait_chunk {
    struct wait_chunk *next;
    uint32_t used;
    struct waiter waiters[INLINE_SLOTS];
};

struct poll_set {
    struct poll base;
    uint32_t entry;  /* whose files' poll operation runs */
    uint32_t wanted; /* its events */
    bool failed;     /* out of memory */
    uint32_t host_count, host_room;
    struct park_pollfd *fds;   /* host_room + 1: park_poll needs one more */
    uint32_t *owners;          /* entry of each fd */
    struct wait_chunk *chunks; /* first is `inline_chunk` */
    struct wait_chunk inline_chunk;
    struct park_pollfd inline_fds[INLINE_SLOTS + 1];
    uint32_t inline_owners[INLINE_SLOTS];
};

static void set_wait(struct poll *p, struct wait_queue *q)
{
    struct poll_set *s = container_of(p, struct poll_set, base);
    struct wait_chunk *c = s->chunks;
    if (c->used == INLINE_SLOTS) {
        c = mem_alloc(sizeof(*c));
        if (!c) {
            s->failed = true;
            return;
        }
        c->used = 0;
        c->next = s->chunks;
        s->chunks = c;
    }
    struct waiter *w = &c->waiters[c->used++];
    *w = (struct waiter){ .thread = thread_block(), .events = s->wanted };
    wait_add(w, q);
}

static bool grow_hosts(struct poll_set *s)
{
    uint32_t room = s->host_room * 4;
    struct park_pollfd *fds = mem_alloc((room + 1) * sizeof(*fds));
    uint32_t *owners = mem_alloc(room * sizeof(*owners));
    if (!fds || !owners) {
        mem_free(fds);
        mem_free(owners);
        return false;
    }
    memcpy(fds, s->fds, s->host_count * sizeof(*fds));
    memcpy(owners, s->owners, s->host_count * sizeof(*owners));
    if (s->fds != s->inline_fds) {
        mem_free(s->fds);
        mem_free(s->owners);
    }
    s->fds = fds;
    s->owners = owners;
    s->host_room = room;
    return true;
}

static void set_host(struct poll *p, int host_fd, uint32_t events)
{
    struct poll_set *s = container_of(p, struct poll_set, base);
    if (s->host_count == s->host_room && !grow_hosts(s)) {
        s->failed = true;
        return;
    }
    s->owners[s->host_count] = s->entry;
    s->fds[s->host_count++] = (struct park_pollfd){
        .fd = host_fd, .events = (int16_t)(events & s->wanted & POLL_BITS)
    };
}

static const struct poll_ops set_ops = { set_wait, set_host };

static void set_init(struct poll_set *s)
{
    s->base.ops = &set_ops;
    s->failed = false;
    s->host_count = 0;
    s->host_room = INLINE_SLOTS;
    s->fds = s->inline_fds;
    s->owners = s->inline_owners;
    s->chunks = &s->inline_chunk;
    s->inline_chunk.next = NULL;
    s->inline_chunk.used = 0;
}

static void set_fini(struct poll_set *s)
{
    for (struct wait_chunk *c = s->chunks, *next; c; c = next) {
        next = c->next;
        for (uint32_t i = 0; i < c->used; i++)
            wait_end(&c->waiters[i]);
        if (c != &s->inline_chunk)
            mem_free(c);
    }
    if (s->fds != s->inline_fds) {
        mem_free(s->fds);
        mem_free(s->owners);
    }
}

/* ---- asking without registering */

static void ignore_wait(struct poll *p, struct wait_queue *q) {}

static void ignore_host(struct poll *p, int host_fd, uint32_t events) {}

static const struct poll_ops inside_ops = { ignore_wait, ignore_host };

uint32_t file_poll_inside(struct file *f)
{
    struct poll p = { &inside_ops };
    return file_poll(f, &p);
}

uint32_t file_poll(struct file *f, struct poll *p)
{
    const struct file_ops *ops = file_settled_ops(f);
    return ops->poll ? ops->poll(f, p) : EVENTS_DEFAULT;
}

uint32_t poll_host_now(int host_fd, uint32_t events)
{
    struct park_pollfd fd = { .fd = host_fd, .events = (int16_t)(events & POLL_BITS) };
    struct linux_timespec now = { 0 };
    int64_t n = park_ask(&fd, 1, &now);
    return n == 1 ? (uint16_t)fd.revents & (events | ALWAYS | EPOLLNVAL) : 0;
}

/* ---- waiting */

/* Read the host's answers into the entries; returns how many entries that made ready. */
static int64_t collect_host(struct poll_set *s, struct poll_entry *entries)
{
    int64_t ready = 0;
    for (uint32_t i = 0; i < s->host_count; i++) {
        struct poll_entry *e = &entries[s->owners[i]];
        uint32_t found = (uint16_t)s->fds[i].revents & (e->events | ALWAYS);
        ready += found && !e->revents;
        e->revents |= found;
    }
    return ready;
}

static int64_t ask_inside(struct poll_entry *entries, uint32_t count)
{
    int64_t ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!entries[i].file)
            continue;
        entries[i].revents = file_poll_inside(entries[i].file) & (entries[i].events | ALWAYS);
        ready += entries[i].revents != 0;
    }
    return ready;
}

static int64_t ask_and_register(struct poll_set *s, struct poll_entry *entries, uint32_t count)
{
    int64_t ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!entries[i].file)
            continue;
        s->entry = i;
        s->wanted = entries[i].events | ALWAYS;
        entries[i].revents = file_poll(entries[i].file, &s->base) & s->wanted;
        ready += entries[i].revents != 0;
    }
    return ready;
}

/* Ask the host about its descriptors without sleeping: when others are ready already, or nobody
 * wants to wait. */
static int64_t ask_host_now(struct poll_set *s, struct poll_entry *entries)
{
    struct linux_timespec now = { 0 };
    if (s->host_count == 0)
        return 0;
    int64_t n = park_ask(s->fds, s->host_count, &now);
    return n > 0 ? collect_host(s, entries) : 0;
}

static int sleep_on(struct poll_set *s, int64_t deadline)
{
    if (s->host_count == 0)
        return wait_sleep(deadline);
    int r = wait_interrupted();
    return r < 0 ? r : park_poll(s->fds, s->host_count, deadline);
}

static bool is_past(int64_t deadline)
{
    return deadline != PARK_FOREVER && clock_monotonic() >= deadline;
}

int64_t poll_entries(struct poll_entry *entries, uint32_t count, int64_t deadline)
{
    struct poll_set s;
    set_init(&s);
    int64_t ready = ask_and_register(&s, entries, count);
    if (s.failed)
        ready = -ENOMEM;
    else if (ready || deadline == 0)
        ready += ask_host_now(&s, entries);
    while (ready == 0 && deadline != 0) {
        int r = sleep_on(&s, deadline);
        if (r == -ETIMEDOUT)
            break;
        if (r == -EINTR)
            r = wait_interrupted();
        if (r < 0) {
            ready = r;
            break;
        }
        ready = ask_inside(entries, count);
        if (r > 0)
            ready += collect_host(&s, entries);
        /* host may end each sleep at once with events that nobody asked for: time passes all the same */
        if (ready == 0 && is_past(deadline))
            break;
    }
    set_fini(&s);
    return ready;
}

int file_wait(struct file *f, uint32_t events, int64_t deadline)
{
    struct poll_entry e = { .file = f, .events = events };
    /* Callers have just tried. A host that says "ready" each time and -EAGAIN each time must not hold them for ever. */
    if (is_past(deadline))
        return -EAGAIN;
    int64_t r = poll_entries(&e, 1, deadline);
    if (r == -EINTR)
        return -ERESTARTSYS;
    return r < 0 ? (int)r : r == 0 ? -EAGAIN : 0;
}

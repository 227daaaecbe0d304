#ifndef LIBOS_IPC_POLL_H
#define LIBOS_IPC_POLL_H

/*
 * Readiness. file_ops.poll(f, p) returns the events that hold now and, when p is given, tells where
 * changes are announced: poll_wait() for a queue of ours, poll_host() for a descriptor of the host
 * (its readiness is then asked from the host together with all others, in one call).
 */
#include <stdint.h>

#include "libos/ipc/wait.h"

#define EPOLLIN        0x001u
#define EPOLLPRI       0x002u
#define EPOLLOUT       0x004u
#define EPOLLERR       0x008u
#define EPOLLHUP       0x010u
#define EPOLLNVAL      0x020u
#define EPOLLRDNORM    0x040u
#define EPOLLRDBAND    0x080u
#define EPOLLWRNORM    0x100u
#define EPOLLWRBAND    0x200u
#define EPOLLMSG       0x400u
#define EPOLLRDHUP     0x2000u
#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)

struct file;
struct poll;

struct poll_ops {
    void (*wait)(struct poll *p, struct wait_queue *q);
    void (*host)(struct poll *p, int host_fd, uint32_t events);
};

struct poll {
    const struct poll_ops *ops;
};

static inline void poll_wait(struct poll *p, struct wait_queue *q)
{
    if (p)
        p->ops->wait(p, q);
}

static inline void poll_host(struct poll *p, int host_fd, uint32_t events)
{
    if (p)
        p->ops->host(p, host_fd, events);
}

/* Events of a file, with the default for files without a poll operation. */
uint32_t file_poll(struct file *f, struct poll *p);

/* Readiness of a descriptor of the host, asked now: for poll operations called without a struct
 * poll. */
uint32_t poll_host_now(int host_fd, uint32_t events);

/* What only we know of a file, without asking the host: for looking again after a wake. */
uint32_t file_poll_inside(struct file *f);

struct poll_entry {
    struct file *file;        /* NULL: skipped, revents stay */
    uint32_t events, revents; /* asked; found (always with EPOLLERR and EPOLLHUP) */
};

/* poll(2) on files. Returns how many have revents, 0 at the deadline (0: look once), -EINTR,
 * -ENOMEM. */
int64_t poll_entries(struct poll_entry *entries, uint32_t count, int64_t deadline);

/* Block until one of `events` holds on the file or the deadline passes: 0, -EAGAIN (timed out),
 * -EINTR -> -ERESTARTSYS. */
int file_wait(struct file *f, uint32_t events, int64_t deadline);

#endif

#ifndef LIBOS_IPC_EPOLL_OBJECT_H
#define LIBOS_IPC_EPOLL_OBJECT_H

/*
 * An epoll instance, open to epoll.c and epoll_host.c only.
 *
 * Locks: ep->mu (items, scanning) -> the file's own locks; wait_queue.lock of a file ->
 * ep->ready_lock or the queues of ep. g_watchers_lock guards the lists file->watchers and is
 * innermost.
 */
#include "enclave/sync.h"
#include "lib/base/list.h"
#include "lib/base/rbtree.h"
#include "libos/fs/file.h"
#include "libos/ipc/epoll.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/wait.h"

#define EPOLL_QUEUES_MAX 3 /* wait queues one file announces on */
#define EPOLL_SETTINGS   (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)

struct epoll_slot {
    struct epoll_item *item; /* NULL: free */
    uint32_t generation;
};

struct epoll_item {
    struct rb_node node; /* ep->mu */
    struct epoll *ep;
    struct file *file; /* not counted */
    int fd;
    uint32_t events; /* ep->mu; asked, with settings; settings alone: disabled by ONESHOT */
    uint64_t data;   /* ep->mu */
    struct waiter waiters[EPOLL_QUEUES_MAX];
    uint32_t waiter_count;
    struct list ready;             /* ep->ready_lock; on the ready list or linked to itself */
    int host_fd;                   /* -1: none */
    uint32_t host_mask;            /* what the file wants to know of its host descriptor */
    uint32_t slot, generation;     /* of host_fd in ep->slots */
    struct epoll_item *watch_next; /* g_watchers_lock: the next of file->watchers */
};

struct epoll {
    struct file file;
    struct mutex mu;
    struct rb_tree items;            /* mu: by file, then fd */
    int host_fd;                     /* mu; -1 until the first host descriptor comes */
    struct epoll_slot *slots;        /* mu */
    uint32_t slot_count, host_items; /* mu; host_items also read without */
    int wake_fd; /* mu; of the thread that slept in host_fd last, registered there; -1: none */
    struct thread_block *sleeper; /* mu: the thread that sleeps in host_fd */
    bool watched; /* mu: polled, or in another epoll: then host_fd must be ready for nothing else */
    struct spinlock ready_lock;
    struct list ready;         /* ready_lock: items that may have events */
    struct wait_queue waiters; /* epoll_wait */
    struct wait_queue pollers; /* poll, or another epoll, on this one */
};

/* Fill in an event of the item that is reported now. */
void epoll_deliver_locked(struct epoll_item *item, uint32_t events, struct linux_epoll_event *out);

/* ---- epoll_host.c; the item has a host descriptor */

int epoll_host_add_locked(struct epoll *ep, struct epoll_item *item);
int epoll_host_modify_locked(struct epoll *ep, struct epoll_item *item);
void epoll_host_remove_locked(struct epoll *ep, struct epoll_item *item);
/* What is ready now. */
uint32_t epoll_host_collect_locked(struct epoll *ep, struct linux_epoll_event *out, uint32_t max);
/*
 * Sleep until the host has events, which are put in out (how many), or a file of ours may have (0),
 * the deadline comes
 * (-ETIMEDOUT) or a signal (-EINTR).
 */
int64_t epoll_host_sleep(struct epoll *ep, struct linux_epoll_event *out, uint32_t max,
                         int64_t deadline);
/* Others look at ep->host_fd from now on. */
void epoll_host_watch_locked(struct epoll *ep);

#endif

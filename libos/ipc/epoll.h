#ifndef LIBOS_IPC_EPOLL_H
#define LIBOS_IPC_EPOLL_H

/* epoll(7). */
#include <stdint.h>

#include "lib/base/assert.h"

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3
#define EPOLL_CLOEXEC 02000000u

struct file;

struct linux_epoll_event {
    uint32_t events;
    uint64_t data;
} __attribute__((packed));
static_assert(sizeof(struct linux_epoll_event) == 12, "packed on x86-64");

int epoll_create_file(struct file **out);
/* fd is only the second half of the item's key, as on Linux. -EINVAL, -EEXIST, -ENOENT, -EPERM,
 * -ELOOP, -ENOMEM. */
int epoll_control(struct file *ep, int op, struct file *target, int fd, uint32_t events,
                  uint64_t data);
/* Fill out[max]; returns how many, 0 at the deadline (0: do not sleep), -EINVAL (not an epoll),
 * -EINTR. */
int64_t epoll_collect(struct file *ep, struct linux_epoll_event *out, uint32_t max,
                      int64_t deadline);

/* The last reference to f went: no epoll may name it any more. Called by file_put() before release.
 */
void epoll_forget(struct file *f);

#endif

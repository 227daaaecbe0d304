#ifndef LIBOS_IPC_EVENTFD_H
#define LIBOS_IPC_EVENTFD_H

/* eventfd(2): a counter. flags are EFD_*. -EINVAL, -ENOMEM. */
#include <stdbool.h>
#include <stdint.h>

#define EFD_SEMAPHORE 1u
#define EFD_NONBLOCK  04000u
#define EFD_CLOEXEC   02000000u

struct file;

int eventfd_create(uint32_t initial, uint32_t flags, struct file **out);
/* Add to the counter from inside (AIO completions, ...). false: not an eventfd. */
bool eventfd_signal(struct file *f, uint64_t n);

#endif

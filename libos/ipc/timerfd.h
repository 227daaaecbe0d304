#ifndef LIBOS_IPC_TIMERFD_H
#define LIBOS_IPC_TIMERFD_H

/* timerfd_create(2) and its two friends. Times in nanoseconds; value 0 disarms. */
#include <stdint.h>

#define TFD_NONBLOCK            04000u
#define TFD_CLOEXEC             02000000u
#define TFD_TIMER_ABSTIME       1u
#define TFD_TIMER_CANCEL_ON_SET 2u

struct file;

struct timerfd_spec {
    int64_t interval, value;
};

int timerfd_create(int clock, uint32_t flags, struct file **out);
int timerfd_set(struct file *f, uint32_t flags, const struct timerfd_spec *spec,
                struct timerfd_spec *old); /* -EINVAL: not a timerfd */
int timerfd_get(struct file *f, struct timerfd_spec *now);

#endif

#ifndef LIBOS_PROC_TIMERS_H
#define LIBOS_PROC_TIMERS_H

/* Interval timers (setitimer, alarm) and POSIX timers of a process. Times in ns. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/linux/signal.h"

struct process;

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };

struct timer_value {
    int64_t left, interval; /* 0: not armed; 0: once */
};

int itimer_set(struct process *p, int which, const struct timer_value *set, struct timer_value *old);
int itimer_get(struct process *p, int which, struct timer_value *out);

/* The new timer's number through *id. */
int posix_timer_create(struct process *p, int clock, const struct linux_sigevent *event, int32_t *id);
/* value->left is a time on the timer's clock when absolute. old may be NULL. */
int posix_timer_set(struct process *p, int32_t id, bool absolute, const struct timer_value *set, struct timer_value *old);
int posix_timer_get(struct process *p, int32_t id, struct timer_value *out);
int64_t posix_timer_overrun(struct process *p, int32_t id);
int posix_timer_delete(struct process *p, int32_t id);

/* execve: POSIX timers go, interval timers stay. */
void timers_exec(struct process *p);
void timers_free(struct process *p);

#endif

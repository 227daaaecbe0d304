#ifndef LIBOS_IPC_TIMER_H
#define LIBOS_IPC_TIMER_H

/*
 * Something to be done at a time: timerfd, setitimer, alarm, timer_settime, ...
 *
 * A service thread, created when the first timer is armed, sleeps until the earliest deadline and
 * runs what is due. (Not the threads that park: a program that computes without a system call must
 * get its SIGALRM too.) It takes one of the machine's threads (sgx.max_threads).
 *
 * A callback runs on that thread with g_timers_lock held, so timer_cancel() returns when it is not
 * running and will not run. It returns the next deadline, or TIMER_STOP. It may wake wait queues
 * and send signals; it must not call timer_*. Lock order: g_timers_lock, then sighand.mu, then
 * wait_queue.lock: so arm and cancel with none of these held.
 */
#include <stdint.h>

#include "lib/base/rbtree.h"

#define TIMER_STOP INT64_MAX

struct timer;
typedef int64_t timer_callback(struct timer *t, int64_t now);

struct timer {
    struct rb_node node; /* g_timers_lock */
    int64_t deadline;    /* CLOCK_MONOTONIC ns; TIMER_STOP: not armed */
    timer_callback *callback;
};

void timer_init(struct timer *t, timer_callback *callback);
/* Run the callback at the deadline (at once if it has passed); replaces an earlier arming. 0;
 * -EAGAIN: no thread left for the service. */
int timer_arm(struct timer *t, int64_t deadline);
/* Harmless when not armed. Returns the deadline it had, or TIMER_STOP. */
int64_t timer_cancel(struct timer *t);

#endif

#ifndef LIBOS_SIGNAL_QUEUE_H
#define LIBOS_SIGNAL_QUEUE_H

/* Sets of pending signals with their siginfo. The caller holds sighand.mu. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/list.h"
#include "lib/linux/signal.h"
#include "libos/signal/signal.h"

struct sigqueue {
    struct list link;
    struct linux_siginfo info;
};

void sigpending_init(struct sigpending *p);
static inline bool sigpending_has(const struct sigpending *p, int sig)
{
    return p->set & SIGBIT(sig);
}

/* Mark pending; q (taken, may be NULL) carries the siginfo. */
void sigpending_add(struct sigpending *p, int sig, struct sigqueue *q);
/* The signal of `wanted` that Linux would deliver first: faults, then by number. 0: none. */
int sigpending_next(const struct sigpending *p, uint64_t wanted);
/* Take one occurrence of sig. *q is returned to the caller, NULL when it had none. */
void sigpending_take(struct sigpending *p, int sig, struct sigqueue **q);
/* Take all occurrences of the signals of `set`; their queue entries go to *out. */
void sigpending_remove(struct sigpending *p, uint64_t set, struct list *out);

#endif

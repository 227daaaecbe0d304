#ifndef LIBOS_SIGNAL_FRAME_H
#define LIBOS_SIGNAL_FRAME_H

/* The frame on the program's stack on which a handler runs. */
#include <stdint.h>

#include "lib/linux/signal.h"

struct cpu_regs;
struct thread;

/*
 * Push a frame for the handler and point *regs at it. mask: what sigreturn restores. 0; -EFAULT: no room
 * on the stack, or no restorer.
 */
int frame_push(struct thread *t, struct cpu_regs *regs, int sig, const struct linux_siginfo *info,
               const struct linux_sigaction *action, uint64_t mask);
/* Where the frame's parts go below sp. Pure, for the tests. */
struct frame_place {
    uint64_t fpstate, frame;
};
struct frame_place frame_place(uint64_t sp, uint64_t fpu_size);

#endif

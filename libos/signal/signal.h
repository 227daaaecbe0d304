#ifndef LIBOS_SIGNAL_SIGNAL_H
#define LIBOS_SIGNAL_SIGNAL_H

/*
 * Signals: who gets what, queues, masks, and the frame on the program's stack. Layouts are Linux's
 * x86-64 (lib/linux/signal.h).
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/cpu.h"
#include "enclave/sync.h"
#include "lib/base/list.h"
#include "lib/linux/signal.h"
#include "libos/ipc/wait.h"

struct process;
struct thread;

struct sigqueue; /* one queued real-time or informative signal */

struct sigpending {
    uint64_t set;       /* bit n-1 */
    struct list queue;  /* struct sigqueue */
};

/* Per process. */
struct sighand {
    struct mutex mu;
    struct linux_sigaction actions[LINUX_NSIG]; /* mu; index n-1 */
    struct sigpending shared;                   /* mu: process-directed */
    struct wait_queue signalfd_wait;            /* signalfd readers and sigtimedwait: something was queued */
    uint32_t queued;                            /* mu: struct sigqueue of this process, against RLIMIT_SIGPENDING */
};

/* Per thread. */
struct sigstate {
    uint64_t mask;              /* the thread's own; others read it under sighand.mu */
    uint64_t saved_mask;        /* to restore after sigsuspend, ppoll, ... */
    bool restore_mask;
    struct sigpending pending;  /* sighand.mu */
    uint32_t interrupted;       /* atomic: something deliverable may be pending: look before returning to user */
    uint64_t stack, stack_size; /* sigaltstack */
    uint32_t stack_flags;
    struct wait_queue wait;     /* sigtimedwait, sigsuspend, pause */
    uint64_t fault_trapno, fault_error, fault_address; /* of the last fault, for sigcontext */
};

void sighand_init(struct sighand *h);
void sigstate_init(struct sigstate *s);

/* Send. info NULL: SI_KERNEL. 0 or -EAGAIN (queue limit). */
int signal_send_process(struct process *p, int sig, const struct linux_siginfo *info);
int signal_send_thread(struct thread *t, int sig, const struct linux_siginfo *info);
/* A fault of the current thread: forced as Linux does (blocked or ignored: the default action kills). */
void signal_force_fault(int sig, int code, uint64_t address, unsigned trapno, unsigned error);

/* Is a signal pending that the current thread would act on (handler or fatal default)? */
bool signal_pending_current(void);

/*
 * Just before returning to the program: deliver what is pending by rewriting *regs, or do not return.
 * Also restarts an interrupted system call: regs->rax holds its result, -ERESTARTSYS and friends (see
 * lib/linux/errno.h kernel-internal codes 512..516) decide by SA_RESTART.
 */
void signal_deliver(struct cpu_regs *regs);
/* rt_sigreturn: take the frame back. */
int64_t signal_return(struct cpu_regs *regs);
/* Bits of thread_block.pending became host signals: turn them into signals of the program. */
void signal_from_host(uint64_t host_bits);

/* Replace the mask for the duration of a system call that takes one (ppoll, sigsuspend...). */
void signal_mask_temporarily(uint64_t mask);

/* Change the calling thread's mask; KILL and STOP stay deliverable. */
void signal_set_mask(uint64_t mask);
/* Signals pending for the thread or its process. */
uint64_t signal_pending_set(struct thread *t);
/* Take one pending signal of `wanted` off the queues of the calling thread, then of its process: its number, or 0. */
int signal_take(uint64_t wanted, struct linux_siginfo *info);
/* rt_sigaction: a NULL pointer is skipped. -EINVAL. */
int signal_action(struct process *p, int sig, const struct linux_sigaction *set, struct linux_sigaction *old);
/* execve: handlers become the default, the alternate stack goes, POSIX-wise the rest stays. */
void signal_reset_for_exec(struct process *p, struct thread *t);
/* A thread ends: what it would have taken of the process's signals goes to another; its own are dropped. */
void signal_thread_exit(struct thread *t);
/* Make a thread look at its signals (or at process->exiting) soon. */
void signal_wake_thread(struct thread *t);

#endif

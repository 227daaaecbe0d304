#ifndef LIBOS_PROC_THREAD_H
#define LIBOS_PROC_THREAD_H

/* Making and ending threads. */
#include <stdbool.h>
#include <stdint.h>

#include "libos/proc/process.h"

/* What clone asks for, decoded and checked. Guest addresses; 0: not wanted. */
struct thread_request {
    uint64_t stack;        /* initial stack pointer; 0: the caller's */
    uint64_t tls;
    bool set_tls;
    uint64_t parent_tid, child_tid, clear_tid;
};

/* A thread object of p with a number of its own, on no list yet. One reference. NULL: no memory. */
struct thread *thread_new(struct process *p);
/* Put it on p's list. -EAGAIN: the process is ending. */
int thread_attach(struct process *p, struct thread *t);
/* Start a thread of the calling process that goes on where the caller is, with rax = 0. The tid; -EAGAIN; -ENOMEM; -EFAULT. */
int64_t thread_clone(const struct thread_request *r);
/* execve: end all other threads of the calling process; returns when they are gone. */
void thread_kill_others(void);
/* The calling thread's rseq area is the program's no longer (exit, exec): the kernel must not write there again. */
void thread_forget_rseq(struct thread *t);
/* A number that no thread or process has. */
int32_t thread_number(void);

#endif

#ifndef LIBOS_PROC_ROBUST_H
#define LIBOS_PROC_ROBUST_H

struct thread;

/* A thread ends: mark the robust futexes it holds as abandoned and wake a waiter of each. */
void robust_list_exit(struct thread *t);

#endif

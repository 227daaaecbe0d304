#ifndef LIBOS_PROC_PIDFD_H
#define LIBOS_PROC_PIDFD_H

/* A process as a descriptor: readable once the process has ended. */
#include <stdint.h>

struct file;
struct process;

struct file *pidfd_new(struct process *p, uint32_t flags); /* NULL: no memory */
/* The process that a pidfd stands for: borrowed, lives as long as the file. NULL: no pidfd. */
struct process *pidfd_process(struct file *f);

#endif

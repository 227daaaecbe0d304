#ifndef LIBOS_PROC_LIFECYCLE_H
#define LIBOS_PROC_LIFECYCLE_H

/* Inside of the room: where a process object begins and ends. */
#include <stdint.h>

struct process;

struct process *process_new(int32_t pid, int32_t ppid); /* on the table; NULL: no memory */
void process_ended(struct process *p);                  /* its last thread is leaving; may end the machine */

#endif

#ifndef LIBOS_SYS_TRACE_H
#define LIBOS_SYS_TRACE_H

/* --trace=sys: one line per system call, arguments shown by their kinds in syscalls.def. */
#include <stdint.h>

#include "enclave/cpu.h"

/* Calls that may not return (exit, execve) or may block are shown when they begin, too. */
void trace_enter(const struct cpu_regs *r);
void trace_leave(const struct cpu_regs *r, int64_t result);

#endif

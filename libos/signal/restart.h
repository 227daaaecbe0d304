#ifndef LIBOS_SIGNAL_RESTART_H
#define LIBOS_SIGNAL_RESTART_H

#include <stdint.h>

struct cpu_regs;

/* Make the program execute system call nr again, with the arguments it has in its registers. */
void restart_rewind(struct cpu_regs *regs, uint64_t nr);

#endif

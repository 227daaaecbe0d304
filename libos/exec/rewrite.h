#ifndef LIBOS_EXEC_REWRITE_H
#define LIBOS_EXEC_REWRITE_H

/*
 * Rewriting of syscall instructions, so that each site traps twice and from then on jumps to libos.
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/cpu.h"

/*
 * A syscall instruction at `site` trapped with these registers (regs->orig_rax is the number). When it does so for
 * the second time it is rewritten, if that is proven safe; otherwise it keeps trapping. Never fails.
 */
void rewrite_site(uint64_t site, const struct cpu_regs *regs);

/*
 * An instruction was refused (#UD): was a thread about to execute the instruction after a rewritten
 * syscall, whose bytes now belong to the jump? Then regs->rip goes to its copy and true is returned. Or was it
 * the syscall itself, rewritten by another thread meanwhile? Then true too, and the jump is run.
 */
bool rewrite_redirect(struct cpu_regs *regs);

/*
 * A system call that returns to rip is to be made again: the address to go back to, where rip is the return
 * address of a trampoline or of a rewritten site; 0 when it is neither.
 */
uint64_t rewrite_rewind(uint64_t rip);

/* execve: the address space is gone, and with it all sites and trampolines. No other thread runs the program. */
void rewrite_reset(void);

struct rewrite_stats {
    uint64_t traps;             /* syscall instructions that trapped */
    uint64_t sites, rewritten;  /* distinct sites seen, and how many were rewritten */
};
void rewrite_stats(struct rewrite_stats *out);

#endif

#ifndef LIBOS_EXEC_EXEC_H
#define LIBOS_EXEC_EXEC_H

/*
 * Start a program, in two halves so that execve can fail while the old program still lives:
 * exec_prepare() opens and checks everything; exec_commit() replaces the address space.
 */
#include <stdint.h>

#include "enclave/cpu.h"
#include "libos/exec/load.h"
#include "libos/exec/words.h"

struct fs_view;
struct process;

#define EXEC_SCRIPT_DEPTH 4 /* interpreters of interpreters, as Linux */

struct exec {
    const char *path;          /* as asked for: AT_EXECFN; borrowed */
    struct words argv, envp;   /* owned; scripts change argv */
    struct load_file *program, *interpreter;
};

/* e->path, argv and envp are set. Reads scripts and ELF headers. 0 or execve's errno. */
int exec_prepare(struct fs_view *fs, struct exec *e);
/*
 * Map into p->mm (fresh), build the stack, fill in *regs and the process's record of its program.
 * e's words become the process's. An error leaves the address space half filled: the process must end.
 */
int exec_commit(struct process *p, struct exec *e, struct cpu_regs *regs);
void exec_free(struct exec *e); /* what is still owned */

#endif

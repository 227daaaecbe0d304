#ifndef LIBOS_SYS_DISPATCH_H
#define LIBOS_SYS_DISPATCH_H

/* The table of system calls, as data: for the dispatcher, the tracer, statistics and the docs. */
#include <stdint.h>

#include "enclave/cpu.h"

#define SYSCALL_MAX 512

enum syscall_support { MISSING, PARTIAL, FULL };

/* How the tracer shows an argument; one per kind of libos/sys/sys.h. */
enum syscall_show { SHOW_NONE, SHOW_fd, SHOW_dirfd, SHOW_addr, SHOW_in, SHOW_out, SHOW_path, SHOW_str, SHOW_len, SHOW_off, SHOW_int, SHOW_uint, SHOW_long, SHOW_ulong, SHOW_prot, SHOW_map, SHOW_oflags, SHOW_mode, SHOW_sig, SHOW_pid, SHOW_uid, SHOW_clock, SHOW_atflags };

struct syscall {
    const char *name;
    int64_t (*call)(const struct cpu_regs *r);
    uint8_t show[6];
    uint8_t support;
    const char *note;
};

extern const struct syscall syscall_table[SYSCALL_MAX];

/* The plan's sys.debug__mock_syscalls. Called once at start. */
int dispatch_init(void);

/* Serve the call in regs->orig_rax and put its result into regs->rax. */
void dispatch_call(struct cpu_regs *regs);

/* How often call nr was made; 0 without --stats. */
uint64_t dispatch_count(uint64_t nr);

/* --stats, printed when the program ends (libos/sys/stats.c). */
void dispatch_print_stats(void);

#endif

#ifndef ENCLAVE_EVENT_H
#define ENCLAVE_EVENT_H

/*
 * What interrupts a program: faults of its own instructions, and signals from the host. Both machines
 * turn what they get into this and call libos_event() on the thread's libos stack, with the program's
 * registers in *regs; when it returns the program goes on from *regs.
 */
#include <stdint.h>

#include "enclave/cpu.h"
#include "lib/boundary/start.h"

enum event_kind {
    EVENT_HOST,    /* asynchronous: host signals and kicks are in thread_block()->pending */
    EVENT_SYSCALL, /* a syscall instruction trapped; regs->rip is the instruction after it */
    EVENT_FAULT,   /* the CPU refused an instruction */
};

struct event {
    enum event_kind kind;
    unsigned vector;    /* x86 exception vector, for EVENT_FAULT */
    unsigned error;     /* page-fault error code */
    uint64_t address;   /* page-fault address; 0 when unknown */
};

/* The bit of thread_block.pending that means a kick by machine_thread_kick(). */
#define EVENT_KICK_BIT (UINT64_C(1) << (KICK_SIGNAL - 1))

/* Provided by libos. */
void libos_event(struct cpu_regs *regs, const struct event *event);
void libos_syscall(struct cpu_regs *regs);
_Noreturn void libos_main(void); /* the first thread, when the machine is ready */

#endif

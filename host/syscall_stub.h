#ifndef HOST_SYSCALL_STUB_H
#define HOST_SYSCALL_STUB_H

/* The assembly in syscall_stub.S, and the addresses in it that signals.c compares RIP with. */
#include <stdint.h>

int64_t host_blocking_syscall(volatile uint64_t *pending, uint64_t nr, const uint64_t args[6]);
int64_t host_thread_clone(uint64_t flags, uint64_t stack, uint32_t *parent_tid, uint32_t *child_tid,
                          void (*entry)(void *), void *arg);
void host_restorer(void);

extern const char host_blocking_begin[], host_blocking_insn[], host_blocking_interrupted[];

#endif

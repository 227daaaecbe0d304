#ifndef HOST_SIGNALS_H
#define HOST_SIGNALS_H

/* The one signal handler of the launcher, the same for both devices. Served code. */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/*
 * Install the handlers: faults, the kick signal, and the host signals of g_host.host_signals. Signals
 * outside these keep what the launcher was started with; SIGPIPE is ignored, so that writes say EPIPE.
 * vdso  where the kernel's vDSO stands (AT_SYSINFO_EHDR), 0: none
 */
void signals_install(uint64_t vdso);

/* Unblock what is handled, on this thread: whoever started us may have blocked it. */
/* The signals that are handled, blocked: the mask to put back. What a new thread begins with. */
uint64_t signals_block(void);
void signals_restore(uint64_t mask);
void signals_unblock(void);

/* The launcher's executable pages. */
void signals_own_text(uint64_t *low, uint64_t *size);

/* Is this address the launcher's own code, or the vDSO's? */
bool signals_in_host(uint64_t rip);

/* Was it raised by an instruction, not sent? */
bool signals_is_fault(int sig, const siginfo_t *info);

/* For messages that end the process: the interrupted registers on stderr, one line. */
void signals_print_registers(const char *what, int sig, const siginfo_t *info, const ucontext_t *uc);

#endif

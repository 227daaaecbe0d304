#ifndef LIBOS_PROC_CPUTIME_H
#define LIBOS_PROC_CPUTIME_H

/*
 * CPU time of processes and threads. The kernel counts it, so in an enclave it is the host's word:
 * made monotonic and at most what the time that passed allows, otherwise believed (docs/TRUST.md).
 *
 * A CPU clock is a number of Linux's ABI (posix-timers.h): (~id << 3) | (4: thread) | enum
 * cputime_kind.
 */
#include <stdint.h>

struct process;
struct thread;

enum cputime_kind { CPUTIME_PROF, CPUTIME_VIRT, CPUTIME_SCHED, CPUTIME_KINDS };

/* The clock of a process. */
static inline int cputime_clock_of(int32_t pid, enum cputime_kind kind)
{
    return (int)(~(uint32_t)pid << 3 | kind);
}

/*
 * What t means by a clock id, which may be CLOCK_{PROCESS,THREAD}_CPUTIME_ID, or have 0 in place of
 * t's own number: the number is put in. -EINVAL: no CPU clock, or of nobody in t's process.
 */
int cputime_resolve(const struct thread *t, int clock, int *out);
/* ns on a resolved clock of p. -EINVAL: its thread has ended. */
int cputime_read(struct process *p, int clock, int64_t *ns);
/* How long to sleep before looking whether `left` ns of a clock have been used: never too long. */
int64_t cputime_look_again(const struct process *p, int clock, int64_t left);

/* The first process begins with its first thread: what was used until now is the launcher's. */
void cputime_begin(struct process *p, struct thread *t);

/* RLIMIT_CPU was set: SIGXCPU and SIGKILL will come. 0, or a negative errno: no memory, no thread
 * to watch. No lock held. */
int cpu_limit_changed(struct process *p);
void cpu_limit_free(struct process *p);

#endif

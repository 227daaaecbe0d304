#ifndef LIBOS_PROC_PROCESS_H
#define LIBOS_PROC_PROCESS_H

/*
 * Processes and threads are objects; nothing assumes there is only one process. current() is the
 * calling thread, current()->process its process.
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/cpu.h"
#include "enclave/sync.h"
#include "enclave/thread_block.h"
#include "lib/base/list.h"
#include "lib/linux/resource.h"
#include "libos/ipc/wait.h"
#include "libos/signal/signal.h"

struct dentry;
struct fdtable;
struct fs_view;
struct mm;

struct cpu_limit;

struct cred {
    uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
    uint32_t group_count;
    uint32_t groups[32];
    uint64_t cap_effective, cap_permitted, cap_inheritable;
    uint64_t cap_dropped; /* not in the bounding set */
};

#define TIMERSLACK_NS    50000
#define MCE_KILL_DEFAULT 2

struct process {
    struct list link;            /* g_processes_lock */
    uint32_t refs;
    int32_t pid, ppid, pgid, sid;
    struct mm *mm;
    struct fdtable *fds;
    struct fs_view *fs;
    struct sighand sighand;      /* actions and process-directed pending signals, own lock */
    struct mutex mu;
    struct list threads;         /* mu: struct thread.link */
    uint32_t thread_count;       /* mu */
    struct cred cred;            /* mu */
    struct linux_rlimit limits[LINUX_RLIM_COUNT]; /* mu */
    struct dentry *exe;          /* mu; counted */
    char *argv_block, *env_block; /* NUL-separated, for /proc/self/{cmdline,environ} */
    uint64_t argv_size, env_size;
    uint64_t auxv[64];           /* as given to the program, for /proc/self/auxv */
    uint32_t auxv_count;
    uint64_t stack_low, stack_high; /* main thread's stack mapping */
    uint64_t vdso;
    int64_t start_time;          /* CLOCK_MONOTONIC ns */
    int64_t cpu_base;            /* constant: CPU time of the launcher before it began */
    int64_t cpu_told[3];         /* atomic, by enum cputime_kind: the most that was told */
    bool membarrier;             /* atomic: registered for MEMBARRIER_CMD_PRIVATE_EXPEDITED */
    struct cpu_limit *cpu_limit; /* libos/proc/cpu_limit.c; NULL: none was set */
    bool exiting;                /* mu: exit_group or fatal signal under way */
    int exit_code;               /* wait status: (code << 8) or signal number */
    struct wait_queue exit_wait; /* threads ended (exec, exit_group) */
    void *timers;                /* libos/proc/timers.c: itimers and POSIX timers */
    uint32_t dumpable, no_new_privs, child_subreaper, pdeath_signal;
    uint32_t personality, keep_caps, thp_disabled;
    uint32_t mce_kill;           /* of PR_MCE_KILL: late, early, default */
    int32_t nice;
};

/* How an interrupted wait with a relative timeout goes on when no handler ran. Set by who returns -ERESTART_RESTARTBLOCK. */
struct restart {
    int64_t (*resume)(const uint64_t arg[4]); /* NULL: restart_syscall answers -EINTR */
    uint64_t arg[4];
};

struct thread {
    struct list link;            /* process->mu */
    struct process *process;
    struct thread_block *tb;
    uint32_t refs;
    int32_t tid;
    int32_t policy;              /* atomic; of scheduling: remembered, without effect */
    struct sigstate sig;         /* mask, thread-directed pending signals, alternate stack */
    struct cpu_regs *regs;       /* the program's registers, valid while in libos */
    uint64_t clear_child_tid, set_child_tid; /* guest addresses */
    uint64_t robust_list, robust_list_size;
    struct {
        uint64_t area; /* 0: none */
        uint32_t size, signature;
    } rseq; /* what is registered at the host's kernel (direct) */
    uint64_t barrier_passed; /* atomic: libos/proc/barrier.h */
    char name[16];
    uint64_t timer_slack;        /* ns; kept for PR_GET_TIMERSLACK */
    bool exiting;
    int64_t start_time, cpu_base, cpu_told[3]; /* as the process's */
    uint64_t start_fs;                         /* FS base a new thread begins with */
    struct list *dropping;  /* messages of Unix sockets that it is freeing: libos/net/unix_half.c */
    struct restart restart; /* what restart_syscall goes on with (-ERESTART_RESTARTBLOCK) */
};

static inline struct thread *current(void)
{
    return thread_block()->thread;
}

/* Is the caller its process's only thread? Then nobody but itself makes another. */
static inline bool thread_is_alone(void)
{
    return __atomic_load_n(&current()->process->thread_count, __ATOMIC_ACQUIRE) == 1;
}

extern struct mutex g_processes_lock;
extern struct list g_processes; /* g_processes_lock */

struct process *process_find(int32_t pid);      /* counted, or NULL */
int32_t process_next(int32_t after);            /* the smallest number above `after`, or 0 */
void process_put(struct process *p);
/* Its last thread is gone. */
static inline bool process_has_ended(const struct process *p)
{
    return __atomic_load_n(&p->thread_count, __ATOMIC_ACQUIRE) == 0;
}

struct thread *thread_find(int32_t pid, int32_t tid); /* pid 0: any process; counted, or NULL */
void thread_put(struct thread *t);

/* The first process: reads the plan, mounts, loads the program and returns into it. Called by libos_main. */
int process_start_first(void);

/* End the calling process with a wait status; kills its other threads; does not return. */
_Noreturn void process_exit_group(int wait_status);
_Noreturn void thread_exit_current(int wait_status);

/* Enter the program with these registers on an empty libos stack (entry.S). */
_Noreturn void cpu_enter_user(const struct cpu_regs *regs);

#endif

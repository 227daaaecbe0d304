#ifndef LIB_LINUX_SCHED_H
#define LIB_LINUX_SCHED_H

/* Creation of threads and processes, scheduling policies. Source: include/uapi/linux/sched.h. */
#include <stdint.h>

#include "lib/base/assert.h"

#define LINUX_CSIGNAL              UINT64_C(0x000000ff)
#define LINUX_CLONE_VM             UINT64_C(0x00000100)
#define LINUX_CLONE_FS             UINT64_C(0x00000200)
#define LINUX_CLONE_FILES          UINT64_C(0x00000400)
#define LINUX_CLONE_SIGHAND        UINT64_C(0x00000800)
#define LINUX_CLONE_PIDFD          UINT64_C(0x00001000)
#define LINUX_CLONE_PTRACE         UINT64_C(0x00002000)
#define LINUX_CLONE_VFORK          UINT64_C(0x00004000)
#define LINUX_CLONE_PARENT         UINT64_C(0x00008000)
#define LINUX_CLONE_THREAD         UINT64_C(0x00010000)
#define LINUX_CLONE_NEWNS          UINT64_C(0x00020000)
#define LINUX_CLONE_SYSVSEM        UINT64_C(0x00040000)
#define LINUX_CLONE_SETTLS         UINT64_C(0x00080000)
#define LINUX_CLONE_PARENT_SETTID  UINT64_C(0x00100000)
#define LINUX_CLONE_CHILD_CLEARTID UINT64_C(0x00200000)
#define LINUX_CLONE_DETACHED       UINT64_C(0x00400000)
#define LINUX_CLONE_UNTRACED       UINT64_C(0x00800000)
#define LINUX_CLONE_CHILD_SETTID   UINT64_C(0x01000000)
#define LINUX_CLONE_NEWCGROUP      UINT64_C(0x02000000)
#define LINUX_CLONE_NEWUTS         UINT64_C(0x04000000)
#define LINUX_CLONE_NEWIPC         UINT64_C(0x08000000)
#define LINUX_CLONE_NEWUSER        UINT64_C(0x10000000)
#define LINUX_CLONE_NEWPID         UINT64_C(0x20000000)
#define LINUX_CLONE_NEWNET         UINT64_C(0x40000000)
#define LINUX_CLONE_IO             UINT64_C(0x80000000)
#define LINUX_CLONE_CLEAR_SIGHAND  UINT64_C(0x100000000)
#define LINUX_CLONE_INTO_CGROUP    UINT64_C(0x200000000)

/* clone3's argument; the first version is 64 bytes, then set_tid (80) and cgroup (88) came. */
struct linux_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};
static_assert(sizeof(struct linux_clone_args) == 88, "uapi: CLONE_ARGS_SIZE_VER2");
#define LINUX_CLONE_ARGS_SIZE_MIN 64

enum { LINUX_SCHED_OTHER, LINUX_SCHED_FIFO, LINUX_SCHED_RR, LINUX_SCHED_BATCH, LINUX_SCHED_IDLE = 5, LINUX_SCHED_DEADLINE = 6 };
#define LINUX_SCHED_RESET_ON_FORK 0x40000000

/* sched_setattr's argument: include/uapi/linux/sched/types.h; the first version ended before the utilisation hints. */
struct linux_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};
static_assert(sizeof(struct linux_sched_attr) == 56, "uapi: SCHED_ATTR_SIZE_VER1");
#define LINUX_SCHED_ATTR_SIZE_MIN 48
#define LINUX_SCHED_FLAG_KEEP_POLICY UINT64_C(0x08)
#define LINUX_SCHED_FLAG_KEEP_PARAMS UINT64_C(0x10)
#define LINUX_SCHED_FLAG_ALL         UINT64_C(0x7f)

/* rseq(2). Source: include/uapi/linux/rseq.h */
#define RSEQ_FLAG_UNREGISTER 1u
#define RSEQ_SIZE_MIN        32u

#endif

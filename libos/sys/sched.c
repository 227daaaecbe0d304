/*
 * Scheduling. The host schedules; affinity is passed on to it and its answers are checked, policies
 * and niceness are remembered and have no effect.
 */
#include "enclave/gate.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/sched.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"
#include "libos/sys/timespec.h"

#define CPU_BYTES_MAX 128 /* 1024 CPUs */

int64_t sys_sched_yield(void)
{
    host_call(sched_yield, 0);
    return 0;
}

int64_t sys_getcpu(uaddr_t cpu, uaddr_t node, uaddr_t cache)
{
    uint32_t c = 0, n = 0;
    /* A number that indexes the program's tables: the host may not invent a CPU. */
    if (host_call(getcpu, PTR(&c), PTR(&n), 0) || c >= g_machine.cpu_count)
        c = 0;
    n = 0; /* one node is what /sys shows */
    if ((cpu && user_write(cpu, &c, sizeof(c))) || (node && user_write(node, &n, sizeof(n))))
        return -EFAULT;
    return 0;
}

/* ---- affinity */

/* The number the host knows a thread by; 0: the caller. -ESRCH: no such thread; -EPERM: not known (another thread, in an enclave). */
static int64_t host_number(int pid)
{
    struct thread *t = pid ? thread_find(0, pid) : NULL;
    int64_t r = 0;
    if (!pid || pid == current()->tid)
        r = 0;
    else if (!t)
        r = -ESRCH;
    else
        r = !g_machine.is_enclave && t->tb && t->tb->host_tid > 0 ? t->tb->host_tid : -EPERM;
    thread_put(t);
    return r;
}

int64_t sys_sched_setaffinity(int pid, uint64_t len, uaddr_t mask)
{
    uint8_t cpus[CPU_BYTES_MAX] = { 0 };
    len = MIN(len, sizeof(cpus));
    if (user_read(cpus, mask, len))
        return -EFAULT;
    int64_t tid = host_number(pid);
    return tid < 0 ? tid : host_call(sched_setaffinity, (uint64_t)tid, len, PTR(cpus));
}

/*
 * host may name CPUs that /sys and getcpu() know nothing of, and programs index tables of that many by them. When none
 * is left (the launcher was bound to high numbers, which are ours from 0 on): all there are.
 */
static void keep_known_cpus(uint8_t *cpus, size_t size)
{
    uint32_t count = MIN(g_machine.cpu_count, (uint32_t)size * 8);
    bool none = true;
    for (uint32_t i = 0; i < size * 8; i++) {
        if (i >= count)
            cpus[i / 8] &= (uint8_t)~(1u << i % 8);
        none = none && !(cpus[i / 8] >> i % 8 & 1);
    }
    for (uint32_t i = 0; none && i < count; i++)
        cpus[i / 8] |= (uint8_t)(1u << i % 8);
}

int64_t sys_sched_getaffinity(int pid, uint64_t len, uaddr_t mask)
{
    uint8_t cpus[CPU_BYTES_MAX] = { 0 };
    if (len * 8 < g_machine.cpu_count || len % 8)
        return -EINVAL;
    int64_t tid = host_number(pid);
    if (tid == -EPERM)
        tid = 0; /* all threads are given the same CPUs unless they ask */
    if (tid < 0)
        return tid;
    int64_t n = host_call(sched_getaffinity, (uint64_t)tid, MIN(len, sizeof(cpus)), PTR(cpus));
    if (n < 0)
        return n;
    /* The host's word: a size we asked for, and at least one CPU. */
    if (n == 0 || n > (int64_t)MIN(len, sizeof(cpus)) || n % 8 || bytes_are_zero(cpus, (size_t)n))
        return -EIO;
    if (g_machine.is_enclave)
        keep_known_cpus(cpus, (size_t)n);
    return user_write(mask, cpus, (size_t)n) ? -EFAULT : n;
}

/* ---- policies */

static bool is_real_time(int policy)
{
    return policy == LINUX_SCHED_FIFO || policy == LINUX_SCHED_RR;
}

static bool is_normal(int policy)
{
    return policy == LINUX_SCHED_OTHER || policy == LINUX_SCHED_BATCH || policy == LINUX_SCHED_IDLE;
}

static int64_t check_thread(int pid)
{
    if (pid < 0)
        return -EINVAL;
    struct thread *t = pid ? thread_find(0, pid) : NULL;
    thread_put(t);
    return pid && !t ? -ESRCH : 0;
}

int64_t sys_sched_setscheduler(int pid, int policy, uaddr_t param)
{
    int32_t priority;
    policy &= ~LINUX_SCHED_RESET_ON_FORK;
    if (!param || pid < 0)
        return -EINVAL;
    if (user_read(&priority, param, sizeof(priority)))
        return -EFAULT;
    int64_t err = check_thread(pid);
    if (err)
        return err;
    if (is_real_time(policy))
        return priority < 1 || priority > 99 ? -EINVAL : -EPERM;
    return is_normal(policy) && priority == 0 ? 0 : -EINVAL;
}

int64_t sys_sched_getscheduler(int pid)
{
    int64_t err = check_thread(pid);
    return err ? err : LINUX_SCHED_OTHER;
}

int64_t sys_sched_setparam(int pid, uaddr_t param)
{
    return sys_sched_setscheduler(pid, LINUX_SCHED_OTHER, param);
}

int64_t sys_sched_getparam(int pid, uaddr_t param)
{
    static const int32_t zero;
    if (!param)
        return -EINVAL;
    int64_t err = check_thread(pid);
    return err ? err : user_write(param, &zero, sizeof(zero));
}

int64_t sys_sched_get_priority_max(int policy)
{
    return is_real_time(policy) ? 99 : is_normal(policy) || policy == LINUX_SCHED_DEADLINE ? 0 : -EINVAL;
}

int64_t sys_sched_get_priority_min(int policy)
{
    return is_real_time(policy) ? 1 : is_normal(policy) || policy == LINUX_SCHED_DEADLINE ? 0 : -EINVAL;
}

int64_t sys_sched_rr_get_interval(int pid, uaddr_t tp)
{
    int64_t err = check_thread(pid);
    return err ? err : timespec_write(tp, NSEC_PER_SEC / 10);
}

/* ---- niceness: PRIO_PROCESS, PRIO_PGRP, PRIO_USER all mean the one process */

static int64_t check_who(int which, int who)
{
    const struct process *p = current()->process;
    if (which < 0 || which > 2)
        return -EINVAL;
    if (!who)
        return 0;
    if (which == 0)
        return check_thread(who);
    return (uint32_t)who == (which == 1 ? (uint32_t)p->pgid : p->cred.uid) ? 0 : -ESRCH;
}

int64_t sys_getpriority(int which, int who)
{
    int64_t err = check_who(which, who);
    return err ? err : 20 - current()->process->nice;
}

int64_t sys_setpriority(int which, int who, int nice)
{
    struct process *p = current()->process;
    int64_t err = check_who(which, who);
    if (err)
        return err;
    nice = MAX(-20, MIN(nice, 19));
    if (nice < p->nice && p->cred.euid != 0)
        return -EACCES;
    p->nice = nice;
    return 0;
}

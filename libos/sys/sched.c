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
    if ((uint32_t)len * 8 < g_machine.cpu_count || len % 8)
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

/* The thread meant (0: the caller), counted; NULL and the errno. */
static struct thread *find_thread(int pid, int64_t *err)
{
    struct thread *t = NULL;
    if (pid >= 0)
        t = thread_find(0, pid ? pid : current()->tid);
    *err = pid < 0 ? -EINVAL : t ? 0 : -ESRCH;
    return t;
}

static int64_t check_thread(int pid)
{
    if (pid < 0)
        return -EINVAL;
    struct thread *t = pid ? thread_find(0, pid) : NULL;
    thread_put(t);
    return pid && !t ? -ESRCH : 0;
}

static int64_t set_policy(int pid, int policy, int32_t priority)
{
    int64_t err;
    struct thread *t = find_thread(pid, &err);
    if (!t)
        return err;
    if (is_real_time(policy))
        err = priority < 1 || priority > 99 ? -EINVAL : -EPERM;
    else
        err = is_normal(policy) && priority == 0 ? 0 : -EINVAL;
    if (!err)
        __atomic_store_n(&t->policy, policy, __ATOMIC_RELAXED);
    thread_put(t);
    return err;
}

int64_t sys_sched_setscheduler(int pid, int policy, uaddr_t param)
{
    int32_t priority;
    policy &= ~LINUX_SCHED_RESET_ON_FORK;
    if (!param || pid < 0)
        return -EINVAL;
    if (user_read(&priority, param, sizeof(priority)))
        return -EFAULT;
    return set_policy(pid, policy, priority);
}

int64_t sys_sched_getscheduler(int pid)
{
    int64_t policy;
    struct thread *t = find_thread(pid, &policy);
    if (t)
        policy = __atomic_load_n(&t->policy, __ATOMIC_RELAXED);
    thread_put(t);
    return policy;
}

int64_t sys_sched_setparam(int pid, uaddr_t param)
{
    int32_t priority;
    if (!param || pid < 0)
        return -EINVAL;
    if (user_read(&priority, param, sizeof(priority)))
        return -EFAULT;
    int64_t policy = sys_sched_getscheduler(pid);
    return policy < 0 ? policy : set_policy(pid, (int)policy, priority);
}

/* ---- sched_setattr, sched_getattr: the same with niceness */

static int64_t read_attr(uaddr_t from, struct linux_sched_attr *a)
{
    uint32_t size;
    memset(a, 0, sizeof(*a));
    if (user_read(&size, from, sizeof(size)))
        return -EFAULT;
    if (!size)
        size = LINUX_SCHED_ATTR_SIZE_MIN;
    if (size < LINUX_SCHED_ATTR_SIZE_MIN || size > PAGE_SIZE)
        goto too_big;
    if (user_read(a, from, MIN(size, sizeof(*a))))
        return -EFAULT;
    for (uint32_t i = sizeof(*a); i < size; i++) { /* what a newer kernel knows must be 0 */
        uint8_t more;
        if (user_read(&more, from + i, 1))
            return -EFAULT;
        if (more)
            goto too_big;
    }
    return 0;
too_big:
    size = sizeof(*a);
    return user_write(from, &size, sizeof(size)) ? -EFAULT : -E2BIG;
}

int64_t sys_sched_setattr(int pid, uaddr_t attr, unsigned flags)
{
    struct linux_sched_attr a;
    if (!attr || pid < 0 || flags)
        return -EINVAL;
    int64_t err = read_attr(attr, &a);
    if (err)
        return err;
    if ((int32_t)a.policy < 0 || a.flags & ~LINUX_SCHED_FLAG_ALL)
        return -EINVAL;
    if (a.flags & LINUX_SCHED_FLAG_KEEP_POLICY) {
        int64_t policy = sys_sched_getscheduler(pid);
        if (policy < 0)
            return policy;
        a.policy = (uint32_t)policy;
    }
    if (a.flags & LINUX_SCHED_FLAG_KEEP_PARAMS)
        return set_policy(pid, (int)a.policy, 0);
    if (a.policy == LINUX_SCHED_DEADLINE) {
        err = check_thread(pid);
        bool good = a.runtime >= 1024 && a.runtime <= a.deadline && a.deadline <= (a.period ? a.period : a.deadline) && !a.priority;
        return err ? err : good ? -EPERM : -EINVAL;
    }
    err = set_policy(pid, (int)a.policy, (int32_t)a.priority);
    if (!err && is_normal((int)a.policy) && a.policy != LINUX_SCHED_IDLE)
        err = sys_setpriority(0, pid, MAX(-20, MIN(a.nice, 19)));
    return err;
}

int64_t sys_sched_getattr(int pid, uaddr_t attr, unsigned size, unsigned flags)
{
    struct linux_sched_attr a = { .size = MIN(size, sizeof(a)) };
    if (!attr || size > PAGE_SIZE || size < LINUX_SCHED_ATTR_SIZE_MIN || flags)
        return -EINVAL;
    int64_t policy = sys_sched_getscheduler(pid);
    if (policy < 0)
        return policy;
    a.policy = (uint32_t)policy;
    a.nice = current()->process->nice;
    return user_write(attr, &a, a.size) ? -EFAULT : 0;
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
        return who < 0 ? -ESRCH : check_thread(who);
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

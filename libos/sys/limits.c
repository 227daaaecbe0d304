/* Resource limits and usage. */
#include "libos/sys/limits.h"

#include "enclave/gate.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/resource.h"
#include "lib/linux/signal.h"
#include "libos/fs/fdtable.h"
#include "libos/proc/cputime.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"
#include "libos/sys/sys.h"

#define NR_OPEN 1048576 /* /proc/sys/fs/nr_open */

static int get(struct process *p, unsigned resource, struct linux_rlimit *out)
{
    if (resource >= LINUX_RLIM_COUNT)
        return -EINVAL;
    mutex_lock(&p->mu);
    *out = p->limits[resource];
    mutex_unlock(&p->mu);
    return 0;
}

static int set(struct process *p, unsigned resource, const struct linux_rlimit *in)
{
    if (resource >= LINUX_RLIM_COUNT || in->soft > in->hard)
        return -EINVAL;
    if (resource == LINUX_RLIMIT_NOFILE && in->hard > NR_OPEN)
        return -EPERM;
    mutex_lock(&p->mu);
    struct linux_rlimit *l = &p->limits[resource];
    bool refused = in->hard > l->hard && p->cred.euid != 0;
    if (!refused)
        *l = *in;
    mutex_unlock(&p->mu);
    if (refused)
        return -EPERM;
    if (resource == LINUX_RLIMIT_NOFILE)
        fdtable_set_limit(p->fds, (uint32_t)in->soft);
    return resource == LINUX_RLIMIT_CPU ? cpu_limit_changed(p) : 0;
}

int64_t sys_getrlimit(unsigned resource, uaddr_t rlim)
{
    struct linux_rlimit l;
    int err = get(current()->process, resource, &l);
    return err ? err : user_write(rlim, &l, sizeof(l));
}

int64_t sys_setrlimit(unsigned resource, uaddr_t rlim)
{
    struct linux_rlimit l;
    if (user_read(&l, rlim, sizeof(l)))
        return -EFAULT;
    return set(current()->process, resource, &l);
}

int64_t sys_prlimit64(int pid, unsigned resource, uaddr_t new_limit, uaddr_t old_limit)
{
    struct linux_rlimit new, old;
    if (new_limit && user_read(&new, new_limit, sizeof(new)))
        return -EFAULT;
    struct process *p = process_find(pid ? pid : current()->process->pid);
    if (!p)
        return -ESRCH;
    int err = get(p, resource, &old);
    if (!err && new_limit)
        err = set(p, resource, &new);
    process_put(p);
    if (!err && old_limit)
        err = user_write(old_limit, &old, sizeof(old));
    return err;
}

static uint64_t file_limit(void)
{
    return __atomic_load_n(&current()->process->limits[LINUX_RLIMIT_FSIZE].soft, __ATOMIC_RELAXED);
}

bool limits_file_limited(void)
{
    return file_limit() != LINUX_RLIM_INFINITY;
}

static int too_big(void)
{
    (void)signal_send_thread(current(), SIGXFSZ, NULL);
    return -EFBIG;
}

int64_t limits_file_room(uint64_t from)
{
    uint64_t limit = file_limit();
    return from >= limit ? too_big() : (int64_t)MIN(limit - from, (uint64_t)INT64_MAX);
}

int limits_file_length(uint64_t old, uint64_t length)
{
    return length > old && length > file_limit() ? too_big() : 0;
}

/* host may give times that overflow where they are added, and counts below 0 */
static void check_time(struct linux_timeval *t)
{
    if (t->sec < 0 || t->sec > UINT32_MAX || t->usec < 0 || t->usec >= 1000000)
        *t = (struct linux_timeval){ 0 };
}

int limits_host_usage(int who, struct linux_rusage *u)
{
    int err = (int)host_call(getrusage, (uint64_t)who, PTR(u));
    if (err)
        return err;
    check_time(&u->utime);
    check_time(&u->stime);
    for (int64_t *n = &u->maxrss; n <= &u->nivcsw; n++)
        *n = MAX(*n, 0);
    return 0;
}

int64_t sys_getrusage(int who, uaddr_t usage)
{
    struct linux_rusage u;
    memset(&u, 0, sizeof(u));
    if (who != LINUX_RUSAGE_SELF && who != LINUX_RUSAGE_THREAD && who != LINUX_RUSAGE_CHILDREN)
        return -EINVAL;
    if (who != LINUX_RUSAGE_CHILDREN) {
        int err = limits_host_usage(who, &u);
        if (err)
            return err;
    }
    return user_write(usage, &u, sizeof(u));
}

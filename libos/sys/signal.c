/* Signal calls: masks, actions, waiting, sending. The objects are in libos/signal. */
#include "enclave/clock.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/ipc/wait.h"
#include "libos/proc/process.h"
#include "libos/signal/fpu.h"
#include "libos/signal/signal.h"
#include "libos/signal/signalfd.h"
#include "libos/sys/sys.h"
#include "libos/sys/timespec.h"

#define SIGSET_SIZE 8

static bool valid_signal(int sig)
{
    return sig >= 0 && sig <= LINUX_NSIG;
}

/* ---- actions and masks */

int64_t sys_rt_sigaction(int sig, uaddr_t act, uaddr_t oldact, uint64_t sigsetsize)
{
    struct linux_sigaction set, old;
    if (sigsetsize != SIGSET_SIZE)
        return -EINVAL;
    if (act && user_read(&set, act, sizeof(set)))
        return -EFAULT;
    int err = signal_action(current()->process, sig, act ? &set : NULL, &old);
    if (!err && oldact && user_write(oldact, &old, sizeof(old)))
        err = -EFAULT;
    return err;
}

int64_t sys_rt_sigprocmask(int how, uaddr_t set, uaddr_t oldset, uint64_t sigsetsize)
{
    struct thread *t = current();
    uint64_t old = t->sig.mask, mask;
    if (sigsetsize != SIGSET_SIZE)
        return -EINVAL;
    if (set) {
        if (user_read(&mask, set, sizeof(mask)))
            return -EFAULT;
        switch (how) {
        case LINUX_SIG_BLOCK: mask |= old; break;
        case LINUX_SIG_UNBLOCK: mask = old & ~mask; break;
        case LINUX_SIG_SETMASK: break;
        default: return -EINVAL;
        }
        signal_set_mask(mask);
    }
    return oldset ? user_write(oldset, &old, sizeof(old)) : 0;
}

int64_t sys_rt_sigpending(uaddr_t set, uint64_t sigsetsize)
{
    if (sigsetsize > SIGSET_SIZE)
        return -EINVAL;
    uint64_t pending = signal_pending_set(current()) & current()->sig.mask;
    return user_write(set, &pending, sigsetsize);
}

int64_t sys_rt_sigreturn(void)
{
    return signal_return(current()->regs);
}

int64_t sys_sigaltstack(uaddr_t uss, uaddr_t uoss)
{
    struct sigstate *s = &current()->sig;
    uint64_t sp = current()->regs->rsp;
    bool on = !(s->stack_flags & LINUX_SS_AUTODISARM) && sp > s->stack && sp - s->stack <= s->stack_size;
    struct linux_stack set;
    struct linux_stack old = { .sp = s->stack, .size = s->stack_size, .flags = (int32_t)s->stack_flags };
    if (on)
        old.flags |= LINUX_SS_ONSTACK;
    if (uss) {
        if (user_read(&set, uss, sizeof(set)))
            return -EFAULT;
        uint32_t flags = (uint32_t)set.flags, mode = flags & ~LINUX_SS_AUTODISARM;
        if (on)
            return -EPERM;
        if (mode != LINUX_SS_DISABLE && mode != LINUX_SS_ONSTACK && mode != 0)
            return -EINVAL;
        if (mode == LINUX_SS_DISABLE) {
            set.sp = set.size = 0;
        } else if (set.size < LINUX_MINSIGSTKSZ) {
            return -ENOMEM;
        }
        s->stack = set.sp;
        s->stack_size = set.size;
        s->stack_flags = flags & ~(uint32_t)LINUX_SS_ONSTACK;
    }
    return uoss ? user_write(uoss, &old, sizeof(old)) : 0;
}

/* ---- waiting */

static void sleep_until_signal(void)
{
    while (!wait_sleep(PARK_FOREVER))
        ;
}

int64_t sys_pause(void)
{
    sleep_until_signal();
    return -ERESTARTNOHAND;
}

int64_t sys_rt_sigsuspend(uaddr_t mask, uint64_t sigsetsize)
{
    uint64_t set;
    if (sigsetsize != SIGSET_SIZE)
        return -EINVAL;
    if (user_read(&set, mask, sizeof(set)))
        return -EFAULT;
    signal_mask_temporarily(set);
    sleep_until_signal();
    return -ERESTARTNOHAND;
}

int64_t sys_rt_sigtimedwait(uaddr_t set, uaddr_t info, uaddr_t timeout, uint64_t sigsetsize)
{
    struct thread *t = current();
    struct linux_siginfo taken;
    struct waiter w;
    uint64_t wanted;
    int64_t deadline = PARK_FOREVER;
    if (sigsetsize != SIGSET_SIZE)
        return -EINVAL;
    if (user_read(&wanted, set, sizeof(wanted)))
        return -EFAULT;
    wanted &= ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));
    if (timeout) {
        int err = timespec_read(timeout, &deadline);
        if (err)
            return err;
        deadline = deadline_after(clock_monotonic(), deadline);
    }
    int sig, err = 0;
    wait_begin(&w, &t->process->sighand.signalfd_wait);
    while (!(sig = signal_take(wanted, &taken)) && !err)
        err = wait_sleep(deadline);
    wait_end(&w);
    if (!sig)
        return err == -ETIMEDOUT ? -EAGAIN : -EINTR; /* never restarted: sigtimedwait(2) */
    if (info && user_write(info, &taken, sizeof(taken)))
        return -EFAULT;
    return sig;
}

int64_t sys_signalfd4(int fd, uaddr_t mask, uint64_t sigsetsize, int flags)
{
    struct fdtable *fds = current()->process->fds;
    uint64_t set;
    if (flags & ~(O_CLOEXEC | O_NONBLOCK) || sigsetsize != SIGSET_SIZE)
        return -EINVAL;
    if (user_read(&set, mask, sizeof(set)))
        return -EFAULT;
    set &= ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));
    if (fd == -1) {
        struct file *f = signalfd_new(set, O_RDWR | ((uint32_t)flags & O_NONBLOCK));
        if (!f)
            return -ENOMEM;
        int n = fd_install(fds, f, 0, flags & O_CLOEXEC);
        if (n < 0)
            file_put(f);
        return n;
    }
    struct file *f = fd_lookup_open(fds, fd);
    if (!f)
        return -EBADF;
    int err = signalfd_set_mask(f, set);
    file_put(f);
    return err ? err : fd;
}

int64_t sys_signalfd(int fd, uaddr_t mask, uint64_t sigsetsize)
{
    return sys_signalfd4(fd, mask, sigsetsize, 0);
}

/* ---- sending */

static struct linux_siginfo own_info(int sig, int code)
{
    const struct process *p = current()->process;
    struct linux_siginfo info = { .signo = sig, .code = code };
    info.u.rt.pid = p->pid;
    info.u.rt.uid = p->cred.uid;
    return info;
}

static int64_t kill_one(struct process *p, int sig)
{
    struct linux_siginfo info = own_info(sig, LINUX_SI_USER);
    return sig ? signal_send_process(p, sig, &info) : 0;
}

/* Every process of the group; group 0: of all but the first and the caller. */
static int64_t kill_many(int32_t group, int sig)
{
    int64_t found = 0;
    for (int32_t after = 0;;) {
        struct process *next = NULL;
        mutex_lock(&g_processes_lock);
        list_for_each(it, &g_processes) {
            struct process *p = list_entry(it, struct process, link);
            bool wanted = group ? p->pgid == group : p->pid != 1 && p != current()->process;
            if (wanted && p->pid > after && (!next || p->pid < next->pid))
                next = p;
        }
        if (next)
            ref_get(&next->refs);
        mutex_unlock(&g_processes_lock);
        if (!next)
            break;
        kill_one(next, sig);
        found++;
        after = next->pid;
        process_put(next);
    }
    return found ? 0 : -ESRCH;
}

int64_t sys_kill(int pid, int sig)
{
    if (!valid_signal(sig))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    if (pid <= 0)
        return kill_many(pid == 0 ? current()->process->pgid : pid == -1 ? 0 : -pid, sig);
    struct process *p = process_find(pid);
    if (!p)
        return -ESRCH;
    int64_t err = kill_one(p, sig);
    process_put(p);
    return err;
}

static int64_t send_thread(int pid, int tid, int sig, const struct linux_siginfo *info)
{
    struct thread *t = thread_find(pid, tid);
    if (!t)
        return -ESRCH;
    int64_t err = sig ? signal_send_thread(t, sig, info) : 0;
    thread_put(t);
    return err;
}

int64_t sys_tkill(int tid, int sig)
{
    if (tid <= 0 || !valid_signal(sig))
        return -EINVAL;
    struct linux_siginfo info = own_info(sig, LINUX_SI_TKILL);
    return send_thread(0, tid, sig, &info);
}

int64_t sys_tgkill(int pid, int tid, int sig)
{
    if (pid <= 0 || tid <= 0 || !valid_signal(sig))
        return -EINVAL;
    struct linux_siginfo info = own_info(sig, LINUX_SI_TKILL);
    return send_thread(pid, tid, sig, &info);
}

/* The sender may not claim to be the kernel, or kill(), to anyone but itself. */
static int read_info(uaddr_t from, int pid, int sig, struct linux_siginfo *info)
{
    if (user_read(info, from, sizeof(*info)))
        return -EFAULT;
    info->signo = sig;
    if ((info->code >= 0 || info->code == LINUX_SI_TKILL) && pid != current()->process->pid)
        return -EPERM;
    return 0;
}

int64_t sys_rt_sigqueueinfo(int pid, int sig, uaddr_t uinfo)
{
    struct linux_siginfo info;
    int64_t err = read_info(uinfo, pid, sig, &info);
    if (err)
        return err;
    if (!valid_signal(sig))
        return -EINVAL;
    struct process *p = process_find(pid);
    if (!p)
        return -ESRCH;
    err = sig ? signal_send_process(p, sig, &info) : 0;
    process_put(p);
    return err;
}

int64_t sys_rt_tgsigqueueinfo(int pid, int tid, int sig, uaddr_t uinfo)
{
    struct linux_siginfo info;
    int64_t err = read_info(uinfo, pid, sig, &info);
    if (err)
        return err;
    if (pid <= 0 || tid <= 0 || !valid_signal(sig))
        return -EINVAL;
    return send_thread(pid, tid, sig, &info);
}

int64_t sys_restart_syscall(void)
{
    struct thread *t = current();
    struct restart r = t->restart;
    t->restart.resume = NULL;
    return r.resume ? r.resume(r.arg) : -EINTR;
}

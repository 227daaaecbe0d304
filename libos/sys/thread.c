/* Threads: clone and its checks, thread numbers, robust lists, ending. */
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/sched.h"
#include "libos/proc/process.h"
#include "libos/proc/thread.h"
#include "libos/sys/sys.h"

/* What a thread of one process must share; without all of these it would be a process of its own. */
#define THREAD_FLAGS (LINUX_CLONE_VM | LINUX_CLONE_SIGHAND | LINUX_CLONE_THREAD)
#define NEW_NAMESPACES                                                                                                 \
    (LINUX_CLONE_NEWNS | LINUX_CLONE_NEWCGROUP | LINUX_CLONE_NEWUTS | LINUX_CLONE_NEWIPC | LINUX_CLONE_NEWUSER |       \
     LINUX_CLONE_NEWPID | LINUX_CLONE_NEWNET)

static int64_t new_process(uint64_t flags)
{
    static uint32_t g_said;
    if (g_machine.plan.h->flags & PLAN_NO_SUBPROCESSES) {
        if (!__atomic_exchange_n(&g_said, 1, __ATOMIC_RELAXED))
            log_warning("a child process was asked for: refused, as sys.disallow_subprocesses says");
        return -EAGAIN;
    }
    if (!__atomic_exchange_n(&g_said, 1, __ATOMIC_RELAXED))
        log_warning("child processes (fork, vfork, clone with flags %#lx) are not implemented: the program gets ENOSYS", flags);
    return -ENOSYS;
}

/* The combinations that Linux refuses (kernel/fork.c: copy_process). */
static int check_flags(uint64_t f)
{
    if ((f & LINUX_CLONE_THREAD && !(f & LINUX_CLONE_SIGHAND)) || (f & LINUX_CLONE_SIGHAND && !(f & LINUX_CLONE_VM)))
        return -EINVAL;
    if ((f & LINUX_CLONE_FS && f & (LINUX_CLONE_NEWNS | LINUX_CLONE_NEWUSER)) ||
        (f & LINUX_CLONE_THREAD && f & (LINUX_CLONE_NEWUSER | LINUX_CLONE_NEWPID)))
        return -EINVAL;
    if (f & LINUX_CLONE_CLEAR_SIGHAND && f & LINUX_CLONE_SIGHAND)
        return -EINVAL;
    return f & NEW_NAMESPACES ? -EPERM : 0;
}

static int64_t do_clone(const struct linux_clone_args *a)
{
    uint64_t f = a->flags;
    int err = check_flags(f);
    if (err)
        return err;
    if ((f & THREAD_FLAGS) != THREAD_FLAGS)
        return new_process(f);
    /* Each thread with descriptors or a cwd of its own is a case nobody could show us: refused by name. */
    if (!(f & LINUX_CLONE_FILES) || !(f & LINUX_CLONE_FS) || f & LINUX_CLONE_PIDFD) {
        log_warning("clone: a thread without CLONE_FILES or CLONE_FS, or with CLONE_PIDFD (flags %#lx) is not supported", f);
        return -EINVAL;
    }
    const struct thread_request r = {
        .stack = a->stack ? a->stack + a->stack_size : 0,
        .tls = a->tls,
        .set_tls = f & LINUX_CLONE_SETTLS,
        .parent_tid = f & LINUX_CLONE_PARENT_SETTID ? a->parent_tid : 0,
        .child_tid = f & LINUX_CLONE_CHILD_SETTID ? a->child_tid : 0,
        .clear_tid = f & LINUX_CLONE_CHILD_CLEARTID ? a->child_tid : 0,
    };
    if (r.set_tls && !user_range_ok(r.tls, 1))
        return -EPERM; /* as arch_prctl: not an address of the program */
    return thread_clone(&r);
}

int64_t sys_clone(uint64_t flags, uaddr_t stack, uaddr_t parent_tid, uaddr_t child_tid, uint64_t tls)
{
    const struct linux_clone_args a = {
        .flags = (uint32_t)flags & ~LINUX_CSIGNAL,
        .exit_signal = flags & LINUX_CSIGNAL,
        .stack = stack,
        .parent_tid = parent_tid,
        .child_tid = child_tid,
        .tls = tls,
    };
    if (a.flags & LINUX_CLONE_PIDFD && a.flags & (LINUX_CLONE_PARENT_SETTID | LINUX_CLONE_DETACHED))
        return -EINVAL;
    return do_clone(&a);
}

/* A structure that may be longer than ours if the rest is zero. */
static int read_clone_args(uaddr_t from, uint64_t size, struct linux_clone_args *a)
{
    uint8_t byte;
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size < LINUX_CLONE_ARGS_SIZE_MIN)
        return -EINVAL;
    memset(a, 0, sizeof(*a));
    if (user_read(a, from, MIN(size, sizeof(*a))))
        return -EFAULT;
    for (uint64_t i = sizeof(*a); i < size; i++) {
        if (user_read(&byte, from + i, 1))
            return -EFAULT;
        if (byte)
            return -E2BIG;
    }
    return 0;
}

int64_t sys_clone3(uaddr_t args, uint64_t size)
{
    struct linux_clone_args a;
    int err = read_clone_args(args, size, &a);
    if (err)
        return err;
    if (a.flags & ~(UINT64_C(0x3ffffffff) & ~LINUX_CSIGNAL) || a.flags & LINUX_CLONE_DETACHED)
        return -EINVAL;
    if (a.exit_signal & ~LINUX_CSIGNAL || (a.exit_signal && a.flags & (LINUX_CLONE_THREAD | LINUX_CLONE_PARENT)))
        return -EINVAL;
    if (!a.stack != !a.stack_size || (a.stack && !user_range_ok(a.stack, a.stack_size)))
        return -EINVAL;
    if (a.set_tid || a.set_tid_size || a.flags & LINUX_CLONE_INTO_CGROUP)
        return -EPERM;
    return do_clone(&a);
}

int64_t sys_fork(void)
{
    return new_process(0);
}

int64_t sys_vfork(void)
{
    return new_process(LINUX_CLONE_VM | LINUX_CLONE_VFORK);
}

int64_t sys_set_tid_address(uaddr_t address)
{
    current()->clear_child_tid = address;
    return current()->tid;
}

int64_t sys_gettid(void)
{
    return current()->tid;
}

int64_t sys_set_robust_list(uaddr_t head, uint64_t size)
{
    struct thread *t = current();
    if (size != 24)
        return -EINVAL;
    t->robust_list = head;
    t->robust_list_size = size;
    return 0;
}

int64_t sys_get_robust_list(int pid, uaddr_t head, uaddr_t size)
{
    static const uint64_t list_head_size = 24;
    struct thread *self = current(), *t = pid ? thread_find(self->process->pid, pid) : self;
    if (!t)
        return -ESRCH;
    uint64_t list = t->robust_list;
    if (pid)
        thread_put(t);
    if (user_write(size, &list_head_size, sizeof(list_head_size)) || user_write(head, &list, sizeof(list)))
        return -EFAULT;
    return 0;
}

/* Would the kernel's first write to it fail, which ends the thread? */
static bool is_writable(uaddr_t area)
{
    uint32_t word;
    return !user_read(&word, area, sizeof(word)) && !user_write(area, &word, sizeof(word));
}

/*
 * In direct the program's threads are the host's, whose kernel serves their areas: it aborts a sequence before the handler of
 * any signal, ours too, so that handler finds the program at its abort address. The errnos are the host's; but libos's
 * own memory is no area, as the kernel's is none, and neither is memory that cannot be written.
 */
int64_t sys_rseq(uaddr_t area, unsigned size, int flags, unsigned signature)
{
    struct thread *t = current();
    bool fresh = !flags && !t->rseq.area && size >= RSEQ_SIZE_MIN && IS_ALIGNED(area, RSEQ_SIZE_MIN);
    if (fresh && !g_machine.is_enclave && (!user_range_ok(area, size) || !is_writable(area)))
        return -EFAULT;
    int r = machine_thread_rseq(area, size, (uint32_t)flags, signature);
    if (r == 0 && flags)
        t->rseq.area = 0;
    else if (r == 0)
        t->rseq.area = area, t->rseq.size = size, t->rseq.signature = signature;
    return r;
}

int64_t sys_exit(int status)
{
    thread_exit_current((status & 0xff) << 8);
}

int64_t sys_exit_group(int status)
{
    process_exit_group((status & 0xff) << 8);
}

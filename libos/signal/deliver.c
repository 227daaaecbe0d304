/*
 * The last thing before a thread returns to its program: end it if its process ends, take pending signals,
 * run their default action or push a frame for the handler, and decide whether an interrupted system call
 * starts again. Start reading at signal_deliver().
 */
#include "libos/signal/signal.h"

#include "enclave/debugger.h"
#include "enclave/log.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/proc/barrier.h"
#include "libos/proc/process.h"
#include "libos/signal/actions.h"
#include "libos/signal/frame.h"
#include "libos/signal/restart.h"

#define NR_RESTART_SYSCALL 219

static bool is_restart_code(uint64_t rax)
{
    int64_t code = -(int64_t)rax;
    return code == ERESTARTSYS || code == ERESTARTNOINTR || code == ERESTARTNOHAND || code == ERESTART_RESTARTBLOCK;
}

/* A handler is about to run: restart afterwards, or tell the program -EINTR. */
static void restart_with_handler(struct cpu_regs *regs, uint64_t action_flags)
{
    if (regs->orig_rax == UINT64_MAX || !is_restart_code(regs->rax))
        return;
    int64_t code = -(int64_t)regs->rax;
    bool again = code == ERESTARTNOINTR || (code == ERESTARTSYS && action_flags & LINUX_SA_RESTART);
    if (again)
        restart_rewind(regs, regs->orig_rax);
    else
        regs->rax = (uint64_t)-EINTR;
    regs->orig_rax = UINT64_MAX;
}

static void restart_without_handler(struct cpu_regs *regs)
{
    if (regs->orig_rax == UINT64_MAX || !is_restart_code(regs->rax))
        return;
    bool block = -(int64_t)regs->rax == ERESTART_RESTARTBLOCK;
    restart_rewind(regs, block ? NR_RESTART_SYSCALL : regs->orig_rax);
    regs->orig_rax = UINT64_MAX;
}

/* The action for a signal just taken; SA_RESETHAND takes effect here. */
static struct linux_sigaction take_action(struct process *p, int sig)
{
    struct sighand *h = &p->sighand;
    mutex_lock(&h->mu);
    struct linux_sigaction *a = &h->actions[sig - 1], action = *a;
    if (a->flags & LINUX_SA_RESETHAND && a->handler > LINUX_SIG_IGN)
        a->handler = LINUX_SIG_DFL;
    mutex_unlock(&h->mu);
    return action;
}

static _Noreturn void die(struct thread *t, int sig, const struct linux_siginfo *info)
{
    if (sig != SIGTERM && sig != SIGINT && sig != SIGPIPE && sig != SIGHUP)
        log_warning("process %d: killed by signal %d (code %d, address %#lx) in thread %d (%s) at rip %#lx", t->process->pid,
                    sig, info->code, info->code > 0 ? info->u.fault.address : 0, t->tid, t->name, t->regs ? t->regs->rip : 0);
    debugger_event(DEBUGGER_KILLED, (uint64_t)sig, NULL, 0);
    process_exit_group(sig);
}

static void run_handler(struct thread *t, struct cpu_regs *regs, int sig, const struct linux_siginfo *info,
                        const struct linux_sigaction *action)
{
    uint64_t saved = t->sig.restore_mask ? t->sig.saved_mask : t->sig.mask;
    restart_with_handler(regs, action->flags);
    trace(TRACE_SIG, "signal %d: handler %#lx in thread %d", sig, action->handler, t->tid);
    if (frame_push(t, regs, sig, info, action, saved)) {
        /* No stack to run it on: Linux kills with SIGSEGV, which may itself have a handler on another stack. */
        if (sig == SIGSEGV)
            die(t, sig, info);
        signal_force_fault(SIGSEGV, LINUX_SI_KERNEL, 0, 0, 0);
        return;
    }
    t->sig.restore_mask = false;
    uint64_t mask = t->sig.mask | action->mask;
    if (!(action->flags & LINUX_SA_NODEFER))
        mask |= SIGBIT(sig);
    signal_set_mask(mask);
}

/* Take and act on one signal. false: none is left. */
static bool deliver_one(struct thread *t, struct cpu_regs *regs)
{
    struct linux_siginfo info;
    int sig = signal_take(~t->sig.mask, &info);
    if (!sig)
        return false;
    if (sig == SIGKILL)
        die(t, sig, &info);
    struct linux_sigaction action = take_action(t->process, sig);
    if (action.handler == LINUX_SIG_IGN)
        return true;
    if (action.handler == LINUX_SIG_DFL) {
        if (action_default(sig) == ACTION_KILL)
            die(t, sig, &info);
        return true;
    }
    run_handler(t, regs, sig, &info, &action);
    return true;
}

static void look_at_host(struct thread *t)
{
    if (!__atomic_load_n(&t->tb->pending, __ATOMIC_RELAXED))
        return;
    uint64_t bits = __atomic_exchange_n(&t->tb->pending, 0, __ATOMIC_ACQ_REL);
    signal_from_host(bits);
}

void signal_deliver(struct cpu_regs *regs)
{
    struct thread *t = current();
    for (;;) {
        look_at_host(t);
        barrier_pass(t);
        if (__atomic_load_n(&t->process->exiting, __ATOMIC_ACQUIRE) || t->exiting)
            thread_exit_current(t->process->exit_code);
        if (deliver_one(t, regs))
            continue;
        restart_without_handler(regs);
        if (!t->sig.restore_mask)
            return;
        t->sig.restore_mask = false;
        signal_set_mask(t->sig.saved_mask);
    }
}

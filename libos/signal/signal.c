/*
 * Sending, masks, actions. A signal becomes pending under sighand.mu; the thread that should take it is
 * marked `interrupted` and made to look: unparked if it sleeps, kicked if it runs the program's code.
 * What it then does is in deliver.c. Lock order: process.mu, then sighand.mu.
 */
#include "libos/signal/signal.h"

#include "enclave/event.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/ipc/poll.h"
#include "libos/proc/barrier.h"
#include "libos/proc/process.h"
#include "libos/signal/actions.h"
#include "libos/signal/queue.h"

#define UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

void sighand_init(struct sighand *h)
{
    memset(h, 0, sizeof(*h));
    sigpending_init(&h->shared);
    wait_queue_init(&h->signalfd_wait);
}

void sigstate_init(struct sigstate *s)
{
    memset(s, 0, sizeof(*s));
    sigpending_init(&s->pending);
    wait_queue_init(&s->wait);
    s->stack_flags = LINUX_SS_DISABLE;
}

static void free_queue(struct list *queue)
{
    list_for_each_safe(it, queue) {
        list_remove(it);
        mem_free(list_entry(it, struct sigqueue, link));
    }
}

/* ---- sending */

static void set_interrupted(struct thread *t, uint32_t value)
{
    __atomic_store_n(&t->sig.interrupted, value, __ATOMIC_SEQ_CST);
}

void signal_wake_thread(struct thread *t)
{
    set_interrupted(t, 1);
    if (t == current() || !t->tb)
        return;
    unpark(t->tb);
    machine_thread_kick(t->tb);
}

/* sighand.mu held. A blocked signal is kept even when ignored: it may be waited for. */
static bool is_ignored(const struct sighand *h, const struct thread *t, int sig)
{
    if (t->sig.mask & SIGBIT(sig))
        return false;
    uint64_t handler = h->actions[sig - 1].handler;
    return handler == LINUX_SIG_IGN || (handler == LINUX_SIG_DFL && action_default(sig) == ACTION_IGNORE);
}

/* sighand.mu held. Standard signals are queued once, real-time ones each time. */
static int add_pending(struct process *p, struct sigpending *pending, int sig, const struct linux_siginfo *info)
{
    struct sighand *h = &p->sighand;
    if (sig < LINUX_SIGRTMIN && sigpending_has(pending, sig))
        return 0;
    bool over = h->queued >= p->limits[LINUX_RLIMIT_SIGPENDING].soft;
    struct sigqueue *q = over && sig >= LINUX_SIGRTMIN ? NULL : mem_alloc(sizeof(*q));
    if (q) {
        q->info = info ? *info : (struct linux_siginfo){ .code = LINUX_SI_KERNEL };
        q->info.signo = sig;
        h->queued++;
    } else if (sig >= LINUX_SIGRTMIN && info && info->code != LINUX_SI_USER) {
        return -EAGAIN; /* its payload would be lost */
    }
    sigpending_add(pending, sig, q);
    return 0;
}

int signal_send_thread(struct thread *t, int sig, const struct linux_siginfo *info)
{
    struct sighand *h = &t->process->sighand;
    int err = 0;
    mutex_lock(&h->mu);
    bool drop = is_ignored(h, t, sig), blocked = t->sig.mask & SIGBIT(sig);
    if (!drop)
        err = add_pending(t->process, &t->sig.pending, sig, info);
    mutex_unlock(&h->mu);
    trace(TRACE_SIG, "signal %d to thread %d: %s", sig, t->tid, drop ? "ignored" : blocked ? "blocked" : "pending");
    if (drop || err)
        return err;
    wake_all(&h->signalfd_wait, EPOLLIN);
    if (!blocked)
        signal_wake_thread(t);
    return 0;
}

/* process.mu and sighand.mu held. Whoever can take it: the caller, the main thread, anyone; NULL: all block it. */
static struct thread *choose_thread(struct process *p, int sig)
{
    struct thread *self = current(), *found = NULL;
    if (self && self->process == p && !self->exiting && !(self->sig.mask & SIGBIT(sig)))
        return self;
    list_for_each(it, &p->threads) {
        struct thread *t = list_entry(it, struct thread, link);
        if (t->exiting || t->sig.mask & SIGBIT(sig))
            continue;
        if (t->tid == p->pid)
            return t;
        if (!found)
            found = t;
    }
    return found;
}

int signal_send_process(struct process *p, int sig, const struct linux_siginfo *info)
{
    struct sighand *h = &p->sighand;
    int err = 0;
    mutex_lock(&p->mu);
    mutex_lock(&h->mu);
    struct thread *t = choose_thread(p, sig);
    bool drop = t && is_ignored(h, t, sig);
    if (!drop)
        err = add_pending(p, &h->shared, sig, info);
    if (!drop && !err && t)
        set_interrupted(t, 1);
    mutex_unlock(&h->mu);
    /* process.mu keeps t alive. */
    if (!drop && !err && t)
        signal_wake_thread(t);
    mutex_unlock(&p->mu);
    trace(TRACE_SIG, "signal %d to process %d: %s", sig, p->pid, drop ? "ignored" : t ? "pending" : "blocked");
    if (!drop && !err)
        wake_all(&h->signalfd_wait, EPOLLIN);
    return err;
}

void signal_force_fault(int sig, int code, uint64_t address, unsigned trapno, unsigned error)
{
    struct thread *t = current();
    struct sighand *h = &t->process->sighand;
    struct linux_siginfo info = { .signo = sig, .code = code };
    info.u.fault.address = address;
    t->sig.fault_trapno = trapno;
    t->sig.fault_error = error;
    t->sig.fault_address = address;
    mutex_lock(&h->mu);
    struct linux_sigaction *a = &h->actions[sig - 1];
    if (t->sig.mask & SIGBIT(sig) || a->handler == LINUX_SIG_IGN) {
        a->handler = LINUX_SIG_DFL;
        t->sig.mask &= ~SIGBIT(sig);
    }
    add_pending(t->process, &t->sig.pending, sig, &info);
    set_interrupted(t, 1);
    mutex_unlock(&h->mu);
    trace(TRACE_SIG, "fault: signal %d code %d address %#lx trap %u error %#x", sig, code, address, trapno, error);
}

void signal_from_host(uint64_t host_bits)
{
    const struct plan_header *plan = g_machine.plan.h;
    uint64_t allowed = plan->host_signals;
    if (plan->flags & PLAN_SIGTERM)
        allowed |= SIGBIT(SIGTERM);
    /* A host may send what it likes: only measured signals reach the program, and the kick is none. */
    host_bits &= allowed & ~EVENT_KICK_BIT;
    if (!host_bits)
        return;
    /* A thread of ours (timers) may be the one that the host chose: then it is the first process's. */
    struct process *p = current() ? current()->process : process_find(1);
    for (; p && host_bits; host_bits &= host_bits - 1) {
        int sig = __builtin_ctzll(host_bits) + 1;
        struct linux_siginfo info = { .signo = sig, .code = LINUX_SI_USER };
        signal_send_process(p, sig, &info);
    }
    if (!current())
        process_put(p);
}

/* ---- looking */

uint64_t signal_pending_set(struct thread *t)
{
    struct sighand *h = &t->process->sighand;
    mutex_lock(&h->mu);
    uint64_t set = t->sig.pending.set | h->shared.set;
    mutex_unlock(&h->mu);
    return set;
}

bool signal_pending_current(void)
{
    struct thread *t = current();
    struct sighand *h = &t->process->sighand;
    barrier_pass(t);
    if (__atomic_load_n(&t->process->exiting, __ATOMIC_ACQUIRE) || t->exiting)
        return true;
    if (!__atomic_load_n(&t->sig.interrupted, __ATOMIC_ACQUIRE))
        return false;
    mutex_lock(&h->mu);
    bool any = (t->sig.pending.set | h->shared.set) & ~t->sig.mask;
    if (!any && !t->sig.restore_mask)
        set_interrupted(t, 0);
    mutex_unlock(&h->mu);
    return any;
}

int signal_take(uint64_t wanted, struct linux_siginfo *info)
{
    struct thread *t = current();
    struct sighand *h = &t->process->sighand;
    struct sigqueue *q = NULL;
    mutex_lock(&h->mu);
    struct sigpending *from = &t->sig.pending;
    int sig = sigpending_next(from, wanted);
    if (!sig) {
        from = &h->shared;
        sig = sigpending_next(from, wanted);
    }
    if (sig)
        sigpending_take(from, sig, &q);
    if (q)
        h->queued--;
    if (!((t->sig.pending.set | h->shared.set) & ~t->sig.mask) && !t->sig.restore_mask)
        set_interrupted(t, 0);
    mutex_unlock(&h->mu);
    if (sig)
        *info = q ? q->info : (struct linux_siginfo){ .signo = sig };
    mem_free(q);
    return sig;
}

/* ---- masks and actions */

/* Process signals that the calling thread no longer takes: let others look at them. */
static void hand_over(struct process *p, uint64_t set)
{
    mutex_lock(&p->mu);
    list_for_each(it, &p->threads) {
        struct thread *t = list_entry(it, struct thread, link);
        if (t != current() && !t->exiting && set & ~t->sig.mask)
            signal_wake_thread(t);
    }
    mutex_unlock(&p->mu);
}

void signal_set_mask(uint64_t mask)
{
    struct thread *t = current();
    struct sighand *h = &t->process->sighand;
    mask &= ~UNBLOCKABLE;
    mutex_lock(&h->mu);
    uint64_t newly_blocked = h->shared.set & mask & ~t->sig.mask;
    t->sig.mask = mask;
    if ((t->sig.pending.set | h->shared.set) & ~mask)
        set_interrupted(t, 1);
    mutex_unlock(&h->mu);
    if (newly_blocked)
        hand_over(t->process, newly_blocked);
}

void signal_mask_temporarily(uint64_t mask)
{
    struct thread *t = current();
    t->sig.saved_mask = t->sig.mask;
    t->sig.restore_mask = true;
    signal_set_mask(mask);
    set_interrupted(t, 1); /* signal_deliver() puts the old mask back */
}

/* sighand.mu and process.mu held: drop what a new disposition ignores. */
static void drop_ignored(struct process *p, int sig, struct list *out)
{
    sigpending_remove(&p->sighand.shared, SIGBIT(sig), out);
    list_for_each(it, &p->threads)
        sigpending_remove(&list_entry(it, struct thread, link)->sig.pending, SIGBIT(sig), out);
    list_for_each(it, out)
        p->sighand.queued--;
}

int signal_action(struct process *p, int sig, const struct linux_sigaction *set, struct linux_sigaction *old)
{
    struct sighand *h = &p->sighand;
    struct list dropped;
    if (sig < 1 || sig > LINUX_NSIG || (set && UNBLOCKABLE & SIGBIT(sig)))
        return -EINVAL;
    list_init(&dropped);
    if (set)
        mutex_lock(&p->mu);
    mutex_lock(&h->mu);
    struct linux_sigaction *a = &h->actions[sig - 1];
    if (old)
        *old = *a;
    if (set) {
        *a = *set;
        a->flags &= ACTION_FLAGS;
        a->mask &= ~UNBLOCKABLE;
        if (a->handler == LINUX_SIG_IGN || (a->handler == LINUX_SIG_DFL && action_default(sig) == ACTION_IGNORE))
            drop_ignored(p, sig, &dropped);
    }
    mutex_unlock(&h->mu);
    if (set)
        mutex_unlock(&p->mu);
    free_queue(&dropped);
    return 0;
}

void signal_reset_for_exec(struct process *p, struct thread *t)
{
    mutex_lock(&p->sighand.mu);
    for (size_t i = 0; i < LINUX_NSIG; i++) {
        struct linux_sigaction *a = &p->sighand.actions[i];
        uint64_t kept = a->handler == LINUX_SIG_IGN ? LINUX_SIG_IGN : LINUX_SIG_DFL;
        *a = (struct linux_sigaction){ .handler = kept };
    }
    mutex_unlock(&p->sighand.mu);
    t->sig.stack = t->sig.stack_size = 0;
    t->sig.stack_flags = LINUX_SS_DISABLE;
}

void signal_thread_exit(struct thread *t)
{
    struct sighand *h = &t->process->sighand;
    struct list dropped;
    list_init(&dropped);
    mutex_lock(&h->mu);
    sigpending_remove(&t->sig.pending, UINT64_MAX, &dropped);
    list_for_each(it, &dropped)
        h->queued--;
    uint64_t shared = h->shared.set & ~t->sig.mask;
    t->sig.mask = UINT64_MAX;
    mutex_unlock(&h->mu);
    free_queue(&dropped);
    if (shared)
        hand_over(t->process, shared);
}

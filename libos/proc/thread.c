/*
 * Threads of a process. A new one runs thread_entry() on its own libos stack and enters the program with
 * a copy of its creator's registers; the way out is thread_exit_current(), never anything else, so that
 * robust lists, the clear-tid futex and signals are always taken care of.
 */
#include "libos/proc/thread.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/park.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/sched.h"
#include "lib/linux/time.h"
#include "libos/ipc/poll.h"
#include "libos/proc/barrier.h"
#include "libos/proc/futex.h"
#include "libos/proc/lifecycle.h"
#include "libos/proc/robust.h"
#include "libos/signal/fpu.h"

#define PID_MAX 4194304 /* as /proc/sys/kernel/pid_max says */

static int32_t g_last_number; /* g_processes_lock */

int32_t thread_number(void)
{
    int32_t n;
    bool taken;
    do {
        mutex_lock(&g_processes_lock);
        g_last_number = g_last_number >= PID_MAX ? 301 : g_last_number + 1; /* low numbers stay with the old, as on Linux */
        n = g_last_number;
        mutex_unlock(&g_processes_lock);
        struct thread *t = thread_find(0, n);
        taken = t != NULL;
        thread_put(t);
    } while (taken);
    return n;
}

struct thread *thread_new(struct process *p)
{
    struct thread *t = mem_zalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->refs = 1;
    t->start_time = clock_monotonic();
    t->timer_slack = TIMERSLACK_NS;
    ref_get(&p->refs);
    t->process = p;
    list_init(&t->link);
    sigstate_init(&t->sig);
    return t;
}

int thread_attach(struct process *p, struct thread *t)
{
    int err = 0;
    mutex_lock(&p->mu);
    if (p->exiting) {
        err = -EAGAIN;
    } else {
        t->barrier_passed = __atomic_load_n(&g_barrier_number, __ATOMIC_SEQ_CST);
        list_push_back(&p->threads, &t->link);
        p->thread_count++;
    }
    mutex_unlock(&p->mu);
    return err;
}

/* Take it off the list; how many are left. */
static uint32_t thread_detach(struct thread *t)
{
    struct process *p = t->process;
    mutex_lock(&p->mu);
    list_remove(&t->link);
    uint32_t left = --p->thread_count;
    mutex_unlock(&p->mu);
    wake_all(&p->exit_wait, 0);
    return left;
}

/* ---- creation */

struct thread_start {
    struct thread *thread;
    struct cpu_regs regs;
    struct fpu_control fpu;
};

static void thread_entry(void *arg)
{
    struct thread_start start = *(struct thread_start *)arg;
    struct thread *t = start.thread;
    mem_free(arg);
    thread_block()->thread = t;
    fpu_set_control(&start.fpu);
    cpu_set_fs(t->start_fs);
    if (t->set_child_tid)
        user_write(t->set_child_tid, &t->tid, sizeof(t->tid)); /* Linux ignores a bad address here too */
    t->regs = &start.regs;
    signal_deliver(&start.regs);
    cpu_enter_user(&start.regs);
}

static struct thread_start *prepare(const struct thread_request *r, struct thread *t)
{
    const struct thread *self = current();
    struct thread_start *start = mem_zalloc(sizeof(*start));
    if (!start)
        return NULL;
    start->thread = t;
    start->regs = *self->regs;
    start->regs.rax = 0;
    start->regs.orig_rax = UINT64_MAX;
    start->regs.full = 1;
    if (r->stack)
        start->regs.rsp = r->stack;
    fpu_get_control(&start->fpu);
    t->start_fs = r->set_tls ? r->tls : cpu_get_fs();
    t->set_child_tid = r->child_tid;
    t->clear_child_tid = r->clear_tid;
    t->sig.mask = self->sig.mask;
    t->policy = __atomic_load_n(&self->policy, __ATOMIC_RELAXED);
    memcpy(t->name, self->name, sizeof(t->name));
    t->timer_slack = self->timer_slack;
    return start;
}

static void say_no_thread(void)
{
    static uint32_t g_said;
    if (!__atomic_exchange_n(&g_said, 1, __ATOMIC_RELAXED))
        log_error("no thread left: all %u of sgx.max_threads are in use; raise sgx.max_threads in the manifest", g_machine.thread_max);
}

int64_t thread_clone(const struct thread_request *r)
{
    struct process *p = current()->process;
    struct thread *t = thread_new(p);
    if (!t)
        return -ENOMEM;
    struct thread_start *start = prepare(r, t);
    int64_t err = start ? 0 : -ENOMEM;
    if (err)
        goto fail;
    t->tid = thread_number();
    if (r->parent_tid && user_write(r->parent_tid, &t->tid, sizeof(t->tid))) {
        err = -EFAULT;
        goto fail;
    }
    err = thread_attach(p, t);
    if (err)
        goto fail;
    int32_t tid = t->tid;
    ref_get(&t->refs); /* the new thread may end before we return */
    err = machine_thread_create(thread_entry, start, &t->tb);
    if (err) {
        say_no_thread();
        thread_detach(t);
        thread_put(t);
        goto fail;
    }
    thread_put(t);
    return tid;
fail:
    mem_free(start);
    thread_put(t);
    return err;
}

/* ---- ending */

static void clear_tid(struct thread *t)
{
    static const uint32_t zero;
    if (!t->clear_child_tid)
        return;
    if (!user_write(t->clear_child_tid, &zero, sizeof(zero)))
        futex_wake(t->process->mm, t->clear_child_tid, 1, UINT32_MAX);
}

void thread_forget_rseq(struct thread *t)
{
    if (t->rseq.area)
        (void)machine_thread_rseq(t->rseq.area, t->rseq.size, RSEQ_FLAG_UNREGISTER, t->rseq.signature);
    t->rseq.area = 0;
}

void thread_exit_current(int wait_status)
{
    struct thread *t = current();
    struct process *p = t->process;
    t->exiting = true;
    robust_list_exit(t);
    thread_forget_rseq(t); /* before the area may be freed by who waits for the tid */
    clear_tid(t);
    signal_thread_exit(t);
    if (t->tid == p->pid && !p->exiting)
        p->exit_code = wait_status;
    uint32_t left = thread_detach(t);
    if (left == 0)
        process_ended(p);
    /* From here on nobody finds this thread; what still holds it may unpark or kick its block, harmlessly. */
    thread_block()->thread = NULL;
    thread_put(t);
    machine_thread_exit();
}

void thread_kill_others(void)
{
    struct thread *self = current();
    struct process *p = self->process;
    struct waiter w;
    wait_begin(&w, &p->exit_wait);
    for (;;) {
        mutex_lock(&p->mu);
        uint32_t others = p->thread_count - 1;
        list_for_each(it, &p->threads) {
            struct thread *t = list_entry(it, struct thread, link);
            if (t != self) {
                t->exiting = true;
                signal_wake_thread(t);
            }
        }
        mutex_unlock(&p->mu);
        if (!others)
            break;
        /* Not wait_sleep(): a signal must not end this. A kick may be lost in a machine thread that just started, hence the deadline. */
        park(clock_monotonic() + NSEC_PER_SEC / 100);
        __atomic_exchange_n(&self->tb->pending, 0, __ATOMIC_ACQ_REL);
    }
    wait_end(&w);
}

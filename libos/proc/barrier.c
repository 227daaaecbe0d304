/* See barrier.h. */
#include "libos/proc/barrier.h"

#include "enclave/clock.h"
#include "enclave/park.h"
#include "lib/linux/time.h"

#define KICK_AGAIN (NSEC_PER_SEC / 100) /* a kick is lost in a machine thread that just started */

uint64_t g_barrier_number;

static struct wait_queue g_passed = { .waiters = LIST_INIT(g_passed.waiters) };

void barrier_pass_slowly(struct thread *t)
{
    uint64_t number = __atomic_load_n(&g_barrier_number, __ATOMIC_ACQUIRE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&t->barrier_passed, number, __ATOMIC_SEQ_CST);
    wake_all(&g_passed, 0);
}

/*
 * A thread found asleep after the number was counted: what it did before is visible, since falling
 * asleep is an exchange on the word just read; what it does next comes after the exchange by which
 * it wakes (enclave/park.c).
 */
static bool is_behind(struct thread *t, uint64_t number)
{
    return t != current() && __atomic_load_n(&t->barrier_passed, __ATOMIC_SEQ_CST) < number &&
           !(t->tb && park_is_asleep(t->tb));
}

/* process.mu held. */
static bool any_behind_in(struct process *p, uint64_t number, bool kick)
{
    bool any = false;
    list_for_each (it, &p->threads) {
        struct thread *t = list_entry(it, struct thread, link);
        if (!is_behind(t, number))
            continue;
        any = true;
        if (kick)
            signal_wake_thread(t);
    }
    return any;
}

static bool any_behind(struct process *only, uint64_t number, bool kick)
{
    bool any = false;
    mutex_lock(&g_processes_lock);
    list_for_each (it, &g_processes) {
        struct process *p = list_entry(it, struct process, link);
        if (only && p != only)
            continue;
        mutex_lock(&p->mu);
        any = any_behind_in(p, number, kick) || any;
        mutex_unlock(&p->mu);
    }
    mutex_unlock(&g_processes_lock);
    return any;
}

void barrier_run(struct process *only)
{
    struct thread *self = current();
    uint64_t number = __atomic_add_fetch(&g_barrier_number, 1, __ATOMIC_SEQ_CST);
    struct waiter w;
    int64_t again = 0;
    wait_begin(&w, &g_passed);
    for (;;) {
        int64_t now = clock_monotonic();
        bool kick = now >= again;
        if (kick)
            again = now + KICK_AGAIN;
        if (!any_behind(only, number, kick) || self->exiting ||
            __atomic_load_n(&self->process->exiting, __ATOMIC_ACQUIRE))
            break;
        (void)
            wait_interrupted(); /* others may wait for us; signals stay pending until we are done */
        (void)park(again);
    }
    wait_end(&w);
}

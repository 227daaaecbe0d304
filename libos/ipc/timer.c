/*
 * Timers by deadline: a tree ordered by time and one service thread that sleeps until the earliest.
 * See timer.h for why a thread. Trusts the clock to be monotonic (enclave/clock.h makes it so).
 */
#include "libos/ipc/timer.h"

#include "enclave/clock.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/park.h"
#include "enclave/sync.h"
#include "enclave/thread_block.h"
#include "lib/base/bytes.h"
#include "libos/signal/signal.h"

#define TIMER_GRAIN 20000 /* ns; periods below it come as overruns */

static struct mutex g_timers_lock = MUTEX_INIT;
static struct rb_tree g_timers;               /* g_timers_lock; by deadline */
static struct thread_block *g_timers_service; /* g_timers_lock; NULL: not created yet */

static struct timer *timer_of(struct rb_node *n)
{
    return n ? container_of(n, struct timer, node) : NULL;
}

static void insert_locked(struct timer *t)
{
    struct rb_node **link = &g_timers.root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = t->deadline < timer_of(parent)->deadline ? &parent->left : &parent->right;
    }
    rb_link(&g_timers, &t->node, parent, link);
}

static void remove_locked(struct timer *t)
{
    if (t->deadline != TIMER_STOP)
        rb_remove(&g_timers, &t->node);
    t->deadline = TIMER_STOP;
}

/*
 * Run what is due; returns the next deadline. A timer runs once per call, however short its period: else one of a
 * nanosecond would keep the lock, and this thread, for ever.
 */
static int64_t run_due_locked(void)
{
    int64_t now = clock_monotonic();
    for (;;) {
        struct timer *t = timer_of(rb_first(&g_timers));
        if (!t)
            return PARK_FOREVER;
        if (t->deadline > now)
            return t->deadline;
        remove_locked(t);
        int64_t next = t->callback(t, now);
        if (next != TIMER_STOP) {
            t->deadline = MAX(next, now + TIMER_GRAIN);
            insert_locked(t);
        }
    }
}

static void service(void *arg)
{
    for (;;) {
        mutex_lock(&g_timers_lock);
        int64_t next = run_due_locked();
        mutex_unlock(&g_timers_lock);
        (void)park(next);
        /* The host may have chosen this thread for a signal to the process. */
        uint64_t bits = __atomic_exchange_n(&thread_block()->pending, 0, __ATOMIC_ACQ_REL);
        if (bits)
            signal_from_host(bits);
    }
}

static int start_service_locked(void)
{
    if (g_timers_service)
        return 0;
    int r = machine_thread_create(service, NULL, &g_timers_service);
    if (r < 0)
        log_error("no thread left to serve timers (%d): raise sgx.max_threads in the manifest", r);
    return r;
}

void timer_init(struct timer *t, timer_callback *callback)
{
    t->deadline = TIMER_STOP;
    t->callback = callback;
}

int timer_arm(struct timer *t, int64_t deadline)
{
    mutex_lock(&g_timers_lock);
    int r = start_service_locked();
    if (r == 0) {
        remove_locked(t);
        if (deadline != TIMER_STOP) {
            t->deadline = deadline;
            insert_locked(t);
            if (rb_first(&g_timers) == &t->node)
                unpark(g_timers_service);
        }
    }
    mutex_unlock(&g_timers_lock);
    return r;
}

int64_t timer_cancel(struct timer *t)
{
    mutex_lock(&g_timers_lock);
    int64_t deadline = t->deadline;
    remove_locked(t);
    mutex_unlock(&g_timers_lock);
    return deadline;
}

/*
 * Wait queues. A waiter stands on a queue's list under the queue's spinlock; waking leaves a token with
 * its thread (unpark), so a wake between looking and sleeping is not lost. Trusts nothing of the host:
 * a spurious end of a sleep only makes the caller look again.
 */
#include "libos/ipc/wait.h"

#include "enclave/park.h"
#include "enclave/thread_block.h"
#include "lib/linux/errno.h"
#include "libos/signal/signal.h"

void wait_queue_init(struct wait_queue *q)
{
    q->lock.held = 0;
    list_init(&q->waiters);
}

void wait_add(struct waiter *w, struct wait_queue *q)
{
    w->queue = q;
    spin_lock(&q->lock);
    if (w->exclusive) /* after those that all wakes reach */
        list_push_back(&q->waiters, &w->link);
    else
        list_push_front(&q->waiters, &w->link);
    spin_unlock(&q->lock);
}

void wait_begin(struct waiter *w, struct wait_queue *q)
{
    *w = (struct waiter){ .thread = thread_block() };
    wait_add(w, q);
}

void wait_end(struct waiter *w)
{
    if (!w->queue)
        return;
    spin_lock(&w->queue->lock);
    list_remove(&w->link);
    spin_unlock(&w->queue->lock);
    w->queue = NULL;
}

int wait_sleep(int64_t deadline)
{
    if (signal_pending_current())
        return -EINTR;
    int r = park(deadline);
    if (r != -EINTR)
        return r < 0 ? r : 0;
    uint64_t bits = __atomic_exchange_n(&thread_block()->pending, 0, __ATOMIC_ACQ_REL);
    if (bits)
        signal_from_host(bits);
    return signal_pending_current() ? -EINTR : 0;
}

/* Returns how many were woken. */
static int wake(struct wait_queue *q, uint32_t events, bool one)
{
    int woken = 0;
    spin_lock(&q->lock);
    list_for_each_safe(it, &q->waiters)
    {
        struct waiter *w = list_entry(it, struct waiter, link);
        if (w->events && events && !(w->events & events))
            continue;
        bool exclusive = w->exclusive;
        if (w->callback)
            w->callback(w, events);
        else
            unpark(w->thread);
        woken++;
        if (one && exclusive)
            break;
    }
    spin_unlock(&q->lock);
    return woken;
}

void wake_all(struct wait_queue *q, uint32_t events)
{
    wake(q, events, false);
}

int wake_one(struct wait_queue *q, uint32_t events)
{
    return wake(q, events, true);
}

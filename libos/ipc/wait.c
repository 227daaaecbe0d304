/*
 * Wait queues. A waiter stands on a queue's list under the queue's spinlock; waking leaves a token
 * with its thread (unpark), so a wake between looking and sleeping is not lost. Trusts nothing of
 * the host: a spurious end of a sleep only makes the caller look again.
 */
#include "libos/ipc/wait.h"

#include "enclave/park.h"
#include "enclave/thread_block.h"
#include "lib/linux/errno.h"
#include "libos/fs/owner.h"
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

int wait_interrupted(void)
{
    uint64_t *pending = &thread_block()->pending;
    uint64_t bits = __atomic_load_n(pending, __ATOMIC_RELAXED)
                        ? __atomic_exchange_n(pending, 0, __ATOMIC_ACQ_REL)
                        : 0;
    if (bits)
        signal_from_host(bits);
    return signal_pending_current() ? -EINTR : 0;
}

int wait_sleep(int64_t deadline)
{
    int r = wait_interrupted();
    if (r < 0)
        return r;
    r = park(deadline);
    if (r == -EINTR)
        return wait_interrupted();
    return r < 0 ? r : 0;
}

#define WAKE_BATCH 16
#define TELL_BATCH                                                                                 \
    8 /* files with O_ASYNC on one queue: their own opens of one FIFO, no more are told */

/*
 * Threads are unparked after the lock is dropped, since that may call the host; their blocks are
 * never freed, and a token too many is only a spurious wake. A callback may unpark under the lock:
 * epoll's does.
 */
static int wake(struct wait_queue *q, uint32_t events, bool one)
{
    struct thread_block *batch[WAKE_BATCH];
    struct owner_notice notices[TELL_BATCH];
    unsigned count = 0, told = 0;
    int woken = 0;
    spin_lock(&q->lock);
    list_for_each_safe (it, &q->waiters) {
        struct waiter *w = list_entry(it, struct waiter, link);
        if (w->events && events && !(w->events & events))
            continue;
        if (w->tells) {
            if (!one && events && told < TELL_BATCH)
                notices[told++] = owner_notice_of(w->tells, events);
            continue;
        }
        bool exclusive = w->exclusive;
        if (w->callback)
            w->callback(w, events);
        else if (count < WAKE_BATCH)
            batch[count++] = w->thread;
        else
            unpark(w->thread);
        woken++;
        if (one && exclusive)
            break;
    }
    spin_unlock(&q->lock);
    for (unsigned i = 0; i < count; i++)
        unpark(batch[i]);
    for (unsigned i = 0; i < told; i++)
        owner_tell(&notices[i]);
    return woken;
}

/* Nobody waits on most queues most of the time; a waiter that comes later looks at the condition
 * itself. */
static bool is_empty(struct wait_queue *q)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&q->waiters.next, __ATOMIC_RELAXED) == &q->waiters;
}

void wake_all(struct wait_queue *q, uint32_t events)
{
    if (!is_empty(q))
        wake(q, events, false);
}

int wake_one(struct wait_queue *q, uint32_t events)
{
    return is_empty(q) ? 0 : wake(q, events, true);
}

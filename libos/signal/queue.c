/* Pending signals: a bit per signal and a queue of siginfo in order of arrival. No locks, no allocation. */
#include "libos/signal/queue.h"

#define SYNCHRONOUS (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS))

void sigpending_init(struct sigpending *p)
{
    p->set = 0;
    list_init(&p->queue);
}

void sigpending_add(struct sigpending *p, int sig, struct sigqueue *q)
{
    p->set |= SIGBIT(sig);
    if (q)
        list_push_back(&p->queue, &q->link);
}

int sigpending_next(const struct sigpending *p, uint64_t wanted)
{
    uint64_t set = p->set & wanted;
    if (set & SYNCHRONOUS)
        set &= SYNCHRONOUS;
    return set ? __builtin_ctzll(set) + 1 : 0;
}

void sigpending_take(struct sigpending *p, int sig, struct sigqueue **q)
{
    bool more = false;
    *q = NULL;
    list_for_each(it, &p->queue) {
        struct sigqueue *e = list_entry(it, struct sigqueue, link);
        if (e->info.signo != sig)
            continue;
        if (*q) {
            more = true;
            break;
        }
        *q = e;
    }
    if (*q)
        list_remove(&(*q)->link);
    if (!more)
        p->set &= ~SIGBIT(sig);
}

void sigpending_remove(struct sigpending *p, uint64_t set, struct list *out)
{
    p->set &= ~set;
    list_for_each_safe(it, &p->queue) {
        struct sigqueue *e = list_entry(it, struct sigqueue, link);
        if (set & SIGBIT(e->info.signo)) {
            list_remove(&e->link);
            list_push_back(out, &e->link);
        }
    }
}

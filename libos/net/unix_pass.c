/*
 * Sockets in flight: Unix sockets whose descriptors stand in messages (SCM_RIGHTS). Sockets that stand only in each other's
 * queues are reachable by nobody, and no count of references ever ends them. So, as Linux's unix_gc(), whoever closes a Unix
 * socket while some are in flight looks for them and drops their queues.
 *
 * A socket is a candidate when messages hold all references to it. Of those, one that a message holds which is in no
 * candidate's queue is alive (the message is in a live queue, or on its way to be freed), and so is what its queue holds.
 *
 * Lock order: g_passing_lock, then the others of unix.c. Messages with sockets get into a queue and out of it under it, so
 * while it is held the references of a candidate cannot change hands.
 */
#include "enclave/heap.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "libos/net/unix.h"

struct mutex g_passing_lock;
static struct list g_passing = LIST_INIT(g_passing); /* g_passing_lock: struct unix_socket.passing */
static uint32_t g_passing_count;                           /* atomic: how many; changed under g_passing_lock */

static struct unix_socket *socket_in(struct file *f)
{
    struct socket *s = socket_of(f);
    return s && s->domain == AF_UNIX ? unix_of(s) : NULL;
}

bool unix_pass_any(const struct net_control *c)
{
    for (uint32_t i = 0; c && i < c->file_count; i++)
        if (socket_in(c->files[i]))
            return true;
    return false;
}

void unix_pass_begin_locked(const struct net_control *c)
{
    for (uint32_t i = 0; i < c->file_count; i++) {
        struct unix_socket *u = socket_in(c->files[i]);
        if (!u || u->in_flight++)
            continue;
        list_push_back(&g_passing, &u->passing);
        __atomic_fetch_add(&g_passing_count, 1, __ATOMIC_RELAXED);
    }
}

void unix_pass_end_locked(const struct net_control *c)
{
    for (uint32_t i = 0; i < c->file_count; i++) {
        struct unix_socket *u = socket_in(c->files[i]);
        if (!u)
            continue;
        assert(u->in_flight > 0);
        if (--u->in_flight)
            continue;
        list_remove(&u->passing);
        __atomic_fetch_sub(&g_passing_count, 1, __ATOMIC_RELAXED);
    }
}

/* ---- collecting; all under g_passing_lock, which keeps whoever is in flight alive */

typedef void half_visitor(struct unix_half *h, struct list *list);

/* Its queue, and those of connections that wait to be accepted, which only a listener reaches. */
static void visit_queues(struct unix_socket *u, half_visitor *visit, struct list *list)
{
    visit(u->in, list);
    mutex_lock(&u->mu);
    list_for_each (it, &u->pending)
        visit(list_entry(it, struct unix_pending, link)->socket->in, list);
    mutex_unlock(&u->mu);
}

static void visit_passed(struct unix_half *h, void (*visit)(struct unix_socket *u, struct list *list), struct list *list)
{
    mutex_lock(&h->mu);
    list_for_each (it, &h->messages) {
        const struct unix_message *m = list_entry(it, struct unix_message, link);
        for (uint32_t i = 0; m->passes && m->control && i < m->control->file_count; i++) {
            struct unix_socket *u = socket_in(m->control->files[i]);
            if (u)
                visit(u, list);
        }
    }
    mutex_unlock(&h->mu);
}

static void uncount(struct unix_socket *u, struct list *unused)
{
    if (u->candidate)
        u->held_elsewhere--;
}

static void uncount_passed(struct unix_half *h, struct list *unused)
{
    visit_passed(h, uncount, unused);
}

static void revive(struct unix_socket *u, struct list *reached)
{
    if (!u->candidate)
        return;
    u->candidate = false;
    list_push_back(reached, &u->reached);
}

static void revive_passed(struct unix_half *h, struct list *reached)
{
    visit_passed(h, revive, reached);
}

static void take_messages(struct unix_half *h, struct list *garbage)
{
    mutex_lock(&h->mu);
    unix_half_empty_locked(h, garbage);
    mutex_unlock(&h->mu);
}

static void find_candidates_locked(void)
{
    list_for_each (it, &g_passing) {
        struct unix_socket *u = list_entry(it, struct unix_socket, passing);
        u->candidate = __atomic_load_n(&u->s.file.refs, __ATOMIC_ACQUIRE) == u->in_flight;
        u->held_elsewhere = u->in_flight;
    }
    list_for_each (it, &g_passing) {
        struct unix_socket *u = list_entry(it, struct unix_socket, passing);
        if (u->candidate)
            visit_queues(u, uncount_passed, NULL);
    }
}

static void keep_what_is_reached_locked(void)
{
    struct list reached;
    list_init(&reached);
    list_for_each (it, &g_passing) {
        struct unix_socket *u = list_entry(it, struct unix_socket, passing);
        if (u->candidate && u->held_elsewhere)
            revive(u, &reached);
    }
    while (!list_empty(&reached)) {
        struct list *first = reached.next;
        list_remove(first);
        visit_queues(list_entry(first, struct unix_socket, reached), revive_passed, &reached);
    }
}

void unix_pass_collect(void)
{
    struct list garbage;
    if (!__atomic_load_n(&g_passing_count, __ATOMIC_RELAXED))
        return;
    list_init(&garbage);
    mutex_lock(&g_passing_lock);
    find_candidates_locked();
    keep_what_is_reached_locked();
    list_for_each (it, &g_passing) {
        struct unix_socket *u = list_entry(it, struct unix_socket, passing);
        if (u->candidate)
            visit_queues(u, take_messages, &garbage);
    }
    mutex_unlock(&g_passing_lock);
    unix_messages_free(&garbage);
}

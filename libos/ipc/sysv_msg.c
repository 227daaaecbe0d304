/*
 * System V message queues. One lock guards them all: a message is copied outside of it. A sender
 * hands its message to the first receiver in the line that wants it and only then to the queue, so
 * receivers are served in order of arrival; a sender that found no room looks again whenever some
 * was made. Start reading at msg_send().
 */
#include "libos/ipc/sysv_msg.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "enclave/thread_block.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/ipc/wait.h"
#include "libos/proc/cred.h"

struct queue {
    struct msg_info info;  /* info.perm stands in the table */
    struct list messages;  /* struct message */
    struct list receivers; /* struct receiver */
    struct list senders;   /* struct sender */
};

/* Which messages a receiver wants. */
enum wanted { ANY, THIS_TYPE, OTHER_TYPE, UP_TO_TYPE, BY_NUMBER };

struct receiver {
    struct list link;
    enum wanted wanted;
    int64_t type;
    uint64_t room; /* UINT64_MAX: MSG_NOERROR */
    int32_t pid;
    struct message *given;
    int status; /* < 0: why none was given */
    struct thread_block *thread;
};

struct sender {
    struct list link;
    struct thread_block *thread;
};

static struct mutex g_msg_lock = MUTEX_INIT;
static struct ipc_table g_queues = IPC_TABLE_INIT(
    MSG_QUEUES_MOST); /* g_msg_lock; so are the queues */

static struct queue *queue_at(struct ipc_perm *p)
{
    return container_of(p, struct queue, info.perm);
}

static int find_locked(int id, bool by_index, uint32_t wanted, const struct cred *c,
                       struct queue **out)
{
    struct ipc_perm *p;
    int err = ipc_find(&g_queues, id, by_index, &p);
    if (err)
        return err;
    *out = queue_at(p);
    return !c || ipc_allows(p, wanted, c) ? 0 : -EACCES;
}

struct message *msg_new(int64_t type, uint64_t size)
{
    struct message *m = mem_alloc(sizeof(*m) + size);
    if (m)
        *m = (struct message){ .type = type, .size = size };
    return m;
}

/* ---- those who wait */

static void wake_receiver_locked(struct receiver *r, struct message *m, int status)
{
    r->given = m;
    r->status = status;
    list_remove(&r->link);
    unpark(r->thread);
}

static void wake_receivers_locked(struct queue *q, int status)
{
    list_for_each_safe (it, &q->receivers)
        wake_receiver_locked(list_entry(it, struct receiver, link), NULL, status);
}

/* They stay in the line: each looks for itself. */
static void wake_senders_locked(struct queue *q)
{
    list_for_each (it, &q->senders)
        unpark(list_entry(it, struct sender, link)->thread);
}

static bool is_wanted(const struct message *m, enum wanted wanted, int64_t type)
{
    switch (wanted) {
    case ANY:
    case BY_NUMBER: return true;
    case THIS_TYPE: return m->type == type;
    case OTHER_TYPE: return m->type != type;
    case UP_TO_TYPE: return m->type <= type;
    }
    return false;
}

/* ---- sending */

/* To a receiver that waits for it. One that wants it and has no room for it fails (-E2BIG). */
static bool hand_over_locked(struct queue *q, struct message *m)
{
    list_for_each_safe (it, &q->receivers) {
        struct receiver *r = list_entry(it, struct receiver, link);
        if (!is_wanted(m, r->wanted, r->type))
            continue;
        if (r->room < m->size) {
            wake_receiver_locked(r, NULL, -E2BIG);
            continue;
        }
        q->info.receiver_pid = r->pid;
        q->info.received_at = ipc_seconds_now();
        wake_receiver_locked(r, m, 0);
        return true;
    }
    return false;
}

static bool fits(const struct queue *q, uint64_t size)
{
    return q->info.bytes + size <= q->info.bytes_most && q->info.count + 1 <= q->info.bytes_most;
}

static void put_locked(struct queue *q, struct message *m, int32_t pid)
{
    q->info.sender_pid = pid;
    q->info.sent_at = ipc_seconds_now();
    if (hand_over_locked(q, m))
        return;
    list_push_back(&q->messages, &m->link);
    q->info.bytes += m->size;
    q->info.count++;
}

/* Until woken, in the line of q, which may be gone after it: then -EIDRM. The lock is dropped
 * meanwhile. */
static int wait_for_room_locked(int id, struct queue *q)
{
    struct sender s = { .thread = thread_block() };
    list_push_back(&q->senders, &s.link);
    mutex_unlock(&g_msg_lock);
    int r = wait_sleep(PARK_FOREVER);
    mutex_lock(&g_msg_lock);
    list_remove(&s.link); /* harmless when the queue let go of it */
    struct ipc_perm *p;
    return ipc_find(&g_queues, id, false, &p) ? -EIDRM : r;
}

int msg_send(int id, struct message *m, int flags, const struct cred *c, int32_t pid)
{
    struct queue *q;
    mutex_lock(&g_msg_lock);
    int r = find_locked(id, false, IPC_MAY_WRITE, c, &q);
    while (r == 0 && !fits(q, m->size)) {
        r = flags & IPC_NOWAIT ? -EAGAIN : wait_for_room_locked(id, q);
        if (r == 0)
            r = find_locked(id, false, IPC_MAY_WRITE, c, &q);
    }
    if (r == 0)
        put_locked(q, m, pid);
    mutex_unlock(&g_msg_lock);
    return r;
}

/* ---- receiving */

static enum wanted wanted_of(int64_t *type, int flags)
{
    if (flags & MSG_COPY)
        return BY_NUMBER;
    if (*type == 0)
        return ANY;
    if (*type < 0) {
        *type = *type == INT64_MIN ? INT64_MAX : -*type;
        return UP_TO_TYPE;
    }
    return flags & MSG_EXCEPT ? OTHER_TYPE : THIS_TYPE;
}

/* The first one wanted; of UP_TO_TYPE the first of the lowest type. */
static struct message *find_message_locked(struct queue *q, enum wanted wanted, int64_t type)
{
    struct message *found = NULL;
    int64_t number = 0;
    list_for_each (it, &q->messages) {
        struct message *m = list_entry(it, struct message, link);
        if (wanted == BY_NUMBER && number++ != type)
            continue;
        if (!is_wanted(m, wanted, type))
            continue;
        found = m;
        if (wanted != UP_TO_TYPE || m->type == 1)
            break;
        type = m->type - 1;
    }
    return found;
}

static int fill_copy(struct message *copy, const struct message *m)
{
    if (m->size > copy->size)
        return -EINVAL;
    copy->type = m->type;
    copy->size = m->size;
    memcpy(copy->data, m->data, m->size);
    return 0;
}

static int take_locked(struct queue *q, struct message *m, const struct receiver *r,
                       struct message *copy, struct message **out)
{
    if (r->room < m->size)
        return -E2BIG;
    if (copy) {
        *out = copy;
        return fill_copy(copy, m);
    }
    list_remove(&m->link);
    q->info.bytes -= m->size;
    q->info.count--;
    q->info.received_at = ipc_seconds_now();
    q->info.receiver_pid = r->pid;
    wake_senders_locked(q);
    *out = m;
    return 0;
}

/* In the line until a message is given (*out), or an error is; -EAGAIN: look again. The lock is
 * dropped meanwhile. */
static int wait_for_message_locked(struct queue *q, struct receiver *r, struct message **out)
{
    int err = 0;
    r->status = 1;
    list_push_back(&q->receivers, &r->link);
    while (r->status > 0 && err == 0) {
        mutex_unlock(&g_msg_lock);
        err = wait_sleep(PARK_FOREVER);
        mutex_lock(&g_msg_lock);
    }
    list_remove(&r->link);
    if (r->status > 0)
        return err;
    *out = r->given;
    return r->status;
}

int msg_receive(int id, uint64_t size, int64_t type, int flags, struct message *copy,
                const struct cred *c, int32_t pid, struct message **out)
{
    struct queue *q;
    struct receiver me = { .room = flags & MSG_NOERROR ? UINT64_MAX : size,
                           .pid = pid,
                           .thread = thread_block() };
    me.wanted = wanted_of(&type, flags);
    me.type = type;
    int r;
    mutex_lock(&g_msg_lock);
    do {
        r = find_locked(id, false, IPC_MAY_READ, c, &q);
        if (r)
            break;
        struct message *m = find_message_locked(q, me.wanted, type);
        if (m)
            r = take_locked(q, m, &me, copy, out);
        else if (flags & IPC_NOWAIT)
            r = -ENOMSG;
        else
            r = wait_for_message_locked(q, &me, out);
    } while (r == -EAGAIN);
    mutex_unlock(&g_msg_lock);
    return r;
}

/* ---- queues */

static int create_locked(int32_t key, int flags, const struct cred *c)
{
    struct queue *q = mem_zalloc(sizeof(*q));
    if (!q)
        return -ENOMEM;
    list_init(&q->messages);
    list_init(&q->receivers);
    list_init(&q->senders);
    q->info.bytes_most = MSG_BYTES_MOST;
    q->info.changed_at = ipc_seconds_now();
    int r = ipc_add(&g_queues, &q->info.perm, key, flags, c);
    if (r < 0)
        mem_free(q);
    return r;
}

int msg_get(int32_t key, int flags, const struct cred *c)
{
    struct ipc_perm *p;
    mutex_lock(&g_msg_lock);
    int r = ipc_look_up(&g_queues, key, flags, &p);
    if (r == 0 && !p)
        r = create_locked(key, flags, c);
    else if (r == 0)
        r = ipc_allows_flags(p, flags, c) ? p->id : -EACCES;
    mutex_unlock(&g_msg_lock);
    return r;
}

int msg_stat(int id, bool by_index, const struct cred *c, struct msg_info *out)
{
    struct queue *q;
    mutex_lock(&g_msg_lock);
    int r = find_locked(id, by_index, IPC_MAY_READ, c, &q);
    if (r == 0) {
        *out = q->info;
        r = q->info.perm.id;
    }
    mutex_unlock(&g_msg_lock);
    return r;
}

void msg_totals(struct msg_totals *out)
{
    mutex_lock(&g_msg_lock);
    *out = (struct msg_totals){ .queues = g_queues.count, .highest = ipc_highest(&g_queues) };
    for (uint32_t i = 0; i < g_queues.room; i++) {
        const struct queue *q = g_queues.slots[i] ? queue_at(g_queues.slots[i]) : NULL;
        out->messages += q ? (uint32_t)q->info.count : 0;
        out->bytes += q ? (uint32_t)q->info.bytes : 0;
    }
    mutex_unlock(&g_msg_lock);
}

int msg_remove(int id, const struct cred *c)
{
    struct ipc_perm *p;
    mutex_lock(&g_msg_lock);
    int r = ipc_find_own(&g_queues, id, c, &p);
    if (r == 0) {
        struct queue *q = queue_at(p);
        ipc_drop(&g_queues, p);
        wake_receivers_locked(q, -EIDRM);
        wake_senders_locked(q);
        list_for_each_safe (it, &q->senders)
            list_remove(it);
        list_for_each_safe (it, &q->messages)
            mem_free(list_entry(it, struct message, link));
        mem_free(q);
    }
    mutex_unlock(&g_msg_lock);
    return r;
}

int msg_set(int id, const struct cred *c, uint32_t uid, uint32_t gid, uint32_t mode,
            uint64_t bytes_most)
{
    struct ipc_perm *p;
    mutex_lock(&g_msg_lock);
    int r = ipc_find_own(&g_queues, id, c, &p);
    if (r == 0 && bytes_most > MSG_BYTES_MOST && !cred_can(c, CAP_SYS_RESOURCE))
        r = -EPERM;
    if (r == 0)
        r = ipc_set_owner(p, uid, gid, mode);
    if (r == 0) {
        struct queue *q = queue_at(p);
        q->info.bytes_most = bytes_most;
        q->info.changed_at = ipc_seconds_now();
        wake_receivers_locked(q, -EAGAIN); /* who waits may not read any more */
        wake_senders_locked(q);            /* there may be room, or no right to it */
    }
    mutex_unlock(&g_msg_lock);
    return r;
}

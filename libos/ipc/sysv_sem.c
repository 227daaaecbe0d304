/*
 * System V semaphores. One lock guards all sets: an operation is a few additions. Those who cannot
 * go on stand in the set's line, in order of arrival, and whoever changes a value tries their
 * operations for them; so an operation happens as a whole or not at all. Adjustments for SEM_UNDO
 * are kept with the set, one record per process. Start reading at sem_operate().
 */
#include "libos/ipc/sysv_sem.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "enclave/thread_block.h"
#include "lib/base/bytes.h"
#include "lib/base/list.h"
#include "lib/linux/errno.h"
#include "libos/ipc/wait.h"

#define WAITING 1 /* status of one in the line; else 0 or a negative errno */

struct semaphore {
    int32_t value, pid;
};

struct sem_set {
    struct sem_info info; /* info.perm stands in the table */
    struct list line;     /* struct sleeper */
    struct list undos;    /* struct undo */
    struct semaphore semaphores[];
};

struct undo {
    struct list link;
    int32_t pid;
    int16_t adjust[]; /* one per semaphore */
};

struct sleeper {
    struct list link;
    const struct sem_operation *ops;
    uint32_t count;
    struct undo *undo; /* NULL: no operation has SEM_UNDO */
    int32_t pid;
    bool alters;
    int status;
    const struct sem_operation *blocking; /* what it waits for */
    struct thread_block *thread;
};

static struct mutex g_sem_lock = MUTEX_INIT;
static struct ipc_table g_sets = IPC_TABLE_INIT(SEM_SETS_MOST); /* g_sem_lock; so are the sets */
static uint32_t g_semaphores, g_undos;                          /* g_sem_lock: how many */

static struct sem_set *set_at(struct ipc_perm *p)
{
    return container_of(p, struct sem_set, info.perm);
}

static int find_locked(int id, bool by_index, uint32_t wanted, const struct cred *c,
                       struct sem_set **out)
{
    struct ipc_perm *p;
    int err = ipc_find(&g_sets, id, by_index, &p);
    if (err)
        return err;
    *out = set_at(p);
    return !c || ipc_allows(p, wanted, c) ? 0 : -EACCES;
}

/* ---- operations */

static void take_back_locked(struct sem_set *set, const struct sleeper *s, uint32_t done)
{
    while (done-- > 0) {
        const struct sem_operation *op = &s->ops[done];
        set->semaphores[op->number].value -= op->change;
        if (op->flags & SEM_UNDO)
            s->undo->adjust[op->number] = (int16_t)(s->undo->adjust[op->number] + op->change);
    }
}

/* One operation of several: 0, WAITING, -EAGAIN, -ERANGE. */
static int try_one_locked(struct sem_set *set, struct sleeper *s, const struct sem_operation *op)
{
    struct semaphore *sem = &set->semaphores[op->number];
    int32_t value = sem->value + op->change;
    if ((op->change == 0 && sem->value) || value < 0) {
        s->blocking = op;
        return op->flags & IPC_NOWAIT ? -EAGAIN : WAITING;
    }
    if (value > SEM_VALUE_MOST)
        return -ERANGE;
    if (op->flags & SEM_UNDO) {
        int32_t adjust = s->undo->adjust[op->number] - op->change;
        if (adjust < -SEM_VALUE_MOST - 1 || adjust > SEM_VALUE_MOST)
            return -ERANGE;
        s->undo->adjust[op->number] = (int16_t)adjust;
    }
    sem->value = value;
    return 0;
}

/* All of them or none. */
static int try_locked(struct sem_set *set, struct sleeper *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        int r = try_one_locked(set, s, &s->ops[i]);
        if (r) {
            take_back_locked(set, s, i);
            return r;
        }
    }
    for (uint32_t i = 0; i < s->count; i++)
        set->semaphores[s->ops[i].number].pid = s->pid;
    set->info.operated_at = ipc_seconds_now();
    return 0;
}

static void wake_locked(struct sleeper *s, int status)
{
    s->status = status;
    list_remove(&s->link);
    unpark(s->thread);
}

/* Values have changed: those in the line try again, who only waits for zero before who changes. */
static void go_on_locked(struct sem_set *set)
{
    bool changed;
    do {
        changed = false;
        list_for_each_safe (it, &set->line) {
            struct sleeper *s = list_entry(it, struct sleeper, link);
            int r = s->alters ? WAITING : try_locked(set, s);
            if (r != WAITING)
                wake_locked(s, r);
        }
        list_for_each_safe (it, &set->line) {
            struct sleeper *s = list_entry(it, struct sleeper, link);
            int r = s->alters ? try_locked(set, s) : WAITING;
            if (r == WAITING)
                continue;
            changed = r == 0;
            wake_locked(s, r);
            if (changed)
                break;
        }
    } while (changed);
}

static struct undo *find_undo_locked(struct sem_set *set, int32_t pid)
{
    list_for_each (it, &set->undos) {
        struct undo *u = list_entry(it, struct undo, link);
        if (u->pid == pid)
            return u;
    }
    struct undo *u = mem_zalloc(sizeof(*u) + set->info.count * sizeof(u->adjust[0]));
    if (!u)
        return NULL;
    u->pid = pid;
    list_push_back(&set->undos, &u->link);
    g_undos++;
    return u;
}

static void free_undo_locked(struct undo *u)
{
    list_remove(&u->link);
    mem_free(u);
    g_undos--;
}

/* The set, if these operations fit it and c may, and the record for their undoing. */
static int prepare_locked(int id, struct sleeper *s, const struct cred *c, struct sem_set **out)
{
    bool undoes = false;
    uint32_t highest = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        s->alters |= s->ops[i].change != 0;
        undoes |= (s->ops[i].flags & SEM_UNDO) != 0;
        highest = MAX(highest, s->ops[i].number);
    }
    int err = find_locked(id, false, 0, NULL, out);
    if (err)
        return err;
    if (highest >= (*out)->info.count)
        return -EFBIG;
    if (!ipc_allows(&(*out)->info.perm, s->alters ? IPC_MAY_WRITE : IPC_MAY_READ, c))
        return -EACCES;
    if (undoes && !(s->undo = find_undo_locked(*out, s->pid)))
        return -ENOMEM;
    return 0;
}

/* In the line, lock held; it is dropped meanwhile. */
static int sleep_locked(struct sleeper *s, int64_t deadline)
{
    int r = 0;
    while (s->status == WAITING && r == 0) {
        mutex_unlock(&g_sem_lock);
        r = wait_sleep(deadline);
        mutex_lock(&g_sem_lock);
    }
    if (s->status != WAITING) /* done for us, whatever else happened */
        return s->status;
    list_remove(&s->link);
    return r == -ETIMEDOUT ? -EAGAIN : r;
}

int sem_operate(int id, const struct sem_operation *ops, uint32_t count, int64_t deadline,
                struct ipc_actor who)
{
    struct sem_set *set;
    struct sleeper s = {
        .ops = ops, .count = count, .pid = who.pid, .status = WAITING, .thread = thread_block()
    };
    mutex_lock(&g_sem_lock);
    int r = prepare_locked(id, &s, who.cred, &set);
    if (r == 0)
        r = try_locked(set, &s);
    if (r == 0 && s.alters)
        go_on_locked(set);
    if (r == WAITING) {
        list_push_back(&set->line, &s.link);
        r = sleep_locked(&s, deadline);
    }
    mutex_unlock(&g_sem_lock);
    return r;
}

/* ---- sets */

static int create_locked(int32_t key, uint32_t count, int flags, const struct cred *c)
{
    if (count == 0)
        return -EINVAL;
    if (g_semaphores + count > SEM_ALL_MOST)
        return -ENOSPC;
    struct sem_set *set = mem_zalloc(sizeof(*set) + count * sizeof(set->semaphores[0]));
    if (!set)
        return -ENOMEM;
    list_init(&set->line);
    list_init(&set->undos);
    set->info = (struct sem_info){ .count = count, .changed_at = ipc_seconds_now() };
    int r = ipc_add(&g_sets, &set->info.perm, key, flags, c);
    if (r < 0)
        mem_free(set);
    else
        g_semaphores += count;
    return r;
}

int sem_get(int32_t key, int count, int flags, const struct cred *c)
{
    struct ipc_perm *p;
    if (count < 0 || count > SEM_PER_SET_MOST)
        return -EINVAL;
    mutex_lock(&g_sem_lock);
    int r = ipc_look_up(&g_sets, key, flags, &p);
    if (r == 0 && !p)
        r = create_locked(key, (uint32_t)count, flags, c);
    else if (r == 0 && (uint32_t)count > set_at(p)->info.count)
        r = -EINVAL;
    else if (r == 0)
        r = ipc_allows_flags(p, flags, c) ? p->id : -EACCES;
    mutex_unlock(&g_sem_lock);
    return r;
}

static int count_waiting_locked(const struct sem_set *set, int number, bool zero)
{
    int count = 0;
    list_for_each (it, &set->line) {
        const struct sem_operation *op = list_entry(it, struct sleeper, link)->blocking;
        count += op->number == number && (zero ? op->change == 0 : op->change < 0);
    }
    return count;
}

int sem_ask(int id, int number, enum sem_question question, const struct cred *c)
{
    struct sem_set *set;
    mutex_lock(&g_sem_lock);
    int r = find_locked(id, false, IPC_MAY_READ, c, &set);
    if (r == 0 && (number < 0 || (uint32_t)number >= set->info.count))
        r = -EINVAL;
    if (r == 0 && question == SEM_VALUE)
        r = set->semaphores[number].value;
    else if (r == 0 && question == SEM_LAST_PID)
        r = set->semaphores[number].pid;
    else if (r == 0)
        r = count_waiting_locked(set, number, question == SEM_WAIT_ZERO);
    mutex_unlock(&g_sem_lock);
    return r;
}

int sem_count(int id, uint32_t wanted, const struct cred *c, uint32_t *count)
{
    struct sem_set *set;
    mutex_lock(&g_sem_lock);
    int r = find_locked(id, false, wanted, c, &set);
    if (r == 0)
        *count = set->info.count;
    mutex_unlock(&g_sem_lock);
    return r;
}

int sem_get_all(int id, uint16_t *values, uint32_t count, const struct cred *c)
{
    struct sem_set *set;
    mutex_lock(&g_sem_lock);
    int r = find_locked(id, false, IPC_MAY_READ, c, &set);
    if (r == 0 && set->info.count != count)
        r = -EIDRM;
    for (uint32_t i = 0; r == 0 && i < count; i++)
        values[i] = (uint16_t)set->semaphores[i].value;
    mutex_unlock(&g_sem_lock);
    return r;
}

/* A value is given from outside: what was to be undone there is forgotten. */
static void set_locked(struct sem_set *set, uint32_t number, int32_t value, int32_t pid)
{
    set->semaphores[number] = (struct semaphore){ .value = value, .pid = pid };
    list_for_each (it, &set->undos)
        list_entry(it, struct undo, link)->adjust[number] = 0;
}

int sem_set_all(int id, const uint16_t *values, uint32_t count, struct ipc_actor who)
{
    struct sem_set *set;
    for (uint32_t i = 0; i < count; i++)
        if (values[i] > SEM_VALUE_MOST)
            return -ERANGE;
    mutex_lock(&g_sem_lock);
    int r = find_locked(id, false, IPC_MAY_WRITE, who.cred, &set);
    if (r == 0 && set->info.count != count)
        r = -EIDRM;
    if (r == 0) {
        for (uint32_t i = 0; i < count; i++)
            set_locked(set, i, values[i], who.pid);
        set->info.changed_at = ipc_seconds_now();
        go_on_locked(set);
    }
    mutex_unlock(&g_sem_lock);
    return r;
}

int sem_set_value(int id, int number, int value, struct ipc_actor who)
{
    struct sem_set *set;
    if (value < 0 || value > SEM_VALUE_MOST)
        return -ERANGE;
    mutex_lock(&g_sem_lock);
    int r = find_locked(id, false, 0, NULL, &set);
    if (r == 0 && (number < 0 || (uint32_t)number >= set->info.count))
        r = -EINVAL;
    else if (r == 0 && !ipc_allows(&set->info.perm, IPC_MAY_WRITE, who.cred))
        r = -EACCES;
    if (r == 0) {
        set_locked(set, (uint32_t)number, value, who.pid);
        set->info.changed_at = ipc_seconds_now();
        go_on_locked(set);
    }
    mutex_unlock(&g_sem_lock);
    return r;
}

int sem_stat(int id, bool by_index, const struct cred *c, struct sem_info *out)
{
    struct sem_set *set;
    mutex_lock(&g_sem_lock);
    int r = find_locked(id, by_index, IPC_MAY_READ, c, &set);
    if (r == 0) {
        *out = set->info;
        r = set->info.perm.id;
    }
    mutex_unlock(&g_sem_lock);
    return r;
}

void sem_totals(struct sem_totals *out)
{
    mutex_lock(&g_sem_lock);
    *out = (struct sem_totals){ g_sets.count, g_semaphores, ipc_highest(&g_sets) };
    mutex_unlock(&g_sem_lock);
}

static void free_set_locked(struct sem_set *set)
{
    ipc_drop(&g_sets, &set->info.perm);
    g_semaphores -= set->info.count;
    list_for_each_safe (it, &set->line)
        wake_locked(list_entry(it, struct sleeper, link), -EIDRM);
    list_for_each_safe (it, &set->undos)
        free_undo_locked(list_entry(it, struct undo, link));
    mem_free(set);
}

int sem_remove(int id, const struct cred *c)
{
    struct ipc_perm *p;
    mutex_lock(&g_sem_lock);
    int r = ipc_find_own(&g_sets, id, c, &p);
    if (r == 0)
        free_set_locked(set_at(p));
    mutex_unlock(&g_sem_lock);
    return r;
}

int sem_set_owner(int id, const struct cred *c, uint32_t uid, uint32_t gid, uint32_t mode)
{
    struct ipc_perm *p;
    mutex_lock(&g_sem_lock);
    int r = ipc_find_own(&g_sets, id, c, &p);
    if (r == 0)
        r = ipc_set_owner(p, uid, gid, mode);
    if (r == 0)
        set_at(p)->info.changed_at = ipc_seconds_now();
    mutex_unlock(&g_sem_lock);
    return r;
}

static void undo_locked(struct sem_set *set, struct undo *u)
{
    for (uint32_t i = 0; i < set->info.count; i++) {
        struct semaphore *sem = &set->semaphores[i];
        if (!u->adjust[i])
            continue;
        sem->value = MIN(MAX(sem->value + u->adjust[i], 0), SEM_VALUE_MOST);
        sem->pid = u->pid;
    }
    free_undo_locked(u);
    set->info.operated_at = ipc_seconds_now();
    go_on_locked(set);
}

void sem_process_ended(int32_t pid)
{
    mutex_lock(&g_sem_lock);
    for (uint32_t i = 0; g_undos > 0 && i < g_sets.room; i++) {
        struct sem_set *set = g_sets.slots[i] ? set_at(g_sets.slots[i]) : NULL;
        for (struct list *it = set ? set->undos.next : NULL; it && it != &set->undos; it = it->next)
            if (list_entry(it, struct undo, link)->pid == pid) {
                undo_locked(set, list_entry(it, struct undo, link));
                break;
            }
    }
    mutex_unlock(&g_sem_lock);
}

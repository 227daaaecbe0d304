/*
 * File locks: one list of ranges for all files, since there are few. A file is known by the device and
 * inode numbers that stat gives. Deadlocks between POSIX locks are found by following who waits for whom.
 */
#include "libos/fs/locks.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/list.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"
#include "libos/ipc/wait.h"

struct lock {
    struct list link;
    uint64_t dev, ino;
    struct lock_request r;
};

/* Somebody asleep: owner waits for blocker. */
struct sleeper {
    struct list link;
    const void *owner, *blocker;
};

static struct mutex g_locks_mu = MUTEX_INIT;
static struct list g_locks = LIST_INIT(g_locks);       /* g_locks_mu */
static struct list g_sleepers = LIST_INIT(g_sleepers); /* g_locks_mu */
static uint32_t g_lock_count;                          /* g_locks_mu; read without to skip work */
static struct wait_queue g_lock_wait = { .waiters = LIST_INIT(g_lock_wait.waiters) };

static bool same_space(enum lock_kind a, enum lock_kind b)
{
    return (a == LOCK_FLOCK) == (b == LOCK_FLOCK);
}

static bool overlaps(const struct lock_request *a, const struct lock_request *b)
{
    return a->start <= b->end && b->start <= a->end;
}

static struct lock *find_conflict_locked(uint64_t dev, uint64_t ino, const struct lock_request *r)
{
    list_for_each(it, &g_locks) {
        struct lock *l = list_entry(it, struct lock, link);
        if (l->dev == dev && l->ino == ino && l->r.owner != r->owner && same_space(l->r.kind, r->kind) && overlaps(&l->r, r) &&
            (l->r.type == F_WRLCK || r->type == F_WRLCK))
            return l;
    }
    return NULL;
}

static struct lock *lock_new(uint64_t dev, uint64_t ino, const struct lock_request *r)
{
    struct lock *l = mem_zalloc(sizeof(*l));
    if (l) {
        l->dev = dev;
        l->ino = ino;
        l->r = *r;
    }
    return l;
}

static void insert_locked(struct lock *l)
{
    list_push_back(&g_locks, &l->link);
    g_lock_count++;
}

static void remove_locked(struct lock *l)
{
    list_remove(&l->link);
    g_lock_count--;
    mem_free(l);
}

/* Cut [r->start, r->end] out of the owner's locks. spare: for the one lock that may be cut in two; NULL afterwards if used. */
static void cut_locked(uint64_t dev, uint64_t ino, const struct lock_request *r, struct lock **spare)
{
    list_for_each_safe(it, &g_locks) {
        struct lock *l = list_entry(it, struct lock, link);
        if (l->dev != dev || l->ino != ino || l->r.owner != r->owner || !same_space(l->r.kind, r->kind) || !overlaps(&l->r, r))
            continue;
        bool keep_low = l->r.start < r->start, keep_high = l->r.end > r->end;
        if (keep_low && keep_high) {
            (*spare)->r = l->r;
            (*spare)->r.start = r->end + 1;
            l->r.end = r->start - 1;
            insert_locked(*spare);
            *spare = NULL;
        } else if (keep_low) {
            l->r.end = r->start - 1;
        } else if (keep_high) {
            l->r.start = r->end + 1;
        } else {
            remove_locked(l);
        }
    }
}

/* Would owner, waiting for blocker, wait for itself? */
static bool deadlock_locked(const void *owner, const void *blocker)
{
    for (unsigned steps = 0; steps < 64; steps++) {
        const void *next = NULL;
        if (blocker == owner)
            return true;
        list_for_each(it, &g_sleepers) {
            struct sleeper *s = list_entry(it, struct sleeper, link);
            if (s->owner == blocker)
                next = s->blocker;
        }
        if (!next)
            return false;
        blocker = next;
    }
    return false;
}

static int sleep_locked(const struct lock_request *request, const struct lock *conflict)
{
    struct sleeper s = { .owner = request->owner, .blocker = conflict->r.owner };
    if (request->kind == LOCK_POSIX && deadlock_locked(s.owner, s.blocker))
        return -EDEADLK;
    struct waiter w = { 0 };
    list_push_back(&g_sleepers, &s.link);
    wait_begin(&w, &g_lock_wait);
    mutex_unlock(&g_locks_mu);
    int r = wait_sleep(PARK_FOREVER);
    wait_end(&w);
    mutex_lock(&g_locks_mu);
    list_remove(&s.link);
    return r;
}

int locks_set(struct file *f, const struct lock_request *request, bool wait)
{
    struct linux_stat st;
    int r = file_stat(f, &st);
    if (r < 0)
        return r;
    struct lock *added = lock_new(st.dev, st.ino, request), *spare = lock_new(st.dev, st.ino, request);
    if (!added || !spare) {
        mem_free(added);
        mem_free(spare);
        return -ENOLCK;
    }
    mutex_lock(&g_locks_mu);
    while (request->type != F_UNLCK && r == 0) {
        struct lock *conflict = find_conflict_locked(st.dev, st.ino, request);
        if (!conflict)
            break;
        r = wait ? sleep_locked(request, conflict) : -EAGAIN;
    }
    if (r == 0) {
        cut_locked(st.dev, st.ino, request, &spare);
        if (request->type != F_UNLCK) {
            insert_locked(added);
            added = NULL;
        }
    }
    mutex_unlock(&g_locks_mu);
    wake_all(&g_lock_wait, 0);
    mem_free(added);
    mem_free(spare);
    return r;
}

int locks_get(struct file *f, struct lock_request *request)
{
    struct linux_stat st;
    int r = file_stat(f, &st);
    if (r < 0)
        return r;
    mutex_lock(&g_locks_mu);
    struct lock *conflict = find_conflict_locked(st.dev, st.ino, request);
    if (conflict)
        *request = conflict->r;
    else
        request->type = F_UNLCK;
    mutex_unlock(&g_locks_mu);
    return 0;
}

static void release(const void *owner, const struct linux_stat *st)
{
    mutex_lock(&g_locks_mu);
    list_for_each_safe(it, &g_locks) {
        struct lock *l = list_entry(it, struct lock, link);
        if (l->r.owner == owner && (!st || (l->dev == st->dev && l->ino == st->ino)))
            remove_locked(l);
    }
    mutex_unlock(&g_locks_mu);
    wake_all(&g_lock_wait, 0);
}

void locks_close(struct fdtable *t, struct file *f)
{
    struct linux_stat st;
    if (!__atomic_load_n(&g_lock_count, __ATOMIC_RELAXED) || !f->dentry || (f->flags & O_PATH))
        return;
    if (file_stat(f, &st) == 0)
        release(t, &st);
}

void locks_release_file(struct file *f)
{
    if (__atomic_load_n(&g_lock_count, __ATOMIC_RELAXED))
        release(f, NULL);
}

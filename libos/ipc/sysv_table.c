/*
 * Keys, identifiers and permissions of System V IPC, as Linux's ipc/util.c gives them: an index
 * that goes round, and above it a count that grows each time it went round. Pure bookkeeping under
 * the caller's lock.
 */
#include "libos/ipc/sysv_table.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/time.h"
#include "libos/proc/cred.h"
#include "libos/proc/process.h"

#define INDEX_BITS   15
#define SEQUENCE_END (1u << (31 - INDEX_BITS)) /* identifiers are not negative */
#define CYCLE_LEAST  64 /* indexes before the first one comes again: Linux's ipc_min_cycle */

int64_t ipc_seconds_now(void)
{
    return clock_realtime() / NSEC_PER_SEC;
}

static uint32_t index_of(int32_t id)
{
    return (uint32_t)id & ((1u << INDEX_BITS) - 1);
}

int ipc_look_up(const struct ipc_table *t, int32_t key, int flags, struct ipc_perm **out)
{
    *out = NULL;
    if (key == IPC_PRIVATE)
        return 0;
    for (uint32_t i = 0; i < t->room && !*out; i++)
        if (t->slots[i] && t->slots[i]->key == key && !t->slots[i]->removed)
            *out = t->slots[i];
    if (!*out)
        return flags & IPC_CREAT ? 0 : -ENOENT;
    return (flags & IPC_CREAT) && (flags & IPC_EXCL) ? -EEXIST : 0;
}

static int make_room(struct ipc_table *t, uint32_t room)
{
    if (room <= t->room)
        return 0;
    struct ipc_perm **slots = mem_realloc(t->slots, room * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    memset(slots + t->room, 0, (room - t->room) * sizeof(*slots));
    t->slots = slots;
    t->room = room;
    return 0;
}

/* A free index from t->next on, round at `end`. There is one: fewer than `end` are in use. */
static uint32_t free_index(const struct ipc_table *t, uint32_t end)
{
    uint32_t index = t->next < end ? t->next : 0;
    while (t->slots[index])
        index = index + 1 < end ? index + 1 : 0;
    return index;
}

int ipc_add(struct ipc_table *t, struct ipc_perm *p, int32_t key, int flags, const struct cred *c)
{
    if (t->count >= t->most)
        return -ENOSPC;
    uint32_t end = MIN(MAX(t->count * 3 / 2, CYCLE_LEAST), t->most);
    if (end <= t->count)
        end = t->count + 1;
    int err = make_room(t, MAX(end, t->room));
    if (err)
        return err;
    uint32_t index = free_index(t, end);
    if ((int32_t)index <= t->last && ++t->sequence == SEQUENCE_END)
        t->sequence = 0;
    t->last = (int32_t)index;
    t->next = index + 1;
    t->slots[index] = p;
    t->count++;
    *p = (struct ipc_perm){ .key = key,
                            .id = (int32_t)(t->sequence << INDEX_BITS | index),
                            .uid = c->euid,
                            .gid = c->egid,
                            .cuid = c->euid,
                            .cgid = c->egid,
                            .mode = (uint32_t)flags & 0777 };
    return p->id;
}

void ipc_drop(struct ipc_table *t, struct ipc_perm *p)
{
    t->slots[index_of(p->id)] = NULL;
    t->count--;
}

int ipc_find(const struct ipc_table *t, int32_t id, bool by_index, struct ipc_perm **out)
{
    uint32_t index = index_of(id);
    if (id < 0 || index >= t->room || !t->slots[index])
        return -EINVAL;
    *out = t->slots[index];
    return by_index || (*out)->id == id ? 0 : -EIDRM;
}

uint32_t ipc_highest(const struct ipc_table *t)
{
    for (uint32_t i = t->room; i > 0; i--)
        if (t->slots[i - 1])
            return i - 1;
    return 0;
}

bool ipc_allows(const struct ipc_perm *p, uint32_t wanted, const struct cred *c)
{
    uint32_t mode = p->mode;
    if (c->euid == p->uid || c->euid == p->cuid)
        mode >>= 6;
    else if (c->egid == p->gid || c->egid == p->cgid)
        mode >>= 3;
    return !(wanted & ~mode & 7) || cred_can(c, CAP_IPC_OWNER);
}

bool ipc_allows_flags(const struct ipc_perm *p, int flags, const struct cred *c)
{
    uint32_t asked = (uint32_t)flags;
    return ipc_allows(p, (asked >> 6 | asked >> 3 | asked) & 7, c);
}

bool ipc_may_change(const struct ipc_perm *p, const struct cred *c)
{
    return c->euid == p->uid || c->euid == p->cuid || cred_can(c, CAP_SYS_ADMIN);
}

int ipc_find_own(const struct ipc_table *t, int32_t id, const struct cred *c, struct ipc_perm **out)
{
    int err = ipc_find(t, id, false, out);
    if (err)
        return err;
    return ipc_may_change(*out, c) ? 0 : -EPERM;
}

int ipc_set_owner(struct ipc_perm *p, uint32_t uid, uint32_t gid, uint32_t mode)
{
    if (uid == UINT32_MAX || gid == UINT32_MAX)
        return -EINVAL;
    p->uid = uid;
    p->gid = gid;
    p->mode = mode & 0777;
    return 0;
}

#ifndef LIBOS_IPC_SYSV_TABLE_H
#define LIBOS_IPC_SYSV_TABLE_H

/*
 * What System V shared memory, semaphores and message queues have in common: keys, identifiers and
 * permissions. An object embeds struct ipc_perm and finds itself by container_of. The caller's lock
 * guards a table and all that is in it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/sync.h"

struct cred;

#define IPC_PRIVATE 0
#define IPC_CREAT   01000
#define IPC_EXCL    02000
#define IPC_NOWAIT  04000

enum { IPC_MAY_READ = 04, IPC_MAY_WRITE = 02 };

struct ipc_perm {
    int32_t key, id;
    uint32_t uid, gid, cuid, cgid, mode;
    bool removed; /* no key leads to it any more */
};

struct ipc_table {
    struct ipc_perm **slots; /* by index, the low bits of an identifier */
    uint32_t room, count, most;
    uint32_t next;     /* where the search for a free index begins */
    int32_t last;      /* the index given last */
    uint32_t sequence; /* above the index: identifiers do not come again soon */
};

#define IPC_TABLE_INIT(limit)                                                                      \
    {                                                                                              \
        .most = (limit), .last = -1                                                                \
    }

/*
 * For the get calls: 0 with *out set (it exists and flags may have it so far), 0 with *out NULL
 * (to be made), -ENOENT, -EEXIST.
 */
int ipc_look_up(const struct ipc_table *t, int32_t key, int flags, struct ipc_perm **out);
/* Fills in p and gives it an identifier: that; -ENOSPC, -ENOMEM. */
int ipc_add(struct ipc_table *t, struct ipc_perm *p, int32_t key, int flags, const struct cred *c);
void ipc_drop(struct ipc_table *t, struct ipc_perm *p);
/* By identifier, or by index (the STAT commands). 0, -EINVAL: none, -EIDRM: there is another now.
 */
int ipc_find(const struct ipc_table *t, int32_t id, bool by_index, struct ipc_perm **out);
uint32_t ipc_highest(const struct ipc_table *t); /* the highest index in use; 0 when none is */

/* Linux's ipcperms(): owner or creator, group, others. wanted: bits of one class, IPC_MAY_*. */
bool ipc_allows(const struct ipc_perm *p, uint32_t wanted, const struct cred *c);
/* What the flags of a get call ask of the mode, of whichever class. */
bool ipc_allows_flags(const struct ipc_perm *p, int flags, const struct cred *c);
bool ipc_may_change(const struct ipc_perm *p, const struct cred *c);
/* ipc_find() of what c may change: IPC_SET, IPC_RMID. Also -EPERM. */
int ipc_find_own(const struct ipc_table *t, int32_t id, const struct cred *c,
                 struct ipc_perm **out);
/* IPC_SET. -EINVAL: no such user or group can be. */
int ipc_set_owner(struct ipc_perm *p, uint32_t uid, uint32_t gid, uint32_t mode);

int64_t ipc_seconds_now(void);

#endif

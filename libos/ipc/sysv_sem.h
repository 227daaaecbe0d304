#ifndef LIBOS_IPC_SYSV_SEM_H
#define LIBOS_IPC_SYSV_SEM_H

/* System V semaphores between the processes of this instance. */
#include <stdbool.h>
#include <stdint.h>

#include "libos/ipc/sysv_table.h"

#define SEM_SETS_MOST    32000 /* Linux's SEMMNI, SEMMSL, SEMMNS, SEMOPM, SEMVMX */
#define SEM_PER_SET_MOST 32000
#define SEM_ALL_MOST     (SEM_SETS_MOST * SEM_PER_SET_MOST)
#define SEM_OPS_MOST     500
#define SEM_VALUE_MOST   32767

#define SEM_UNDO 0x1000

/* struct sembuf of the ABI */
struct sem_operation {
    uint16_t number;
    int16_t change;
    int16_t flags;
};

struct sem_info {
    struct ipc_perm perm;
    int64_t operated_at, changed_at; /* seconds */
    uint32_t count;
};

struct sem_totals {
    uint32_t sets, semaphores, highest; /* how many there are; the highest index in use */
};

enum sem_question { SEM_VALUE, SEM_LAST_PID, SEM_WAIT_MORE, SEM_WAIT_ZERO };

/* Who acts: a process, by its number and what it may. */
struct ipc_actor {
    int32_t pid;
    const struct cred *cred;
};

/* All return -EINVAL or -EIDRM where there is no such set, -EACCES or -EPERM where it may not. */

/* An identifier >= 0; -ENOENT, -EEXIST, -EINVAL, -ENOMEM, -ENOSPC. */
int sem_get(int32_t key, int count, int flags, const struct cred *c);
/* semtimedop(2): 0; -EFBIG, -EAGAIN, -ERANGE, -EINTR, -EIDRM, -ENOMEM. */
int sem_operate(int id, const struct sem_operation *ops, uint32_t count, int64_t deadline,
                struct ipc_actor who);
int sem_ask(int id, int number, enum sem_question question, const struct cred *c);
/* How many there are in the set, if c may read or write it (wanted: IPC_MAY_*). */
int sem_count(int id, uint32_t wanted, const struct cred *c, uint32_t *count);
/* count as sem_count() said. -EIDRM: it is another set now. */
int sem_get_all(int id, uint16_t *values, uint32_t count, const struct cred *c);
int sem_set_all(int id, const uint16_t *values, uint32_t count, struct ipc_actor who);
int sem_set_value(int id, int number, int value, struct ipc_actor who);
/* By identifier, or by index. The identifier. c NULL: anyone may. */
int sem_stat(int id, bool by_index, const struct cred *c, struct sem_info *out);
void sem_totals(struct sem_totals *out);
/* IPC_RMID: those who wait get -EIDRM. */
int sem_remove(int id, const struct cred *c);
int sem_set_owner(int id, const struct cred *c, uint32_t uid, uint32_t gid, uint32_t mode);
/* Take back what the process did with SEM_UNDO. */
void sem_process_ended(int32_t pid);

#endif

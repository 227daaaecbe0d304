#ifndef LIBOS_IPC_SYSV_MSG_H
#define LIBOS_IPC_SYSV_MSG_H

/* System V message queues between the processes of this instance. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/list.h"
#include "libos/ipc/sysv_table.h"

#define MSG_QUEUES_MOST 32000 /* Linux's MSGMNI, MSGMAX, MSGMNB */
#define MSG_SIZE_MOST   8192
#define MSG_BYTES_MOST  16384

#define MSG_NOERROR 010000
#define MSG_EXCEPT  020000
#define MSG_COPY    040000

struct message {
    struct list link;
    int64_t type;
    uint64_t size;
    uint8_t data[];
};

struct msg_info {
    struct ipc_perm perm;
    int64_t sent_at, received_at, changed_at; /* seconds */
    uint64_t bytes, count, bytes_most;
    int32_t sender_pid, receiver_pid;
};

struct msg_totals {
    uint32_t queues, messages, bytes, highest; /* in all; the highest index in use */
};

struct message *msg_new(int64_t type, uint64_t size); /* NULL: no memory. mem_free() it. */

/* All return -EINVAL or -EIDRM where there is no such queue, -EACCES or -EPERM where it may not. */

/* An identifier >= 0; -ENOENT, -EEXIST, -ENOMEM, -ENOSPC. */
int msg_get(int32_t key, int flags, const struct cred *c);
/* On 0 the message is the queue's. -EAGAIN, -EIDRM, -EINTR. */
int msg_send(int id, struct message *m, int flags, const struct cred *c, int32_t pid);
/*
 * size: what the caller has room for; type and flags as msgrcv(2). With MSG_COPY `copy` is filled
 * in and returned. The message is the caller's. -E2BIG, -ENOMSG, -EAGAIN, -EIDRM, -EINTR.
 */
int msg_receive(int id, uint64_t size, int64_t type, int flags, struct message *copy,
                const struct cred *c, int32_t pid, struct message **out);
/* By identifier, or by index. The identifier. c NULL: anyone may. */
int msg_stat(int id, bool by_index, const struct cred *c, struct msg_info *out);
void msg_totals(struct msg_totals *out);
/* IPC_RMID: those who wait get -EIDRM. */
int msg_remove(int id, const struct cred *c);
/* -EPERM also: more bytes than the limit, without CAP_SYS_RESOURCE. */
int msg_set(int id, const struct cred *c, uint32_t uid, uint32_t gid, uint32_t mode,
            uint64_t bytes_most);

#endif

/* msgget, msgsnd, msgrcv, msgctl over libos/ipc/sysv_msg.c. */
#include "libos/ipc/sysv_msg.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"
#include "libos/sys/sysv.h"

#define MSG_STAT     11
#define MSG_INFO     12
#define MSG_STAT_ANY 13

/* Of Linux's IPC_INFO, "not used": MSGPOOL, MSGSSZ, MSGSEG. */
#define POOL_KIB      (MSG_QUEUES_MOST * (MSG_BYTES_MOST / 1024))
#define SEGMENT_SIZE  16
#define SEGMENTS_MOST 0xffff

/* Source: include/uapi/asm-generic/msgbuf.h */
struct linux_msqid_ds {
    struct linux_ipc_perm perm;
    int64_t stime, rtime, ctime;
    uint64_t bytes, count, bytes_most;
    int32_t sender_pid, receiver_pid;
    uint64_t unused[2];
};
static_assert(sizeof(struct linux_msqid_ds) == 120, "struct msqid64_ds");

/* struct msginfo */
struct linux_msginfo {
    int32_t pool, map, size_most, bytes_most, queues_most, segment_size, messages;
    uint16_t segments;
};

int64_t sys_msgget(int key, int flags)
{
    return msg_get(key, flags, &current()->process->cred);
}

/* Interrupted: restarted only if no handler ran. */
static int64_t restarted(int r)
{
    return r == -EINTR ? -ERESTARTNOHAND : r;
}

int64_t sys_msgsnd(int id, uaddr_t from, uint64_t size, int flags)
{
    const struct process *p = current()->process;
    int64_t type;
    if (user_read(&type, from, sizeof(type)))
        return -EFAULT;
    if (size > MSG_SIZE_MOST || id < 0 || type < 1)
        return -EINVAL;
    struct message *m = msg_new(type, size);
    if (!m)
        return -ENOMEM;
    int r = user_read(m->data, from + sizeof(type), size);
    if (r == 0)
        r = msg_send(id, m, flags, &p->cred, p->pid);
    if (r < 0)
        mem_free(m);
    return restarted(r);
}

/* Room for MSG_COPY. Linux makes it from what stands in the buffer, which must be readable. */
static int make_copy(uaddr_t to, uint64_t size, struct message **copy)
{
    size = MIN(size, MSG_SIZE_MOST);
    *copy = msg_new(0, size);
    if (!*copy)
        return -ENOMEM;
    return user_read((*copy)->data, to, size);
}

int64_t sys_msgrcv(int id, uaddr_t to, uint64_t size, int64_t type, int flags)
{
    const struct process *p = current()->process;
    struct message *m = NULL, *copy = NULL;
    if (id < 0 || (int64_t)size < 0)
        return -EINVAL;
    if ((flags & MSG_COPY) && ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT)))
        return -EINVAL;
    int64_t r = flags & MSG_COPY ? make_copy(to, size, &copy) : 0;
    if (r == 0)
        r = restarted(msg_receive(id, size, type, flags, copy, &p->cred, p->pid, &m));
    if (r == 0) {
        r = (int64_t)MIN(size, m->size);
        if (user_write(to, &m->type, sizeof(m->type)) ||
            user_write(to + sizeof(m->type), m->data, (size_t)r))
            r = -EFAULT; /* the message is lost, as on Linux */
    }
    if (m != copy)
        mem_free(m);
    mem_free(copy);
    return r;
}

static int64_t stat_queue(int id, int command, uaddr_t buf)
{
    struct msg_info i;
    int r = msg_stat(id, command != IPC_STAT,
                     command == MSG_STAT_ANY ? NULL : &current()->process->cred, &i);
    if (r < 0)
        return r;
    struct linux_msqid_ds ds = { .perm = ipc_perm_told(&i.perm),
                                 .stime = i.sent_at,
                                 .rtime = i.received_at,
                                 .ctime = i.changed_at,
                                 .bytes = i.bytes,
                                 .count = i.count,
                                 .bytes_most = i.bytes_most,
                                 .sender_pid = i.sender_pid,
                                 .receiver_pid = i.receiver_pid };
    if (user_write(buf, &ds, sizeof(ds)))
        return -EFAULT;
    return command == IPC_STAT ? 0 : r;
}

/* IPC_INFO and MSG_INFO both answer with the highest index in use. */
static int64_t tell_limits(int command, uaddr_t buf)
{
    struct msg_totals t;
    msg_totals(&t);
    struct linux_msginfo i = { .pool = POOL_KIB,
                               .map = MSG_BYTES_MOST,
                               .size_most = MSG_SIZE_MOST,
                               .bytes_most = MSG_BYTES_MOST,
                               .queues_most = MSG_QUEUES_MOST,
                               .segment_size = SEGMENT_SIZE,
                               .messages = MSG_BYTES_MOST,
                               .segments = SEGMENTS_MOST };
    if (command == MSG_INFO) {
        i.pool = (int32_t)t.queues;
        i.map = (int32_t)t.messages;
        i.messages = (int32_t)t.bytes;
    }
    return user_write(buf, &i, sizeof(i)) ? -EFAULT : (int64_t)t.highest;
}

int64_t sys_msgctl(int id, int command, uaddr_t buf)
{
    const struct cred *c = &current()->process->cred;
    struct linux_msqid_ds ds;
    command &= ~IPC_64;
    if (id < 0 || command < 0)
        return -EINVAL;
    switch (command) {
    case IPC_INFO:
    case MSG_INFO: return tell_limits(command, buf);
    case IPC_STAT:
    case MSG_STAT:
    case MSG_STAT_ANY: return stat_queue(id, command, buf);
    case IPC_RMID: return msg_remove(id, c);
    case IPC_SET:
        if (user_read(&ds, buf, sizeof(ds)))
            return -EFAULT;
        return msg_set(id, c, ds.perm.uid, ds.perm.gid, ds.perm.mode, ds.bytes_most);
    default: return -EINVAL;
    }
}

/* semget, semop, semtimedop, semctl over libos/ipc/sysv_sem.c. */
#include "libos/ipc/sysv_sem.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"
#include "libos/sys/sysv.h"
#include "libos/sys/timeout.h"

#define GETPID       11
#define GETVAL       12
#define GETALL       13
#define GETNCNT      14
#define GETZCNT      15
#define SETVAL       16
#define SETALL       17
#define SEM_STAT     18
#define SEM_INFO     19
#define SEM_STAT_ANY 20

#define SEM_OPS_FEW 64 /* of one call: these fit the stack */
#define SEMUSZ      20 /* bytes of an undo record, as Linux has told since it was so */

/* Source: arch/x86/include/uapi/asm/sembuf.h */
struct linux_semid_ds {
    struct linux_ipc_perm perm;
    int64_t otime;
    uint64_t unused1;
    int64_t ctime;
    uint64_t unused2, count, unused3, unused4;
};
static_assert(sizeof(struct linux_semid_ds) == 104, "struct semid64_ds");

/* struct seminfo */
struct linux_seminfo {
    int32_t map, sets, all, undos, per_set, ops, undo_ops, undo_size, value_most, adjust_most;
};
static_assert(sizeof(struct sem_operation) == 6, "struct sembuf");

static struct ipc_actor actor(void)
{
    const struct process *p = current()->process;
    return (struct ipc_actor){ p->pid, &p->cred };
}

int64_t sys_semget(int key, int count, int flags)
{
    return sem_get(key, count, flags, &current()->process->cred);
}

/* bad_time: what is wrong with the timeout, which Linux finds last. */
static int64_t operate(int id, uaddr_t ops, uint32_t count, int64_t deadline, int bad_time)
{
    struct sem_operation few[SEM_OPS_FEW], *copy = few;
    if (count > SEM_OPS_MOST)
        return -E2BIG;
    if (count == 0)
        return -EINVAL;
    if (count > SEM_OPS_FEW)
        copy = mem_alloc(count * sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    int r = user_read(copy, ops, count * sizeof(*copy));
    if (r == 0)
        r = id < 0 ? -EINVAL : bad_time;
    if (r == 0)
        r = sem_operate(id, copy, count, deadline, actor());
    if (copy != few)
        mem_free(copy);
    return r;
}

int64_t sys_semop(int id, uaddr_t ops, unsigned count)
{
    return operate(id, ops, count, PARK_FOREVER, 0);
}

int64_t sys_semtimedop(int id, uaddr_t ops, unsigned count, uaddr_t timeout)
{
    int64_t deadline;
    int err = timeout_read_timespec(timeout, &deadline);
    return err == -EFAULT ? err : operate(id, ops, count, deadline, err);
}

static int64_t stat_set(int id, int command, uaddr_t buf)
{
    struct sem_info i;
    int r = sem_stat(id, command != IPC_STAT,
                     command == SEM_STAT_ANY ? NULL : &current()->process->cred, &i);
    if (r < 0)
        return r;
    struct linux_semid_ds ds = { .perm = ipc_perm_told(&i.perm),
                                 .otime = i.operated_at,
                                 .ctime = i.changed_at,
                                 .count = i.count };
    if (user_write(buf, &ds, sizeof(ds)))
        return -EFAULT;
    return command == IPC_STAT ? 0 : r;
}

/* IPC_INFO and SEM_INFO both answer with the highest index in use. */
static int64_t tell_limits(int command, uaddr_t buf)
{
    struct sem_totals t;
    sem_totals(&t);
    struct linux_seminfo i = { .map = SEM_ALL_MOST,
                               .sets = SEM_SETS_MOST,
                               .all = SEM_ALL_MOST,
                               .undos = SEM_ALL_MOST,
                               .per_set = SEM_PER_SET_MOST,
                               .ops = SEM_OPS_MOST,
                               .undo_ops = SEM_OPS_MOST,
                               .undo_size = SEMUSZ,
                               .value_most = SEM_VALUE_MOST,
                               .adjust_most = SEM_VALUE_MOST };
    if (command == SEM_INFO) {
        i.undo_size = (int32_t)t.sets;
        i.adjust_most = (int32_t)t.semaphores;
    }
    return user_write(buf, &i, sizeof(i)) ? -EFAULT : (int64_t)t.highest;
}

static int64_t move_all(int id, int command, uaddr_t buf)
{
    uint32_t count;
    struct ipc_actor who = actor();
    int r = sem_count(id, command == SETALL ? IPC_MAY_WRITE : IPC_MAY_READ, who.cred, &count);
    if (r < 0)
        return r;
    size_t size = count * sizeof(uint16_t);
    uint16_t *values = mem_alloc(size);
    if (!values)
        return -ENOMEM;
    if (command == SETALL) {
        r = user_read(values, buf, size);
        r = r ? r : sem_set_all(id, values, count, who);
    } else {
        r = sem_get_all(id, values, count, who.cred);
        r = r ? r : user_write(buf, values, size);
    }
    mem_free(values);
    return r;
}

static int64_t set_owner(int id, uaddr_t buf, const struct cred *c)
{
    struct linux_semid_ds ds;
    if (user_read(&ds, buf, sizeof(ds)) < 0)
        return -EFAULT;
    return sem_set_owner(id, c, ds.perm.uid, ds.perm.gid, ds.perm.mode);
}

int64_t sys_semctl(int id, int number, int command, uint64_t arg)
{
    const struct cred *c = &current()->process->cred;
    if (id < 0)
        return -EINVAL;
    command &= ~IPC_64;
    switch (command) {
    case IPC_INFO:
    case SEM_INFO: return tell_limits(command, arg);
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY: return stat_set(id, command, arg);
    case GETALL:
    case SETALL: return move_all(id, command, arg);
    case GETVAL: return sem_ask(id, number, SEM_VALUE, c);
    case GETPID: return sem_ask(id, number, SEM_LAST_PID, c);
    case GETNCNT: return sem_ask(id, number, SEM_WAIT_MORE, c);
    case GETZCNT: return sem_ask(id, number, SEM_WAIT_ZERO, c);
    case SETVAL: return sem_set_value(id, number, (int)arg, actor());
    case IPC_SET: return set_owner(id, arg, c);
    case IPC_RMID: return sem_remove(id, c);
    default: return -EINVAL;
    }
}

/* shmget, shmat, shmdt, shmctl over libos/ipc/sysv_shm.c. */
#include "libos/ipc/sysv_shm.h"

#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/mman.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"
#include "libos/sys/sysv.h"

#define SHM_LOCK     11
#define SHM_UNLOCK   12
#define SHM_STAT     13
#define SHM_INFO     14
#define SHM_STAT_ANY 15
#define SHM_HUGETLB  04000
#define SHM_DEST     01000
#define SHM_RDONLY   010000
#define SHM_RND      020000
#define SHM_REMAP    040000
#define SHM_EXEC     0100000

/* Source: include/uapi/asm-generic/shmbuf.h */
struct linux_shmid_ds {
    struct linux_ipc_perm perm;
    uint64_t size;
    int64_t atime, dtime, ctime;
    int32_t creator_pid, last_pid;
    uint64_t attached, unused2[2];
};
static_assert(sizeof(struct linux_shmid_ds) == 112, "struct shmid64_ds");

/* struct shminfo64: limits */
struct linux_shminfo {
    uint64_t max, min, segments, per_process, all, unused[4];
};

/* struct shm_info: what is in use */
struct linux_shm_info {
    int32_t used_ids, pad;
    uint64_t total, resident, swapped, swap_attempts, swap_successes;
};

#define SHM_SIZE_MAX (UINT64_MAX - (UINT64_C(1) << 24)) /* Linux's SHMMAX */

int64_t sys_shmget(int key, uint64_t size, int flags)
{
    const struct process *p = current()->process;
    if (size > SHM_SIZE_MAX)
        return -EINVAL;
    if (flags & SHM_HUGETLB)
        return -ENOMEM; /* there are none */
    return shm_get(key, size, flags, &p->cred, p->pid);
}

int64_t sys_shmat(int id, uaddr_t addr, int flags)
{
    struct process *p = current()->process;
    uint64_t size, at;
    struct file *f;
    if (addr && (flags & SHM_RND))
        addr = ALIGN_DOWN(addr, PAGE_SIZE);
    if (!IS_ALIGNED(addr, PAGE_SIZE) || (!addr && (flags & SHM_REMAP)))
        return -EINVAL;
    int err = shm_file(id, !(flags & SHM_RDONLY), &p->cred, &f, &size, &at);
    if (err)
        return err;
    uint32_t prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
                    (flags & SHM_EXEC ? PROT_EXEC : 0);
    /* The pages stand where they stand: another address cannot be had. */
    int64_t r = addr && addr != at ? -EINVAL : mm_map(p->mm, 0, size, prot, MAP_SHARED, f, 0);
    if (r > 0)
        shm_touched(f, p->pid, true);
    file_put(f);
    return r;
}

int64_t sys_shmdt(uaddr_t addr)
{
    struct vma v;
    struct process *p = current()->process;
    if (!IS_ALIGNED(addr, PAGE_SIZE) || !mm_find(p->mm, addr, &v) || v.start != addr ||
        !shm_is_segment(v.file) || v.offset != 0)
        return -EINVAL;
    shm_touched(v.file, p->pid, false);
    return mm_unmap(p->mm, v.start, shm_room(v.file)); /* mprotect may have made several of it */
}

static int64_t stat_segment(int id, int command, uaddr_t buf)
{
    struct shm_info i;
    int r = shm_stat(id, command != IPC_STAT,
                     command == SHM_STAT_ANY ? NULL : &current()->process->cred, &i);
    if (r < 0)
        return r;
    struct vma v;
    if (mm_find(current()->process->mm, i.address, &v) && v.start == i.address)
        i.attached += v.aliases;
    struct linux_shmid_ds ds = { .perm = ipc_perm_told(&i.perm),
                                 .size = i.size,
                                 .atime = i.attached_at,
                                 .dtime = i.detached_at,
                                 .ctime = i.changed_at,
                                 .creator_pid = i.creator_pid,
                                 .last_pid = i.last_pid,
                                 .attached = i.attached };
    if (i.perm.removed)
        ds.perm.mode |= SHM_DEST;
    if (user_write(buf, &ds, sizeof(ds)))
        return -EFAULT;
    return command == IPC_STAT ? 0 : r;
}

/* IPC_INFO and SHM_INFO both answer with the highest index in use. */
static int64_t tell_limits(uaddr_t buf)
{
    struct shm_totals t;
    shm_totals(&t);
    uint64_t most = g_machine.range_high - g_machine.range_low;
    struct linux_shminfo i = { .max = most,
                               .min = 1,
                               .segments = SHM_SEGMENTS_MOST,
                               .per_process = SHM_SEGMENTS_MOST,
                               .all = most / PAGE_SIZE };
    return user_write(buf, &i, sizeof(i)) ? -EFAULT : (int64_t)t.highest;
}

static int64_t tell_totals(uaddr_t buf)
{
    struct shm_totals t;
    shm_totals(&t);
    struct linux_shm_info i = { .used_ids = (int32_t)t.segments,
                                .total = t.pages,
                                .resident = t.pages };
    return user_write(buf, &i, sizeof(i)) ? -EFAULT : (int64_t)t.highest;
}

int64_t sys_shmctl(int id, int command, uaddr_t buf)
{
    const struct cred *c = &current()->process->cred;
    struct linux_shmid_ds ds;
    command &= ~IPC_64;
    if (id < 0 || command < 0)
        return -EINVAL;
    switch (command) {
    case IPC_INFO: return tell_limits(buf);
    case SHM_INFO: return tell_totals(buf);
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY: return stat_segment(id, command, buf);
    case IPC_RMID: return shm_remove(id, c);
    case IPC_SET:
        if (user_read(&ds, buf, sizeof(ds)) < 0)
            return -EFAULT;
        return shm_set_owner(id, c, ds.perm.uid, ds.perm.gid, ds.perm.mode);
    case SHM_LOCK:
    case SHM_UNLOCK: return shm_may_control(id, c); /* as mlock: libos does not swap */
    default: return -EINVAL;
    }
}

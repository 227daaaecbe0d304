/* shmget, shmat, shmdt, shmctl over libos/ipc/sysv_shm.c. */
#include "libos/ipc/sysv_shm.h"

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/mman.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

#define IPC_RMID   0
#define IPC_SET    1
#define IPC_STAT   2
#define SHM_RDONLY 010000
#define SHM_RND    020000
#define SHM_EXEC   0100000

/* Source: include/uapi/asm-generic/{ipcbuf,shmbuf}.h */
struct linux_shmid_ds {
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t seq, pad0;
    uint32_t pad1;
    uint64_t unused[2];
    uint64_t size;
    int64_t atime, dtime, ctime;
    int32_t creator_pid, last_pid;
    uint64_t attached, unused2[2];
};
static_assert(sizeof(struct linux_shmid_ds) == 112, "struct shmid64_ds");

int64_t sys_shmget(int key, uint64_t size, int flags)
{
    const struct process *p = current()->process;
    return shm_get(key, size, flags, p->cred.euid, p->cred.egid, p->pid);
}

int64_t sys_shmat(int id, uaddr_t addr, int flags)
{
    uint64_t size, at;
    struct file *f = shm_file(id, &size, &at);
    if (!f)
        return -EINVAL;
    if (addr && (flags & SHM_RND))
        addr = ALIGN_DOWN(addr, PAGE_SIZE);
    uint32_t prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
                    (flags & SHM_EXEC ? PROT_EXEC : 0);
    /* The pages stand where they stand: another address cannot be had. */
    int64_t r = addr && addr != at
                    ? -EINVAL
                    : mm_map(current()->process->mm, 0, size, prot, MAP_SHARED, f, 0);
    file_put(f);
    return r;
}

int64_t sys_shmdt(uaddr_t addr)
{
    struct vma v;
    struct mm *mm = current()->process->mm;
    if (!IS_ALIGNED(addr, PAGE_SIZE) || !mm_find(mm, addr, &v) || v.start != addr ||
        !shm_is_segment(v.file) || v.offset != 0)
        return -EINVAL;
    return mm_unmap(mm, v.start, v.end - v.start);
}

static int64_t stat_segment(int id, uaddr_t buf)
{
    struct shm_info i;
    int r = shm_stat(id, &i);
    if (r < 0)
        return r;
    struct linux_shmid_ds ds = { .key = i.key,
                                 .uid = i.uid,
                                 .gid = i.gid,
                                 .cuid = i.uid,
                                 .cgid = i.gid,
                                 .mode = i.mode,
                                 .size = i.size,
                                 .ctime = i.created,
                                 .creator_pid = (int32_t)i.creator_pid,
                                 .last_pid = (int32_t)i.creator_pid,
                                 .attached = i.attached };
    return user_write(buf, &ds, sizeof(ds));
}

int64_t sys_shmctl(int id, int command, uaddr_t buf)
{
    struct linux_shmid_ds ds;
    switch (command & ~0x100 /* IPC_64 */) {
    case IPC_RMID: return shm_remove(id, current()->process->cred.euid);
    case IPC_STAT: return stat_segment(id, buf);
    case IPC_SET:
        if (user_read(&ds, buf, sizeof(ds)) < 0)
            return -EFAULT;
        return shm_set_owner(id, ds.uid, ds.gid, ds.mode);
    default: return -EINVAL;
    }
}

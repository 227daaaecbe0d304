/*
 * Memory calls: decode, resolve the descriptor, check limits of the process, call libos/mm.
 *
 * There is one memory node and no swap: locking succeeds, memory policies are checked and have no
 * effect.
 */
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/mman.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

#define USER_ADDRESS_MAX UINT64_C(0x7ffffffff000) /* Linux's TASK_SIZE_MAX */

static uint64_t soft_limit(unsigned which)
{
    return __atomic_load_n(&current()->process->limits[which].soft, __ATOMIC_RELAXED);
}

/* Would the address space stay within RLIMIT_AS? Without a limit nothing is counted. */
static bool within_as_limit(struct mm *mm, uint64_t extra)
{
    uint64_t limit = soft_limit(LINUX_RLIMIT_AS);
    struct mm_stats st;
    if (limit == LINUX_RLIM_INFINITY)
        return true;
    mm_stats(mm, &st);
    return st.mapped <= limit && extra <= limit - st.mapped;
}

int64_t sys_mmap(uaddr_t addr, uint64_t len, int prot, int flags, int fd, int64_t offset)
{
    struct mm *mm = current()->process->mm;
    struct file *f = NULL;
    if (!IS_ALIGNED((uint64_t)offset, PAGE_SIZE))
        return -EINVAL;
    if (!((unsigned)flags & MAP_ANONYMOUS)) {
        f = fd_lookup(current()->process->fds, fd);
        if (!f)
            return -EBADF;
        if (f->flags & O_PATH) {
            file_put(f);
            return -EBADF;
        }
    }
    int64_t r = within_as_limit(mm, len)
                    ? mm_map(mm, addr, len, (uint32_t)prot, (uint32_t)flags, f, (uint64_t)offset)
                    : -ENOMEM;
    file_put(f);
    return r;
}

int64_t sys_mprotect(uaddr_t addr, uint64_t len, int prot)
{
    return mm_protect(current()->process->mm, addr, len, (uint32_t)prot);
}

/* Ends where no program has memory: a range from a real mapping on must not be unmapped for it. */
static bool beyond_user(uaddr_t addr, uint64_t len)
{
    return addr > USER_ADDRESS_MAX || len > USER_ADDRESS_MAX - addr;
}

int64_t sys_munmap(uaddr_t addr, uint64_t len)
{
    if (beyond_user(addr, len))
        return -EINVAL;
    return mm_unmap(current()->process->mm, addr, len);
}

int64_t sys_brk(uaddr_t addr)
{
    struct mm *mm = current()->process->mm;
    uint64_t start = mm_brk_start(mm);
    if (addr < start || addr - start > soft_limit(LINUX_RLIMIT_DATA))
        addr = 0; /* refused: brk answers where the break is */
    return (int64_t)mm_brk(mm, addr);
}

int64_t sys_mremap(uaddr_t addr, uint64_t old_len, uint64_t new_len, int flags, uaddr_t new_addr)
{
    struct mm *mm = current()->process->mm;
    if (new_len && old_len > new_len && beyond_user(addr, old_len))
        return -EINVAL;
    if (new_len > old_len && !within_as_limit(mm, new_len - old_len))
        return -ENOMEM;
    return mm_remap(mm, addr, old_len, new_len, (uint32_t)flags, new_addr);
}

/* The flags are not looked at: MAP_NONBLOCK has no effect since 4.0, and Linux refuses none. */
int64_t sys_remap_file_pages(uaddr_t addr, uint64_t len, uint64_t prot, uint64_t page, uint64_t flags)
{
    return prot ? -EINVAL : mm_remap_file(current()->process->mm, addr, len, page);
}

int64_t sys_msync(uaddr_t addr, uint64_t len, int flags)
{
    if (len > UINT64_MAX - PAGE_SIZE)
        len = 0; /* rounded up it wraps, to nothing */
    return mm_sync(current()->process->mm, addr, len, flags);
}

int64_t sys_mincore(uaddr_t addr, uint64_t len, uaddr_t vec)
{
    uint8_t chunk[256];
    if (!IS_ALIGNED(addr, PAGE_SIZE))
        return -EINVAL;
    if (!len)
        return addr <= USER_ADDRESS_MAX ? 0 : -ENOMEM; /* nothing is looked at, not even whether it is mapped */
    if (len > UINT64_MAX - PAGE_SIZE || !user_range_ok(addr, ALIGN_UP(len, PAGE_SIZE)))
        return -ENOMEM;
    for (uint64_t pages = ALIGN_UP(len, PAGE_SIZE) / PAGE_SIZE; pages;) {
        uint64_t n = MIN(pages, sizeof(chunk));
        int r = mm_resident(current()->process->mm, addr, n * PAGE_SIZE, chunk);
        if (r < 0)
            return r;
        r = user_write(vec, chunk, n);
        if (r < 0)
            return r;
        addr += n * PAGE_SIZE;
        vec += n;
        pages -= n;
    }
    return 0;
}

int64_t sys_madvise(uaddr_t addr, uint64_t len, int advice)
{
    return mm_advise(current()->process->mm, addr, len, advice);
}

/* Enclave pages are never swapped by their own choice, and there is no way to ask: locking is done.
 * touch: as Linux does to lock pages now, which PROT_NONE refuses. */
static int64_t lock_range(uaddr_t addr, uint64_t len, bool touch)
{
    struct mm *mm = current()->process->mm;
    uint64_t start = ALIGN_DOWN(addr, PAGE_SIZE), end;
    uint64_t size = ALIGN_UP(len + (addr - start), PAGE_SIZE); /* may wrap to nothing, as Linux's */
    if (!checked_add(start, size, &end))
        return -EINVAL;
    return !size || (touch ? mm_is_accessible(mm, start, size) : mm_is_mapped(mm, start, size)) ? 0 : -ENOMEM;
}

int64_t sys_mlock(uaddr_t addr, uint64_t len)
{
    return lock_range(addr, len, true);
}

int64_t sys_mlock2(uaddr_t addr, uint64_t len, int flags)
{
    return flags & ~MLOCK_ONFAULT ? -EINVAL : lock_range(addr, len, !flags);
}

int64_t sys_munlock(uaddr_t addr, uint64_t len)
{
    return lock_range(addr, len, false);
}

int64_t sys_mlockall(int flags)
{
    if (flags == 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
        return -EINVAL;
    return 0;
}

int64_t sys_munlockall(void)
{
    return 0;
}

/* ---- memory policy: one node, number 0. Source: mm/mempolicy.c, include/uapi/linux/mempolicy.h */

#define MPOL_LOCAL_MODE     4
#define MPOL_MODE_MAX       6 /* MPOL_WEIGHTED_INTERLEAVE */
#define MPOL_MODE_FLAGS     0xe000
#define MPOL_F_NODE         1ul
#define MPOL_F_ADDR         2ul
#define MPOL_F_MEMS_ALLOWED 4ul
#define MBIND_FLAGS         7u
#define NODES_MAX           1024

/* *any: a node was named. -EINVAL for a node that does not exist. */
static int read_nodes(uaddr_t mask, uint64_t maxnode, bool *any)
{
    *any = false;
    if (!mask || maxnode == 1)
        return 0;
    if (maxnode - 1 > PAGE_SIZE * 8) /* also 0, as in Linux */
        return -EINVAL;
    for (uint64_t at = 0; at < maxnode - 1; at += 64) {
        uint64_t word;
        int r = user_read(&word, mask + at / 8, sizeof(word));
        if (r < 0)
            return r;
        if (maxnode - 1 - at < 64)
            word &= (UINT64_C(1) << (maxnode - 1 - at)) - 1;
        *any |= word != 0;
        if (at ? word != 0 : word > 1)
            return -EINVAL;
    }
    return 0;
}

static int64_t check_policy(int mode, uaddr_t mask, uint64_t maxnode)
{
    bool any;
    int plain = mode & ~MPOL_MODE_FLAGS;
    if (plain < 0 || plain > MPOL_MODE_MAX)
        return -EINVAL;
    int r = read_nodes(mask, maxnode, &any);
    if (r < 0)
        return r;
    bool takes_none = plain == 0 || plain == MPOL_LOCAL_MODE,
         may_none = takes_none || plain == 1 /* MPOL_PREFERRED */;
    return (takes_none && any) || (!may_none && !any) ? -EINVAL : 0;
}

int64_t sys_mbind(uaddr_t addr, uint64_t len, int mode, uaddr_t nodemask, uint64_t maxnode,
                  unsigned flags)
{
    if ((flags & ~MBIND_FLAGS) || !IS_ALIGNED(addr, PAGE_SIZE))
        return -EINVAL;
    int64_t r = check_policy(mode, nodemask, maxnode);
    if (r < 0 || len == 0)
        return r;
    return lock_range(addr, len, false) < 0 ? -EFAULT : 0;
}

int64_t sys_set_mempolicy(int mode, uaddr_t nodemask, uint64_t maxnode)
{
    return check_policy(mode, nodemask, maxnode);
}

int64_t sys_get_mempolicy(uaddr_t mode, uaddr_t nodemask, uint64_t maxnode, uaddr_t addr,
                          uint64_t flags)
{
    if (flags & ~(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
        return -EINVAL;
    if ((flags & MPOL_F_MEMS_ALLOWED) && (flags & (MPOL_F_NODE | MPOL_F_ADDR)))
        return -EINVAL;
    if (nodemask && maxnode < 1)
        return -EINVAL;
    struct vma v;
    if (flags & MPOL_F_ADDR ? !mm_find(current()->process->mm, addr, &v) : addr != 0)
        return flags & MPOL_F_ADDR ? -EFAULT : -EINVAL;
    int32_t policy = 0; /* MPOL_DEFAULT; with MPOL_F_NODE the node, which is 0 too */
    int r = mode ? user_write(mode, &policy, sizeof(policy)) : 0;
    if (r < 0 || !nodemask)
        return r;
    uint64_t bytes = ALIGN_UP(MIN(maxnode - 1, NODES_MAX), 64) / 8;
    uint64_t nodes = flags & MPOL_F_MEMS_ALLOWED ? 1 : 0;
    r = bytes ? user_zero(nodemask, bytes) : 0;
    return r < 0 || !nodes || !bytes ? r : user_write(nodemask, &nodes, sizeof(nodes));
}

/* ---- protection keys: as on a processor without them */

int64_t sys_pkey_alloc(uint64_t flags, uint64_t rights)
{
    return flags || (rights & ~UINT64_C(3)) ? -EINVAL : -ENOSPC;
}

int64_t sys_pkey_free(int pkey)
{
    return -EINVAL;
}

int64_t sys_pkey_mprotect(uaddr_t addr, uint64_t len, int prot, int pkey)
{
    return pkey == -1 ? sys_mprotect(addr, len, prot) : -EINVAL;
}

/*
 * mprotect(2). Pieces before a hole are changed before -ENOMEM is found, as on Linux.
 */
#include "enclave/machine.h"
#include "lib/base/checked.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"
#include "libos/mm/mm.h"

static int may_protect(const struct vma *v, uint32_t prot)
{
    if (v->internal)
        return -EACCES;
    if ((prot & PROT_WRITE) && v->file && (v->flags & MAP_SHARED) && !file_can_write(v->file))
        return -EACCES;
    return 0;
}

static int protect_locked(struct mm *mm, uint64_t start, uint64_t end, uint32_t prot)
{
    struct vma *v = vma_first(mm, start);
    if (!v || v->start >= end)
        return -ENOMEM;
    if (prot & PROT_GROWSDOWN) { /* from the low end of a stack mapping */
        if (!(v->flags & MAP_GROWSDOWN))
            return -EINVAL;
        start = v->start;
    }
    int r = vma_cut_locked(mm, start, end);
    uint64_t at = start;
    while (r == 0 && at < end) {
        v = vma_first(mm, at);
        if (!v || v->start > at) {
            r = -ENOMEM;
            break;
        }
        at = v->end;
        r = may_protect(v, prot);
        if (r == 0)
            r = vma_protect_pages_locked(mm, v, prot);
    }
    vma_merge_range_locked(mm, start, end);
    return r;
}

int mm_protect(struct mm *mm, uint64_t start, uint64_t size, uint32_t prot)
{
    uint64_t end;
    uint32_t grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || !IS_ALIGNED(start, PAGE_SIZE))
        return -EINVAL;
    if (size == 0)
        return 0;
    if (size > UINT64_MAX - PAGE_SIZE || !checked_add(start, ALIGN_UP(size, PAGE_SIZE), &end))
        return -ENOMEM;
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN))
        return -EINVAL; /* nothing grows upwards on x86 */
    rwlock_write(&mm->lock);
    int r = protect_locked(mm, start, end, prot);
    rwlock_write_end(&mm->lock);
    if (r == -ENOMEM && mm_is_mapped(mm, start, end - start))
        mm_report_oom("mprotect", size);
    return r;
}

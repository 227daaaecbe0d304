/*
 * madvise(2) and msync(2). Advice that only concerns speed is passed to the host in `direct` and is
 * nothing in an enclave; advice that changes what a program reads (DONTNEED, REMOVE) is done
 * exactly.
 */
#include "enclave/machine.h"
#include "lib/base/checked.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"
#include "libos/mm/mm.h"

static bool is_known(int advice)
{
    return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
           (advice >= MADV_FREE && advice <= MADV_DONTNEED_LOCKED);
}

static int dontneed(struct mm *mm, struct vma *v, uint64_t start, uint64_t end)
{
    if (!v->committed || v->borrowed || vma_is_written_back(v))
        return 0; /* the file's pages stay what they are */
    if (v->host_mapped)
        return machine_pages_advise(start, end - start, MADV_DONTNEED);
    return v->flags & MAP_SHARED ? 0 : vma_reread_locked(mm, v, start, end);
}

static int punch(struct vma *v, uint64_t start, uint64_t end)
{
    if (!(v->flags & MAP_SHARED) || !(v->prot & PROT_WRITE))
        return v->flags & MAP_SHARED ? -EACCES : -EINVAL;
    if (!v->file)
        return v->committed ? machine_pages_discard(start, end - start) : 0;
    if (!v->file->ops->allocate)
        return -EINVAL;
    return file_allocate(v->file, 3 /* KEEP_SIZE | PUNCH_HOLE */, v->offset + (start - v->start),
                         end - start);
}

static int fork_advice(struct mm *mm, uint64_t start, uint64_t end, uint32_t value)
{
    int r = vma_cut_locked(mm, start, end);
    for (struct vma *v = vma_first(mm, start); r == 0 && v && v->start < end; v = vma_next(v)) {
        if (value == MADV_WIPEONFORK && (v->file || (v->flags & MAP_SHARED)))
            r = -EINVAL;
        else
            v->fork_advice = value;
    }
    vma_merge_range_locked(mm, start, end);
    return r;
}

static int advise_one(struct mm *mm, struct vma *v, uint64_t start, uint64_t end, int advice)
{
    switch (advice) {
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED: return dontneed(mm, v, start, end);
    case MADV_FREE:
        if (v->file || (v->flags & MAP_SHARED))
            return -EINVAL;
        return v->committed ? machine_pages_advise(start, end - start, advice) : 0;
    case MADV_REMOVE: return punch(v, start, end);
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
        if (!(v->prot & (advice == MADV_POPULATE_READ ? PROT_READ : PROT_WRITE)))
            return -EFAULT;
        return 0;
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
        if (v->committed && !v->file)
            (void)machine_pages_advise(start, end - start,
                                       advice); /* a host without THP: no harm */
        return 0;
    default: return 0;
    }
}

static int advise_locked(struct mm *mm, uint64_t start, uint64_t end, int advice)
{
    bool hole = false;
    switch (advice) {
    case MADV_DONTFORK:
    case MADV_WIPEONFORK:
        return vma_covers(mm, start, end) ? fork_advice(mm, start, end, (uint32_t)advice) : -ENOMEM;
    case MADV_DOFORK:
    case MADV_KEEPONFORK:
        return vma_covers(mm, start, end) ? fork_advice(mm, start, end, 0) : -ENOMEM;
    }
    for (uint64_t at = start; at < end;) {
        struct vma *v = vma_first(mm, at);
        if (!v || v->start >= end)
            return -ENOMEM;
        hole |= v->start > at || v->internal; /* ours: for the program nothing is there */
        uint64_t from = MAX(at, v->start), to = MIN(end, v->end);
        int r = v->internal ? 0 : advise_one(mm, v, from, to, advice);
        if (r < 0)
            return r;
        at = to;
    }
    return hole ? -ENOMEM : 0;
}

int mm_advise(struct mm *mm, uint64_t start, uint64_t size, int advice)
{
    uint64_t end;
    if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
        return -EPERM;
    if (!is_known(advice) || !IS_ALIGNED(start, PAGE_SIZE) || size > UINT64_MAX - PAGE_SIZE ||
        !checked_add(start, ALIGN_UP(size, PAGE_SIZE), &end))
        return -EINVAL;
    if (size == 0)
        return 0;
    rwlock_write(&mm->lock);
    int r = advise_locked(mm, start, end, advice);
    rwlock_write_end(&mm->lock);
    return r;
}

int mm_sync(struct mm *mm, uint64_t start, uint64_t size, int flags)
{
    uint64_t end;
    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC) || !IS_ALIGNED(start, PAGE_SIZE))
        return -EINVAL;
    if (size > UINT64_MAX - PAGE_SIZE || !checked_add(start, ALIGN_UP(size, PAGE_SIZE), &end))
        return -ENOMEM;
    int r = 0;
    rwlock_write(&mm->lock);
    if (start != end && !vma_covers(mm, start, end))
        r = -ENOMEM;
    for (struct vma *v = vma_first(mm, start); v && v->start < end; v = vma_next(v)) {
        int e = 0;
        if (vma_is_written_back(v))
            e = vma_write_back_locked(v, MAX(start, v->start), MIN(end, v->end));
        if (e == 0 && (flags & MS_SYNC) && v->file && (v->flags & MAP_SHARED) && v->file->ops->sync)
            e = v->file->ops->sync(v->file, true);
        r = r ? r : e;
    }
    rwlock_write_end(&mm->lock);
    return r;
}

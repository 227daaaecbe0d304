/*
 * mremap(2): shrink, grow in place, move. In `direct` the host moves pages; in an enclave they are
 * copied into fresh ones. MREMAP_DONTUNMAP leaves the old range mapped and empty.
 *
 * And remap_file_pages(2), as Linux has it since 4.0: a new shared mapping in the place of the old one.
 */
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "lib/base/checked.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"
#include "libos/mm/mm.h"

struct remap {
    uint64_t old, old_size, new_size, target;
    uint32_t flags;
};

static int check(const struct remap *m)
{
    uint64_t end;
    if (m->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
        return -EINVAL;
    if ((m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(m->flags & MREMAP_MAYMOVE))
        return -EINVAL;
    if ((m->flags & MREMAP_DONTUNMAP) && m->old_size != m->new_size)
        return -EINVAL;
    if (!IS_ALIGNED(m->old, PAGE_SIZE) || m->new_size == 0 ||
        m->old_size > UINT64_MAX - PAGE_SIZE || m->new_size > UINT64_MAX - PAGE_SIZE)
        return -EINVAL;
    if (m->flags & MREMAP_FIXED) {
        if (!IS_ALIGNED(m->target, PAGE_SIZE) || !checked_add(m->target, m->new_size, &end) ||
            end > g_machine.range_high)
            return -EINVAL;
        if (ranges_overlap(m->old, m->old_size, m->target, m->new_size))
            return -EINVAL;
    }
    return checked_add(m->old, m->old_size, &end) ? 0 : -EINVAL;
}

/* Append [v->end, end), whose range is ours, with v's kind of pages. */
static int append_locked(struct mm *mm, struct vma *v, uint64_t end)
{
    struct vma *tail = vma_clone(v);
    if (!tail)
        return -ENOMEM;
    tail->start = v->end;
    tail->end = end;
    if (tail->file)
        tail->offset += v->end - v->start;
    uint64_t start = tail->start;
    tail->committed = false;
    vma_insert_locked(mm, tail);
    int r = vma_populate_locked(mm, tail);
    if (r < 0) {
        (void)mm_unmap_locked(mm, start, end, UNMAP_ALL);
        return r;
    }
    tail->pristine = tail->pristine && v->pristine;
    vma_merge_range_locked(mm, start, end);
    return 0;
}

static int grow_in_place(struct mm *mm, struct vma *v, const struct remap *m)
{
    uint64_t extra = m->new_size - m->old_size;
    if (v->end != m->old + m->old_size || v->comment || range_take(v->end, extra) < 0)
        return -ENOMEM;
    return append_locked(mm, v, v->end + extra);
}

/* Pages of v move to `to`, whose range is ours; v is exactly what moves. */
static int move_pages(struct mm *mm, struct vma *v, struct vma *to)
{
    uint64_t size = v->end - v->start;
    if (!v->committed)
        return vma_populate_locked(mm, to);
    int r = machine_pages_move(v->start, size, to->start, size);
    if (r != -EOPNOTSUPP)
        return r;
    uint32_t prot = v->prot;
    r = machine_pages_commit(to->start, size, PAGE_R | PAGE_W);
    if (r == 0 && !(prot & PROT_READ))
        r = machine_pages_protect(v->start, size, PAGE_R);
    if (r < 0)
        return r;
    memcpy((void *)(uintptr_t)to->start, (const void *)(uintptr_t)v->start, size);
    return prot == (PROT_READ | PROT_WRITE) ? 0 : machine_pages_protect(to->start, size, prot);
}

/* The old mapping, whose pages went: forget it, or (DONTUNMAP) give it empty pages. */
static int leave_old(struct mm *mm, struct vma *v, bool keep, bool moved_by_host)
{
    uint64_t start = v->start, end = v->end;
    int r = moved_by_host ? 0 : vma_release_pages_locked(v);
    if (r < 0)
        return r;
    if (keep) {
        v->committed = false;
        return vma_populate_locked(mm, v);
    }
    if (!(start >= mm->brk_start && end <= mm->brk_limit))
        range_free(start, end - start);
    vma_erase_locked(mm, v);
    return 0;
}

static int64_t move_to(struct mm *mm, struct vma *v, const struct remap *m, uint64_t at)
{
    uint64_t moved = MIN(m->old_size, m->new_size);
    int r = vma_cut_locked(mm, m->old, m->old + m->old_size);
    struct vma *to = r == 0 ? vma_clone(vma_first(mm, m->old)) : NULL;
    if (!to) {
        range_free(at, m->new_size);
        return -ENOMEM;
    }
    v = vma_first(mm, m->old);
    to->start = at;
    to->end = at + moved;
    to->comment = NULL;
    vma_insert_locked(mm, to);
    r = move_pages(mm, v, to);
    if (r < 0) {
        range_free(at, m->new_size);
        vma_erase_locked(mm, to);
        return r;
    }
    r = leave_old(mm, v, m->flags & MREMAP_DONTUNMAP, !g_machine.is_enclave && to->committed);
    if (r == 0 && m->new_size > moved) {
        r = append_locked(mm, to, at + m->new_size);
        if (r < 0)
            return r; /* what moved stays moved, as after a failure half way on Linux */
    }
    vma_merge_range_locked(mm, at, at + m->new_size);
    return r < 0 ? r : (int64_t)at;
}

/* Own the range where the mapping goes. */
static int64_t take_target(struct mm *mm, const struct remap *m, uint32_t vma_flags)
{
    if (!(m->flags & MREMAP_FIXED)) {
        uint64_t at = mm_place(mm, 0, m->new_size, vma_flags & MAP_ANONYMOUS);
        return at ? (int64_t)at : -ENOMEM;
    }
    int r = mm_unmap_locked(mm, m->target, m->target + m->new_size, UNMAP_ALL);
    if (r == 0)
        r = range_take(m->target, m->new_size) < 0 ? -ENOMEM : 0;
    return r < 0 ? r : (int64_t)m->target;
}

/* The pages are the file's own and stand where the file has them: growing is mapping more of it. */
static int64_t remap_borrowed(struct mm *mm, struct vma *v, const struct remap *m)
{
    if (m->new_size <= m->old_size || (m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
        return -EINVAL;
    uint64_t offset = v->offset + (m->old - v->start);
    uint64_t at = v->source.shared_pages(v->file, offset, m->new_size);
    if (at != m->old)
        return -ENOMEM;
    uint64_t end = m->old + m->new_size;
    struct vma *next = vma_next(v);
    return next && next->start < end       ? -ENOMEM
           : append_locked(mm, v, end) < 0 ? -ENOMEM
                                           : (int64_t)at;
}

/* A smaller target: the tail goes first, as on Linux, and what is left moves. */
static int64_t drop_tail_locked(struct mm *mm, struct remap *m)
{
    int r = 0;
    if (m->new_size < m->old_size)
        r = mm_unmap_locked(mm, m->old + m->new_size, m->old + m->old_size, UNMAP_ALL);
    if (r == 0)
        m->old_size = MIN(m->old_size, m->new_size);
    return r;
}

static int64_t remap_locked(struct mm *mm, struct remap *m)
{
    struct vma *v = vma_first(mm, m->old);
    if (!v || v->start > m->old || v->internal)
        return -EFAULT;
    if (m->old_size == 0)
        return -EINVAL; /* duplicating a shared mapping: only for System V of old */
    bool fixed = m->flags & MREMAP_FIXED;
    if (m->new_size <= m->old_size && !(m->flags & MREMAP_DONTUNMAP) && !(fixed && v->borrowed)) {
        int64_t r = drop_tail_locked(mm, m);
        if (r < 0 || !fixed)
            return r < 0 ? r : (int64_t)m->old;
        v = vma_first(mm, m->old);
    }
    if (m->old + m->old_size > v->end)
        return -EFAULT;
    if (v->borrowed)
        return remap_borrowed(mm, v, m);
    if ((m->flags & MREMAP_DONTUNMAP) && v->file)
        return -EINVAL;
    if (!fixed && m->new_size > m->old_size && grow_in_place(mm, v, m) == 0)
        return (int64_t)m->old;
    if (!(m->flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    int64_t at = take_target(mm, m, v->flags);
    return at < 0 ? at : move_to(mm, vma_first(mm, m->old), m, (uint64_t)at);
}

int64_t mm_remap(struct mm *mm, uint64_t old, uint64_t old_size, uint64_t new_size, uint32_t flags,
                 uint64_t new_address)
{
    struct remap m = { .old = old,
                       .old_size = old_size,
                       .new_size = new_size,
                       .target = new_address,
                       .flags = flags };
    int r = check(&m);
    if (r < 0)
        return r;
    m.old_size = ALIGN_UP(old_size, PAGE_SIZE);
    m.new_size = ALIGN_UP(new_size, PAGE_SIZE);
    rwlock_write(&mm->lock);
    int64_t at = remap_locked(mm, &m);
    rwlock_write_end(&mm->lock);
    if (at == -ENOMEM && (flags & MREMAP_MAYMOVE))
        mm_report_oom("mremap", m.new_size);
    return at;
}

/* Mappings of one file without a hole from v to end, all alike. */
static bool is_one_mapping(struct vma *v, uint64_t end)
{
    const struct vma *first = v;
    while (v->end < end) {
        struct vma *next = vma_next(v);
        if (!next || next->start != v->end || next->file != first->file || next->flags != first->flags ||
            next->prot != first->prot)
            return false;
        v = next;
    }
    return true;
}

/* Source: mm/mmap.c, remap_file_pages(); shared without FMODE_WRITE is not VM_SHARED there. */
static int remap_file_locked(struct mm *mm, uint64_t start, uint64_t size, uint64_t offset)
{
    struct vma *v = vma_first(mm, start);
    if (!v || v->start > start || v->internal || !(v->flags & MAP_SHARED) || (v->file && !file_can_write(v->file)) ||
        !is_one_mapping(v, start + size))
        return -EINVAL;
    if (offset > INT64_MAX - size)
        return -EOVERFLOW;
    if (v->file && v->offset + (start - v->start) == offset)
        return 0;
    /* One page of memory cannot stand at two addresses: anonymous memory, and files whose own pages are mapped. */
    if (!v->file || v->borrowed)
        return -EOPNOTSUPP;
    struct vma want = { .prot = v->prot, .flags = v->flags, .source = v->source, .file = file_get(v->file), .offset = offset };
    int64_t r = mm_map_locked(mm, &want, start, size, MAP_FIXED);
    file_put(want.file);
    return (int)MIN(r, 0);
}

int mm_remap_file(struct mm *mm, uint64_t start, uint64_t size, uint64_t page)
{
    start = ALIGN_DOWN(start, PAGE_SIZE);
    size = ALIGN_DOWN(size, PAGE_SIZE);
    if (start + size <= start || page + size / PAGE_SIZE < page)
        return -EINVAL;
    rwlock_write(&mm->lock);
    int r = remap_file_locked(mm, start, size, page > UINT64_MAX / PAGE_SIZE ? UINT64_MAX : page * PAGE_SIZE);
    rwlock_write_end(&mm->lock);
    return r;
}

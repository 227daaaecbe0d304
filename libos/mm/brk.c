/*
 * The heap of brk(2). Its whole range (sys.brk.max_size) is reserved when the program starts, so
 * that nothing can be mapped in its way; pages come as the break moves up.
 */
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "lib/linux/errno.h"
#include "lib/plan/plan.h"
#include "libos/mm/mm.h"

void mm_set_brk(struct mm *mm, uint64_t start)
{
    uint64_t size = ALIGN_UP(g_machine.plan.h->brk_max, PAGE_SIZE);
    uint64_t page = ALIGN_UP(start, PAGE_SIZE);
    rwlock_write(&mm->lock);
    if (size && range_take(page, size) < 0) { /* the program stands in the way: anywhere will do */
        start = page = range_alloc(size, PAGE_SIZE, g_machine.range_low, g_machine.range_high);
        size = page ? size : 0;
    }
    mm->brk = start;
    mm->brk_start = page;
    mm->brk_limit = page + size;
    rwlock_write_end(&mm->lock);
}

uint64_t mm_brk_start(struct mm *mm)
{
    return mm->brk_start; /* constant once the program runs */
}

static int grow_locked(struct mm *mm, uint64_t from, uint64_t to)
{
    struct vma *in_the_way = vma_first(mm, from);
    if (in_the_way && in_the_way->start < to)
        return -ENOMEM;
    struct vma want = { .start = from,
                        .end = to,
                        .prot = PROT_READ | PROT_WRITE,
                        .flags = MAP_PRIVATE | MAP_ANONYMOUS,
                        .comment = "[heap]" };
    want.source.host_fd = -1;
    struct vma *v = vma_clone(&want);
    if (!v)
        return -ENOMEM;
    int r = vma_populate_locked(mm, v);
    if (r < 0) {
        mem_free(v);
        return r;
    }
    vma_insert_locked(mm, v);
    vma_merge_locked(mm, v);
    return 0;
}

uint64_t mm_brk(struct mm *mm, uint64_t address)
{
    int r = 0;
    rwlock_write(&mm->lock);
    uint64_t old = mm->brk;
    if (address >= mm->brk_start && address <= mm->brk_limit) {
        uint64_t from = ALIGN_UP(old, PAGE_SIZE), to = ALIGN_UP(address, PAGE_SIZE);
        if (to > from)
            r = grow_locked(mm, from, to);
        else if (to < from)
            r = mm_unmap_locked(mm, to, from, UNMAP_ALL);
        if (r == 0)
            mm->brk = address;
    }
    uint64_t now = mm->brk;
    rwlock_write_end(&mm->lock);
    if (r < 0)
        mm_report_oom("brk", address - old);
    return now;
}

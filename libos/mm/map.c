/*
 * mmap, munmap, mprotect: Linux's checks in Linux's order, then ranges (enclave/ranges.h), then
 * pages (populate.c), then the tree. A mapping is inserted only when its pages stand.
 *
 * Placement is top-down from a base randomised per address space. MAP_GROWSDOWN is accepted but
 * such a mapping does not grow: stacks are given their full size. Anonymous shared memory is
 * private memory of this instance, which all processes in it share by address.
 */
#include "enclave/debugger.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "lib/base/checked.h"
#include "lib/linux/errno.h"
#include "lib/plan/plan.h"
#include "libos/fs/file.h"
#include "libos/mm/mm.h"

#define HUGE_PAGE (UINT64_C(2) << 20)
#define LOW_2G    (UINT64_C(1) << 31)
#define LOW_1G    (UINT64_C(1) << 30)
#define ASLR_MAX  (UINT64_C(1) << 40)
/* What is left of a mapping's flags once it exists. */
#define KEPT_FLAGS (MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE)
#define KNOWN_FLAGS                                                                                \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE |            \
     MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |       \
     MAP_HUGETLB | MAP_FIXED_NOREPLACE | MAP_UNINITIALIZED)

struct mm *mm_new(void)
{
    struct mm *mm = mem_zalloc(sizeof(*mm));
    if (!mm)
        return NULL;
    mm->refs = 1;
    mm->base = g_machine.range_high;
    uint64_t random = 0, span = MIN((g_machine.range_high - g_machine.range_low) / 16, ASLR_MAX);
    if (!(g_machine.plan.h->flags & PLAN_DISABLE_ASLR) &&
        machine_random(&random, sizeof(random)) == 0)
        mm->base -= ALIGN_DOWN(random % (span + 1), PAGE_SIZE);
    return mm;
}

void mm_write_back(struct mm *mm)
{
    rwlock_write(&mm->lock);
    for (struct vma *v = vma_first(mm, 0); v; v = vma_next(v))
        if (vma_is_written_back(v))
            (void)vma_write_back_locked(v, v->start, v->end);
    rwlock_write_end(&mm->lock);
}

void mm_put(struct mm *mm)
{
    if (!mm || !ref_put(&mm->refs))
        return;
    for (struct vma *v = vma_first(mm, 0), *next; v; v = next) {
        next = vma_next(v);
        if (vma_is_written_back(v))
            (void)vma_write_back_locked(v, v->start, v->end);
        int r = vma_release_pages_locked(v);
        if (r == 0 && !v->borrowed && !(v->start >= mm->brk_start && v->end <= mm->brk_limit))
            range_free(v->start, v->end - v->start);
        vma_erase_locked(mm, v);
    }
    if (mm->brk_limit > mm->brk_start)
        range_free(mm->brk_start, mm->brk_limit - mm->brk_start);
    mem_free(mm);
}

struct vma *vma_clone(const struct vma *from)
{
    struct vma *v = mem_alloc(sizeof(*v));
    if (!v)
        return NULL;
    *v = *from;
    if (v->file)
        file_get(v->file);
    return v;
}

/* ---- ranges */

uint64_t mm_place(struct mm *mm, uint64_t hint, uint64_t size, uint32_t flags)
{
    uint64_t low = g_machine.range_low, high = g_machine.range_high;
    hint = ALIGN_UP(hint, PAGE_SIZE);
    if (hint && range_take(hint, size) == 0)
        return hint;
    if (flags & MAP_32BIT)
        return low < LOW_2G ? range_alloc(size, PAGE_SIZE, MAX(low, LOW_1G), MIN(high, LOW_2G)) : 0;
    /* As Linux since 6.7: big anonymous memory that huge pages can back is aligned for them. */
    bool huge = !g_machine.is_enclave && (flags & MAP_ANONYMOUS) && size >= HUGE_PAGE &&
                IS_ALIGNED(size, HUGE_PAGE);
    uint64_t at = huge ? range_alloc(size, HUGE_PAGE, low, mm->base) : 0;
    if (!at)
        at = range_alloc(size, PAGE_SIZE, low, mm->base);
    return at ? at : range_alloc(size, PAGE_SIZE, low, high);
}

/* The part of the heap's reservation that no vma uses; its range is ours already. */
static bool in_brk_reserve(const struct mm *mm, uint64_t start, uint64_t end)
{
    return start >= mm->brk_start && end <= mm->brk_limit;
}

/* Give back the ranges of the gaps in [start, end) that take_gaps took, up to `until`. */
static void free_gaps(struct mm *mm, uint64_t start, uint64_t until)
{
    uint64_t at = start;
    for (struct vma *v = vma_first(mm, start); at < until; v = vma_next(v)) {
        uint64_t gap_end = v ? MIN(v->start, until) : until;
        if (gap_end > at && !in_brk_reserve(mm, at, gap_end))
            range_free(at, gap_end - at);
        if (!v)
            return;
        at = v->end;
    }
}

/* For MAP_FIXED: own all of [start, end), of which mappings of ours may hold parts. Nothing is
 * unmapped yet. */
static int take_gaps(struct mm *mm, uint64_t start, uint64_t end)
{
    uint64_t at = start;
    for (struct vma *v = vma_first(mm, start); at < end; v = vma_next(v)) {
        uint64_t gap_end = v ? MIN(v->start, end) : end;
        if (gap_end > at && !in_brk_reserve(mm, at, gap_end) && range_take(at, gap_end - at) < 0)
            goto undo;
        if (!v || v->start >= end)
            return 0;
        at = v->end;
        if (v->internal || v->borrowed) {
            at = v->start;
            goto undo;
        }
    }
    return 0;
undo:
    free_gaps(mm, start, at);
    return -ENOMEM;
}

/* ---- unmapping */

static int unmap_one(struct mm *mm, struct vma *v, enum unmap what)
{
    if (v->borrowed && v->aliases) {
        v->aliases--;
        return 0;
    }
    if (vma_is_written_back(v))
        (void)vma_write_back_locked(v, v->start,
                                    v->end); /* munmap has no way to report it; msync has */
    int r = what != UNMAP_KEEP_PAGES ? vma_release_pages_locked(v) : 0;
    if (r < 0)
        return r;
    if (what == UNMAP_ALL && !v->borrowed && !in_brk_reserve(mm, v->start, v->end))
        range_free(v->start, v->end - v->start);
    vma_erase_locked(mm, v);
    return 0;
}

int mm_unmap_locked(struct mm *mm, uint64_t start, uint64_t end, enum unmap what)
{
    int r = vma_cut_locked(mm, start, end);
    if (r < 0)
        return r;
    for (struct vma *v = vma_first(mm, start), *next; v && v->start < end; v = next) {
        next = vma_next(v);
        r = v->internal ? 0 : unmap_one(mm, v, what);
        if (r < 0) { /* as on Linux, when there are as many mappings as may be */
            vma_merge_range_locked(mm, start, end);
            return r;
        }
    }
    return 0;
}

int mm_unmap(struct mm *mm, uint64_t start, uint64_t size)
{
    uint64_t end;
    if (!IS_ALIGNED(start, PAGE_SIZE) || size == 0 || !checked_add(start, size, &end) ||
        end > UINT64_MAX - PAGE_SIZE)
        return -EINVAL;
    end = ALIGN_UP(end, PAGE_SIZE);
    rwlock_write(&mm->lock);
    int r = mm_unmap_locked(mm, start, end, UNMAP_ALL);
    rwlock_write_end(&mm->lock);
    return r;
}

/* ---- mapping */

static int check_file(struct file *f, uint32_t prot, uint32_t type, uint32_t flags, uint64_t size,
                      uint64_t offset)
{
    uint64_t end;
    if (!checked_add(offset, size, &end))
        return -EOVERFLOW;
    if (type == MAP_SHARED_VALIDATE && (flags & ~KNOWN_FLAGS))
        return -EOPNOTSUPP;
    if (type != MAP_PRIVATE && (prot & PROT_WRITE) && !file_can_write(f))
        return -EACCES;
    if (!file_can_read(f))
        return -EACCES;
    return f->ops->map ? 0 : -ENODEV;
}

static int check_map(uint64_t hint, uint64_t size, uint32_t prot, uint32_t flags, struct file *file,
                     uint64_t offset)
{
    uint32_t type = flags & MAP_TYPE;
    if (size == 0)
        return -EINVAL;
    if (size > UINT64_MAX - PAGE_SIZE)
        return -ENOMEM;
    if (!IS_ALIGNED(offset, PAGE_SIZE))
        return -EINVAL;
    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && !IS_ALIGNED(hint, PAGE_SIZE))
        return -EINVAL;
    if (flags & MAP_ANONYMOUS) {
        if (type != MAP_SHARED && type != MAP_PRIVATE)
            return -EINVAL;
        return flags & MAP_HUGETLB ? -ENOMEM : 0; /* a machine without reserved huge pages */
    }
    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
        return -EINVAL;
    if (flags & MAP_HUGETLB)
        return -EINVAL;
    return check_file(file, prot, type, flags, size, offset);
}

/* Own the range of v (start is the hint so far). */
static int take_range(struct mm *mm, struct vma *v, uint64_t hint, uint64_t size, uint32_t flags)
{
    uint64_t end;
    if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
        v->start = mm_place(mm, hint, size, flags);
        v->end = v->start + size;
        return v->start ? 0 : -ENOMEM;
    }
    v->start = hint;
    v->end = hint + size;
    if (!checked_add(hint, size, &end) || hint < g_machine.range_low || end > g_machine.range_high)
        return -ENOMEM;
    if (flags & MAP_FIXED_NOREPLACE)
        return range_take(hint, size);
    int r = take_gaps(mm, hint, end);
    if (r < 0)
        return r;
    /* In a plain process the host's mmap puts the new pages in the old one's place at once. */
    r = mm_unmap_locked(mm, hint, end, g_machine.is_enclave ? UNMAP_KEEP_RANGE : UNMAP_KEEP_PAGES);
    if (r < 0)
        free_gaps(mm, hint, end);
    return r;
}

/*
 * ld.so maps a library whole and then its segments over that, from the same file at the same
 * offsets. Where the pages were read once and nobody could change them, changing the protection is
 * enough.
 */
static bool map_again(struct mm *mm, const struct vma *v, uint64_t at, uint64_t size)
{
    struct vma *old = vma_first(mm, at);
    uint64_t end;
    if (!checked_add(at, size, &end))
        return false;
    if (!old || old->start > at || old->end < end || !old->pristine || !old->committed ||
        old->host_mapped || old->file != v->file || !(v->flags & MAP_PRIVATE) ||
        old->offset + (at - old->start) != v->offset)
        return false;
    if (vma_cut_locked(mm, at, end) < 0)
        return false;
    old = vma_first(mm, at);
    if (vma_protect_pages_locked(mm, old, v->prot) < 0)
        return false;
    vma_merge_locked(mm, old);
    return true;
}

/* What any of them may, all may: they are the same pages. */
static int widen_exclusive(struct mm *mm, struct vma *old, const struct vma *want)
{
    if (file_can_write(want->file) && !file_can_write(old->file)) {
        file_put(old->file);
        old->file = file_get(want->file);
    }
    return vma_protect_pages_locked(mm, old, old->prot | want->prot);
}

/* The file's own pages: the address is the file's, a second mapping in this process is the same
 * pages. */
static int64_t map_shared_pages(struct mm *mm, const struct vma *want, uint64_t hint, uint64_t size,
                                uint32_t flags)
{
    uint64_t at = want->source.shared_pages(want->file, want->offset, size);
    uint64_t end = at + size;
    if (!at)
        return -ENOMEM;
    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && at != hint)
        return -EOPNOTSUPP;
    int r = vma_cut_locked(mm, at, end);
    for (uint64_t a = at; a < end && r == 0;) {
        struct vma *old = vma_first(mm, a);
        if (old && old->start <= a) {
            old->aliases++;
            a = old->end;
            if (old->source.exclusive)
                r = widen_exclusive(mm, old, want);
            continue;
        }
        struct vma *piece = vma_clone(want);
        if (!piece)
            return -ENOMEM;
        piece->start = a;
        piece->end = old ? MIN(old->start, end) : end;
        piece->offset += a - at;
        vma_insert_locked(mm, piece);
        r = vma_populate_locked(mm, piece);
        a = piece->end;
    }
    return r < 0 ? r : (int64_t)at;
}

int64_t mm_map_locked(struct mm *mm, const struct vma *want, uint64_t hint, uint64_t size, uint32_t flags)
{
    if (want->file && (want->flags & MAP_SHARED) && want->source.shared_pages)
        return map_shared_pages(mm, want, hint, size, flags);
    if ((flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE) && want->file &&
        map_again(mm, want, hint, size))
        return (int64_t)hint;
    struct vma *v = vma_clone(want);
    if (!v)
        return -ENOMEM;
    int r = take_range(mm, v, hint, size, flags);
    if (r < 0) {
        file_put(v->file);
        mem_free(v);
        return r;
    }
    uint64_t start = v->start;
    vma_insert_locked(
        mm, v); /* before its pages: populate may have to split it at the end of the file */
    r = vma_populate_locked(mm, v);
    if (r < 0) {
        (void)mm_unmap_locked(mm, start, start + size, UNMAP_ALL);
        return r;
    }
    vma_merge_range_locked(mm, start, start + size);
    return (int64_t)start;
}

int64_t mm_map(struct mm *mm, uint64_t hint, uint64_t size, uint32_t prot, uint32_t flags,
               struct file *file, uint64_t offset)
{
    int64_t r = check_map(hint, size, prot, flags, file, offset);
    if (r < 0)
        return r;
    size = ALIGN_UP(size, PAGE_SIZE);
    uint32_t type = (flags & MAP_TYPE) == MAP_PRIVATE ? MAP_PRIVATE : MAP_SHARED;
    struct vma want = { .prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC),
                        .flags = (flags & KEPT_FLAGS & ~MAP_TYPE) | type };
    want.source.host_fd = -1;
    if (!(flags & MAP_ANONYMOUS)) {
        want.file = file; /* borrowed: each vma made from this takes its own reference */
        want.offset = offset;
        r = file->ops->map(file, &want);
        if (r < 0)
            return r;
    }
    rwlock_write(&mm->lock);
    r = mm_map_locked(mm, &want, hint, size, flags);
    rwlock_write_end(&mm->lock);
    if (r == -ENOMEM && want.prot != PROT_NONE) /* malloc tries big reservations and does without */
        mm_report_oom("mmap", size);
    if (r >= 0 && want.file && prot & PROT_EXEC)
        debugger_event(DEBUGGER_CODE_MAPPED, (uint64_t)r, file, offset);
    return r;
}

static uint64_t place_near(uint64_t near, uint64_t size, uint64_t reach)
{
    uint64_t low = MAX(g_machine.range_low, near > reach ? near - reach : 0);
    return range_alloc(size, PAGE_SIZE, low, MIN(g_machine.range_high, near + reach));
}

uint64_t mm_map_internal(struct mm *mm, uint64_t near, uint64_t size, uint32_t prot,
                         const char *comment)
{
    size = ALIGN_UP(size, PAGE_SIZE);
    struct vma want = { .prot = prot,
                        .flags = MAP_PRIVATE | MAP_ANONYMOUS,
                        .internal = true,
                        .committed = true,
                        .comment = comment };
    want.source.host_fd = -1;
    rwlock_write(&mm->lock);
    /* Not at the very end of the reach: the next code to use it will stand below. */
    uint64_t at = place_near(near, size, LOW_1G);
    if (!at)
        at = place_near(near, size, LOW_2G - size - PAGE_SIZE);
    struct vma *v = NULL;
    if (at && machine_pages_commit(at, size, prot) == 0) {
        v = vma_clone(&want);
        if (!v)
            (void)machine_pages_release(at, size);
    }
    if (v) {
        v->start = at;
        v->end = at + size;
        vma_insert_locked(mm, v);
    } else if (at) {
        range_free(at, size);
    }
    rwlock_write_end(&mm->lock);
    return v ? at : 0;
}

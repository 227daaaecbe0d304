/*
 * Pages of a mapping: anonymous zeroes, files that the host maps (direct), files whose content is
 * read into committed memory (every enclave, and files in libos's own memory), reservations without
 * pages.
 *
 * Pages of a file mapping past the end of the file stay without memory: touching them is SIGBUS on
 * Linux, never a zero. Trusts source.read_pages to check what it reads (trusted and encrypted files
 * do).
 */
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/assert.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"
#include "libos/mm/mm.h"

#define COMPARE_SIZE (16 * PAGE_SIZE)
#define BIG_MAPPING  (UINT64_C(1) << 20)

static uint64_t vma_size(const struct vma *v)
{
    return v->end - v->start;
}

static uint32_t page_prot(uint32_t prot)
{
    return prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* Zero-filled: anonymous, or /dev/zero (a file that supplies no pages). */
static bool is_zero_filled(const struct vma *v)
{
    return !v->file || (v->source.host_fd < 0 && !v->source.read_pages && !v->source.shared_pages);
}

/* Addresses that must fault. In an enclave a range without pages does; a plain process needs the
 * host to keep it. */
static int reserve(uint64_t start, uint64_t size)
{
    return g_machine.is_enclave
               ? 0
               : machine_pages_map_file(start, size, PAGE_NONE, MAP_PRIVATE, -1, 0);
}

/* Fill [start, end) of a vma from its file; the memory is writable. Returns bytes until the end of
 * the file. */
static int64_t read_file(struct vma *v, uint64_t start, uint64_t end)
{
    uint64_t done = 0, size = end - start;
    while (done < size) {
        int64_t n = v->source.read_pages(v->file, v->offset + (start - v->start) + done,
                                         (void *)(uintptr_t)(start + done), size - done);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        done += (uint64_t)n;
    }
    return (int64_t)done;
}

/* The pages of v from `at` on are past the end of the file: give them back and remember so. */
static int drop_tail(struct mm *mm, struct vma *v, uint64_t at)
{
    struct vma *tail = v;
    if (at > v->start) {
        tail = vma_split_locked(mm, v, at);
        if (!tail)
            return -ENOMEM;
    }
    tail->committed = false;
    int r = machine_pages_release(tail->start, vma_size(tail));
    return r < 0 ? r : reserve(tail->start, vma_size(tail));
}

/*
 * Databases map gigabytes of a file that is still small: a big mapping is cut at the end of the file before
 * memory is committed for it. Small ones are cut at what was read, which saves a host call. 1: nothing is left.
 */
static int cut_at_end(struct mm *mm, struct vma *v)
{
    struct linux_stat st;
    if (vma_size(v) < BIG_MAPPING || !v->file->ops->stat || v->file->ops->stat(v->file, &st) < 0)
        return 0;
    uint64_t left = (uint64_t)st.size > v->offset ? ALIGN_UP((uint64_t)st.size - v->offset, PAGE_SIZE) : 0;
    if (left >= vma_size(v))
        return 0;
    struct vma *tail = left ? vma_split_locked(mm, v, v->start + left) : v;
    if (!tail)
        return -ENOMEM;
    tail->committed = false;
    int r = reserve(tail->start, vma_size(tail));
    return r < 0 ? r : tail == v;
}

static int read_in(struct mm *mm, struct vma *v)
{
    int r = cut_at_end(mm, v);
    if (r)
        return MIN(r, 0);
    if (v->flags & MAP_SHARED)
        mm_note_copy();
    r = machine_pages_commit(v->start, vma_size(v), PAGE_R | PAGE_W);
    if (r < 0)
        return r;
    int64_t n = read_file(v, v->start, v->end);
    if (n < 0) { /* not committed: what is half read must never be written back */
        (void)machine_pages_release(v->start, vma_size(v));
        return (int)n;
    }
    v->committed = true;
    uint64_t file_end = v->start + ALIGN_UP((uint64_t)n, PAGE_SIZE);
    if (file_end < v->end) {
        r = drop_tail(mm, v, file_end);
        if (r < 0 || file_end == v->start)
            return r;
    }
    return page_prot(v->prot) == (PAGE_R | PAGE_W)
               ? 0
               : machine_pages_protect(v->start, vma_size(v), page_prot(v->prot));
}

static int map_borrowed(struct vma *v)
{
    v->borrowed = v->committed = true;
    if (v->source.exclusive)
        return machine_pages_protect(v->start, vma_size(v), page_prot(v->prot));
    /* One set of pages serves every mapping of the file, so only the right that is not there yet is
     * added. */
    return v->prot & PROT_EXEC
               ? machine_pages_protect(v->start, vma_size(v), PAGE_R | PAGE_W | PAGE_X)
               : 0;
}

int vma_populate_locked(struct mm *mm, struct vma *v)
{
    uint64_t size = vma_size(v);
    uint32_t prot = page_prot(v->prot);
    v->pristine = v->file && (v->flags & MAP_PRIVATE) && !(prot & PROT_WRITE);
    if (v->file && (v->flags & MAP_SHARED) && v->source.shared_pages)
        return map_borrowed(v);
    if (v->file && v->source.host_fd >= 0 && !g_machine.is_enclave) {
        int r = machine_pages_map_file(v->start, size, prot,
                                       (int)(v->flags & (MAP_SHARED | MAP_PRIVATE)),
                                       v->source.host_fd, v->offset);
        v->committed = v->host_mapped = r >= 0;
        return r;
    }
    if (prot == PAGE_NONE) { /* pages when access is first allowed */
        v->committed = false;
        return reserve(v->start, size);
    }
    if (!is_zero_filled(v))
        return v->source.read_pages ? read_in(mm, v) : -ENODEV;
    int r = machine_pages_commit_sparse(v->start, size, prot);
    v->committed = r >= 0;
    return r;
}

int vma_protect_pages_locked(struct mm *mm, struct vma *v, uint32_t prot)
{
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    uint32_t old = v->prot;
    v->prot = prot;
    if (prot & PROT_WRITE)
        v->pristine = false;
    if (v->borrowed)
        return prot & PROT_EXEC || v->source.exclusive ? map_borrowed(v) : 0;
    int r = 0;
    if (v->committed)
        r = prot == old ? 0 : machine_pages_protect(v->start, vma_size(v), page_prot(prot));
    else if (prot != PROT_NONE)
        r = vma_populate_locked(mm, v);
    if (r < 0)
        v->prot = old;
    return r;
}

/* -ENOMEM: direct, where the host would have to split a mapping and has as many as it allows
 * (vm.max_map_count); nothing is changed. */
int vma_release_pages_locked(struct vma *v)
{
    if (v->borrowed || (!v->committed && g_machine.is_enclave))
        return 0;
    int r = machine_pages_release(v->start, vma_size(v));
    assert(r == 0 || r == -ENOMEM); /* else the machine would hold pages nobody owns */
    v->committed = v->committed && r < 0;
    return r;
}

int vma_reread_locked(struct mm *mm, struct vma *v, uint64_t start, uint64_t end)
{
    uint64_t size = end - start;
    uint32_t prot = page_prot(v->prot);
    bool zero = is_zero_filled(v);
    /* An enclave discards by writing zeroes, reading a file writes anywhere: both need the pages
     * writable. */
    bool unprotect = (prot & (PAGE_R | PAGE_W)) != (PAGE_R | PAGE_W) &&
                     (!zero || g_machine.is_enclave);
    if (v->pristine)
        return 0;
    int r = unprotect ? machine_pages_protect(start, size, PAGE_R | PAGE_W) : 0;
    if (r == 0)
        r = machine_pages_discard(start, size);
    int64_t n = r < 0 ? r : zero ? 0 : read_file(v, start, end);
    if (unprotect)
        r = machine_pages_protect(start, size, prot);
    return n < 0 ? (int)n : r;
}

bool vma_is_written_back(const struct vma *v)
{
    return v->file && (v->flags & MAP_SHARED) && v->committed && !v->borrowed && !v->host_mapped &&
           v->source.write_pages && file_can_write(v->file);
}

/*
 * Write changed pages. There are no dirty bits, so what changed is what differs from the file now;
 * a page that equals the file needs no write, and nothing is written past the end of the file.
 */
static int write_back_chunk(struct vma *v, uint64_t start, uint64_t size, uint8_t *old)
{
    uint64_t offset = v->offset + (start - v->start);
    int64_t n = v->source.read_pages(v->file, offset, old, size);
    if (n <= 0)
        return (int)n;
    for (uint64_t at = 0; at < (uint64_t)n; at += PAGE_SIZE) {
        const uint8_t *now = (const uint8_t *)(uintptr_t)(start + at);
        uint64_t bytes = MIN(PAGE_SIZE, (uint64_t)n - at);
        if (memcmp(now, old + at, bytes) == 0)
            continue;
        int64_t w = v->source.write_pages(v->file, offset + at, now, bytes);
        if (w < 0)
            return (int)w;
    }
    return 0;
}

int vma_write_back_locked(struct vma *v, uint64_t start, uint64_t end)
{
    uint8_t *old = mem_pages(COMPARE_SIZE);
    if (!old)
        return -ENOMEM;
    int r = 0;
    bool readable = page_prot(v->prot) & PAGE_R;
    if (!readable)
        r = machine_pages_protect(start, end - start, PAGE_R);
    for (uint64_t at = start; at < end && r == 0; at += COMPARE_SIZE)
        r = write_back_chunk(v, at, MIN(COMPARE_SIZE, end - at), old);
    if (!readable)
        (void)machine_pages_protect(start, end - start, page_prot(v->prot));
    mem_pages_free(old, COMPARE_SIZE);
    return r;
}

/*
 * Shared mappings of files that are copies: in an enclave the pages of a host's or an encrypted
 * file were read into memory when they were mapped, while programs (SQLite with mmap_size, bbolt)
 * write the file with pwrite and read it through the mapping. So what is written with a descriptor
 * is read again into the mappings of the same file, byte for byte, which leaves what the program
 * itself wrote beside it; and a mapping that reached beyond the end of a file gets pages at the
 * first touch once the file has grown. In `direct` the host does both.
 *
 * Private mappings are copies in every mode but of the host's files in `direct`: when a file is cut, whole pages behind
 * its new end are gone from them too, so that they are zeroes when it grows again. (Linux sends SIGBUS in between.)
 *
 * "The same file" is the same device and inode number, by the host's word for its files: a lie
 * leaves old bytes in a mapping, which the host could do by lying about the content too. Trusts
 * source.read_pages as populate.c does.
 */
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "libos/fs/dcache.h"
#include "libos/fs/file.h"
#include "libos/mm/mm.h"

static bool g_copies; /* atomic; a shared copy was ever mapped: until then a write costs one load */

void mm_note_copy(void)
{
    __atomic_store_n(&g_copies, true, __ATOMIC_RELAXED);
}

bool mm_has_copies(void)
{
    return __atomic_load_n(&g_copies, __ATOMIC_RELAXED);
}

static bool is_copy_of(const struct vma *v, const struct file *f, const struct linux_stat *st)
{
    struct linux_stat other;
    if (!v->file || !(v->flags & MAP_SHARED) || !v->committed || v->borrowed || v->host_mapped ||
        !v->source.read_pages)
        return false;
    if (v->file == f)
        return true;
    return v->file->ops == f->ops && file_stat(v->file, &other) == 0 && other.ino == st->ino &&
           other.dev == st->dev;
}

/* Read [from, to) of the file into the mapping, whatever its protection. An error leaves old bytes,
 * as a failing disk would. */
static void refresh_locked(struct vma *v, uint64_t from, uint64_t to)
{
    uint64_t at = v->start + (from - v->offset);
    uint64_t page = ALIGN_DOWN(at, PAGE_SIZE), size = ALIGN_UP(at + (to - from), PAGE_SIZE) - page;
    uint32_t prot = v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
    bool unprotect = !(prot & PROT_WRITE);
    if (unprotect && machine_pages_protect(page, size, PAGE_R | PAGE_W) < 0)
        return;
    while (from < to) {
        int64_t n = v->source.read_pages(v->file, from, (void *)(uintptr_t)at, to - from);
        if (n <= 0)
            break;
        from += (uint64_t)n;
        at += (uint64_t)n;
    }
    if (unprotect)
        (void)machine_pages_protect(page, size, prot);
}

/* Zero [from, v->end) of a private copy, whatever its protection. */
static void zero_tail_locked(const struct vma *v, uint64_t from)
{
    uint32_t prot = v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
    bool unprotect = !(prot & PROT_WRITE);
    if (unprotect && machine_pages_protect(from, v->end - from, PAGE_R | PAGE_W) < 0)
        return;
    memset((void *)(uintptr_t)from, 0, v->end - from);
    if (unprotect)
        (void)machine_pages_protect(from, v->end - from, prot);
}

void mm_file_cut(struct mm *mm, const struct inode *inode, uint64_t size)
{
    rwlock_write(&mm->lock);
    for (struct vma *v = vma_first(mm, 0); v; v = vma_next(v)) {
        if (!v->file || !v->file->dentry || v->file->dentry->inode != inode ||
            (v->flags & MAP_SHARED) || !v->committed || v->borrowed || v->host_mapped)
            continue;
        uint64_t kept = ALIGN_UP(size, PAGE_SIZE) > v->offset ? ALIGN_UP(size, PAGE_SIZE) - v->offset : 0;
        if (kept < v->end - v->start)
            zero_tail_locked(v, v->start + kept);
    }
    rwlock_write_end(&mm->lock);
}

void mm_file_written(struct mm *mm, struct file *f, uint64_t offset, uint64_t size)
{
    uint64_t end;
    struct linux_stat st;
    if (!checked_add(offset, size, &end) || file_stat(f, &st) < 0)
        return;
    rwlock_write(&mm->lock);
    for (struct vma *v = vma_first(mm, 0); v; v = vma_next(v)) {
        if (!is_copy_of(v, f, &st))
            continue;
        uint64_t from = MAX(offset, v->offset), to = MIN(end, v->offset + (v->end - v->start));
        if (from < to)
            refresh_locked(v, from, to);
    }
    rwlock_write_end(&mm->lock);
}

static bool fault_in_locked(struct mm *mm, uint64_t address)
{
    struct vma *v = vma_first(mm, address);
    struct linux_stat st;
    if (!v || v->start > address || !v->file || v->committed || !v->source.read_pages ||
        !v->file->ops->stat || v->file->ops->stat(v->file, &st) < 0)
        return false;
    if ((uint64_t)st.size <= v->offset + ALIGN_DOWN(address - v->start, PAGE_SIZE))
        return false;
    return vma_populate_locked(mm, v) == 0;
}

bool mm_fault_in(struct mm *mm, uint64_t address)
{
    if (!g_machine.is_enclave)
        return false;
    rwlock_write(&mm->lock);
    bool done = fault_in_locked(mm, address);
    rwlock_write_end(&mm->lock);
    return done;
}

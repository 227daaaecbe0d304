#ifndef LIBOS_MM_MM_H
#define LIBOS_MM_MM_H

/*
 * Inside of the room: the address space object and the tree's primitives. Other rooms use vma.h.
 * Suffix _locked: the caller holds mm->lock for writing.
 *
 * Locks: mm->lock is held over page operations and over file reads and write-backs of mapped files.
 * That is what it is for: those touch regular files only, which do not wait for events, and a
 * mapping must not be seen half made. Nothing below takes mm->lock again (user memory faults inside
 * libos never do).
 */
#include "lib/base/bytes.h"
#include "libos/mm/rwlock.h"
#include "libos/mm/vma.h"

struct mm {
    uint32_t refs;
    struct rwlock lock;
    struct rb_tree tree;                /* lock */
    uint64_t base;                      /* top of top-down placement, randomised */
    uint64_t brk_start, brk, brk_limit; /* lock; limit: end of the reserved range */
    uint64_t mapped, peak;              /* lock; bytes */
};

static inline struct vma *vma_of(struct rb_node *node)
{
    return node ? container_of(node, struct vma, node) : NULL;
}

static inline struct vma *vma_next(struct vma *v)
{
    return vma_of(rb_next(&v->node));
}

struct vma *vma_first(struct mm *mm, uint64_t address); /* the first with end > address */
void vma_insert_locked(struct mm *mm, struct vma *v);
void vma_erase_locked(struct mm *mm, struct vma *v); /* frees it and drops its file */
struct vma *vma_split_locked(struct mm *mm, struct vma *v,
                             uint64_t at); /* the right part; NULL: no memory */
int vma_cut_locked(struct mm *mm, uint64_t start,
                   uint64_t end); /* no vma straddles start or end afterwards */
struct vma *vma_merge_locked(struct mm *mm,
                             struct vma *v); /* with its neighbours; what it became */
void vma_merge_range_locked(struct mm *mm, uint64_t start, uint64_t end);
bool vma_covers(struct mm *mm, uint64_t start, uint64_t end); /* no hole within */

/* populate.c: pages of a vma */
int vma_populate_locked(struct mm *mm,
                        struct vma *v); /* make them; may split v at the end of the file */
int vma_protect_pages_locked(struct mm *mm, struct vma *v, uint32_t prot);
int vma_release_pages_locked(struct vma *v);
int vma_reread_locked(struct mm *mm, struct vma *v, uint64_t start, uint64_t end);
int vma_write_back_locked(struct vma *v, uint64_t start, uint64_t end);
bool vma_is_written_back(const struct vma *v);

/* map.c */
enum unmap {
    UNMAP_ALL,
    UNMAP_KEEP_RANGE, /* the caller maps something else there */
    UNMAP_KEEP_PAGES, /* direct only: and what it maps replaces every page */
};
int mm_unmap_locked(struct mm *mm, uint64_t start, uint64_t end, enum unmap what);
/* want: what is mapped (its file is borrowed); flags as mmap's. The address, or a negative errno. */
int64_t mm_map_locked(struct mm *mm, const struct vma *want, uint64_t hint, uint64_t size, uint32_t flags);
uint64_t mm_place(struct mm *mm, uint64_t hint, uint64_t size, uint32_t flags);
struct vma *vma_clone(
    const struct vma *from); /* not yet in a tree; with its own reference to the file */

/* coherence.c: from now on writes to files look for mappings that are copies. */
void mm_note_copy(void);

/* oom.c: say once who asked for how much and which line of the manifest to change. */
void mm_report_oom(const char *call, uint64_t size);

#endif

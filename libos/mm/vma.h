#ifndef LIBOS_MM_VMA_H
#define LIBOS_MM_VMA_H

/*
 * A process's address space: its mappings in a tree ordered by address. Look-ups take the lock
 * shared (never serialising threads against each other); changes take it exclusively.
 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave/sync.h"
#include "lib/base/rbtree.h"
#include "lib/linux/mman.h"

struct file;
struct inode;
struct vma;

/*
 * How a mapped file supplies pages; set by file_ops.map. With host_fd >= 0 in direct the host maps
 * it; otherwise read_pages fills committed memory. MAP_SHARED writable mappings are written back
 * with write_pages at msync, munmap and exit unless shared memory is real (`shared_pages`).
 */
struct vma_source {
    int host_fd; /* -1: none */
    int64_t (*read_pages)(struct file *f, uint64_t offset, void *dst,
                          uint64_t size); /* short at end of file */
    int64_t (*write_pages)(struct file *f, uint64_t offset, const void *src,
                           uint64_t size); /* NULL: cannot be shared-writable */
    /* tmpfs, memfd, shm: the file's own pages are mapped. Makes [offset, +size) resident and
     * contiguous and returns their address (0: -ENOMEM). */
    uint64_t (*shared_pages)(struct file *f, uint64_t offset, uint64_t size);
    bool exclusive; /* shared_pages: only mappings touch them, so they get the mapping's protection */
};

struct vma {
    struct rb_node node;
    uint64_t start, end;
    uint32_t prot, flags;  /* PROT_*, MAP_* */
    struct file *file;     /* counted; NULL: anonymous */
    uint64_t offset;       /* of start in the file */
    uint64_t ino_dev_hint; /* for /proc/self/maps */
    struct vma_source source;
    const char *comment; /* "[heap]", "[stack]", "[vdso]"; NULL */
    bool internal;       /* ours (trampolines): not shown in maps, not to be unmapped */
    bool committed; /* pages exist (not a PROT_NONE reservation never used, nor past the end of the
                       file: access is SIGBUS) */
    bool host_mapped; /* direct: the host maps the file */
    bool borrowed;    /* pages are the file's own (source.shared_pages): not released by us, and
                         re-protected only if they are source.exclusive */
    bool pristine;    /* private file pages that were never writable: still what the file says */
    uint32_t aliases; /* borrowed: how many more times the program mapped the same pages */
    uint32_t fork_advice; /* MADV_DONTFORK, MADV_WIPEONFORK or 0 */
};

struct mm;

struct mm *mm_new(void);
void mm_put(struct mm *mm); /* unmaps everything when the last reference goes */
void mm_write_back(struct mm *mm); /* shared mappings to their files, as when unmapped */

/* mmap(2), semantics and errno exactly Linux's. fd is already resolved to file (NULL: anonymous).
 * Returns the address or a negative errno. */
int64_t mm_map(struct mm *mm, uint64_t hint, uint64_t size, uint32_t prot, uint32_t flags,
               struct file *file, uint64_t offset);
int mm_unmap(struct mm *mm, uint64_t start, uint64_t size);
int mm_protect(struct mm *mm, uint64_t start, uint64_t size, uint32_t prot);
int64_t mm_remap(struct mm *mm, uint64_t old, uint64_t old_size, uint64_t new_size, uint32_t flags,
                 uint64_t new_address);
/* remap_file_pages(2): [start, +size) of a shared mapping shows its file from this page on. */
int mm_remap_file(struct mm *mm, uint64_t start, uint64_t size, uint64_t page);
int mm_advise(struct mm *mm, uint64_t start, uint64_t size, int advice);
int mm_sync(struct mm *mm, uint64_t start, uint64_t size, int flags);
uint64_t mm_brk(struct mm *mm, uint64_t address);
void mm_set_brk(struct mm *mm, uint64_t start);
uint64_t mm_brk_start(struct mm *mm);
/* mincore(2): one byte per page, 1 where pages exist. -ENOMEM: a hole. vec is ours. */
int mm_resident(struct mm *mm, uint64_t start, uint64_t size, uint8_t *vec);
bool mm_is_mapped(struct mm *mm, uint64_t start, uint64_t size); /* no hole */
bool mm_is_accessible(struct mm *mm, uint64_t start, uint64_t size); /* nor anything that is PROT_NONE */

/* Internal mapping near an address (within +-2 GiB), for trampolines and the vDSO; committed with
 * prot. 0 when there is none. */
uint64_t mm_map_internal(struct mm *mm, uint64_t near, uint64_t size, uint32_t prot,
                         const char *comment);

/* Name the mapping that begins at this address, for /proc/self/maps; a constant string. Harmless
 * when there is none. */
void mm_set_comment(struct mm *mm, uint64_t start, const char *comment);

/* coherence.c. After [offset, +size) of f was written by a system call: shared mappings that are copies see it. */
bool mm_has_copies(void);
/* A file was given this length: private mappings lose what stood in the pages behind it. */
void mm_file_cut(struct mm *mm, const struct inode *inode, uint64_t size);
void mm_file_written(struct mm *mm, struct file *f, uint64_t offset, uint64_t size);
/* The program touched a page that lay beyond the end of its file: true when it is there now. */
bool mm_fault_in(struct mm *mm, uint64_t address);

/* Copy of the vma that holds the address. false: none. */
bool mm_find(struct mm *mm, uint64_t address, struct vma *out);
/* Copy of the first vma with end > address: for iterating /proc/self/maps. The file reference in
 * the copy is counted: file_put it. */
bool mm_next(struct mm *mm, uint64_t address, struct vma *out);

struct mm_stats {
    uint64_t mapped, committed, peak, data, stack, exec;
};
void mm_stats(struct mm *mm, struct mm_stats *out);

#endif

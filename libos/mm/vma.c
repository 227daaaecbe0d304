/*
 * The tree of mappings: find, insert, split, merge. No pages are touched here; see populate.c for
 * pages and map.c for mmap(2). Trusts its callers to hold the lock that each name says.
 */
#include "libos/mm/mm.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/assert.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"

#define SPINS_BEFORE_YIELD 200

void rwlock_write(struct rwlock *l)
{
    mutex_lock(&l->writer);
    __atomic_or_fetch(&l->state, RWLOCK_WRITER, __ATOMIC_ACQUIRE);
    for (unsigned spins = 1; __atomic_load_n(&l->state, __ATOMIC_ACQUIRE) != RWLOCK_WRITER;
         spins++) {
        cpu_pause();
        if (spins % SPINS_BEFORE_YIELD == 0) /* a reader was preempted: let it run */
            (void)host_call(sched_yield, 0);
    }
}

struct vma *vma_first(struct mm *mm, uint64_t address)
{
    struct vma *found = NULL;
    for (struct rb_node *n = mm->tree.root; n;) {
        struct vma *v = vma_of(n);
        if (v->end > address) {
            found = v;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return found;
}

void vma_insert_locked(struct mm *mm, struct vma *v)
{
    struct rb_node **link = &mm->tree.root, *parent = NULL;
    while (*link) {
        parent = *link;
        struct vma *other = vma_of(parent);
        assert(v->end <= other->start || v->start >= other->end);
        link = v->start < other->start ? &parent->left : &parent->right;
    }
    rb_link(&mm->tree, &v->node, parent, link);
    mm->mapped += v->end - v->start;
    mm->peak = MAX(mm->peak, mm->mapped);
}

void vma_erase_locked(struct mm *mm, struct vma *v)
{
    rb_remove(&mm->tree, &v->node);
    mm->mapped -= v->end - v->start;
    file_put(v->file);
    mem_free(v);
}

struct vma *vma_split_locked(struct mm *mm, struct vma *v, uint64_t at)
{
    assert(at > v->start && at < v->end);
    struct vma *right = mem_alloc(sizeof(*right));
    if (!right)
        return NULL;
    *right = *v;
    right->start = at;
    if (right->file) {
        right->offset += at - v->start;
        file_get(right->file);
    }
    mm->mapped -= v->end - at;
    v->end = at;
    vma_insert_locked(mm, right);
    return right;
}

int vma_cut_locked(struct mm *mm, uint64_t start, uint64_t end)
{
    for (int i = 0; i < 2; i++) {
        uint64_t at = i ? end : start;
        struct vma *v = vma_first(mm, at);
        if (v && v->start < at && !vma_split_locked(mm, v, at))
            return -ENOMEM;
    }
    return 0;
}

/* Never across an end of the heap's reservation: whose range it is differs there. */
static bool can_merge(const struct mm *mm, const struct vma *a, const struct vma *b)
{
    return a->end == b->start && a->end != mm->brk_start && a->end != mm->brk_limit &&
           a->prot == b->prot && a->flags == b->flags && a->file == b->file &&
           a->committed == b->committed && a->internal == b->internal && a->comment == b->comment &&
           a->host_mapped == b->host_mapped && a->borrowed == b->borrowed &&
           a->aliases == b->aliases && a->pristine == b->pristine &&
           a->fork_advice == b->fork_advice &&
           (!a->file || a->offset + (a->end - a->start) == b->offset);
}

static void absorb_next(struct mm *mm, struct vma *v, struct vma *next)
{
    uint64_t end = next->end;
    mm->mapped += end - next->start;
    vma_erase_locked(mm, next);
    v->end = end;
}

struct vma *vma_merge_locked(struct mm *mm, struct vma *v)
{
    struct vma *next = vma_next(v);
    if (next && can_merge(mm, v, next))
        absorb_next(mm, v, next);
    struct vma *prev = vma_of(rb_prev(&v->node));
    if (prev && can_merge(mm, prev, v)) {
        absorb_next(mm, prev, v);
        return prev;
    }
    return v;
}

void vma_merge_range_locked(struct mm *mm, uint64_t start, uint64_t end)
{
    for (struct vma *v = vma_first(mm, start); v && v->start <= end; v = vma_next(v))
        v = vma_merge_locked(mm, v);
}

bool vma_covers(struct mm *mm, uint64_t start, uint64_t end)
{
    for (struct vma *v = vma_first(mm, start); v && v->start <= start; v = vma_next(v)) {
        start = v->end;
        if (start >= end)
            return true;
    }
    return false;
}

bool mm_find(struct mm *mm, uint64_t address, struct vma *out)
{
    rwlock_read(&mm->lock);
    struct vma *v = vma_first(mm, address);
    bool found = v && v->start <= address;
    if (found)
        *out = *v;
    rwlock_read_end(&mm->lock);
    return found;
}

void mm_set_comment(struct mm *mm, uint64_t start, const char *comment)
{
    rwlock_write(&mm->lock);
    struct vma *v = vma_first(mm, start);
    if (v && v->start == start)
        v->comment = comment;
    rwlock_write_end(&mm->lock);
}

bool mm_next(struct mm *mm, uint64_t address, struct vma *out)
{
    rwlock_read(&mm->lock);
    struct vma *v = vma_first(mm, address);
    if (v) {
        *out = *v;
        if (v->file)
            file_get(v->file);
    }
    rwlock_read_end(&mm->lock);
    return v != NULL;
}

bool mm_is_mapped(struct mm *mm, uint64_t start, uint64_t size)
{
    rwlock_read(&mm->lock);
    bool mapped = size == 0 || vma_covers(mm, start, start + size);
    rwlock_read_end(&mm->lock);
    return mapped;
}

bool mm_is_accessible(struct mm *mm, uint64_t start, uint64_t size)
{
    rwlock_read(&mm->lock);
    bool accessible = size == 0 || vma_covers(mm, start, start + size);
    for (struct vma *v = vma_first(mm, start); v && v->start < start + size; v = vma_next(v))
        accessible = accessible && v->prot != PROT_NONE;
    rwlock_read_end(&mm->lock);
    return accessible;
}

int mm_resident(struct mm *mm, uint64_t start, uint64_t size, uint8_t *vec)
{
    int r = 0;
    rwlock_read(&mm->lock);
    struct vma *v = vma_first(mm, start);
    for (uint64_t a = start; a < start + size; a += PAGE_SIZE) {
        if (v && v->end <= a)
            v = vma_next(v);
        if (!v || v->start > a) {
            r = -ENOMEM;
            break;
        }
        *vec++ = v->committed;
    }
    rwlock_read_end(&mm->lock);
    return r;
}

static bool is_data(const struct vma *v)
{
    return (v->prot & PROT_WRITE) && (v->flags & MAP_PRIVATE);
}

void mm_stats(struct mm *mm, struct mm_stats *out)
{
    memset(out, 0, sizeof(*out));
    rwlock_read(&mm->lock);
    out->mapped = mm->mapped;
    out->peak = mm->peak;
    rb_for_each (n, &mm->tree) {
        struct vma *v = vma_of(n);
        uint64_t size = v->end - v->start;
        out->committed += v->committed ? size : 0;
        out->exec += v->prot & PROT_EXEC ? size : 0;
        if (v->flags & MAP_GROWSDOWN)
            out->stack += size;
        else if (is_data(v))
            out->data += size;
    }
    rwlock_read_end(&mm->lock);
}

/*
 * The trusted side's allocator: power-of-two-and-a-half size classes over 64 KiB slabs taken from
 * the zone by bumping and used from their start on; larger blocks are whole pages with a header.
 * Freed slab objects go to their class's list, the last few small ones of each thread to a list of
 * its own. The zone never shrinks: libos's own objects are small and their number has a natural
 * ceiling.
 */
#include "enclave/heap.h"

#include <stdint.h>

#include "enclave/machine.h"
#include "enclave/ranges.h"
#include "enclave/sync.h"
#include "enclave/thread_block.h"
#include "enclave/zone.h"
#include "enclave/zone_alloc.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/checked.h"
#include "lib/base/str.h"

struct header {
    uint64_t size;  /* usable bytes */
    uint64_t magic; /* MAGIC ^ address: catches wild frees */
};

struct free_object {
    struct free_object *next;
};

#define MAGIC      UINT64_C(0x6c6f6973746572)
#define CLASSES    20
#define CACHE_MOST 8 /* of a class, in a thread's own list */
#define SLAB_SIZE  (UINT64_C(64) << 10)

static struct size_class {
    struct spinlock lock;
    struct free_object *free; /* lock */
    uint8_t *fresh, *fresh_end; /* lock: what is left of the last slab */
    uint64_t used;              /* lock: objects somebody has */
} g_classes[CLASSES];

/* Large blocks that were freed: kept by size, first fit. */
static struct spinlock g_large_lock;
static struct large_free {
    struct large_free *next;
    uint64_t size;
} *g_large; /* g_large_lock */
static uint64_t g_large_used, g_pages_used; /* atomic: bytes of blocks and pages somebody has */

#if __STDC_HOSTED__ /* a unit test */
static _Thread_local struct heap_cache g_cache;
#define OWN_CACHE (&g_cache)
#else
#define OWN_CACHE (&thread_block()->heap)
#endif

/* Class c holds objects of class_size(c) bytes with their header: 32, 48, 64, 96, 128, ... */
static uint64_t class_size(unsigned c)
{
    return (c & 1 ? UINT64_C(48) : UINT64_C(32)) << (c / 2);
}

static unsigned class_of(uint64_t total)
{
    if (total <= class_size(0))
        return 0;
    unsigned n = 63 - (unsigned)__builtin_clzl(total - 1); /* 2^n < total <= 2^(n+1); n >= 5 */
    unsigned c = 2 * (n - 5) + (total - 1 < UINT64_C(3) << (n - 1) ? 1 : 2);
    return MIN(c, CLASSES);
}

/* An object nobody had yet, from the class's current slab. Its page is touched only now: most of a slab never is. */
static void *take_fresh_locked(struct size_class *sc, uint64_t object)
{
    if ((uint64_t)(sc->fresh_end - sc->fresh) < object)
        return NULL;
    void *p = sc->fresh;
    sc->fresh += object;
    return p;
}

/* A new slab for the class; what another thread's new slab held in the meantime is not used. */
static void *slab_refill(struct size_class *sc, uint64_t object)
{
    uint8_t *slab = zone_bump(SLAB_SIZE);
    if (!slab)
        return NULL;
    spin_lock(&sc->lock);
    sc->fresh = slab + object;
    sc->fresh_end = slab + SLAB_SIZE;
    sc->used++;
    spin_unlock(&sc->lock);
    return slab;
}

static void *cache_take(unsigned c)
{
    struct heap_cache *own = OWN_CACHE;
    struct free_object *f = c < HEAP_CACHE_CLASSES ? own->free[c] : NULL;
    if (f) {
        own->free[c] = f->next;
        own->count[c]--;
    }
    return f;
}

static bool cache_give(unsigned c, struct free_object *f)
{
    struct heap_cache *own = OWN_CACHE;
    if (c >= HEAP_CACHE_CLASSES || own->count[c] == CACHE_MOST)
        return false;
    f->next = own->free[c];
    own->free[c] = f;
    own->count[c]++;
    return true;
}

static void *slab_alloc(struct size_class *sc, uint64_t object)
{
    spin_lock(&sc->lock);
    struct free_object *f = sc->free;
    if (f)
        sc->free = f->next;
    void *p = f ? (void *)f : take_fresh_locked(sc, object);
    sc->used += p != NULL;
    spin_unlock(&sc->lock);
    return p ? p : slab_refill(sc, object);
}

static void *large_alloc(uint64_t total)
{
    total = ALIGN_UP(total, PAGE_SIZE);
    spin_lock(&g_large_lock);
    for (struct large_free **link = &g_large; *link; link = &(*link)->next) {
        struct large_free *f = *link;
        if (f->size >= total && f->size <= total * 2) {
            *link = f->next;
            spin_unlock(&g_large_lock);
            *(uint64_t *)f = f->size; /* the caller reads the true size here */
            return f;
        }
    }
    spin_unlock(&g_large_lock);
    uint64_t *p = zone_bump(total);
    if (p)
        *p = total;
    return p;
}

void *mem_alloc(size_t size)
{
    uint64_t total;
    struct header *h;

    if (!checked_add(size, sizeof(struct header), &total) || total > UINT64_C(1) << 40)
        return NULL;
    unsigned c = class_of(total);
    if (c == CLASSES) {
        h = large_alloc(total);
        if (!h)
            return NULL;
        h->size = *(uint64_t *)h - sizeof(*h);
        __atomic_fetch_add(&g_large_used, h->size + sizeof(*h), __ATOMIC_RELAXED);
    } else {
        h = cache_take(c);
        if (!h)
            h = slab_alloc(&g_classes[c], class_size(c));
        if (!h)
            return NULL;
        h->size = class_size(c) - sizeof(*h);
    }
    h->magic = MAGIC ^ (uintptr_t)h;
    return h + 1;
}

void *mem_zalloc(size_t size)
{
    void *p = mem_alloc(size);
    if (p)
        memset(p, 0, size);
    return p;
}

void mem_free(void *p)
{
    if (!p)
        return;
    struct header *h = (struct header *)p - 1;
    assert(h->magic == (MAGIC ^ (uintptr_t)h));
    h->magic = 0;
    uint64_t total = h->size + sizeof(*h);
    unsigned c = class_of(total);
    if (c == CLASSES) {
        struct large_free *f = (struct large_free *)h;
        f->size = total;
        __atomic_fetch_sub(&g_large_used, total, __ATOMIC_RELAXED);
        spin_lock(&g_large_lock);
        f->next = g_large;
        g_large = f;
        spin_unlock(&g_large_lock);
        return;
    }
    struct free_object *f = (struct free_object *)h;
    if (cache_give(c, f))
        return;
    spin_lock(&g_classes[c].lock);
    f->next = g_classes[c].free;
    g_classes[c].free = f;
    g_classes[c].used--;
    spin_unlock(&g_classes[c].lock);
}

uint64_t mem_used(void)
{
    uint64_t sum = __atomic_load_n(&g_large_used, __ATOMIC_RELAXED) +
                   __atomic_load_n(&g_pages_used, __ATOMIC_RELAXED);
    for (unsigned c = 0; c < CLASSES; c++) {
        spin_lock(&g_classes[c].lock);
        sum += g_classes[c].used * class_size(c);
        spin_unlock(&g_classes[c].lock);
    }
    return sum;
}

void *mem_realloc(void *p, size_t size)
{
    if (!p)
        return mem_alloc(size);
    struct header *h = (struct header *)p - 1;
    assert(h->magic == (MAGIC ^ (uintptr_t)h));
    if (size <= h->size)
        return p;
    void *q = mem_alloc(size);
    if (!q)
        return NULL;
    memcpy(q, p, h->size);
    mem_free(p);
    return q;
}

void *mem_pages(size_t size)
{
    uint64_t rounded = ALIGN_UP((uint64_t)size, PAGE_SIZE);
    uint64_t at = range_alloc(rounded, PAGE_SIZE, 0, UINT64_MAX);
    if (!at)
        return NULL;
    if (machine_pages_commit(at, rounded, PAGE_R | PAGE_W)) {
        range_free(at, rounded);
        return NULL;
    }
    __atomic_fetch_add(&g_pages_used, rounded, __ATOMIC_RELAXED);
    return (void *)at;
}

void mem_pages_free(void *p, size_t size)
{
    if (!p)
        return;
    uint64_t rounded = ALIGN_UP((uint64_t)size, PAGE_SIZE);
    __atomic_fetch_sub(&g_pages_used, rounded, __ATOMIC_RELAXED);
    machine_pages_release((uintptr_t)p, rounded);
    range_free((uintptr_t)p, rounded);
}

char *mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = mem_alloc(n);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}

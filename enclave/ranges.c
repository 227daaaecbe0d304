/*
 * Free address ranges in a tree ordered by address, plus first-fit from the top: each node knows the
 * largest range below it, so that thousands of small holes are passed over at once. Nodes come from a
 * static array first and then from the heap (whose own pages come from the zone's map, not this one, so
 * there is no circle). One lock; nothing here calls the host.
 */
#include "enclave/ranges.h"

#include "enclave/heap.h"
#include "enclave/sync.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/rbtree.h"
#include "lib/linux/errno.h"

struct range {
    struct rb_node node;
    uint64_t start, end;
    uint64_t largest; /* size of the largest range of this subtree */
};

#define STATIC_NODES 512

static struct spinlock g_lock;
static void update_largest(struct rb_node *n);
static struct rb_tree g_free = { .update = update_largest }; /* g_lock */
static struct range g_nodes[STATIC_NODES];      /* g_lock */
static struct rb_node *g_spare;                 /* g_lock: list through .parent */
static uint32_t g_spare_count, g_nodes_used;    /* g_lock */
static uint64_t g_low, g_high;

#define RANGE(n) container_of(n, struct range, node)

static uint64_t largest_below(const struct rb_node *n)
{
    return n ? RANGE(n)->largest : 0;
}

static void update_largest(struct rb_node *n)
{
    struct range *r = RANGE(n);
    r->largest = MAX(r->end - r->start, MAX(largest_below(n->left), largest_below(n->right)));
}

/* Keep a few spare nodes at hand so that freeing never needs memory under the lock. */
static void refill(void)
{
    while (__atomic_load_n(&g_spare_count, __ATOMIC_RELAXED) < 8) {
        struct range *r = NULL;
        spin_lock(&g_lock);
        if (g_nodes_used < STATIC_NODES)
            r = &g_nodes[g_nodes_used++];
        spin_unlock(&g_lock);
        if (!r)
            r = mem_alloc(sizeof(*r));
        if (!r)
            return;
        spin_lock(&g_lock);
        r->node.parent = g_spare;
        g_spare = &r->node;
        g_spare_count++;
        spin_unlock(&g_lock);
    }
}

static struct range *take_spare(void)
{
    struct rb_node *n = g_spare;
    if (!n)
        return NULL;
    g_spare = n->parent;
    g_spare_count--;
    return RANGE(n);
}

static void give_spare(struct range *r)
{
    r->node.parent = g_spare;
    g_spare = &r->node;
    g_spare_count++;
}

static void link_range(struct range *r)
{
    struct rb_node **link = &g_free.root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = r->start < RANGE(parent)->start ? &parent->left : &parent->right;
    }
    rb_link(&g_free, &r->node, parent, link);
}

void ranges_init(uint64_t low, uint64_t high)
{
    g_low = low;
    g_high = high;
    refill();
    struct range *r = take_spare();
    assert(r);
    r->start = low;
    r->end = high;
    link_range(r);
}

/* Cut [start, end) out of r, which contains it. */
static int cut(struct range *r, uint64_t start, uint64_t end)
{
    uint64_t tail = r->end;
    if (r->start < start && end < tail) {
        struct range *second = take_spare();
        if (!second)
            return -ENOMEM;
        second->start = end;
        second->end = tail;
        r->end = start;
        rb_update(&g_free, &r->node);
        link_range(second);
    } else if (r->start < start) {
        r->end = start;
        rb_update(&g_free, &r->node);
    } else if (end < tail) {
        r->start = end; /* order in the tree stays */
        rb_update(&g_free, &r->node);
    } else {
        rb_remove(&g_free, &r->node);
        give_spare(r);
    }
    return 0;
}

/* The last free range that starts below `address`. */
static struct range *last_below(uint64_t address)
{
    struct range *best = NULL;
    for (struct rb_node *n = g_free.root; n;) {
        if (RANGE(n)->start < address) {
            best = RANGE(n);
            n = n->right;
        } else {
            n = n->left;
        }
    }
    return best;
}

static struct range *if_it_fits(struct rb_node *n, uint64_t size)
{
    return RANGE(n)->end - RANGE(n)->start >= size ? RANGE(n) : NULL;
}

/* The last range before r that has this size. */
static struct range *previous_of_size(struct range *r, uint64_t size)
{
    struct rb_node *n = &r->node;
    struct range *found = NULL;
    while (!found) {
        if (largest_below(n->left) >= size) {
            n = n->left;
            while (largest_below(n->right) >= size)
                n = n->right;
        } else {
            while (n->parent && n == n->parent->left)
                n = n->parent;
            n = n->parent;
            if (!n)
                return NULL;
        }
        found = if_it_fits(n, size);
    }
    return found;
}

uint64_t range_alloc(uint64_t size, uint64_t align, uint64_t low, uint64_t high)
{
    uint64_t found = 0;

    if (size == 0 || size > g_high)
        return 0;
    low = MAX(low, g_low);
    high = MIN(high, g_high);
    refill();
    spin_lock(&g_lock);
    for (struct range *r = last_below(high); r && r->end > low;) {
        uint64_t end = MIN(r->end, high);
        uint64_t start = end >= size ? ALIGN_DOWN(end - size, align) : 0;
        if (end >= size && start >= MAX(r->start, low)) {
            found = cut(r, start, start + size) == 0 ? start : 0;
            break;
        }
        r = previous_of_size(r, size);
    }
    spin_unlock(&g_lock);
    return found;
}

int range_take(uint64_t address, uint64_t size)
{
    uint64_t end;
    int err = -EEXIST;

    if (__builtin_add_overflow(address, size, &end) || address < g_low || end > g_high)
        return -ENOMEM;
    refill();
    spin_lock(&g_lock);
    struct range *r = last_below(address + 1);
    if (r && r->end >= end)
        err = cut(r, address, end);
    spin_unlock(&g_lock);
    return err;
}

void range_free(uint64_t address, uint64_t size)
{
    uint64_t end = address + size;

    if (size == 0)
        return;
    refill();
    spin_lock(&g_lock);
    struct range *before = last_below(address);
    struct rb_node *next = before ? rb_next(&before->node) : rb_first(&g_free);
    struct range *after = next ? RANGE(next) : NULL;
    assert(!before || before->end <= address);
    assert(!after || after->start >= end);
    bool joins_before = before && before->end == address, joins_after = after && after->start == end;
    if (joins_before && joins_after) {
        before->end = after->end;
        rb_update(&g_free, &before->node);
        rb_remove(&g_free, &after->node);
        give_spare(after);
    } else if (joins_before) {
        before->end = end;
        rb_update(&g_free, &before->node);
    } else if (joins_after) {
        after->start = address;
        rb_update(&g_free, &after->node);
    } else {
        struct range *r = take_spare();
        if (r) { /* without a node the range is lost to us, never given twice */
            r->start = address;
            r->end = end;
            link_range(r);
        }
    }
    spin_unlock(&g_lock);
}

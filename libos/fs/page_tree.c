/* A sparse table of pages: see page_tree.h. Nodes are pages of pointers from the trusted heap. */
#include "libos/fs/page_tree.h"

#include <stddef.h>

#include "enclave/heap.h"
#include "lib/base/bytes.h"

#define FANOUT (UINT64_C(1) << PAGE_TREE_BITS)

static unsigned shift_of(unsigned height)
{
    return height * PAGE_TREE_BITS;
}

static void **child_of(void *node, unsigned height, uint64_t number)
{
    return (void **)node + (number >> shift_of(height - 1) & (FANOUT - 1));
}

uint8_t *page_tree_get(const struct page_tree *t, uint64_t number)
{
    void *p = t->root;
    if (number >> shift_of(t->height))
        return NULL;
    for (unsigned h = t->height; h > 0 && p; h--)
        p = *child_of(p, h, number);
    return p;
}

uint8_t **page_tree_slot(struct page_tree *t, uint64_t number)
{
    if (number >> shift_of(PAGE_TREE_LEVELS))
        return NULL;
    while (number >> shift_of(t->height)) {
        void **node = t->root ? mem_pages(PAGE_SIZE) : NULL;
        if (t->root && !node)
            return NULL;
        if (node)
            node[0] = t->root;
        t->root = node;
        t->height++;
    }
    void **slot = &t->root;
    for (unsigned h = t->height; h > 0; h--) {
        if (!*slot && !(*slot = mem_pages(PAGE_SIZE)))
            return NULL;
        slot = child_of(*slot, h, number);
    }
    return (uint8_t **)slot;
}

bool page_tree_next(const struct page_tree *t, uint64_t *number)
{
    while (!(*number >> shift_of(t->height))) {
        void *p = t->root;
        unsigned h = t->height;
        for (; h > 0 && p; h--)
            p = *child_of(p, h, *number);
        if (p)
            return true;
        /* Nothing below here: on to what stands beside it. */
        *number = ((*number >> shift_of(h)) + 1) << shift_of(h);
    }
    return false;
}

/* At most PAGE_TREE_LEVELS deep. */
static void free_node(void *node, unsigned height)
{
    if (!node || height == 0)
        return;
    for (uint64_t i = 0; i < FANOUT && height > 1; i++)
        free_node(((void **)node)[i], height - 1);
    mem_pages_free(node, PAGE_SIZE);
}

void page_tree_free(struct page_tree *t)
{
    free_node(t->root, t->height);
    *t = (struct page_tree){ NULL, 0 };
}

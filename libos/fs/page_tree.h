#ifndef LIBOS_FS_PAGE_TREE_H
#define LIBOS_FS_PAGE_TREE_H

/*
 * Pages by number, sparse: a tree of nodes with 512 children, as high as the greatest number asks
 * for. Number 0 alone needs no node. The caller locks.
 */
#include <stdbool.h>
#include <stdint.h>

#define PAGE_TREE_BITS   9
#define PAGE_TREE_LEVELS 4 /* numbers below 2^36 */

struct page_tree {
    void *root; /* height 0: the page of number 0 */
    unsigned height;
};

uint8_t *page_tree_get(const struct page_tree *t, uint64_t number);
/* Where the page of that number is to be put: NULL when there is no memory for nodes. */
uint8_t **page_tree_slot(struct page_tree *t, uint64_t number);
/* Moves *number on to the first that is not below it and has a page. */
bool page_tree_next(const struct page_tree *t, uint64_t *number);
/* The nodes, not the pages. */
void page_tree_free(struct page_tree *t);

#endif

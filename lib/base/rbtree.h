#ifndef LIB_BASE_RBTREE_H
#define LIB_BASE_RBTREE_H

/*
 * Intrusive red-black tree. The caller walks down to find the place (so comparisons are inlined and
 * typed) and then links the node there.
 *
 *     struct rb_node **link = &tree->root, *parent = NULL;
 *     while (*link) { parent = *link; link = key < KEY(parent) ? &parent->left : &parent->right; }
 *     rb_link(tree, &new->node, parent, link);
 */
#include <stdbool.h>

struct rb_node {
    struct rb_node *parent, *left, *right;
    bool red;
};

/*
 * update: NULL, or called for a node whose children are not what they were, children before parents:
 * for trees whose nodes know something of all that is below them.
 */
struct rb_tree {
    struct rb_node *root;
    void (*update)(struct rb_node *node);
};

void rb_link(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
             struct rb_node **link);
void rb_remove(struct rb_tree *tree, struct rb_node *node);
/* What a node itself says has changed: update it and all above. */
void rb_update(struct rb_tree *tree, struct rb_node *node);
struct rb_node *rb_first(const struct rb_tree *tree);
struct rb_node *rb_last(const struct rb_tree *tree);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

#define rb_for_each(it, tree) for (struct rb_node *it = rb_first(tree); it; it = rb_next(it))

#endif

/* Red-black tree: the textbook algorithm with parent pointers; NULL leaves count as black. */
#include "lib/base/rbtree.h"

#include <stddef.h>

static bool is_red(const struct rb_node *n)
{
    return n && n->red;
}

static void replace_child(struct rb_tree *t, struct rb_node *old, struct rb_node *new)
{
    struct rb_node *p = old->parent;
    if (!p)
        t->root = new;
    else if (p->left == old)
        p->left = new;
    else
        p->right = new;
    if (new)
        new->parent = p;
}

void rb_update(struct rb_tree *t, struct rb_node *n)
{
    for (; t->update && n; n = n->parent)
        t->update(n);
}

/* x went down, y took its place. */
static void update_rotated(struct rb_tree *t, struct rb_node *x, struct rb_node *y)
{
    if (t->update) {
        t->update(x);
        t->update(y);
    }
}

static void rotate_left(struct rb_tree *t, struct rb_node *x)
{
    struct rb_node *y = x->right;
    replace_child(t, x, y);
    x->right = y->left;
    if (x->right)
        x->right->parent = x;
    y->left = x;
    x->parent = y;
    update_rotated(t, x, y);
}

static void rotate_right(struct rb_tree *t, struct rb_node *x)
{
    struct rb_node *y = x->left;
    replace_child(t, x, y);
    x->left = y->right;
    if (x->left)
        x->left->parent = x;
    y->right = x;
    x->parent = y;
    update_rotated(t, x, y);
}

void rb_link(struct rb_tree *t, struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
    *n = (struct rb_node){ .parent = parent, .red = true };
    *link = n;
    rb_update(t, n);
    while (is_red(n->parent)) {
        struct rb_node *p = n->parent, *g = p->parent;
        bool left = p == g->left;
        struct rb_node *uncle = left ? g->right : g->left;
        if (is_red(uncle)) {
            p->red = uncle->red = false;
            g->red = true;
            n = g;
            continue;
        }
        if (n == (left ? p->right : p->left)) {
            n = p;
            left ? rotate_left(t, n) : rotate_right(t, n);
            p = n->parent;
        }
        p->red = false;
        g->red = true;
        left ? rotate_right(t, g) : rotate_left(t, g);
    }
    t->root->red = false;
}

/* x took the place of a removed black node below p; one black is missing on that side. */
static void fix_removal(struct rb_tree *t, struct rb_node *x, struct rb_node *p)
{
    while (x != t->root && !is_red(x)) {
        bool left = x == p->left;
        struct rb_node *w = left ? p->right : p->left;
        if (is_red(w)) {
            w->red = false;
            p->red = true;
            left ? rotate_left(t, p) : rotate_right(t, p);
            w = left ? p->right : p->left;
        }
        if (!is_red(w->left) && !is_red(w->right)) {
            w->red = true;
            x = p;
            p = x->parent;
            continue;
        }
        if (!is_red(left ? w->right : w->left)) {
            (left ? w->left : w->right)->red = false;
            w->red = true;
            left ? rotate_right(t, w) : rotate_left(t, w);
            w = left ? p->right : p->left;
        }
        w->red = p->red;
        p->red = false;
        (left ? w->right : w->left)->red = false;
        left ? rotate_left(t, p) : rotate_right(t, p);
        x = t->root;
    }
    if (x)
        x->red = false;
}

void rb_remove(struct rb_tree *t, struct rb_node *n)
{
    struct rb_node *child, *parent;
    bool removed_red = n->red;

    if (!n->left || !n->right) {
        child = n->left ? n->left : n->right;
        parent = n->parent;
        replace_child(t, n, child);
    } else {
        struct rb_node *s = n->right;
        while (s->left)
            s = s->left;
        removed_red = s->red;
        child = s->right;
        parent = s->parent == n ? s : s->parent;
        if (s->parent != n) {
            replace_child(t, s, child);
            s->right = n->right;
            s->right->parent = s;
        }
        replace_child(t, n, s);
        s->left = n->left;
        s->left->parent = s;
        s->red = n->red;
    }
    rb_update(t, parent);
    if (!removed_red)
        fix_removal(t, child, parent);
}

struct rb_node *rb_first(const struct rb_tree *t)
{
    struct rb_node *n = t->root;
    while (n && n->left)
        n = n->left;
    return n;
}

struct rb_node *rb_last(const struct rb_tree *t)
{
    struct rb_node *n = t->root;
    while (n && n->right)
        n = n->right;
    return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
    if (n->right) {
        n = n->right;
        while (n->left)
            n = n->left;
        return (struct rb_node *)n;
    }
    while (n->parent && n == n->parent->right)
        n = n->parent;
    return n->parent;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
    if (n->left) {
        n = n->left;
        while (n->right)
            n = n->right;
        return (struct rb_node *)n;
    }
    while (n->parent && n == n->parent->left)
        n = n->parent;
    return n->parent;
}

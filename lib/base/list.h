#ifndef LIB_BASE_LIST_H
#define LIB_BASE_LIST_H

/* Intrusive doubly linked circular list. An empty list's head points to itself. */
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/bytes.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(head) { &(head), &(head) }

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_between(struct list *node, struct list *prev, struct list *next)
{
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_insert_between(node, head, head->next);
}

static inline void list_push_back(struct list *head, struct list *node)
{
    list_insert_between(node, head->prev, head);
}

/* Unlink a node and leave it pointing to itself, so that removing it twice is harmless. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* All of `other`, in its order, comes before what head has. */
static inline void list_take_front(struct list *head, struct list *other)
{
    if (list_empty(other))
        return;
    other->prev->next = head->next;
    head->next->prev = other->prev;
    head->next = other->next;
    other->next->prev = head;
    list_init(other);
}

#define list_entry(node, type, member) container_of(node, type, member)

#define list_for_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)

/* Like list_for_each, but the body may remove `it`. */
#define list_for_each_safe(it, head)                                                               \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

#endif

/*
 * Nodes in memory. Invariant, kept by tree.c: whoever is in the cache, so are all MHT nodes above
 * it up to (not including) the root, and they were used more recently. So a flush finds the parent
 * of every dirty node here, and the least recent node is never the parent of another one.
 */
#include "lib/encfile/cache.h"

#include "lib/encfile/flush.h"
#include "lib/linux/errno.h"

void encfile_cache_init(struct encfile *f)
{
    list_init(&f->lru);
    list_init(&f->spare);
    for (size_t i = 0; i < ENCFILE_CACHE; i++)
        list_push_back(&f->spare, &f->nodes[i].link);
}

struct encfile_node *encfile_cache_find(struct encfile *f, uint64_t number)
{
    struct encfile_node *node = f->buckets[number % CACHE_BUCKETS];
    while (node && node->number != number)
        node = node->next;
    return node;
}

static void bucket_remove(struct encfile *f, struct encfile_node *node)
{
    struct encfile_node **link = &f->buckets[node->number % CACHE_BUCKETS];
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
}

static void bucket_insert(struct encfile *f, struct encfile_node *node)
{
    struct encfile_node **head = &f->buckets[node->number % CACHE_BUCKETS];
    node->next = *head;
    *head = node;
}

void encfile_cache_touch(struct encfile *f, struct encfile_node *node)
{
    list_remove(&node->link);
    list_push_front(&f->lru, &node->link);
}

static void release(struct encfile *f, struct encfile_node *node)
{
    bucket_remove(f, node);
    node->number = 0;
    node->dirty = node->fresh = node->journaled = false;
    list_remove(&node->link);
    list_push_front(&f->spare, &node->link);
}

void encfile_cache_drop(struct encfile *f, struct encfile_node *node)
{
    bytes_wipe(node->data, NODE_SIZE);
    release(f, node);
}

void encfile_cache_drop_from(struct encfile *f, uint64_t number)
{
    list_for_each_safe (it, &f->lru) {
        struct encfile_node *node = list_entry(it, struct encfile_node, link);
        if (node->number >= number)
            encfile_cache_drop(f, node);
    }
}

int encfile_cache_take(struct encfile *f, uint64_t number, struct encfile_node **out)
{
    struct encfile_node *node;
    if (list_empty(&f->spare)) {
        node = list_entry(f->lru.prev, struct encfile_node, link);
        if (node->dirty) {
            int err = encfile_flush_all(f);
            if (err)
                return err;
        }
        /* Not wiped: the new node overwrites it. */
        release(f, node);
    }
    node = list_entry(f->spare.next, struct encfile_node, link);
    if (!node->data)
        node->data = f->env->alloc(NODE_SIZE);
    if (!node->data)
        return encfile_fail(f, ENCFILE_NO_MEMORY, -ENOMEM);
    node->number = number;
    bucket_insert(f, node);
    encfile_cache_touch(f, node);
    *out = node;
    return 0;
}

void encfile_cache_fini(struct encfile *f)
{
    encfile_cache_drop_from(f, 0);
    for (size_t i = 0; i < ENCFILE_CACHE; i++) {
        if (f->nodes[i].data)
            f->env->free(f->nodes[i].data);
        f->nodes[i].data = NULL;
    }
}

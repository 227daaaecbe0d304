/* Memory that is freed all at once: a list of blocks, each with room for many small pieces. */
#include "manifest/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROOM 65536

struct arena_block {
    struct arena_block *next;
    size_t used, room;
    alignas(max_align_t) char data[];
};

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + 15) & ~(size_t)15;
    if (!a->blocks || a->blocks->room - a->blocks->used < bytes) {
        size_t room = bytes > BLOCK_ROOM ? bytes : BLOCK_ROOM;
        struct arena_block *block = malloc(sizeof(*block) + room);
        if (!block)
            return NULL;
        block->next = a->blocks;
        block->used = 0;
        block->room = room;
        a->blocks = block;
    }
    void *p = a->blocks->data + a->blocks->used;
    a->blocks->used += bytes;
    return memset(p, 0, bytes);
}

char *arena_copy(struct arena *a, const char *text, size_t length)
{
    char *copy = arena_alloc(a, length + 1, 1);
    return copy ? memcpy(copy, text, length) : NULL;
}

void arena_free(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}

#ifndef MANIFEST_ARENA_H
#define MANIFEST_ARENA_H

/* Memory that is freed all at once. */
#include <stddef.h>

struct arena {
    struct arena_block *blocks;
};

/* Zeroed memory, or NULL. */
void *arena_alloc(struct arena *a, size_t count, size_t size);
/* A copy of text[length] with a NUL, or NULL. */
char *arena_copy(struct arena *a, const char *text, size_t length);
void arena_free(struct arena *a);

#endif

#ifndef LIB_BASE_CURSOR_H
#define LIB_BASE_CURSOR_H

/*
 * A bounds-checked reader over untrusted bytes. A read past the end sets `failed`, returns zero and
 * moves nothing; check `failed` once at the end instead of after each read.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

struct cursor {
    const uint8_t *pos;
    size_t left;
    bool failed;
};

static inline struct cursor cursor_over(const void *data, size_t size)
{
    return (struct cursor){ .pos = data, .left = size };
}

/* Borrow the next `size` bytes, or NULL. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t size)
{
    if (c->failed || size > c->left) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *p = c->pos;
    c->pos += size;
    c->left -= size;
    return p;
}

static inline void cursor_copy(struct cursor *c, void *dst, size_t size)
{
    const uint8_t *p = cursor_take(c, size);
    if (p)
        memcpy(dst, p, size);
    else
        memset(dst, 0, size);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 1);
    return p ? *p : 0;
}

static inline uint16_t cursor_le16(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);
    return p ? load_le16(p) : 0;
}

static inline uint32_t cursor_le32(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? load_le32(p) : 0;
}

static inline uint64_t cursor_le64(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 8);
    return p ? load_le64(p) : 0;
}

#endif

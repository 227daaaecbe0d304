#ifndef LIB_BASE_CHECKED_H
#define LIB_BASE_CHECKED_H

/* Arithmetic on sizes that others chose: true means it fits and *out is the result. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define checked_add(a, b, out) (!__builtin_add_overflow((a), (b), (out)))
#define checked_sub(a, b, out) (!__builtin_sub_overflow((a), (b), (out)))
#define checked_mul(a, b, out) (!__builtin_mul_overflow((a), (b), (out)))

/* Does [offset, offset + size) lie within [0, limit)? */
static inline bool range_within(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

/* Do [a, a + na) and [b, b + nb) share a byte? Neither range may wrap. */
static inline bool ranges_overlap(uint64_t a, uint64_t na, uint64_t b, uint64_t nb)
{
    return na && nb && a < b + nb && b < a + na;
}

#endif

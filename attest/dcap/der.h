#ifndef ATTEST_DER_H
#define ATTEST_DER_H

/* A bounds-checked reader of DER: one element at a time, lengths up to 4 bytes, no recursion. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cursor.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_ENUM = 0x0a,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT0 = 0xa0,
    DER_CONTEXT3 = 0xa3,
};

struct der {
    uint8_t tag;
    const uint8_t *content;
    size_t size;
    const uint8_t *whole; /* tag and length included */
    size_t whole_size;
};

/* Take the next element. On any error c->failed is set and the result is all zero. */
struct der der_next(struct cursor *c);
/* The same, and it must have this tag. */
struct der der_expect(struct cursor *c, uint8_t tag);
struct cursor der_inside(const struct der *d);
bool der_is_oid(const struct der *d, const void *content, size_t size);
/* INTEGER or ENUMERATED, 0..65535, shortest form. Returns 0 or -EINVAL. */
int der_small_integer(const struct der *d, uint32_t *out);

#endif

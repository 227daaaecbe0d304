/* Read DER elements out of untrusted bytes; see attest/dcap/der.h. Trusts nothing. */
#include "attest/dcap/der.h"

#include <errno.h>

static size_t read_length(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    if (first < 0x80)
        return first;
    unsigned bytes = first & 0x7f;
    size_t size = 0;
    if (bytes == 0 || bytes > 4) {
        c->failed = true;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        size = size << 8 | cursor_u8(c);
    if (size < 0x80 || (bytes > 1 && size >> (8 * (bytes - 1)) == 0))
        c->failed = true; /* not the shortest form: not DER */
    return size;
}

struct der der_next(struct cursor *c)
{
    struct der d = { .whole = c->pos };
    size_t before = c->left;
    d.tag = cursor_u8(c);
    if ((d.tag & 0x1f) == 0x1f)
        c->failed = true; /* long tags do not occur in what we read */
    d.size = read_length(c);
    d.content = cursor_take(c, d.size);
    if (c->failed)
        return (struct der){ 0 };
    d.whole_size = before - c->left;
    return d;
}

struct der der_expect(struct cursor *c, uint8_t tag)
{
    struct der d = der_next(c);
    if (!c->failed && d.tag == tag)
        return d;
    c->failed = true;
    return (struct der){ 0 };
}

struct cursor der_inside(const struct der *d)
{
    return cursor_over(d->content, d->size);
}

bool der_is_oid(const struct der *d, const void *content, size_t size)
{
    return d->tag == DER_OID && d->size == size && memcmp(d->content, content, size) == 0;
}

int der_small_integer(const struct der *d, uint32_t *out)
{
    const uint8_t *p = d->content;
    size_t size = d->size;
    if ((d->tag != DER_INTEGER && d->tag != DER_ENUM) || size == 0 || (p[0] & 0x80))
        return -EINVAL;
    if (size > 1 && p[0] == 0 && !(p[1] & 0x80))
        return -EINVAL;
    if (p[0] == 0 && size > 1) {
        p++;
        size--;
    }
    if (size > 2)
        return -EINVAL;
    *out = size == 1 ? p[0] : (uint32_t)p[0] << 8 | p[1];
    return 0;
}

/* CBOR (RFC 8949) over untrusted bytes: see attest/ratls/cbor.h. */
#include "attest/ratls/cbor.h"

static uint64_t read_argument(struct cursor *c, uint8_t first)
{
    unsigned low = first & 0x1f;
    if (low < 24)
        return low;
    if (low > 27) { /* indefinite or reserved */
        c->failed = true;
        return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < 1u << (low - 24); i++)
        value = value << 8 | cursor_u8(c);
    return value;
}

uint64_t cbor_head(struct cursor *c, enum cbor_major major)
{
    uint8_t first = cursor_u8(c);
    if (c->failed || first >> 5 != (unsigned)major) {
        c->failed = true;
        return 0;
    }
    return read_argument(c, first);
}

struct cursor cbor_string(struct cursor *c, enum cbor_major major)
{
    uint64_t size = cbor_head(c, major);
    if (c->failed || size > c->left) {
        c->failed = true;
        return (struct cursor){ .failed = true };
    }
    return cursor_over(cursor_take(c, (size_t)size), (size_t)size);
}

void cbor_skip_flat(struct cursor *c)
{
    if (c->left == 0) {
        c->failed = true;
        return;
    }
    unsigned major = *c->pos >> 5;
    if (major == CBOR_BYTES || major == CBOR_TEXT)
        (void)cbor_string(c, major);
    else if (major <= 1)
        (void)cbor_head(c, major);
    else
        c->failed = true;
}

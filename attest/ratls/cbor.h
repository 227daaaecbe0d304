#ifndef ATTEST_CBOR_H
#define ATTEST_CBOR_H

/* A bounds-checked reader of the few kinds of CBOR items that evidence uses; definite lengths only. */
#include <stdint.h>

#include "lib/base/cursor.h"

enum cbor_major { CBOR_UINT = 0, CBOR_BYTES = 2, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5, CBOR_TAG = 6 };

/* The argument of the next item, which must be of this kind; else c->failed. */
uint64_t cbor_head(struct cursor *c, enum cbor_major major);
/* A byte or text string: its content as a cursor of its own. */
struct cursor cbor_string(struct cursor *c, enum cbor_major major);
/* Skip one item without children (integer or string). */
void cbor_skip_flat(struct cursor *c);

#endif

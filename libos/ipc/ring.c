/* The byte ring under pipes and Unix sockets: see ring.h. */
#include "libos/ipc/ring.h"

#include "enclave/heap.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/sys/iobuf.h"

#define FIRST_ROOM 4096u

void ring_init(struct ring *r, uint32_t limit)
{
    *r = (struct ring){ .limit = limit };
}

void ring_fini(struct ring *r)
{
    mem_free(r->bytes);
    r->bytes = NULL;
}

/* Contiguous bytes from position `at` (counted from head), at most `size`. */
static uint8_t *span_at(const struct ring *r, uint32_t at, uint32_t *size)
{
    uint32_t start = (r->head + at) & (r->room - 1);
    *size = MIN(*size, r->room - start);
    return r->bytes + start;
}

static int make_room(struct ring *r, uint32_t more)
{
    uint32_t need = r->used + more, room = r->room ? r->room : FIRST_ROOM;
    while (room < need)
        room *= 2;
    if (room == r->room)
        return 0;
    uint8_t *bytes = mem_alloc(room);
    if (!bytes)
        return -ENOMEM;
    for (uint32_t at = 0; at < r->used;) {
        uint32_t n = r->used - at;
        const uint8_t *from = span_at(r, at, &n);
        memcpy(bytes + at, from, n);
        at += n;
    }
    mem_free(r->bytes);
    r->bytes = bytes;
    r->room = room;
    r->head = 0;
    return 0;
}

int64_t ring_fill(struct ring *r, struct iobuf *b, uint32_t size)
{
    uint32_t done = 0;
    if (make_room(r, size) < 0)
        return -ENOMEM;
    while (done < size) {
        uint32_t n = size - done;
        uint8_t *to = span_at(r, r->used, &n);
        int64_t moved = iobuf_get(b, to, n);
        if (moved < 0)
            return done ? (int64_t)done : moved;
        if (moved == 0)
            break;
        r->used += (uint32_t)moved;
        done += (uint32_t)moved;
    }
    return done;
}

int64_t ring_peek(const struct ring *r, uint32_t at, struct iobuf *b, uint32_t size)
{
    uint32_t done = 0;
    assert(at <= r->used);
    size = MIN(size, r->used - at);
    while (done < size) {
        uint32_t n = size - done;
        const uint8_t *from = span_at(r, at + done, &n);
        int64_t moved = iobuf_put(b, from, n);
        if (moved < 0)
            return done ? (int64_t)done : moved;
        if (moved == 0)
            break;
        done += (uint32_t)moved;
    }
    return done;
}

int64_t ring_drain(struct ring *r, struct iobuf *b, uint32_t size)
{
    int64_t n = ring_peek(r, 0, b, size);
    if (n > 0)
        ring_skip(r, (uint32_t)n);
    return n;
}

void ring_skip(struct ring *r, uint32_t size)
{
    assert(size <= r->used);
    r->used -= size;
    r->head = r->used ? (r->head + size) & (r->room - 1) : 0;
}

void ring_unfill(struct ring *r, uint32_t size)
{
    assert(size <= r->used);
    r->used -= size;
}

int ring_put(struct ring *r, const void *data, uint32_t size)
{
    const uint8_t *from = data;
    if (make_room(r, size) < 0)
        return -ENOMEM;
    while (size) {
        uint32_t n = size;
        uint8_t *to = span_at(r, r->used, &n);
        memcpy(to, from, n);
        from += n;
        size -= n;
        r->used += n;
    }
    return 0;
}

void ring_get(struct ring *r, void *out, uint32_t size)
{
    uint8_t *to = out;
    assert(size <= r->used);
    while (size) {
        uint32_t n = size;
        const uint8_t *from = span_at(r, 0, &n);
        memcpy(to, from, n);
        ring_skip(r, n);
        to += n;
        size -= n;
    }
}

int ring_set_limit(struct ring *r, uint32_t limit)
{
    if (limit < r->used)
        return -EBUSY;
    r->limit = limit;
    return 0;
}

/* Segmented buffers in the program's memory or ours. */
#include "libos/sys/iobuf.h"

#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/linux/errno.h"

static void init_single(struct iobuf *b, bool user, uint64_t address, uint64_t size)
{
    b->user = user;
    b->count = 1;
    b->index = 0;
    b->done_in_segment = 0;
    b->left = size;
    b->segments = b->inline_segments;
    b->inline_segments[0] = (struct iobuf_segment){ address, size };
}

IN_LINE int iobuf_check(const struct iobuf *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->segments[i].size && !user_range_ok(b->segments[i].address, b->segments[i].size))
            return -EFAULT;
    return 0;
}

IN_LINE int iobuf_user(struct iobuf *b, uint64_t address, uint64_t size)
{
    init_single(b, true, address, size);
    return iobuf_check(b);
}

void iobuf_kernel(struct iobuf *b, void *p, size_t size)
{
    init_single(b, false, (uintptr_t)p, size);
}

IN_LINE uint64_t iobuf_span(const struct iobuf *b, uint64_t *size)
{
    for (uint32_t i = b->index; i < b->count; i++) {
        uint64_t done = i == b->index ? b->done_in_segment : 0;
        uint64_t here = MIN(b->segments[i].size - done, b->left);
        if (here) {
            *size = here;
            return b->segments[i].address + done;
        }
    }
    *size = 0;
    return 0;
}

IN_LINE void iobuf_advance(struct iobuf *b, uint64_t n)
{
    n = MIN(n, b->left);
    b->left -= n;
    while (b->index < b->count) {
        uint64_t here = b->segments[b->index].size - b->done_in_segment;
        if (n < here) {
            b->done_in_segment += n;
            return;
        }
        n -= here;
        b->index++;
        b->done_in_segment = 0;
    }
}

enum direction { INTO, OUT_OF, ZERO };

static size_t move_span(const struct iobuf *b, uint64_t span, void *ours, size_t size, enum direction way)
{
    if (way == ZERO)
        return b->user ? (user_zero(span, size) ? 0 : size) : (memset((void *)span, 0, size), size);
    if (!b->user) {
        if (way == INTO)
            memcpy((void *)span, ours, size);
        else
            memcpy(ours, (void *)span, size);
        return size;
    }
    return way == INTO ? user_write_some(span, ours, size) : user_read_some(ours, span, size);
}

static int64_t move(struct iobuf *b, void *ours, size_t size, enum direction way)
{
    size_t done = 0;

    while (done < size && b->left) {
        uint64_t here;
        uint64_t span = iobuf_span(b, &here);
        here = MIN(here, size - done);
        size_t moved = move_span(b, span, (uint8_t *)ours + done, here, way);
        iobuf_advance(b, moved);
        done += moved;
        if (moved < here)
            return done ? (int64_t)done : -EFAULT;
    }
    return (int64_t)done;
}

int64_t iobuf_put(struct iobuf *b, const void *src, size_t size)
{
    return move(b, (void *)(uintptr_t)src, size, INTO);
}

int64_t iobuf_get(struct iobuf *b, void *dst, size_t size)
{
    return move(b, dst, size, OUT_OF);
}

int64_t iobuf_put_zero(struct iobuf *b, size_t size)
{
    return move(b, NULL, size, ZERO);
}

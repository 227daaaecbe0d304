#ifndef LIBOS_SYS_IOBUF_H
#define LIBOS_SYS_IOBUF_H

/*
 * Where data of a read or write goes: an array of segments in the program's memory, or in ours. This is
 * the only form in which guest addresses travel below libos/sys; file code copies with iobuf_put/get
 * or hands a span straight to the gate, which treats user memory with care in every mode.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IOBUF_INLINE 8

struct iobuf_segment {
    uint64_t address; /* guest address, or a pointer of ours when !user */
    uint64_t size;
};

struct iobuf {
    bool user;
    uint32_t count, index; /* segments; the one we are in */
    uint64_t done_in_segment;
    uint64_t left;         /* bytes not yet moved, over all segments */
    struct iobuf_segment *segments; /* = inline_segments, or borrowed */
    struct iobuf_segment inline_segments[IOBUF_INLINE];
};

/*
 * A buffer of the program's. -EFAULT when part of it is not the program's to name: spans go to host calls as
 * they are, so this check is what keeps libos's own memory out of them.
 */
int __attribute__((warn_unused_result)) iobuf_user(struct iobuf *b, uint64_t address, uint64_t size);
/* The same check for segments that came from an iovec. */
int __attribute__((warn_unused_result)) iobuf_check(const struct iobuf *b);
void iobuf_kernel(struct iobuf *b, void *p, size_t size);

/* Copy into the buffer (for reads) or out of it (for writes), advancing. Returns bytes moved, at most left; -EFAULT when not even one byte could be moved. */
int64_t iobuf_put(struct iobuf *b, const void *src, size_t size);
int64_t iobuf_get(struct iobuf *b, void *dst, size_t size);
int64_t iobuf_put_zero(struct iobuf *b, size_t size);

/* The current contiguous span, for passing to host_call(); *size is clipped to what is left. */
uint64_t iobuf_span(const struct iobuf *b, uint64_t *size);
/* After a host call moved n bytes of the span. */
void iobuf_advance(struct iobuf *b, uint64_t n);

#endif

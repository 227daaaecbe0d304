#ifndef LIBOS_IPC_RING_H
#define LIBOS_IPC_RING_H

/*
 * A byte ring in our memory that grows up to a limit as it fills: most pipes and sockets carry
 * little, and some programs have thousands. Not locked: its owner's lock guards it.
 */
#include <stdbool.h>
#include <stdint.h>

struct iobuf;

struct ring {
    uint8_t *bytes;
    uint32_t room, limit; /* room: allocated, a power of two; limit: the most that may be in it */
    uint32_t head, used;
};

void ring_init(struct ring *r, uint32_t limit);
void ring_fini(struct ring *r);
static inline uint32_t ring_space(const struct ring *r)
{
    return r->limit > r->used ? r->limit - r->used : 0;
}

/* Move up to size bytes between the ring and b; returns bytes, or -EFAULT, -ENOMEM when none could
 * be moved. */
int64_t ring_fill(struct ring *r, struct iobuf *b, uint32_t size);
int64_t ring_drain(struct ring *r, struct iobuf *b, uint32_t size);
/* Like ring_drain from `at` bytes in, leaving everything in the ring. */
int64_t ring_peek(const struct ring *r, uint32_t at, struct iobuf *b, uint32_t size);
/* Bytes of ours in, all or -ENOMEM (the caller checked the space); and out (all are there). */
int ring_put(struct ring *r, const void *data, uint32_t size);
void ring_get(struct ring *r, void *out, uint32_t size);
void ring_skip(struct ring *r, uint32_t size);
void ring_unfill(struct ring *r, uint32_t size); /* take back the last bytes put in */
/* -ENOMEM; -EBUSY when more than that is in it. */
int ring_set_limit(struct ring *r, uint32_t limit);

#endif

#ifndef LIBOS_SYS_RW_H
#define LIBOS_SYS_RW_H

/* Steps of read and write that other calls that move data take too. */
#include <stdbool.h>
#include <stdint.h>

#include "libos/sys/iobuf.h"
#include "libos/sys/sys.h"

struct file;

/* Is there a position to read or write at? */
bool rw_has_offsets(const struct file *f);

/* Read into, or write from, memory of ours: at *pos, or (NULL) at the file's own position, which moves. */
int64_t rw_move(struct file *f, void *buffer, uint64_t size, bool write, const int64_t *pos);

/* Segments of the program's iovec array; *big is freed by the caller, also after an error. */
int rw_read_iovec(struct iobuf *b, uaddr_t uiov, uint64_t count, struct iobuf_segment **big);

#endif

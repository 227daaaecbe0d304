#ifndef LIBOS_FS_FIFO_H
#define LIBOS_FS_FIFO_H

/* Named pipes: an inode keeps a slot; opening it joins the pipe in there. */
#include "libos/fs/file.h"

/* Open one end. *slot is NULL until the first open and belongs to the inode. Blocks as open(2) of a FIFO does. */
int fifo_open(void **slot, struct dentry *d, uint32_t flags, struct file **out);
void fifo_free(void *slot); /* NULL is fine */

#endif

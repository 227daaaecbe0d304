#ifndef LIBOS_FS_PATHFILE_H
#define LIBOS_FS_PATHFILE_H

/* O_PATH descriptors: a place in the tree and nothing else. */
#include "libos/fs/file.h"

/* -ENOENT when nothing is there. */
int pathfile_open(struct dentry *d, uint32_t flags, struct file **out);

#endif

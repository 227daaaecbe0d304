#ifndef LIBOS_FS_PSEUDO_FILE_H
#define LIBOS_FS_PSEUDO_FILE_H

#include "libos/fs/file.h"
#include "libos/fs/pseudo.h"

/* Open a regular pseudo-file: makes its content. -EACCES when that fails for a reason of its own. */
int pseudo_file_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out);

#endif

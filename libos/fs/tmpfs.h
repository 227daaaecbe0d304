#ifndef LIBOS_FS_TMPFS_H
#define LIBOS_FS_TMPFS_H

/* A file system in trusted memory. */
#include "libos/fs/vfs.h"

int tmpfs_mount(struct mount *m, uint32_t root_mode);
/* memfd_create(2): an unnamed file; flags are MFD_*. */
int memfd_open(const char *name, uint32_t flags, struct file **out);
/* F_ADD_SEALS, F_GET_SEALS. -EINVAL when the file has no seals. */
int64_t memfd_seals(struct file *f, uint32_t add);

#endif

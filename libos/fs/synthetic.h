#ifndef LIBOS_FS_SYNTHETIC_H
#define LIBOS_FS_SYNTHETIC_H

/*
 * Nodes that exist only as pinned dentries over another file system: directories on the way to a mount
 * point, FIFOs and sockets that the program makes on host directories.
 */
#include "libos/fs/vfs.h"

int synthetic_directory(struct mount *mount, struct inode **out);
int synthetic_node(struct mount *mount, uint32_t mode, struct inode **out);
bool inode_is_synthetic(const struct inode *inode);

#endif

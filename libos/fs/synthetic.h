#ifndef LIBOS_FS_SYNTHETIC_H
#define LIBOS_FS_SYNTHETIC_H

/*
 * Nodes that another file system knows nothing of: directories on the way to a mount point, FIFOs
 * and sockets that the program makes in host directories (libos/fs/nodes.h).
 */
#include "libos/fs/vfs.h"

int synthetic_directory(struct mount *mount, struct inode **out);
int synthetic_node(struct mount *mount, uint32_t mode, struct inode **out);
bool inode_is_synthetic(const struct inode *inode);
/* A name of a node came or went; it begins with none. */
void synthetic_count_links(struct inode *inode, int more);

#endif

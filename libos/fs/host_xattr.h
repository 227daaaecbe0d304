#ifndef LIBOS_FS_HOST_XATTR_H
#define LIBOS_FS_HOST_XATTR_H

/* Operations of host.c's table. */
#include <stddef.h>
#include <stdint.h>

#define XATTR_SIZE_MAX UINT64_C(65536) /* of a value, and of the list of names */

struct inode;

int64_t host_getxattr(struct inode *inode, const char *name, void *value, size_t size);
int host_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
int64_t host_listxattr(struct inode *inode, char *list, size_t size);
int host_removexattr(struct inode *inode, const char *name);

#endif

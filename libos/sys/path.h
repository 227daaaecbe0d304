#ifndef LIBOS_SYS_PATH_H
#define LIBOS_SYS_PATH_H

/* What path-taking calls share: the string, the directory it starts at. */
#include "enclave/uaccess.h"
#include "libos/fs/vfs.h"

/* Copy a path in. 0; -EFAULT; -ENAMETOOLONG. */
int path_read(char path[VFS_PATH_MAX], uaddr_t from);

/*
 * Where a walk begins: *start is counted, or NULL for the cwd. -EBADF; -ENOTDIR for a descriptor that is
 * no place in the tree and a relative path. With an empty path any descriptor that has a dentry will do.
 */
int path_start(int dirfd, const char *path, struct dentry **start);

/* Both, then the walk: AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH of atflags count. lazy: see vfs_walk_lazy. */
int path_walk(int dirfd, uaddr_t path, int atflags, bool lazy, struct dentry **out);

/* The walk and what is asked of its end, in one. */
int path_stat(int dirfd, uaddr_t path, int atflags, struct linux_stat *st);
int path_access(int dirfd, uaddr_t path, int atflags, int mask);

struct fs_view *path_view(void); /* of the calling process */

#endif

#ifndef LIBOS_FS_CHANGE_H
#define LIBOS_FS_CHANGE_H

/* Changes of names: mkdir, unlink, rename and so on. Paths are ours; errno exactly Linux's. */
#include "libos/fs/vfs.h"

int vfs_mkdir(struct fs_view *v, struct dentry *start, const char *path, uint32_t mode);
/* mode has the type: FIFO, socket, or regular. out: the new dentry (counted), NULL when not wanted. Regular files on host directories: use vfs_open. */
int vfs_mknod(struct fs_view *v, struct dentry *start, const char *path, uint32_t mode, struct dentry **out);
int vfs_symlink(struct fs_view *v, const char *target, struct dentry *start, const char *path);
int vfs_link(struct fs_view *v, struct dentry *from, struct dentry *start, const char *path);
int vfs_unlink(struct fs_view *v, struct dentry *start, const char *path);
int vfs_rmdir(struct fs_view *v, struct dentry *start, const char *path);
int vfs_rename(struct fs_view *v, struct dentry *from_start, const char *from, struct dentry *to_start, const char *to, uint32_t flags);

#endif

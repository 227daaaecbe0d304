#ifndef LIBOS_FS_MOUNT_H
#define LIBOS_FS_MOUNT_H

/* The mount table: filled by vfs_init, constant afterwards. */
#include "libos/fs/vfs.h"

extern struct list g_mounts;

/* The root of everything: never freed. */
struct dentry *mount_root(void);

/*
 * The root (never freed) of the mount that an absolute, normalised path leads into, when all before it are mount points
 * and directories of ours; *used is where the rest of the path begins (a slash). The root of everything when there is no other.
 */
struct dentry *mount_of_path(const char *path, size_t length, size_t *used);

/* Constructors of the back ends: fill in ops, source and root. */
typedef int mount_constructor(struct mount *m);
int procfs_mount(struct mount *m);
int devfs_mount(struct mount *m);
int sysfs_mount(struct mount *m);

/* The mount's root as a path seen from the root of everything. */
int64_t mount_path(const struct mount *m, char *buf, size_t size);

#endif

#ifndef LIBOS_FS_VFS_H
#define LIBOS_FS_VFS_H

/*
 * Names: mounts, dentries, inodes, and walking a path. Back ends (host, encrypted, tmpfs, proc, dev, sys)
 * implement struct fs_ops on their own inodes. Paths here are ours (kernel memory), never guest memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enclave/sync.h"
#include "lib/base/list.h"
#include "lib/linux/stat.h"
#include "lib/linux/time.h"

#define VFS_PATH_MAX 4096
#define VFS_NAME_MAX 255
#define VFS_LINKS_MAX 40

struct dentry;
struct file;
struct inode;
struct mount;

/* Operations of a file system. Directory arguments are directories; names are single components. NULL: -EPERM (changes) or -ENOSYS-like as Linux. */
struct fs_ops {
    const char *name; /* "host", "tmpfs", "proc", ... */
    bool immutable;   /* names and attributes never change: dentries (negative ones too) are cached for good */
    int (*lookup)(struct inode *dir, const char *name, size_t length, struct inode **out); /* -ENOENT */
    int (*open)(struct dentry *d, uint32_t flags, struct file **out);
    int (*create)(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out); /* regular file */
    int (*mkdir)(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out);
    int (*mknod)(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out);  /* FIFO, socket */
    int (*symlink)(struct inode *dir, const char *name, size_t length, const char *target, struct inode **out);
    int (*link)(struct inode *dir, const char *name, size_t length, struct inode *target);
    int (*unlink)(struct inode *dir, const char *name, size_t length, struct inode *victim);
    int (*rmdir)(struct inode *dir, const char *name, size_t length, struct inode *victim);
    int (*rename)(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, struct inode *moved, uint32_t flags);
    int (*readlink)(struct inode *inode, char *buf, size_t size); /* length, not NUL-terminated */
    int (*stat)(struct inode *inode, struct linux_stat *st);
    int (*chmod)(struct inode *inode, uint32_t mode);
    int (*chown)(struct inode *inode, uint32_t uid, uint32_t gid);
    int (*utimens)(struct inode *inode, const struct linux_timespec times[2]);
    int (*truncate)(struct inode *inode, uint64_t size);
    int (*statfs)(struct inode *inode, struct linux_statfs *st);
    void (*free)(struct inode *inode);
};

/* Back ends embed this first. type is S_IFMT bits. */
struct inode {
    const struct fs_ops *ops;
    struct mount *mount;
    uint32_t refs;
    uint32_t type;
    uint64_t ino;
};

struct dentry {
    struct dentry *parent; /* itself for a root; counted */
    struct inode *inode;   /* NULL: known not to exist */
    struct mount *mounted; /* another file system covers this one */
    uint32_t refs;
    struct list siblings, children; /* g_dcache_lock; see vfs.c */
    struct list hash;
    uint32_t name_hash;
    uint16_t name_length;
    char name[];
};

/* What open(2)-like calls ask of the walk. */
enum walk_flag {
    WALK_NOFOLLOW = 1,   /* do not follow a symlink in the last component */
    WALK_DIRECTORY = 2,  /* must be a directory */
    WALK_PARENT = 4,     /* stop at the parent of the last component, which need not exist */
    WALK_EMPTY = 8,      /* "" means the start itself (AT_EMPTY_PATH) */
};

/* A process's view: root and cwd. */
struct fs_view {
    uint32_t refs;
    struct mutex mu;
    struct dentry *root, *cwd; /* mu */
    uint32_t umask;            /* mu */
};

struct fs_view *fs_view_clone(struct fs_view *v);
void fs_view_put(struct fs_view *v);

/* Mount everything of the plan; the first process's view. Returns 0 or a negative errno after logging which mount failed. */
int vfs_init(struct fs_view **out);

struct dentry *dentry_get(struct dentry *d);
void dentry_put(struct dentry *d); /* NULL is fine */

/*
 * Walk a path. start: NULL for the cwd (absolute paths begin at the root anyway).
 * Returns 0 and a counted dentry with an inode; -ENOENT, -ENOTDIR, -ELOOP, -EACCES, -ENAMETOOLONG.
 */
int vfs_walk(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags, struct dentry **out);
/* WALK_PARENT: *out is the parent directory; last component copied to last[VFS_NAME_MAX + 1]. */
int vfs_walk_parent(struct fs_view *v, struct dentry *start, const char *path, struct dentry **out, char *last);

/* open(2): flags are O_*, mode already masked by umask. */
int vfs_open(struct fs_view *v, struct dentry *start, const char *path, uint32_t flags, uint32_t mode, struct file **out);
int vfs_stat(struct dentry *d, struct linux_stat *st);
/* Absolute path as seen from the view's root; returns length or -ENAMETOOLONG, -ENOENT (unreachable). " (deleted)" is the caller's. */
int64_t vfs_path(struct fs_view *v, struct dentry *d, char *buf, size_t size);

#endif

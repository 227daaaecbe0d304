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

struct linux_statfs;
struct walk_plain;

/*
 * Operations of a file system. Directory arguments are directories; names are single components. NULL: -EPERM (changes) or -ENOSYS-like as Linux.
 *
 * A whole_path file system (host, encrypted) is looked up with several components at once ("usr/lib/x"): its
 * lookup asks nobody and never says -ENOENT; the host resolves the path, symlinks in it included, when
 * something is done with it. Its inodes live as long as their one dentry, and have type 0 until it was asked.
 */
struct fs_ops {
    const char *name; /* "host", "tmpfs", "proc", ... */
    bool immutable;   /* names and attributes never change: dentries (negative ones too) are cached for good */
    bool whole_path;
    int64_t magic; /* statfs.type */
    int (*lookup)(struct inode *dir, const char *name, size_t length, struct inode **out); /* -ENOENT */
    int (*open)(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out); /* O_CREAT only comes to whole_path file systems */
    int (*tmpfile)(struct inode *dir, uint32_t mode, struct inode **out); /* O_TMPFILE: -EOPNOTSUPP */
    int (*create)(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out); /* regular file */
    int (*mkdir)(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out);
    int (*mknod)(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out);  /* FIFO, socket */
    int (*symlink)(struct inode *dir, const char *name, size_t length, const char *target, struct inode **out);
    int (*link)(struct inode *dir, const char *name, size_t length, struct inode *target);
    int (*unlink)(struct inode *dir, const char *name, size_t length, struct inode *victim);
    int (*rmdir)(struct inode *dir, const char *name, size_t length, struct inode *victim);
    int (*rename)(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, struct inode *moved, uint32_t flags);
    int (*readlink)(struct inode *inode, char *buf, size_t size); /* length, not NUL-terminated */
    /* Magic links of /proc/PID: where the link leads, as a dentry, or as an open file that has none. Exactly one is set. */
    int (*follow)(struct inode *inode, struct dentry **dentry, struct file **file);
    int (*access)(struct inode *inode, int mask); /* R_OK and so on; NULL: by mode bits */
    int (*stat)(struct inode *inode, struct linux_stat *st);
    /* whole_path: lookup with the dentry, not findable, that the inode lives as long as. */
    int (*lookup_dentry)(struct dentry *dir, const char *name, size_t length, struct dentry **out);
    /* whole_path: lookup and stat in one, without an inode (walk.h). NULL: there is no short way. */
    int (*stat_name)(const struct walk_plain *w, bool nofollow, struct linux_stat *st);
    /* whole_path: the host's attributes as they are, nothing verified; pin: an O_PATH descriptor of
     * the very file, for host_unpin. */
    int (*identify)(struct inode *inode, struct linux_stat *st, int *pin);
    int (*chmod)(struct inode *inode, uint32_t mode);
    int (*chown)(struct inode *inode, uint32_t uid, uint32_t gid);
    int (*utimens)(struct inode *inode, const struct linux_timespec times[2]);
    int (*truncate)(struct inode *inode, uint64_t size);
    int (*statfs)(struct inode *inode, struct linux_statfs *st); /* type and name length are filled in */
    int64_t (*getxattr)(struct inode *inode, const char *name, void *value, size_t size); /* size 0: how much */
    int (*setxattr)(struct inode *inode, const char *name, const void *value, size_t size, int flags);
    int64_t (*listxattr)(struct inode *inode, char *list, size_t size);
    int (*removexattr)(struct inode *inode, const char *name);
    void (*free)(struct inode *inode);
};

/* Back ends embed this first. type is S_IFMT bits. */
struct inode {
    const struct fs_ops *ops;
    struct mount *mount;
    uint32_t refs;
    uint32_t type;
    bool nofollow; /* whole_path: a symlink in the last component is meant itself */
    uint64_t ino;
};

/* A mounted file system; never unmounted. */
struct mount {
    struct list link;       /* g_mounts, complete before the program starts */
    const struct fs_ops *ops;
    struct dentry *root;
    struct dentry *covers;  /* NULL: the root of everything */
    uint64_t dev;           /* st_dev of what lives here */
    const char *source;     /* for /proc/mounts */
    const struct plan_mount *plan; /* NULL: one of ours */
    void *data;             /* the back end's */
};
struct plan_mount;

struct dentry {
    struct dentry *parent; /* itself for a root; counted */
    struct inode *inode;   /* NULL: known not to exist */
    struct mount *mounted; /* another file system covers this one */
    uint32_t refs;
    struct list siblings, children; /* g_dcache_lock; see dcache.c */
    struct list hash;               /* g_dcache_lock; empty: not to be found by name */
    uint64_t child_bits;    /* atomic: bit (name_hash % 64) of every child that was ever findable */
    uint64_t child_letters; /* atomic: bit (c % 64) of each first character of their names */
    uint32_t name_hash;
    uint16_t name_length, name_room;
    bool pinned;  /* holds a reference to itself: mount points, and what leads to them */
    bool deleted; /* unlinked: getcwd says -ENOENT */
    bool inside;  /* in the block of its inode */
    char name[];  /* whole_path: may hold '/' */
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

struct fs_view *fs_view_new(struct dentry *root);
struct fs_view *fs_view_clone(struct fs_view *v);
void fs_view_put(struct fs_view *v);

void fs_view_set_cwd(struct fs_view *v, struct dentry *d);  /* takes the reference */
void fs_view_set_root(struct fs_view *v, struct dentry *d); /* takes the reference */
uint32_t fs_view_umask(struct fs_view *v);

/* Mount everything of the plan; the first process's view. Returns 0 or a negative errno after logging which mount failed. */
int vfs_init(struct fs_view **out);

void inode_init(struct inode *inode, const struct fs_ops *ops, struct mount *mount, uint32_t type);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode); /* NULL is fine */
/* S_IFMT bits, asking when they are not known yet; -ENOENT and whatever else stat says. */
int inode_type(struct inode *inode);

struct dentry *dentry_get(struct dentry *d);
void dentry_put(struct dentry *d); /* NULL is fine */

/*
 * Walk a path. start: NULL for the cwd (absolute paths begin at the root anyway).
 * Returns 0 and a counted dentry with an inode; -ENOENT, -ENOTDIR, -ELOOP, -EACCES, -ENAMETOOLONG.
 */
int vfs_walk(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags, struct dentry **out);
/* WALK_PARENT: *out is the parent directory; last component copied to last[VFS_NAME_MAX + 1]. */
int vfs_walk_parent(struct fs_view *v, struct dentry *start, const char *path, struct dentry **out, char *last);
/* Like vfs_walk, but on whole_path file systems nobody was asked yet whether the file exists. For callers that ask next. */
int vfs_walk_lazy(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags, struct dentry **out);

/* open(2): flags are O_*, mode already masked by umask. */
int vfs_open(struct fs_view *v, struct dentry *start, const char *path, uint32_t flags, uint32_t mode, struct file **out);
/* The same with enum walk_flag and those of walk.h besides (openat2). */
int vfs_open_how(struct fs_view *v, struct dentry *start, const char *path, uint32_t flags, uint32_t mode, unsigned walk, struct file **out);
int vfs_stat(struct dentry *d, struct linux_stat *st);
/* Walk and stat; walk_flags of enum walk_flag. */
int vfs_stat_path(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags, struct linux_stat *st);
/* Changes of attributes and size by name (attr.c). */
int vfs_chmod(struct dentry *d, uint32_t mode);
int vfs_chown(struct dentry *d, uint32_t uid, uint32_t gid);
int vfs_utimens(struct dentry *d, const struct linux_timespec times[2]);
int vfs_truncate(struct dentry *d, uint64_t size); /* its type is known */
int vfs_setxattr(struct dentry *d, const char *name, const void *value, size_t size, int flags);
int vfs_removexattr(struct dentry *d, const char *name);
/* access(2): mask is R_OK, W_OK, X_OK or 0. */
int inode_access(struct inode *inode, int mask);
int vfs_access_path(struct fs_view *v, struct dentry *start, const char *path, unsigned walk_flags, int mask);
/* Open what a walk found. */
int vfs_open_dentry(struct dentry *d, uint32_t flags, struct file **out);
/* Absolute path as seen from the view's root; returns length or -ENAMETOOLONG, -ENOENT (unreachable). " (deleted)" is the caller's. */
int64_t vfs_path(struct fs_view *v, struct dentry *d, char *buf, size_t size);

#endif

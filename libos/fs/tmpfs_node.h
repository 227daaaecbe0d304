#ifndef LIBOS_FS_TMPFS_NODE_H
#define LIBOS_FS_TMPFS_NODE_H

/* tmpfs inodes, for tmpfs*.c only. */
#include "lib/base/list.h"
#include "lib/base/rbtree.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/tmpfs_data.h"
#include "libos/fs/vfs.h"

struct tmpfs_node {
    struct inode inode;
    uint32_t mode, uid, gid, nlink;
    int64_t atime, mtime, ctime; /* ns since 1970 */
    struct rb_tree entries;      /* g_tree_lock: struct tmpfs_entry by name */
    struct list order;           /* g_tree_lock: the same, oldest first */
    int64_t next_cookie;         /* g_tree_lock */
    struct list xattrs;          /* g_tree_lock: struct tmpfs_xattr */
    struct tmpfs_data data;
    char *target;                /* of a symlink; constant */
    void *fifo;
    bool is_linkable;            /* g_tree_lock: made by O_TMPFILE, and never had a name */
    bool has_seals;              /* made by memfd_create */
    uint32_t seals;              /* atomic: F_SEAL_* */
};

struct tmpfs_entry {
    struct rb_node node;
    struct list link;
    struct tmpfs_node *target; /* counted */
    int64_t cookie;            /* position in listings */
    uint32_t length;
    char name[];
};

struct tmpfs_xattr {
    struct list link;
    size_t size;
    uint8_t *value; /* behind the name, in the same allocation */
    char name[];
};

extern const struct fs_ops tmpfs_ops;

int tmpfs_node_new(struct mount *mount, const struct fs_ops *ops, uint32_t mode, struct tmpfs_node **out);
/* ftruncate with the seals in mind. */
int tmpfs_node_resize(struct tmpfs_node *n, uint64_t size);
int tmpfs_stat(struct inode *inode, struct linux_stat *st);
int tmpfs_file_open(struct dentry *d, uint32_t flags, struct file **out);
int64_t tmpfs_getxattr(struct inode *inode, const char *name, void *value, size_t size);
int tmpfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
int64_t tmpfs_listxattr(struct inode *inode, char *list, size_t size);
int tmpfs_removexattr(struct inode *inode, const char *name);

#endif

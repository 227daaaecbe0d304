#ifndef LIBOS_FS_PSEUDO_H
#define LIBOS_FS_PSEUDO_H

/*
 * Pseudo file systems from tables. A node is a row; what distinguishes instances of a row (which process,
 * which descriptor, which CPU) are two numbers. Content is made when a file is opened and stays that
 * descriptor's own.
 */
#include "libos/fs/text.h"
#include "libos/fs/vfs.h"

struct pseudo_node;

struct pseudo_id {
    const struct pseudo_node *node;
    int64_t a, b;
};

struct pseudo_node {
    const char *name;
    uint32_t mode; /* with the type */
    uint64_t rdev;
    uint64_t (*rdev_of)(const struct pseudo_id *id); /* where instances differ */
    /* Regular files. load: content at open. store: a write, all of it in one call; returns 0 or an error. */
    int (*load)(const struct pseudo_id *id, struct text *t);
    int (*store)(const struct pseudo_id *id, const void *data, size_t size);
    /* What a descriptor sees of content written through it: at most and at least this many bytes; 0: as written. */
    uint32_t store_size;
    /* Symlinks. */
    const char *target;
    int (*readlink)(const struct pseudo_id *id, char *buf, size_t size);
    int (*follow)(const struct pseudo_id *id, struct dentry **dentry, struct file **file);
    /* Directories: fixed children, ending with a row without a name; then those that come and go. */
    const struct pseudo_node *children;
    int (*find)(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child);
    /* The first child at or after *cursor: 1, its name, and *cursor moved to it; 0 at the end. */
    int (*list)(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child);
    int (*unlink)(const struct pseudo_id *dir, const char *name, size_t length); /* NULL: nothing can be */
    int (*stat)(const struct pseudo_id *id, struct linux_stat *st);              /* all of it; NULL: from the row */
    /* Devices, and regular files that are not text. */
    int (*open)(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out);
    bool (*exists)(void); /* NULL: always */
};

int pseudo_mount(struct mount *m, const struct pseudo_node *root, const char *source, int64_t magic);
/* An inode of a row, for placing single files elsewhere. */
const struct pseudo_id *pseudo_id_of(
    const struct inode *inode); /* NULL: an inode of another file system */
int pseudo_inode(struct mount *m, const struct pseudo_id *id, struct inode **out);

/* A decimal number without leading zeros, the whole of name[length]; -ENOENT. For find. */
int pseudo_number(const char *name, size_t length, int64_t *out);

#endif

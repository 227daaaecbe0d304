#ifndef LIBOS_FS_WALK_H
#define LIBOS_FS_WALK_H

/* The path walk in full, for libos/fs; everyone else calls vfs_walk and its kin in vfs.h. */
#include "libos/fs/vfs.h"

#define WALK_CREATE                                                                                \
    16u /* the last component may be missing: then *missing is set and the parent returned */
#define WALK_BENEATH     32u  /* openat2: -EXDEV when the walk would leave the start */
#define WALK_NO_SYMLINKS 64u  /* openat2: -ELOOP at any symlink of ours */
#define WALK_IN_ROOT     128u /* openat2: the start is the root */
#define WALK_NO_XDEV     256u
#define WALK_HOST_LINKS  512u /* the last component's symlinks on the host are read here: they may lead to a node of ours */

struct walk_result {
    struct dentry *dentry; /* counted */
    struct file
        *file;     /* counted: the last component was a magic link to an open file without a name */
    bool missing;  /* WALK_CREATE: dentry is the parent, last does not exist */
    bool slash;    /* WALK_PARENT, WALK_CREATE: slashes after the last component */
    char last[VFS_NAME_MAX + 1];
};

/*
 * Walk. On whole_path file systems the result may not exist; otherwise it has an inode.
 * A magic link to a file without a name gives -ENXIO unless want_file.
 */
int walk_path(struct fs_view *v, struct dentry *start, const char *path, unsigned flags,
              bool want_file, struct walk_result *out);

/* Nothing is there for the host. Would the same walk with WALK_HOST_LINKS find more, perhaps? */
bool walk_may_lead_to_node(int error, unsigned walk_flags);

/*
 * The walk that most paths need: all of it is the host's to resolve, in one call. true: so it is,
 * and the file system of `dir` has stat_name and lookup_dentry. false: not so plain (`.` or `..`,
 * slashes in a row or at the end, something of ours, too long): take the long way.
 */
struct walk_plain {
    struct dentry *dir;
    bool counted;
    bool rooted;      /* before the name stands a slash */
    const char *name; /* below dir: the end of the path that was given, with its NUL */
    size_t length;
};
bool walk_plain(struct fs_view *v, struct dentry *start, const char *path, struct walk_plain *out);
void walk_plain_end(struct walk_plain *w);

/* What of ours has this name: in a host directory a mount point, what leads to one, or a node; else a
 * dentry in use. Counted, or NULL. */
struct dentry *walk_find_ours(struct dentry *dir, const char *name, size_t n);
/* Where a dentry's name is: the directory (counted) and the last component. -ENOENT for a root. */
int walk_parent(struct dentry *d, struct dentry **parent, char name[VFS_NAME_MAX + 1]);

/* Make every component of an absolute path below a root findable and pinned, for mounting there.
 * Missing directories appear. */
int walk_pin(struct dentry *root, const char *path, struct dentry **out);

#endif

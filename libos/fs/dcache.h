#ifndef LIBOS_FS_DCACHE_H
#define LIBOS_FS_DCACHE_H

/*
 * Dentries by name, for libos/fs only. Lock order: g_tree_lock, then g_dcache_lock.
 *
 * g_tree_lock is held over look-ups that miss and over changes of names, on all file systems that
 * are ours (not whole_path: there the host keeps order). So a name and its inode never part
 * company.
 */
#include "libos/fs/vfs.h"

extern struct mutex g_tree_lock;

/* A dentry with a counted parent and a taken inode reference (kept even when allocation fails: then
 * it is dropped). Not findable yet. */
struct dentry *dentry_new(struct dentry *parent, const char *name, size_t length,
                          struct inode *inode);
/* The same, for one that may move (dcache_move) to names of up to room bytes; length is no more. */
struct dentry *dentry_new_sized(struct dentry *parent, const char *name, size_t length, size_t room,
                                struct inode *inode);
/* The same in the block of its inode, which is freed with the inode's last reference: dentry_size
 * bytes at an address that fits. A look-up of the host's makes both by one allocation. */
struct dentry *dentry_init_inside(void *at, struct dentry *parent, const char *name, size_t length,
                                  struct inode *inode);
size_t dentry_size(size_t length);
/* A root: its own parent. */
struct dentry *dentry_new_root(struct inode *inode);

/* A file that never had a name (memfd), called so in /proc/self/fd. */
struct dentry *dentry_new_unnamed(const char *label, size_t length, struct inode *inode);

/* Findable child by name: counted, or NULL. */
struct dentry *dcache_find(struct dentry *parent, const char *name, size_t length);
/* Make findable. If another of that name is there already: drops d and returns the other, counted.
 */
struct dentry *dcache_add(struct dentry *d);
/* No longer findable; marks it deleted. */
void dcache_remove(struct dentry *d);
/* Keep findable for good. */
void dcache_pin(struct dentry *d);
/* A renamed dentry's copy under its new name would be found by nobody that holds d, so d itself
 * moves. name must fit in place: else -ENAMETOOLONG and d is only removed. */
int dcache_move(struct dentry *d, struct dentry *new_parent, const char *name, size_t length);
/* The same of one that is not findable here, and does not become so. There is room for the name. */
void dcache_rename(struct dentry *d, struct dentry *new_parent, const char *name, size_t length);

/* The directory that holds this name, counted, and the name's last component; NULL for a root. */
struct dentry *dcache_parent(struct dentry *d, char name[VFS_NAME_MAX + 1]);
/* The pinned children of a directory, in order: the one after `after` (NULL: first), counted; drops
 * `after`. */
struct dentry *dcache_next_pinned(struct dentry *parent, struct dentry *after);
/* Absolute path below root with its NUL: length; -ENOENT when d is not below root; -ENAMETOOLONG.
 */
int64_t dcache_path(struct dentry *root, struct dentry *d, char *buf, size_t size);
bool dcache_has_pinned(const struct dentry *parent);

static inline uint64_t dcache_letter(char first)
{
    return UINT64_C(1) << ((uint8_t)first & 63);
}

/* Was a child ever findable whose name begins so? What has none needs no dcache_find. */
static inline bool dcache_has_letter(const struct dentry *parent, char first)
{
    return __atomic_load_n(&parent->child_letters, __ATOMIC_RELAXED) & dcache_letter(first);
}

#endif

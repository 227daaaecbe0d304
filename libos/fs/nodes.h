#ifndef LIBOS_FS_NODES_H
#define LIBOS_FS_NODES_H

/*
 * Nodes of ours in host directories: FIFOs and sockets made there. They exist only inside, so that
 * a directory may be read-only and the host sees nothing of them. Each is known by its directory's
 * identity on the host and its name: it is found through symlinks, by any mount, and under the
 * directory's new name when that is renamed. For libos/fs only.
 *
 * A host directory's identity is the host's word. A host that lies about it hides nodes or shows
 * them elsewhere, as it may with every name.
 */
#include "libos/fs/file.h"
#include "libos/fs/vfs.h"

struct walk_result;

/*
 * Where a node of ours is the host must have nothing: it would be hidden, and appear when the node
 * is gone. So whoever makes, moves or removes a name on the host holds this, and looks for nodes
 * under it.
 *
 * alone: to make a node; taken alone in any case when there are nodes.
 * Returns whether it was.
 */
bool nodes_lock(bool alone);
void nodes_unlock(bool alone);

bool nodes_any(void);
/* Is a node called so, somewhere? Takes no lock; what it says of a node that is being made is
 * either. */
bool nodes_may_be(const char *name, size_t length);
/* The same of the components of a path. */
bool nodes_may_be_on(const char *path, size_t length);
/* The node of this name in a host directory: counted, or NULL. */
struct dentry *nodes_find(struct dentry *dir, const char *name, size_t length);
bool nodes_is(const struct dentry *d);

/* With the names locked alone. */
/* Make a FIFO or a socket. out: counted. -EEXIST, -ENOENT, -ENOTDIR, -ENOSPC. */
int nodes_make(struct dentry *dir, const char *name, uint32_t mode, struct dentry **out);
/* Another name of a node. */
int nodes_link(struct dentry *dir, const char *name, struct inode *node);
/* A name that is no more. */
void nodes_forget(struct dentry *d);
/* Are there nodes in this directory? */
bool nodes_in(struct inode *inode);
/* Rename in a host's file system. old: what of ours is at the new name, or NULL. */
int nodes_rename(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                 struct dentry *old, uint32_t flags);

/* For getdents of an open host directory: its nodes, from *pos on (>= NODES_FIRST). */
#define NODES_FIRST ((INT64_C(1) << 62) + (1 << 30))
int nodes_emit(int host_fd, struct dirent_sink *sink, int64_t *pos);

/* For nodes_rename: the table's entry gets another name, in another directory perhaps. Nothing is
 * changed when it fails. */
struct node_dir;
int nodes_dir_get(struct dentry *dir, struct node_dir **out);
void nodes_dir_put(struct node_dir *dir);
void nodes_move(struct dentry *d, struct node_dir *at, struct dentry *dir, const char *name);
/* The type of what the host has of this name (0: nothing), and its inode if there is something. */
int nodes_host_type(struct dentry *dir, const char *name, struct inode **out);

#endif

#ifndef LIBOS_FS_PINNED_H
#define LIBOS_FS_PINNED_H

/*
 * Nodes of ours over host directories: FIFOs and sockets made there. For libos/fs only; who makes,
 * moves or removes one holds the names alone (pinned_lock).
 */
#include "libos/fs/vfs.h"

struct walk_result;

#define PINNED_AGAIN 1

/*
 * While a node of ours is there the host must have nothing of that name: it would be hidden, and
 * appear when the node is gone. So whoever makes a name on the host holds this, shared or alone,
 * and knows of all nodes.
 *
 * pins    g_late_pins before the path was walked
 * alone   to make a node of ours; taken alone in any case when there are such nodes
 *
 * Returns 0; PINNED_AGAIN: nodes were made since, walk again; nothing is held.
 */
int pinned_lock(uint32_t pins, bool alone, bool *is_alone);
void pinned_unlock(bool is_alone);

/* Make a FIFO or a socket. out: counted. */
int pinned_make(struct dentry *dir, const char *name, uint32_t mode, struct dentry **out);
/* May a pinned directory go? -EBUSY, -ENOTEMPTY. */
int pinned_check(struct dentry *d);
/* Was d pinned for nodes that are gone, and is the host's directory gone too? Then it may be forgotten. */
bool pinned_is_gone(struct dentry *d);
/* A name of ours that is no more. */
void pinned_forget(struct dentry *d);
/* Rename in a host's file system. old: what is pinned at the new name, or NULL. */
int pinned_rename(struct walk_result *from, struct walk_result *to, struct dentry *moved,
                  struct dentry *old, uint32_t flags);

#endif

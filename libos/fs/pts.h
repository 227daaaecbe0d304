#ifndef LIBOS_FS_PTS_H
#define LIBOS_FS_PTS_H

/* Pseudo-terminals as dev.c's table needs them. */
#include "libos/fs/pseudo.h"

int pty_open_master(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out);
/* /dev/tty of a session whose controlling terminal is one of ours; -ENXIO: it has none. */
int pty_open_controlling(struct dentry *d, uint32_t flags, struct file **out);
int pts_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child);
int pts_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child);

#endif

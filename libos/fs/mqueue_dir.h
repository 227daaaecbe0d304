#ifndef LIBOS_FS_MQUEUE_DIR_H
#define LIBOS_FS_MQUEUE_DIR_H

/* What the row of /dev/mqueue does (dev.c). */
#include "libos/fs/pseudo.h"

int mqueue_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child);
int mqueue_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child);
int mqueue_unlink(const struct pseudo_id *dir, const char *name, size_t length);

#endif

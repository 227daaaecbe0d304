#ifndef LIBOS_FS_ENCRYPTED_H
#define LIBOS_FS_ENCRYPTED_H

/* Encrypted mounts: host directories whose regular files are in the encrypted-file format. */
#include "libos/fs/vfs.h"

struct plan_mount;
int encrypted_mount(const struct plan_mount *plan, struct mount *m);

#endif

#ifndef LIBOS_FS_RESOLV_H
#define LIBOS_FS_RESOLV_H

/* /etc/resolv.conf made from the host's settings, each value checked (sys.enable_extra_runtime_domain_names_conf). */
#include "libos/fs/vfs.h"

int resolv_install(struct dentry *root);

#endif

#ifndef LIBOS_FS_ATTEST_DEV_H
#define LIBOS_FS_ATTEST_DEV_H

/* /dev/attestation as a table of pseudo-files. */
#include "libos/fs/pseudo.h"

extern const struct pseudo_node attest_dev_children[];

#endif

/*
 * /etc/resolv.conf inside the enclave.
 */
#include "libos/fs/resolv.h"

#include "enclave/log.h"
#include "lib/linux/errno.h"

int resolv_install(struct dentry *root)
{
    log_error("sys.enable_extra_runtime_domain_names_conf is not supported yet");
    return -EOPNOTSUPP;
}

/*
 * Encrypted mounts.
 */
#include "libos/fs/encrypted.h"

#include "lib/linux/errno.h"

int encrypted_mount(const struct plan_mount *plan, struct mount *m)
{
    return -EOPNOTSUPP;
}

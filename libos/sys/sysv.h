#ifndef LIBOS_SYS_SYSV_H
#define LIBOS_SYS_SYSV_H

/* What the control calls of System V IPC share: commands, and permissions as the ABI has them. */
#include <stdint.h>

#include "lib/base/assert.h"
#include "libos/ipc/sysv_table.h"

#define IPC_RMID 0
#define IPC_SET  1
#define IPC_STAT 2
#define IPC_INFO 3
#define IPC_64   0x100 /* new structures: the only ones on x86-64, whether it is given or not */

/* struct ipc64_perm. Source: include/uapi/asm-generic/ipcbuf.h */
struct linux_ipc_perm {
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t seq, pad0;
    uint32_t pad1;
    uint64_t unused[2];
};
static_assert(sizeof(struct linux_ipc_perm) == 48, "struct ipc64_perm");

static inline struct linux_ipc_perm ipc_perm_told(const struct ipc_perm *p)
{
    return (struct linux_ipc_perm){ .key = p->key,
                                    .uid = p->uid,
                                    .gid = p->gid,
                                    .cuid = p->cuid,
                                    .cgid = p->cgid,
                                    .mode = p->mode,
                                    .seq = (uint16_t)(p->id >> 15) };
}

#endif

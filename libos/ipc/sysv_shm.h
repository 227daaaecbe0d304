#ifndef LIBOS_IPC_SYSV_SHM_H
#define LIBOS_IPC_SYSV_SHM_H

/* System V shared memory between the processes of this instance. */
#include <stdbool.h>
#include <stdint.h>

#include "libos/ipc/sysv_table.h"

struct file;

#define SHM_SEGMENTS_MOST 4096 /* Linux's SHMMNI */

struct shm_info {
    struct ipc_perm perm; /* removed: it goes with its last mapping */
    int32_t creator_pid, last_pid;
    uint64_t size, attached; /* attached: by vmas; each may stand for several (vma.aliases) */
    uint64_t address;
    int64_t attached_at, detached_at, changed_at; /* seconds */
};

struct shm_totals {
    uint32_t segments, highest; /* how many there are; the highest index in use */
    uint64_t pages;
};

/* An identifier >= 0; -ENOENT, -EEXIST, -EINVAL, -ENOMEM, -EACCES, -ENOSPC. */
int64_t shm_get(int32_t key, uint64_t size, int flags, const struct cred *c, int32_t pid);
/* The segment as a file to map (MAP_SHARED, offset 0, its whole size), if its mode allows it:
 * counted; without write, one that cannot be made writable. -EINVAL, -EIDRM, -EACCES, -ENOMEM. */
int shm_file(int id, bool write, const struct cred *c, struct file **out, uint64_t *size,
             uint64_t *address);
bool shm_is_segment(const struct file *f);
uint64_t shm_room(struct file *f); /* its whole size, in pages; constant */
/* It was mapped or unmapped by a process just now. */
void shm_touched(struct file *f, int32_t pid, bool attached);
/* By identifier, or by index (SHM_STAT). The identifier; -EINVAL, -EACCES: not readable. c NULL:
 * anyone may. */
int shm_stat(int id, bool by_index, const struct cred *c, struct shm_info *out);
void shm_totals(struct shm_totals *out);
/* IPC_RMID: no key leads to it any more; it goes with the last mapping. -EINVAL, -EPERM. */
int shm_remove(int id, const struct cred *c);
int shm_set_owner(int id, const struct cred *c, uint32_t uid, uint32_t gid, uint32_t mode);
/* Whether the caller may lock it (SHM_LOCK). -EINVAL, -EPERM. */
int shm_may_control(int id, const struct cred *c);

#endif

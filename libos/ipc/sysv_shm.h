#ifndef LIBOS_IPC_SYSV_SHM_H
#define LIBOS_IPC_SYSV_SHM_H

/* System V shared memory between the processes of this instance. */
#include <stdbool.h>
#include <stdint.h>

struct file;

#define IPC_PRIVATE 0
#define IPC_CREAT   01000
#define IPC_EXCL    02000

struct shm_info {
    int32_t key, id;
    uint32_t uid, gid, mode, creator_pid;
    uint64_t size, attached;
    int64_t created; /* seconds */
    bool removed;
};

/* An identifier >= 0; -ENOENT, -EEXIST, -EINVAL, -ENOMEM, -EACCES. */
int64_t shm_get(int32_t key, uint64_t size, int flags, uint32_t uid, uint32_t gid, int32_t pid);
/* The segment as a file to map (MAP_SHARED, offset 0, its whole size): counted. NULL: -EINVAL. */
struct file *shm_file(int id, uint64_t *size, uint64_t *address);
bool shm_is_segment(const struct file *f);
int shm_stat(int id, struct shm_info *out);
/* IPC_RMID: the name goes now, the memory with the last mapping. */
int shm_remove(int id, uint32_t uid);
int shm_set_owner(int id, uint32_t uid, uint32_t gid, uint32_t mode);

#endif

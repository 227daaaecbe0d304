/* Memory policies, locking, protection keys and SysV shared memory: what one process on one node
 * sees. */
#define _GNU_SOURCE
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "check.h"

enum { MPOL_DEFAULT_, MPOL_PREFERRED_, MPOL_BIND_, MPOL_INTERLEAVE_ };

static void policies(void *p)
{
    unsigned long nodes[16] = { 1 }, none[16] = { 0 };
    int mode = -1;
    CHECK_EQ(syscall(SYS_mbind, p, 8192, MPOL_BIND_, nodes, 64, 0), 0);
    CHECK_EQ(syscall(SYS_mbind, p, 8192, MPOL_DEFAULT_, NULL, 0, 0), 0);
    CHECK_ERRNO(syscall(SYS_mbind, (char *)p + 1, 8192, MPOL_DEFAULT_, NULL, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_mbind, p, 8192, 77, nodes, 64, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_mbind, p, 8192, MPOL_BIND_, none, 64, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_mbind, p, 8192, MPOL_BIND_, nodes, 64, 0x100), EINVAL);
    CHECK_EQ(syscall(SYS_set_mempolicy, MPOL_DEFAULT_, NULL, 0), 0);
    CHECK_ERRNO(syscall(SYS_set_mempolicy, 77, NULL, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_set_mempolicy, MPOL_BIND_, none, 64), EINVAL);
    CHECK_EQ(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0), 0);
    CHECK_EQ(mode, MPOL_DEFAULT_);
    CHECK_ERRNO(syscall(SYS_get_mempolicy, &mode, NULL, 0, p, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0x100), EINVAL);
}

static void locks(void *p)
{
    CHECK_EQ(mlock2(p, 8192, 0), 0);
    CHECK_EQ(mlock2(p, 8192, MLOCK_ONFAULT), 0);
    CHECK_ERRNO(syscall(SYS_mlock2, p, 8192, 8), EINVAL);
    CHECK_EQ(mprotect((char *)p + 4096, 4096, PROT_NONE), 0);
    CHECK_ERRNO(mlock(p, 8192), ENOMEM); /* what cannot be touched */
    CHECK_ERRNO(mlock2(p, 8192, 0), ENOMEM);
    CHECK_EQ(mlock2(p, 8192, MLOCK_ONFAULT), 0);
    CHECK_EQ(munlock(p, 8192), 0);
    CHECK_EQ(mprotect(p, 8192, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(munlock(p, 8192), 0);
    CHECK_ERRNO(mlockall(0), EINVAL);
    CHECK_ERRNO(mlockall(0x10), EINVAL);
    CHECK_ERRNO(mlockall(MCL_ONFAULT), EINVAL);
    CHECK_EQ(mlockall(MCL_CURRENT | MCL_ONFAULT), 0);
    CHECK_EQ(munlockall(), 0);
    CHECK_EQ(pkey_mprotect(p, 4096, PROT_READ, -1), 0);
    CHECK_EQ(pkey_mprotect(p, 4096, PROT_READ | PROT_WRITE, -1), 0);
    CHECK_ERRNO(pkey_mprotect(p, 4096, PROT_READ, 15), EINVAL);
    CHECK_ERRNO(pkey_mprotect(p, 4096, PROT_READ, -2), EINVAL);
    CHECK_ERRNO(syscall(SYS_pkey_alloc, 1, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_pkey_alloc, 0, 0x100), EINVAL);
    CHECK_ERRNO(pkey_free(-1), EINVAL);
    CHECK_ERRNO(pkey_free(15), EINVAL);
}

static void shared(void)
{
    struct shmid_ds d;
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    CHECK(id >= 0);
    char *p = shmat(id, NULL, 0);
    NEED(p != (void *)-1);
    for (int i = 0; i < 10000; i++)
        CHECK_EQ(p[i], 0);
    strcpy(p, "shared");
    CHECK_EQ(shmctl(id, IPC_STAT, &d), 0);
    CHECK(d.shm_segsz == 10000 && d.shm_nattch == 1 && (d.shm_perm.mode & 0777) == 0600);
    d.shm_perm.mode = 0640;
    CHECK_EQ(shmctl(id, IPC_SET, &d), 0);
    CHECK_EQ(shmctl(id, IPC_STAT, &d), 0);
    CHECK_EQ(d.shm_perm.mode & 0777, 0640);
    CHECK_ERRNO(shmctl(id, 12345, &d), EINVAL);
    CHECK_EQ(shmdt(p), 0);
    CHECK_ERRNO(shmdt(p), EINVAL);
    p = shmat(id, NULL, 0);
    CHECK_EQ(strcmp(p, "shared"), 0);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK_EQ(shmdt(p), 0);
    CHECK_ERRNO(shmctl(id, IPC_STAT, &d), EINVAL);
    CHECK_ERRNO(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0, EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
    CHECK_ERRNO(shmget(0x7e570001, 100, 0), ENOENT);
    CHECK_ERRNO(shmctl(-1, IPC_RMID, NULL), EINVAL);
}

int main(void)
{
    void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(p != MAP_FAILED);
    policies(p);
    locks(p);
    shared();
    return check_result();
}

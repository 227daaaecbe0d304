/* System V shared memory in one process: keys, modes, attaching, and what is told about it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define KEY  0x434c4f49
#define SIZE 10000

static struct shmid_ds stat_of(int id)
{
    struct shmid_ds ds = { 0 };
    CHECK_EQ(shmctl(id, IPC_STAT, &ds), 0);
    return ds;
}

static sigjmp_buf g_fault;

static void on_fault(int sig)
{
    siglongjmp(g_fault, sig);
}

static int can_write(volatile char *p)
{
    struct sigaction sa = { .sa_handler = on_fault }, old;
    sigaction(SIGSEGV, &sa, &old);
    int faulted = sigsetjmp(g_fault, 1);
    if (!faulted)
        *p = *p;
    sigaction(SIGSEGV, &old, NULL);
    return !faulted;
}

static void keys(void)
{
    int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0640);
    NEED(id >= 0);
    CHECK_EQ(shmget(KEY, SIZE, 0), id);
    CHECK_EQ(shmget(KEY, 0, 0), id);
    CHECK_ERRNO(shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_ERRNO(shmget(KEY, SIZE + 1, 0), EINVAL);
    CHECK_ERRNO(shmget(KEY + 1, SIZE, 0), ENOENT);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
    int other = shmget(IPC_PRIVATE, SIZE, 0600), third = shmget(IPC_PRIVATE, SIZE, 0600);
    CHECK(other >= 0 && third >= 0 && other != third && other != id);
    CHECK_EQ(shmctl(other, IPC_RMID, NULL), 0);
    CHECK_EQ(shmctl(third, IPC_RMID, NULL), 0);
    CHECK(shmctl(other, IPC_RMID, NULL) == -1 && (errno == EINVAL || errno == EIDRM));
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK_ERRNO(shmget(KEY, SIZE, 0), ENOENT);
}

static void attaching(void)
{
    time_t start = time(NULL);
    int id = shmget(IPC_PRIVATE, SIZE, 0640);
    NEED(id >= 0);
    struct shmid_ds ds = stat_of(id);
    CHECK(ds.shm_segsz == SIZE && ds.shm_nattch == 0 && ds.shm_cpid == getpid() &&
          ds.shm_lpid == 0);
    CHECK(ds.shm_atime == 0 && ds.shm_dtime == 0 && ds.shm_ctime >= start - 1);
    CHECK(ds.shm_perm.mode == 0640 && ds.shm_perm.uid == geteuid() &&
          ds.shm_perm.cuid == geteuid());
    char *p = shmat(id, NULL, 0);
    NEED(p != (void *)-1);
    CHECK(p[0] == 0 && p[SIZE - 1] == 0);
    strcpy(p, "kept");
    ds = stat_of(id);
    CHECK(ds.shm_nattch == 1 && ds.shm_lpid == getpid() && ds.shm_atime >= start - 1 &&
          ds.shm_dtime == 0);
    CHECK_EQ(shmdt(p), 0);
    ds = stat_of(id);
    CHECK(ds.shm_nattch == 0 && ds.shm_dtime >= start - 1);
    CHECK_ERRNO(shmdt(p), EINVAL);
    CHECK_ERRNO(shmdt(p + 1), EINVAL);
    p = shmat(id, NULL, SHM_RDONLY);
    NEED(p != (void *)-1);
    CHECK(!strcmp(p, "kept"));
    CHECK(!can_write(p));
    CHECK_ERRNO(mprotect(p, 4096, PROT_READ | PROT_WRITE), EACCES);
    CHECK_EQ(shmdt(p), 0);
    CHECK_EQ(stat_of(id).shm_nattch, 0);
    p = shmat(id, NULL, 0); /* twice, wherever that is */
    char *again = shmat(id, NULL, 0);
    NEED(p != (void *)-1 && again != (void *)-1);
    strcpy(p, "seen");
    CHECK(!strcmp(again, "seen"));
    CHECK_EQ(stat_of(id).shm_nattch, 2);
    CHECK_EQ(shmdt(p), 0);
    CHECK(!strcmp(again, "seen"));
    CHECK_EQ(stat_of(id).shm_nattch, 1);
    CHECK_EQ(shmdt(again), 0);
    CHECK_EQ(stat_of(id).shm_nattch, 0);
    CHECK_ERRNO((long)shmat(id, (char *)4097, 0), EINVAL);
    CHECK_ERRNO((long)shmat(id, NULL, SHM_REMAP), EINVAL);
    CHECK_ERRNO((long)shmat(0x7fffffff, NULL, 0), EINVAL);
    CHECK_ERRNO((long)shmat(-1, NULL, 0), EINVAL);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

/* A removed segment lives on while it is attached, and its identifier too. */
static void removed(void)
{
    int id = shmget(KEY, SIZE, IPC_CREAT | 0600);
    char *p = shmat(id, NULL, 0);
    NEED(id >= 0 && p != (void *)-1);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
    CHECK_ERRNO(shmget(KEY, 0, 0), ENOENT);
    struct shmid_ds ds = stat_of(id);
    CHECK(ds.shm_perm.mode == (SHM_DEST | 0600) && ds.shm_nattch == 1);
    strcpy(p, "still");
    CHECK(!strcmp(p, "still"));
    CHECK_EQ(shmdt(p), 0);
    CHECK(shmctl(id, IPC_STAT, &ds) == -1 && (errno == EINVAL || errno == EIDRM));
}

static void control(void)
{
    int id = shmget(IPC_PRIVATE, SIZE, 0600);
    struct shmid_ds ds = stat_of(id);
    ds.shm_perm.mode = 0444;
    ds.shm_perm.uid = 12;
    CHECK_EQ(shmctl(id, IPC_SET, &ds), 0);
    ds = stat_of(id);
    CHECK(ds.shm_perm.mode == 0444 && ds.shm_perm.uid == 12 && ds.shm_perm.cuid == geteuid());
    CHECK_EQ(shmctl(id, SHM_LOCK, NULL), 0);
    CHECK_EQ(shmctl(id, SHM_UNLOCK, NULL), 0);
    struct shminfo limits;
    int highest = shmctl(0, IPC_INFO, (struct shmid_ds *)&limits);
    CHECK(highest >= 0 && limits.shmmin == 1 && limits.shmmni == 4096);
    struct shm_info used;
    CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&used) >= 0 && used.used_ids >= 1 &&
          used.shm_tot >= 3);
    int found = 0;
    for (int i = 0; i <= highest; i++)
        found += shmctl(i, SHM_STAT, &ds) == id && ds.shm_segsz == SIZE;
    CHECK_EQ(found, 1);
    CHECK_ERRNO(shmctl(id, 99, &ds), EINVAL);
    CHECK_ERRNO(shmctl(id, IPC_STAT, (void *)16), EFAULT);
    CHECK_ERRNO(shmctl(-1, IPC_STAT, &ds), EINVAL);
    CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

int main(void)
{
    keys();
    attaching();
    removed();
    control();
    return check_result();
}

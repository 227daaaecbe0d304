/* System V semaphores in one process: operations, waiting, undoing, and what is told about them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define KEY 0x434c5345

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static int value(int id, int n)
{
    return semctl(id, n, GETVAL);
}

static int op1(int id, int n, int change, int flags)
{
    struct sembuf op = { (unsigned short)n, (short)change, (short)flags };
    return semop(id, &op, 1);
}

static void keys(void)
{
    int id = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0640);
    NEED(id >= 0);
    CHECK_EQ(semget(KEY, 3, 0), id);
    CHECK_EQ(semget(KEY, 0, 0), id);
    CHECK_ERRNO(semget(KEY, 4, 0), EINVAL);
    CHECK_ERRNO(semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_ERRNO(semget(KEY + 1, 3, 0), ENOENT);
    CHECK_ERRNO(semget(IPC_PRIVATE, 0, 0600), EINVAL);
    CHECK_ERRNO(semget(IPC_PRIVATE, -1, 0600), EINVAL);
    CHECK_ERRNO(semget(IPC_PRIVATE, 32001, 0600), EINVAL);
    int big = semget(IPC_PRIVATE, 32000, 0600);
    CHECK(big >= 0 && big != id);
    CHECK_EQ(op1(big, 31999, 5, 0), 0);
    CHECK_EQ(value(big, 31999), 5);
    CHECK_EQ(semctl(big, 0, IPC_RMID), 0);
    CHECK_ERRNO(semctl(big, 0, IPC_RMID), EINVAL);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
    CHECK_ERRNO(semget(KEY, 3, 0), ENOENT);
}

static void operations(void)
{
    int id = semget(IPC_PRIVATE, 3, 0600);
    struct sembuf two[] = { { 0, 2, 0 }, { 1, -1, IPC_NOWAIT } };
    CHECK_ERRNO(semop(id, two, 2), EAGAIN);
    CHECK_EQ(value(id, 0), 0); /* all or nothing */
    CHECK_EQ(op1(id, 1, 1, 0), 0);
    CHECK_EQ(semop(id, two, 2), 0);
    CHECK(value(id, 0) == 2 && value(id, 1) == 0);
    CHECK_EQ(op1(id, 1, 0, 0), 0);
    CHECK_ERRNO(op1(id, 0, 0, IPC_NOWAIT), EAGAIN);
    struct sembuf same[] = { { 2, 3, 0 }, { 2, -2, 0 }, { 2, -1, 0 }, { 2, 0, 0 } };
    CHECK_EQ(semop(id, same, 4), 0);
    CHECK_EQ(value(id, 2), 0);
    CHECK_EQ(op1(id, 2, 32767, 0), 0);
    CHECK_ERRNO(op1(id, 2, 1, 0), ERANGE);
    CHECK_ERRNO(op1(id, 3, 1, 0), EFBIG);
    CHECK_ERRNO(semop(id, two, 0), EINVAL);
    CHECK_ERRNO(semop(id, two, 501), E2BIG);
    CHECK_ERRNO(semop(-1, two, 1), EINVAL);
    CHECK_ERRNO(semop(0x7ffffff, two, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_semop, id, 8, 1), EFAULT);
    struct sembuf many[500];
    for (int i = 0; i < 500; i++)
        many[i] = (struct sembuf){ 0, 1, 0 };
    CHECK_EQ(semop(id, many, 500), 0);
    CHECK_EQ(value(id, 0), 502);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

static void timeouts(void)
{
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf down = { 0, -1, 0 };
    struct timespec soon = { 0, 20000000 }, never = { 0, 0 }, bad = { 0, 1000000000 };
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK_ERRNO(semtimedop(id, &down, 1, &soon), EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec >=
          20000000);
    CHECK_ERRNO(semtimedop(id, &down, 1, &never), EAGAIN);
    CHECK_ERRNO(semtimedop(id, &down, 1, &bad), EINVAL);
    CHECK_ERRNO(syscall(SYS_semtimedop, id, &down, 1, 8), EFAULT);
    down.sem_op = 1;
    CHECK_EQ(semtimedop(id, &down, 1, &bad) == -1 && errno == EINVAL, 1);
    CHECK_EQ(semtimedop(id, &down, 1, &soon), 0);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

struct waiter {
    pthread_t thread;
    int id, result, error;
    struct sembuf op;
};

static void *wait_op(void *arg)
{
    struct waiter *w = arg;
    w->result = semop(w->id, &w->op, 1);
    w->error = errno;
    return NULL;
}

static void start(struct waiter *w, int id, int n, int change, int command)
{
    int before = semctl(id, n, command);
    *w = (struct waiter){ .id = id, .op = { (unsigned short)n, (short)change, 0 } };
    NEED(pthread_create(&w->thread, NULL, wait_op, w) == 0);
    while (semctl(id, n, command) == before)
        usleep(1000);
}

static void waiting(void)
{
    int id = semget(IPC_PRIVATE, 2, 0600);
    struct waiter a, b, z;
    start(&a, id, 0, -2, GETNCNT);
    start(&b, id, 0, -1, GETNCNT);
    CHECK_EQ(semctl(id, 0, GETNCNT), 2);
    CHECK_EQ(semctl(id, 0, GETZCNT), 0);
    CHECK_EQ(op1(id, 0, 1, 0), 0); /* enough for b alone */
    pthread_join(b.thread, NULL);
    CHECK_EQ(b.result, 0);
    CHECK_EQ(semctl(id, 0, GETNCNT), 1);
    CHECK_EQ(semctl(id, 0, SETVAL, (union semun){ .val = 5 }), 0);
    pthread_join(a.thread, NULL);
    CHECK_EQ(a.result, 0);
    CHECK_EQ(value(id, 0), 3);
    start(&z, id, 0, 0, GETZCNT);
    CHECK_EQ(semctl(id, 0, GETZCNT), 1);
    CHECK_EQ(op1(id, 0, -3, 0), 0);
    pthread_join(z.thread, NULL);
    CHECK_EQ(z.result, 0);
    start(&a, id, 1, -1, GETNCNT);
    start(&z, id, 0, -1, GETNCNT);
    unsigned short values[2] = { 0, 1 };
    CHECK_EQ(semctl(id, 0, SETALL, (union semun){ .array = values }), 0);
    pthread_join(a.thread, NULL);
    CHECK_EQ(a.result, 0);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
    pthread_join(z.thread, NULL);
    CHECK(z.result == -1 && z.error == EIDRM);
}

static void on_signal(int sig)
{
    (void)sig;
}

/* Never restarted, whatever the handler's flags. */
static void interrupted(void)
{
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &sa, NULL);
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct waiter w;
    start(&w, id, 0, -1, GETNCNT);
    pthread_kill(w.thread, SIGUSR1);
    pthread_join(w.thread, NULL);
    CHECK(w.result == -1 && w.error == EINTR);
    CHECK_EQ(semctl(id, 0, GETNCNT), 0);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

static void undoing(void)
{
    int id = semget(IPC_PRIVATE, 2, 0600);
    CHECK_EQ(op1(id, 0, 32767, SEM_UNDO), 0);
    CHECK_EQ(op1(id, 0, -10, SEM_UNDO), 0);
    CHECK_EQ(op1(id, 0, -10, 0), 0);
    CHECK_EQ(op1(id, 0, 11, SEM_UNDO), 0); /* -32768: the lowest adjustment */
    CHECK_EQ(value(id, 0), 32758);
    CHECK_ERRNO(op1(id, 0, 1, SEM_UNDO), ERANGE);
    CHECK_EQ(semctl(id, 0, SETVAL, (union semun){ .val = 1 }), 0); /* forgets the adjustment */
    CHECK_EQ(op1(id, 0, 1, SEM_UNDO), 0);
    CHECK_EQ(value(id, 0), 2);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

static void control(void)
{
    time_t start_time = time(NULL);
    int id = semget(IPC_PRIVATE, 2, 0640);
    struct semid_ds ds;
    union semun arg = { .buf = &ds };
    CHECK_EQ(semctl(id, 0, IPC_STAT, arg), 0);
    CHECK(ds.sem_nsems == 2 && ds.sem_otime == 0 && ds.sem_ctime >= start_time - 1);
    CHECK(ds.sem_perm.mode == 0640 && ds.sem_perm.uid == geteuid() && ds.sem_perm.__key == 0);
    CHECK_EQ(semctl(id, 0, GETPID), 0);
    CHECK_EQ(op1(id, 0, 1, 0), 0);
    CHECK_EQ(semctl(id, 0, GETPID), getpid());
    semctl(id, 0, IPC_STAT, arg);
    CHECK(ds.sem_otime >= start_time - 1);
    ds.sem_perm.mode = 0444;
    ds.sem_perm.uid = 12;
    CHECK_EQ(semctl(id, 0, IPC_SET, arg), 0);
    semctl(id, 0, IPC_STAT, arg);
    CHECK(ds.sem_perm.mode == 0444 && ds.sem_perm.uid == 12 && ds.sem_perm.cuid == geteuid());
    unsigned short values[2] = { 7, 8 }, got[2];
    CHECK_EQ(semctl(id, 0, SETALL, (union semun){ .array = values }), 0);
    CHECK_EQ(semctl(id, 0, GETALL, (union semun){ .array = got }), 0);
    CHECK(got[0] == 7 && got[1] == 8);
    values[1] = 40000;
    CHECK_ERRNO(semctl(id, 0, SETALL, (union semun){ .array = values }), ERANGE);
    CHECK_ERRNO(semctl(id, 0, SETVAL, (union semun){ .val = 32768 }), ERANGE);
    CHECK_ERRNO(semctl(id, 0, SETVAL, (union semun){ .val = -1 }), ERANGE);
    CHECK_ERRNO(semctl(id, 2, SETVAL, (union semun){ .val = 1 }), EINVAL);
    CHECK_ERRNO(semctl(id, -1, GETVAL), EINVAL);
    CHECK_ERRNO(semctl(id, 2, GETNCNT), EINVAL);
    CHECK_ERRNO(semctl(id, 0, 99), EINVAL);
    CHECK_ERRNO(semctl(-1, 0, GETVAL), EINVAL);
    CHECK_ERRNO(semctl(id, 0, IPC_STAT, (union semun){ .buf = (void *)16 }), EFAULT);
    CHECK_ERRNO(semctl(id, 0, SETALL, (union semun){ .array = (void *)16 }), EFAULT);
    CHECK_ERRNO(semctl(id, 0, GETALL, (union semun){ .array = (void *)16 }), EFAULT);
    struct seminfo info;
    int highest = semctl(0, 0, IPC_INFO, (union semun){ .info = &info });
    CHECK(highest >= 0 && info.semvmx == 32767 && info.semaem == 32767 && info.semusz == 20);
    char line[100] = "", expected[100];
    FILE *f = fopen("/proc/sys/kernel/sem", "r");
    NEED(f && fgets(line, sizeof(line), f));
    fclose(f);
    snprintf(expected, sizeof(expected), "%d\t%d\t%d\t%d\n", info.semmsl, info.semmns, info.semopm,
             info.semmni);
    CHECK(!strcmp(line, expected));
    CHECK(semctl(0, 0, SEM_INFO, (union semun){ .info = &info }) == highest && info.semusz >= 1 &&
          info.semaem >= 2);
    int found = 0, listed = 0;
    for (int i = 0; i <= highest; i++)
        found += semctl(i, 0, SEM_STAT, arg) == id && ds.sem_nsems == 2;
    CHECK_EQ(found, 1);
    f = fopen("/proc/sysvipc/sem", "r");
    NEED(f);
    while (fgets(line, sizeof(line), f)) {
        int key, number, nsems;
        unsigned mode;
        if (sscanf(line, "%d %d %o %d", &key, &number, &mode, &nsems) == 4 && number == id)
            listed += key == 0 && mode == 0444 && nsems == 2;
    }
    fclose(f);
    CHECK_EQ(listed, 1);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

int main(void)
{
    keys();
    operations();
    timeouts();
    waiting();
    interrupted();
    undoing();
    control();
    return check_result();
}

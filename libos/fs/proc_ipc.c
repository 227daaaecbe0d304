/* /proc/sysvipc, and what /proc/sys/kernel says of the limits of System V IPC. In Linux's format.
 */
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "libos/fs/proc_fs.h"
#include "libos/ipc/mqueue.h"
#include "libos/ipc/sysv_msg.h"
#include "libos/ipc/sysv_sem.h"
#include "libos/ipc/sysv_shm.h"

static int load_msg(const struct pseudo_id *id, struct text *t)
{
    struct msg_totals all;
    struct msg_info i;
    msg_totals(&all);
    text_print(t,
               "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  "
               "cgid      stime      rtime      ctime\n");
    for (uint32_t n = 0; n <= all.highest; n++)
        if (msg_stat((int)n, true, NULL, &i) >= 0)
            text_print(t, "%10d %10d  %4o  %10lu %10lu %5d %5d %5u %5u %5u %5u %10ld %10ld %10ld\n",
                       i.perm.key, i.perm.id, i.perm.mode, (unsigned long)i.bytes,
                       (unsigned long)i.count, i.sender_pid, i.receiver_pid, i.perm.uid, i.perm.gid,
                       i.perm.cuid, i.perm.cgid, (long)i.sent_at, (long)i.received_at,
                       (long)i.changed_at);
    return 0;
}

static int load_sem(const struct pseudo_id *id, struct text *t)
{
    struct sem_totals all;
    struct sem_info i;
    sem_totals(&all);
    text_print(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      "
                  "ctime\n");
    for (uint32_t n = 0; n <= all.highest; n++)
        if (sem_stat((int)n, true, NULL, &i) >= 0)
            text_print(t, "%10d %10d  %4o %10u %5u %5u %5u %5u %10ld %10ld\n", i.perm.key,
                       i.perm.id, i.perm.mode, i.count, i.perm.uid, i.perm.gid, i.perm.cuid,
                       i.perm.cgid, (long)i.operated_at, (long)i.changed_at);
    return 0;
}

#define SHM_DEST 01000

static int load_shm(const struct pseudo_id *id, struct text *t)
{
    struct shm_totals all;
    struct shm_info i;
    shm_totals(&all);
    text_print(t,
               "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
               "cuid  cgid      atime      dtime      ctime                   rss                  "
               "swap\n");
    for (uint32_t n = 0; n <= all.highest; n++)
        if (shm_stat((int)n, true, NULL, &i) >= 0)
            text_print(t,
                       "%10d %10d  %4o %21lu %5d %5d  %5lu %5u %5u %5u %5u %10ld %10ld %10ld %21lu "
                       "%21lu\n",
                       i.perm.key, i.perm.id, i.perm.mode | (i.perm.removed ? SHM_DEST : 0),
                       (unsigned long)i.size, i.creator_pid, i.last_pid, (unsigned long)i.attached,
                       i.perm.uid, i.perm.gid, i.perm.cuid, i.perm.cgid, (long)i.attached_at,
                       (long)i.detached_at, (long)i.changed_at,
                       (unsigned long)ALIGN_UP(i.size, PAGE_SIZE), 0ul);
    return 0;
}

const struct pseudo_node proc_sysvipc_children[] = {
    { .name = "msg", .mode = S_IFREG | 0444, .load = load_msg },
    { .name = "sem", .mode = S_IFREG | 0444, .load = load_sem },
    { .name = "shm", .mode = S_IFREG | 0444, .load = load_shm },
    { 0 },
};

int proc_load_ipc_limit(const struct pseudo_id *id, struct text *t)
{
    uint64_t most = g_machine.range_high - g_machine.range_low;
    const struct {
        const char *name;
        uint64_t value;
    } limits[] = {
        { "msgmax", MSG_SIZE_MOST },
        { "msgmnb", MSG_BYTES_MOST },
        { "msgmni", MSG_QUEUES_MOST },
        { "shmall", most / PAGE_SIZE },
        { "shmmax", most },
        { "shmmni", SHM_SEGMENTS_MOST },
        { "msg_default", MQ_COUNT_MOST },
        { "msg_max", MQ_COUNT_MOST },
        { "msgsize_default", MQ_SIZE_MOST },
        { "msgsize_max", MQ_SIZE_MOST },
        { "queues_max", MQ_QUEUES_MOST },
    };
    for (size_t i = 0; i < ARRAY_COUNT(limits); i++)
        if (str_equal(limits[i].name, id->node->name)) {
            text_print(t, "%lu\n", (unsigned long)limits[i].value);
            return 0;
        }
    text_print(t, "%d\t%d\t%d\t%d\n", SEM_PER_SET_MOST, SEM_ALL_MOST, SEM_OPS_MOST, SEM_SETS_MOST);
    return 0;
}

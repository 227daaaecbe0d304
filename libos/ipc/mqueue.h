#ifndef LIBOS_IPC_MQUEUE_H
#define LIBOS_IPC_MQUEUE_H

/* POSIX message queues, wholly in memory; an open one is a struct file. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/list.h"

struct file;
struct linux_sigevent;
struct linux_stat;

#define MQ_PRIORITIES  32768 /* Linux's MQ_PRIO_MAX, and the defaults of /proc/sys/fs/mqueue */
#define MQ_COUNT_MOST  10
#define MQ_SIZE_MOST   8192
#define MQ_QUEUES_MOST 256
#define MQ_NAME_MAX    255

struct mq_message {
    struct list link;
    uint32_t priority;
    uint64_t size;
    uint8_t data[];
};

struct mq_attributes {
    int64_t count_most, size_most, count;
};

/* Who opens, and within which limits. */
struct mq_opener {
    uint32_t uid, gid;
    bool may_exceed;      /* CAP_SYS_RESOURCE */
    uint64_t bytes_limit; /* RLIMIT_MSGQUEUE */
};

/*
 * mq_open(2): the name without its slash; flags are O_*, mode already masked by umask; wanted NULL:
 * the default attributes. -ENOENT, -EEXIST, -EINVAL, -ENOSPC, -EMFILE, -EOVERFLOW, -ENOMEM.
 */
int mq_open(const char *name, uint32_t flags, uint32_t mode, const struct mq_attributes *wanted,
            const struct mq_opener *who, struct file **out);
int mq_unlink(const char *name); /* -ENOENT */
/* For /dev/mqueue. A queue with a name by its number, which grows from one queue to the next: -ENOENT. */
int mq_find(const char *name, size_t length, uint64_t *number);
/* The first from this number on: 1, and its name and number; 0: there is none. */
int mq_next(uint64_t *number, char name[MQ_NAME_MAX + 1]);
int mq_stat_number(uint64_t number, struct linux_stat *st);
int mq_open_number(uint64_t number, uint32_t flags, struct file **out);
bool mq_is_queue(const struct file *f);

/* These take files that mq_is_queue(). */
void mq_attributes(struct file *f, struct mq_attributes *out);
struct mq_message *mq_message_new(uint64_t size); /* NULL: no memory. mem_free() it. */
/* On 0 the message is the queue's. -EAGAIN, -ETIMEDOUT, -ERESTARTSYS. */
int mq_send(struct file *f, struct mq_message *m, int64_t deadline);
/* The message is the caller's. -EAGAIN, -ETIMEDOUT, -ERESTARTSYS. */
int mq_receive(struct file *f, int64_t deadline, struct mq_message **out);
/*
 * Tell the calling process when a message comes to the empty queue. event NULL: do not any more.
 * SIGEV_THREAD as glibc makes it: cookie[32] is sent to a netlink socket (counted, taken on 0).
 * -EBUSY: it tells someone already.
 */
int mq_notify(struct file *f, const struct linux_sigevent *event, const uint8_t *cookie,
              struct file *socket);

#endif

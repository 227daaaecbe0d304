/*
 * /dev/mqueue: the POSIX message queues that have a name, in libos/ipc/mqueue.c. A file here is the queue itself: read, it gives
 * a line of its state, and mq_send(3) and its kin take its descriptor. mq_open(3) makes queues, with their attributes.
 */
#include "libos/fs/mqueue_dir.h"

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/ipc/mqueue.h"

static int queue_stat(const struct pseudo_id *id, struct linux_stat *st)
{
    return mq_stat_number((uint64_t)id->a, st);
}

static int queue_open(const struct pseudo_id *id, struct dentry *d, uint32_t flags, struct file **out)
{
    return mq_open_number((uint64_t)id->a, flags, out);
}

static const struct pseudo_node queue_node = { .name = "queue", .mode = S_IFREG | 0666, .stat = queue_stat, .open = queue_open };

int mqueue_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child)
{
    uint64_t number;
    int r = mq_find(name, length, &number);
    child->node = &queue_node;
    child->a = (int64_t)number;
    return r;
}

int mqueue_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child)
{
    static_assert(MQ_NAME_MAX == VFS_NAME_MAX, "a queue's name fits");
    child->node = &queue_node;
    return mq_next(cursor, name);
}

int mqueue_unlink(const struct pseudo_id *dir, const char *name, size_t length)
{
    char whole[MQ_NAME_MAX + 1];
    if (length > MQ_NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(whole, name, length);
    whole[length] = 0;
    return mq_unlink(whole);
}

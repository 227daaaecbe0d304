/* mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr over
 * libos/ipc/mqueue.c. */
#include "libos/ipc/mqueue.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/signal.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/net/socket.h"
#include "libos/proc/cred.h"
#include "libos/proc/process.h"
#include "libos/sys/path.h"
#include "libos/sys/sys.h"
#include "libos/sys/timespec.h"

/* Source: include/uapi/linux/mqueue.h */
struct linux_mq_attr {
    int64_t flags, maxmsg, msgsize, curmsgs, reserved[4];
};
static_assert(sizeof(struct linux_mq_attr) == 64, "struct mq_attr");

#define COOKIE_SIZE 32 /* NOTIFY_COOKIE_LEN */

/* A name is one file's in /dev/mqueue: no directories. */
static int name_read(uaddr_t from, char path[VFS_PATH_MAX])
{
    int err = path_read(path, from);
    if (err)
        return err;
    size_t length = str_length(path, VFS_PATH_MAX);
    if (length == 0)
        return -ENOENT;
    if (str_equal(path, ".") || str_equal(path, ".."))
        return -EACCES;
    for (size_t i = 0; i < length; i++)
        if (path[i] == '/')
            return -EACCES;
    return length > MQ_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int open_named(const char *path, int flags, unsigned mode, const struct linux_mq_attr *a)
{
    struct process *p = current()->process;
    struct mq_attributes wanted = { .count_most = a ? a->maxmsg : 0,
                                    .size_most = a ? a->msgsize : 0 };
    struct mq_opener who = { .uid = p->cred.fsuid,
                             .gid = p->cred.fsgid,
                             .may_exceed = cred_can(&p->cred, CAP_SYS_RESOURCE),
                             .bytes_limit = p->limits[LINUX_RLIMIT_MSGQUEUE].soft };
    struct file *f;
    int r = mq_open(path, (uint32_t)flags, mode & ~fs_view_umask(path_view()), a ? &wanted : NULL,
                    &who, &f);
    if (r < 0)
        return r;
    r = fd_install(p->fds, f, 0, true);
    if (r < 0)
        file_put(f);
    return r;
}

int64_t sys_mq_open(uaddr_t name, int flags, unsigned mode, uaddr_t attr)
{
    struct linux_mq_attr a;
    if (attr && user_read(&a, attr, sizeof(a)))
        return -EFAULT;
    char *path = mem_alloc(VFS_PATH_MAX);
    if (!path)
        return -ENOMEM;
    int r = name_read(name, path);
    if (r == 0)
        r = open_named(path, flags, mode, attr ? &a : NULL);
    mem_free(path);
    return r;
}

int64_t sys_mq_unlink(uaddr_t name)
{
    char *path = mem_alloc(VFS_PATH_MAX);
    if (!path)
        return -ENOMEM;
    int r = name_read(name, path);
    if (r == 0)
        r = mq_unlink(path);
    mem_free(path);
    return r;
}

/* An absolute time on CLOCK_REALTIME; address 0: no limit. */
static int deadline_read(uaddr_t timeout, int64_t *deadline)
{
    *deadline = PARK_FOREVER;
    int err = timeout ? timespec_read(timeout, deadline) : 0;
    if (timeout && !err)
        *deadline = deadline_of_realtime(*deadline);
    return err;
}

/* The queue open at fd, for reading or writing; counted. NULL: EBADF. */
static struct file *queue_at(int fd, bool read, bool write)
{
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (f && mq_is_queue(f) && (!read || file_can_read(f)) && (!write || file_can_write(f)))
        return f;
    file_put(f);
    return NULL;
}

static int64_t send_message(struct file *f, uaddr_t msg, uint64_t size, unsigned priority,
                            int64_t deadline)
{
    struct mq_attributes most;
    mq_attributes(f, &most);
    if (size > (uint64_t)most.size_most)
        return -EMSGSIZE;
    struct mq_message *m = mq_message_new(size);
    if (!m)
        return -ENOMEM;
    m->priority = priority;
    int r = user_read(m->data, msg, size);
    if (r == 0)
        r = mq_send(f, m, deadline);
    if (r < 0)
        mem_free(m);
    return r;
}

int64_t sys_mq_timedsend(int fd, uaddr_t msg, uint64_t size, unsigned priority, uaddr_t timeout)
{
    int64_t deadline;
    int err = deadline_read(timeout, &deadline);
    if (err)
        return err;
    if (priority >= MQ_PRIORITIES)
        return -EINVAL;
    struct file *f = queue_at(fd, false, true);
    int64_t r = f ? send_message(f, msg, size, priority, deadline) : -EBADF;
    file_put(f);
    return r;
}

static int64_t receive_message(struct file *f, uaddr_t msg, uint64_t size, uaddr_t priority,
                               int64_t deadline)
{
    struct mq_attributes most;
    struct mq_message *m;
    mq_attributes(f, &most);
    if (size < (uint64_t)most.size_most)
        return -EMSGSIZE;
    int64_t r = mq_receive(f, deadline, &m);
    if (r < 0)
        return r;
    r = (int64_t)m->size;
    if ((priority && user_write(priority, &m->priority, sizeof(m->priority))) ||
        user_write(msg, m->data, m->size))
        r = -EFAULT; /* the message is lost, as on Linux */
    mem_free(m);
    return r;
}

int64_t sys_mq_timedreceive(int fd, uaddr_t msg, uint64_t size, uaddr_t priority, uaddr_t timeout)
{
    int64_t deadline;
    int err = deadline_read(timeout, &deadline);
    if (err)
        return err;
    struct file *f = queue_at(fd, true, false);
    int64_t r = f ? receive_message(f, msg, size, priority, deadline) : -EBADF;
    file_put(f);
    return r;
}

/* What SIGEV_THREAD names: 32 bytes, and the netlink socket they are to come by (counted). */
static int read_thread_event(const struct linux_sigevent *e, uint8_t cookie[COOKIE_SIZE],
                             struct file **socket)
{
    if (user_read(cookie, e->value, COOKIE_SIZE))
        return -EFAULT;
    *socket = fd_lookup_open(current()->process->fds, e->signo);
    if (!*socket)
        return -EBADF;
    return netlink_is_socket(*socket) ? 0 : socket_of(*socket) ? -EINVAL : -ENOTSOCK;
}

static int check_event(const struct linux_sigevent *e)
{
    if (e->notify != LINUX_SIGEV_NONE && e->notify != LINUX_SIGEV_SIGNAL &&
        e->notify != LINUX_SIGEV_THREAD)
        return -EINVAL;
    return e->notify == LINUX_SIGEV_SIGNAL && (e->signo < 0 || e->signo > LINUX_NSIG) ? -EINVAL : 0;
}

int64_t sys_mq_notify(int fd, uaddr_t event)
{
    struct linux_sigevent e;
    uint8_t cookie[COOKIE_SIZE];
    struct file *socket = NULL;
    if (event && user_read(&e, event, sizeof(e)))
        return -EFAULT;
    int r = event ? check_event(&e) : 0;
    if (r == 0 && event && e.notify == LINUX_SIGEV_THREAD)
        r = read_thread_event(&e, cookie, &socket);
    struct file *f = r == 0 ? queue_at(fd, false, false) : NULL;
    if (r == 0)
        r = f ? mq_notify(f, event ? &e : NULL, cookie, socket) : -EBADF;
    file_put(f);
    if (r < 0)
        file_put(socket);
    return r;
}

int64_t sys_mq_getsetattr(int fd, uaddr_t attr, uaddr_t old)
{
    struct linux_mq_attr set, was = { 0 };
    struct mq_attributes now;
    if (attr && user_read(&set, attr, sizeof(set)))
        return -EFAULT;
    if (attr && set.flags & ~(int64_t)O_NONBLOCK)
        return -EINVAL;
    struct file *f = queue_at(fd, false, false);
    if (!f)
        return -EBADF;
    mq_attributes(f, &now);
    mutex_lock(&f->mu);
    was.flags = f->flags & O_NONBLOCK;
    if (attr)
        f->flags = (f->flags & ~(uint32_t)O_NONBLOCK) | (uint32_t)set.flags;
    mutex_unlock(&f->mu);
    file_put(f);
    was.maxmsg = now.count_most;
    was.msgsize = now.size_most;
    was.curmsgs = now.count;
    return old ? user_write(old, &was, sizeof(was)) : 0;
}

/* eventfd: a 64-bit counter in our memory with blocking reads and writes. The host never sees it.
 */
#include "libos/ipc/eventfd.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/stat.h"
#include "libos/fs/file.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/wait.h"
#include "libos/sys/iobuf.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
    struct file file;
    bool semaphore;
    struct mutex mu;
    uint64_t count; /* mu */
    struct wait_queue wait;
};

static struct eventfd *eventfd_of(struct file *f)
{
    return container_of(f, struct eventfd, file);
}

/* Wait until a read (add = 0) or a write of `add` is possible; mu is held on return. */
static int acquire(struct eventfd *e, uint64_t add)
{
    struct waiter w = { 0 };
    int r = 0;
    mutex_lock(&e->mu);
    while ((add ? add > COUNT_MAX - e->count : e->count == 0) && r == 0) {
        if (e->file.flags & O_NONBLOCK) {
            r = -EAGAIN;
            break;
        }
        mutex_unlock(&e->mu);
        if (!w.queue)
            wait_begin(&w, &e->wait);
        else
            r = wait_sleep(PARK_FOREVER) < 0 ? -ERESTARTSYS : 0;
        mutex_lock(&e->mu);
    }
    wait_end(&w);
    return r;
}

static int64_t eventfd_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct eventfd *e = eventfd_of(f);
    if (b->left < sizeof(uint64_t))
        return -EINVAL;
    int r = acquire(e, 0);
    uint64_t value = e->semaphore ? 1 : e->count;
    if (r == 0)
        e->count -= value;
    mutex_unlock(&e->mu);
    if (r < 0)
        return r;
    wake_all(&e->wait, EPOLLOUT | EPOLLWRNORM);
    return iobuf_put(b, &value, sizeof(value));
}

static int64_t eventfd_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct eventfd *e = eventfd_of(f);
    uint64_t value;
    if (b->left < sizeof(value))
        return -EINVAL;
    int64_t n = iobuf_get(b, &value, sizeof(value));
    if (n != (int64_t)sizeof(value))
        return -EFAULT;
    if (value == UINT64_MAX)
        return -EINVAL;
    if (value == 0)
        return sizeof(value);
    int r = acquire(e, value);
    if (r == 0)
        e->count += value;
    mutex_unlock(&e->mu);
    if (r < 0)
        return r;
    wake_all(&e->wait, EPOLLIN | EPOLLRDNORM);
    return sizeof(value);
}

static uint32_t eventfd_poll(struct file *f, struct poll *p)
{
    struct eventfd *e = eventfd_of(f);
    poll_wait(p, &e->wait);
    mutex_lock(&e->mu);
    uint64_t count = e->count;
    mutex_unlock(&e->mu);
    uint32_t events = count ? EPOLLIN | EPOLLRDNORM : 0;
    if (count < COUNT_MAX)
        events |= EPOLLOUT | EPOLLWRNORM;
    return count == UINT64_MAX ? events | EPOLLERR : events;
}

static int eventfd_stat(struct file *f, struct linux_stat *st)
{
    *st = (struct linux_stat){
        .dev = 13, .ino = f->ino, .nlink = 1, .mode = 0600, .blksize = 4096
    };
    return 0;
}

static void eventfd_release(struct file *f)
{
    mem_free(eventfd_of(f));
}

static const struct file_ops eventfd_ops = {
    .kind = "anon_inode:[eventfd]",
    .seek = file_seek_ignored,
    .read = eventfd_read,
    .write = eventfd_write,
    .stat = eventfd_stat,
    .poll = eventfd_poll,
    .release = eventfd_release,
};

int eventfd_create(uint32_t initial, uint32_t flags, struct file **out)
{
    if (flags & ~(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC))
        return -EINVAL;
    struct eventfd *e = mem_zalloc(sizeof(*e));
    if (!e)
        return -ENOMEM;
    file_init(&e->file, &eventfd_ops, O_RDWR | (flags & O_NONBLOCK));
    e->semaphore = flags & EFD_SEMAPHORE;
    e->count = initial;
    wait_queue_init(&e->wait);
    *out = &e->file;
    return 0;
}

bool eventfd_signal(struct file *f, uint64_t n)
{
    if (f->ops != &eventfd_ops)
        return false;
    struct eventfd *e = eventfd_of(f);
    mutex_lock(&e->mu);
    e->count = n > UINT64_MAX - e->count ? UINT64_MAX : e->count + n;
    mutex_unlock(&e->mu);
    wake_all(&e->wait, EPOLLIN | EPOLLRDNORM);
    return true;
}

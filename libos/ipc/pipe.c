/*
 * Pipes: a ring of bytes between file objects that count as readers and writers. Everything is
 * ours; the host sees nothing of it.
 *
 * O_DIRECT ("packet mode", chosen when the pipe is made): each write up to PIPE_BUF is one packet,
 * kept as a length and its bytes; a read takes one packet and drops what does not fit.
 *
 * Lock: pipe->mu guards all fields; wait_queue.lock is inside it.
 */
#include "libos/ipc/pipe.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/ioctl.h"
#include "lib/linux/stat.h"
#include "libos/fs/file.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/ring.h"
#include "libos/ipc/sigpipe.h"
#include "libos/ipc/wait.h"
#include "libos/sys/iobuf.h"
#include "libos/sys/ioctl_arg.h"

#define PIPE_BUF      4096u
#define PIPE_SIZE     65536u
#define PIPE_SIZE_MAX 1048576u

struct pipe {
    uint32_t refs;
    struct mutex mu;
    struct ring ring;          /* mu */
    uint32_t readers, writers; /* mu: open ends */
    uint32_t reader_opens,
        writer_opens; /* mu: count every open, for those who wait for a partner */
    bool packets;
    struct wait_queue can_read, can_write;
};

struct pipe_end {
    struct file file;
    struct pipe *pipe;
    uint32_t writer_opens; /* before our open: no EPOLLHUP before the first writer came */
    uint32_t
        reader_opens; /* before our open: a reader that came and went since ends the wait for one */
};

static struct pipe_end *end_of(struct file *f)
{
    return container_of(f, struct pipe_end, file);
}

struct pipe *pipe_new(void)
{
    struct pipe *p = mem_zalloc(sizeof(*p));
    if (!p)
        return NULL;
    p->refs = 1;
    ring_init(&p->ring, PIPE_SIZE);
    wait_queue_init(&p->can_read);
    wait_queue_init(&p->can_write);
    return p;
}

void pipe_get(struct pipe *p)
{
    ref_get(&p->refs);
}

void pipe_put(struct pipe *p)
{
    if (!p || !ref_put(&p->refs))
        return;
    ring_fini(&p->ring);
    mem_free(p);
}

static bool can_read_locked(const struct pipe *p)
{
    return p->ring.used || p->writers == 0;
}

/* Is there room for a write that must not be torn? */
static bool can_write_locked(const struct pipe *p, uint64_t size)
{
    uint64_t need = MIN(size, PIPE_BUF) + (p->packets ? sizeof(uint32_t) : 0);
    return p->readers == 0 || ring_space(&p->ring) >= (size > PIPE_BUF && !p->packets ? 1 : need);
}

static int64_t take_packet_locked(struct pipe *p, struct iobuf *b)
{
    uint32_t size;
    ring_get(&p->ring, &size, sizeof(size));
    int64_t n = ring_peek(&p->ring, 0, b, size);
    ring_skip(&p->ring, size);
    return n;
}

/* Sleep until `ready` holds; mu is dropped meanwhile. 0, -EAGAIN or -ERESTARTSYS. */
static int wait_locked(bool nonblock, struct pipe *p, struct wait_queue *q, uint64_t write_size)
{
    struct waiter w;
    int r = 0;
    if (nonblock)
        return -EAGAIN;
    wait_begin(&w, q);
    while (!(write_size ? can_write_locked(p, write_size) : can_read_locked(p)) && r == 0) {
        mutex_unlock(&p->mu);
        r = wait_sleep(PARK_FOREVER);
        mutex_lock(&p->mu);
    }
    wait_end(&w);
    return r < 0 ? -ERESTARTSYS : 0;
}

static int64_t take(struct pipe *p, struct iobuf *b, bool nonblock)
{
    int64_t r = 0;
    if (b->left == 0)
        return 0;
    mutex_lock(&p->mu);
    if (!can_read_locked(p))
        r = wait_locked(nonblock, p, &p->can_read, 0);
    if (r == 0 && p->ring.used)
        r = p->packets ? take_packet_locked(p, b)
                       : ring_drain(&p->ring, b, (uint32_t)MIN(b->left, PIPE_SIZE_MAX));
    bool more = p->ring.used;
    mutex_unlock(&p->mu);
    if (r > 0) {
        wake_all(&p->can_write, EPOLLOUT | EPOLLWRNORM);
        if (more)
            wake_one(&p->can_read, EPOLLIN | EPOLLRDNORM);
    }
    return r;
}

static int64_t pipe_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    return take(end_of(f)->pipe, b, f->flags & O_NONBLOCK);
}

static int64_t put_locked(struct pipe *p, struct iobuf *b)
{
    if (!p->packets)
        return ring_fill(&p->ring, b, (uint32_t)MIN(b->left, ring_space(&p->ring)));
    uint32_t size = (uint32_t)MIN(b->left, PIPE_BUF);
    int r = ring_put(&p->ring, &size, sizeof(size));
    if (r < 0)
        return r;
    int64_t n = ring_fill(&p->ring, b, size);
    if (n == (int64_t)size)
        return n;
    ring_unfill(&p->ring, (uint32_t)(n > 0 ? n : 0) + (uint32_t)sizeof(size));
    return n < 0 ? n : -EFAULT;
}

static int64_t pipe_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct pipe *p = end_of(f)->pipe;
    int64_t done = 0, r = 0;
    mutex_lock(&p->mu);
    while (b->left && r >= 0) {
        if (!can_write_locked(p, b->left))
            r = wait_locked(f->flags & O_NONBLOCK, p, &p->can_write, b->left);
        if (r < 0)
            break;
        if (p->readers == 0) {
            r = -EPIPE;
            break;
        }
        r = put_locked(p, b);
        if (r > 0) {
            done += r;
            wake_all(&p->can_read, EPOLLIN | EPOLLRDNORM);
        }
    }
    mutex_unlock(&p->mu);
    if (r == -EPIPE)
        r = sigpipe_raise();
    return done ? done : r;
}

static uint32_t pipe_poll(struct file *f, struct poll *poll)
{
    struct pipe_end *e = end_of(f);
    struct pipe *p = e->pipe;
    uint32_t events = 0;
    if (file_can_read(f))
        poll_wait(poll, &p->can_read);
    if (file_can_write(f))
        poll_wait(poll, &p->can_write);
    mutex_lock(&p->mu);
    if (file_can_read(f)) {
        events |= p->ring.used ? EPOLLIN | EPOLLRDNORM : 0;
        events |= p->writers == 0 && p->writer_opens != e->writer_opens ? EPOLLHUP : 0;
    }
    if (file_can_write(f)) {
        events |= ring_space(&p->ring) >= PIPE_BUF ? EPOLLOUT | EPOLLWRNORM : 0;
        events |= p->readers == 0 ? EPOLLERR : 0;
    }
    mutex_unlock(&p->mu);
    return events;
}

static int pipe_stat(struct file *f, struct linux_stat *st)
{
    *st = (struct linux_stat){
        .dev = 12, .ino = f->ino, .nlink = 1, .mode = S_IFIFO | 0600, .blksize = 4096
    };
    return 0;
}

static int64_t pipe_ioctl(struct file *f, uint32_t command, uint64_t arg)
{
    struct pipe *p = end_of(f)->pipe;
    if (command != LINUX_FIONREAD)
        return -ENOTTY;
    mutex_lock(&p->mu);
    uint32_t used = p->ring.used;
    mutex_unlock(&p->mu);
    return ioctl_put_int(arg, (int)used);
}

static void pipe_release(struct file *f)
{
    struct pipe_end *e = end_of(f);
    struct pipe *p = e->pipe;
    mutex_lock(&p->mu);
    p->readers -= file_can_read(f);
    p->writers -= file_can_write(f);
    mutex_unlock(&p->mu);
    wake_all(&p->can_read, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
    wake_all(&p->can_write, EPOLLOUT | EPOLLWRNORM | EPOLLERR);
    pipe_put(p);
    mem_free(e);
}

static const struct file_ops pipe_ops = {
    .kind = "pipe",
    .async = EPOLLIN | EPOLLOUT,
    .read = pipe_read,
    .write = pipe_write,
    .stat = pipe_stat,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
};

/* A FIFO has a name: its attributes are its inode's. */
static const struct file_ops fifo_ops = {
    .kind = "fifo",
    .async = EPOLLIN | EPOLLOUT,
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
};

static struct pipe_end *open_end(struct pipe *p, uint32_t flags, const struct file_ops *ops)
{
    struct pipe_end *e = mem_zalloc(sizeof(*e));
    if (!e)
        return NULL;
    file_init(&e->file, ops, flags);
    e->pipe = p;
    pipe_get(p);
    mutex_lock(&p->mu);
    /* A partner that is open now counts as come since: when we look again it may be gone. */
    e->writer_opens = p->writer_opens - (p->writers > 0);
    e->reader_opens = p->reader_opens - (p->readers > 0);
    if (file_can_read(&e->file)) {
        p->readers++;
        p->reader_opens++;
    }
    if (file_can_write(&e->file)) {
        p->writers++;
        p->writer_opens++;
    }
    mutex_unlock(&p->mu);
    wake_all(&p->can_read, 0);
    wake_all(&p->can_write, 0);
    return e;
}

int pipe_create(uint32_t flags, struct file **read_end, struct file **write_end)
{
    struct pipe *p = pipe_new();
    if (!p)
        return -ENOMEM;
    p->packets = flags & O_DIRECT;
    flags &= O_NONBLOCK | O_DIRECT;
    struct pipe_end *w = open_end(p, O_WRONLY | flags, &pipe_ops);
    struct pipe_end *r = w ? open_end(p, O_RDONLY | flags, &pipe_ops) : NULL;
    pipe_put(p);
    if (!r) {
        if (w)
            file_put(&w->file);
        return -ENOMEM;
    }
    w->file.ino = r->file.ino;
    *read_end = &r->file;
    *write_end = &w->file;
    return 0;
}

/* Wait until there is a partner, or one has come (and gone) since `seen`. */
static int wait_partner(struct pipe *p, struct wait_queue *q, const uint32_t *partners,
                        const uint32_t *opens, uint32_t seen)
{
    struct waiter w;
    int r = 0;
    wait_begin(&w, q);
    mutex_lock(&p->mu);
    while (*partners == 0 && *opens == seen && r == 0) {
        mutex_unlock(&p->mu);
        r = wait_sleep(PARK_FOREVER);
        mutex_lock(&p->mu);
    }
    mutex_unlock(&p->mu);
    wait_end(&w);
    return r < 0 ? -ERESTARTSYS : 0;
}

int pipe_open_fifo(struct pipe *p, uint32_t flags, struct file **out)
{
    uint32_t mode = flags & O_ACCMODE;
    if (mode == O_WRONLY && (flags & O_NONBLOCK) &&
        __atomic_load_n(&p->readers, __ATOMIC_RELAXED) == 0)
        return -ENXIO;
    struct pipe_end *e = open_end(p, flags, &fifo_ops);
    if (!e)
        return -ENOMEM;
    int r = 0;
    if (!(flags & O_NONBLOCK) && mode == O_RDONLY)
        r = wait_partner(p, &p->can_read, &p->writers, &p->writer_opens, e->writer_opens);
    else if (!(flags & O_NONBLOCK) && mode == O_WRONLY)
        r = wait_partner(p, &p->can_write, &p->readers, &p->reader_opens, e->reader_opens);
    if (r < 0) {
        file_put(&e->file);
        return r;
    }
    *out = &e->file;
    return 0;
}

static bool is_pipe(const struct file *f)
{
    return f->ops == &pipe_ops || f->ops == &fifo_ops;
}

int64_t pipe_get_size(struct file *f)
{
    return is_pipe(f) ? (int64_t)end_of(f)->pipe->ring.limit : -EBADF;
}

int64_t pipe_set_size(struct file *f, uint64_t size)
{
    if (!is_pipe(f))
        return -EBADF;
    if (size > UINT32_C(1) << 31)
        return -EINVAL;
    if (size > PIPE_SIZE_MAX)
        return -EPERM;
    struct pipe *p = end_of(f)->pipe;
    uint32_t limit = p->packets ? 2 * PIPE_BUF : PIPE_BUF; /* a packet brings its length */
    while (limit < size)
        limit *= 2;
    mutex_lock(&p->mu);
    int r = ring_set_limit(&p->ring, limit);
    mutex_unlock(&p->mu);
    return r < 0 ? r : (int64_t)limit;
}

/* ---- tee */

/* Up to size bytes of what is in the pipe, which stay there; 0: nothing, and nobody writes. */
static int64_t look_into(struct file *f, bool nonblock, uint8_t *buffer, uint32_t size)
{
    struct pipe *p = end_of(f)->pipe;
    struct iobuf b;
    int64_t r = 0;
    mutex_lock(&p->mu);
    if (!can_read_locked(p))
        r = nonblock ? -EAGAIN : wait_locked(nonblock, p, &p->can_read, 0);
    if (r == 0 && p->ring.used) {
        size = MIN(size, p->ring.used);
        iobuf_kernel(&b, buffer, size);
        r = ring_peek(&p->ring, 0, &b, size);
    }
    mutex_unlock(&p->mu);
    return r;
}

/* As much of it as there is room for, at least a byte. */
static int64_t put_some(struct file *f, bool nonblock, const uint8_t *buffer, uint32_t size)
{
    struct pipe *p = end_of(f)->pipe;
    int64_t r = 0;
    mutex_lock(&p->mu);
    if (!can_write_locked(p, 1))
        r = nonblock ? -EAGAIN : wait_locked(f, p, &p->can_write, 1);
    if (r == 0 && p->readers == 0)
        r = -EPIPE;
    if (r == 0) {
        size = MIN(size, ring_space(&p->ring));
        r = ring_put(&p->ring, buffer, size);
    }
    mutex_unlock(&p->mu);
    if (r == 0)
        wake_all(&p->can_read, EPOLLIN | EPOLLRDNORM);
    return r == -EPIPE ? sigpipe_raise() : r < 0 ? r : (int64_t)size;
}

int64_t pipe_tee(struct file *in, struct file *out, uint64_t size, bool nonblock)
{
    if (!file_can_read(in) || !file_can_write(out))
        return -EBADF;
    if (!is_pipe(in) || !is_pipe(out) || end_of(in)->pipe == end_of(out)->pipe)
        return -EINVAL;
    if (end_of(in)->pipe->packets || end_of(out)->pipe->packets)
        return -EINVAL; /* packets do not survive being cut */
    uint32_t most = (uint32_t)MIN(size, PIPE_SIZE);
    if (!most)
        return 0;
    uint8_t *buffer = mem_alloc(most);
    if (!buffer)
        return -ENOMEM;
    int64_t r = look_into(in, nonblock, buffer, most);
    if (r > 0)
        r = put_some(out, nonblock, buffer, (uint32_t)r);
    mem_free(buffer);
    return r;
}

/* What has room now, after waiting for some. */
static int64_t put_once(struct pipe *p, struct iobuf *b, bool nonblock)
{
    int64_t r = 0;
    mutex_lock(&p->mu);
    if (!can_write_locked(p, PIPE_SIZE_MAX))
        r = wait_locked(nonblock, p, &p->can_write, PIPE_SIZE_MAX);
    if (r == 0)
        r = p->readers ? put_locked(p, b) : -EPIPE;
    mutex_unlock(&p->mu);
    if (r > 0)
        wake_all(&p->can_read, EPOLLIN | EPOLLRDNORM);
    return r == -EPIPE ? sigpipe_raise() : r;
}

int64_t pipe_vmsplice(struct file *f, struct iobuf *b, bool write, bool nonblock)
{
    if (b->left == 0)
        return 0;
    if (!is_pipe(f))
        return -EBADF;
    return write ? put_once(end_of(f)->pipe, b, nonblock) : take(end_of(f)->pipe, b, nonblock);
}

int64_t pipe_room(struct file *f)
{
    int64_t r = 0;
    if (!is_pipe(f))
        return PIPE_SIZE_MAX;
    struct pipe *p = end_of(f)->pipe;
    mutex_lock(&p->mu);
    if (!can_write_locked(p, PIPE_SIZE_MAX))
        r = wait_locked(f->flags & O_NONBLOCK, p, &p->can_write, PIPE_SIZE_MAX);
    if (r == 0)
        r = p->readers && !p->packets ? (int64_t)ring_space(&p->ring) : PIPE_SIZE_MAX;
    mutex_unlock(&p->mu);
    return r;
}

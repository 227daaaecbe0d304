/*
 * The open ends of a pseudo-terminal: reading, writing, waiting, closing. The master sees the raw bytes of the slave's
 * output and types on its keyboard; the slave sees what the line discipline makes of that.
 */
#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/pty.h"
#include "libos/fs/vfs.h"
#include "libos/ipc/poll.h"
#include "libos/proc/process.h"
#include "libos/sys/iobuf.h"

struct pty_end {
    struct file f;
    struct pty *pty;
    bool master;
};

static struct pty_end *end_of(struct file *f)
{
    return container_of(f, struct pty_end, f);
}

/* Sleep with mu dropped; the caller looks again. 0, -EAGAIN, -ERESTARTSYS, -ETIMEDOUT. */
static int wait_locked(struct file *f, struct pty *p, struct waiter *w, struct wait_queue *q, int64_t deadline)
{
    if (f->flags & O_NONBLOCK)
        return -EAGAIN;
    bool first = !w->queue;
    pty_unlock(p);
    int r = 0;
    if (first)
        wait_begin(w, q);
    else
        r = wait_sleep(deadline);
    mutex_lock(&p->mu);
    return r == -EINTR ? -ERESTARTSYS : r;
}

/* ---- the master */

static int64_t drain_locked(struct pty *p, struct iobuf *b)
{
    p->changed = true;
    return ring_drain(&p->output, b, (uint32_t)MIN(b->left, p->output.used));
}

/* In packet mode each read begins with a byte: 0 before data, or what happened. */
static int64_t read_packet_locked(struct pty *p, struct iobuf *b)
{
    uint8_t status = p->status;
    int64_t n = iobuf_put(b, &status, 1);
    if (n < 1)
        return n;
    p->status = 0;
    p->changed = true;
    int64_t more = status || !b->left ? 0 : drain_locked(p, b);
    return more < 0 ? more : 1 + more;
}

static int64_t master_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct pty *p = end_of(f)->pty;
    struct waiter w = { 0 };
    int64_t r = 0;
    if (!b->left)
        return 0;
    mutex_lock(&p->mu);
    while (r == 0) {
        if (p->packet && p->status)
            r = read_packet_locked(p, b);
        else if (p->output.used)
            r = p->packet ? read_packet_locked(p, b) : drain_locked(p, b);
        else if (p->other_closed)
            r = -EIO;
        else
            r = wait_locked(f, p, &w, &p->master_wait, PARK_FOREVER);
    }
    pty_unlock(p);
    wait_end(&w);
    return r;
}

/* Type what fits; *at is how much of the block was typed. */
static void type_block(struct pty *p, const uint8_t *block, int64_t size, int64_t *at)
{
    for (; *at < size && line_accepts(p); ++*at) {
        line_type(p, block[*at]);
        p->changed = true;
    }
}

static void print_block(struct pty *p, const uint8_t *block, int64_t size, int64_t *at)
{
    while (*at < size && !p->stopped && line_print(p, block[*at])) {
        ++*at;
        p->changed = true;
    }
}

static int64_t write_block(struct file *f, const uint8_t *block, int64_t size)
{
    struct pty_end *e = end_of(f);
    struct pty *p = e->pty;
    struct waiter w = { 0 };
    int64_t at = 0, r = 0;
    mutex_lock(&p->mu);
    while (at < size && r == 0) {
        if (e->master)
            type_block(p, block, size, &at);
        else if (!p->hung_up)
            print_block(p, block, size, &at);
        else
            r = -EIO;
        if (at < size && r == 0)
            r = wait_locked(f, p, &w, e->master ? &p->master_wait : &p->slave_wait, PARK_FOREVER);
    }
    pty_unlock(p);
    wait_end(&w);
    return at ? at : r;
}

static int64_t pty_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    uint8_t block[512];
    int64_t done = 0;
    while (b->left) {
        int64_t size = iobuf_get(b, block, MIN(b->left, sizeof(block)));
        if (size <= 0)
            return done ? done : size;
        int64_t n = write_block(f, block, size);
        if (n < 0)
            return done ? done : n;
        done += n;
        if (n < size)
            break;
    }
    return done;
}

/* ---- the slave */

static int64_t slave_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct pty *p = end_of(f)->pty;
    mutex_lock(&p->mu);
    int r = p->t.lflag & TTY_TOSTOP && !p->hung_up ? pty_check_job(p, SIGTTOU) : 0;
    pty_unlock(p);
    return r < 0 ? r : pty_write(f, b, pos);
}

/* Without ICANON: how many bytes make a read return, and until when it waits for the next. */
struct patience {
    uint64_t least;
    int64_t tenth, deadline; /* VTIME in ns; PARK_FOREVER */
};

static struct patience patience_of(const struct pty *p, uint64_t room)
{
    struct patience t = { .least = 1, .deadline = PARK_FOREVER };
    if (p->t.lflag & TTY_ICANON)
        return t;
    t.least = MIN(p->t.cc[TTY_VMIN], room);
    t.tenth = p->t.cc[TTY_VTIME] * (NSEC_PER_SEC / 10);
    if (!t.least && t.tenth) { /* VMIN 0: VTIME for the first byte */
        t.least = 1;
        t.deadline = clock_monotonic() + t.tenth;
    }
    return t;
}

/* Something to take, or an end of file: in canonical mode a line, otherwise any byte. */
static bool has_some(const struct pty *p)
{
    return p->t.lflag & TTY_ICANON ? p->line != p->tail : p->head != p->tail;
}

static int64_t slave_read_locked(struct file *f, struct pty *p, struct iobuf *b, struct waiter *w)
{
    struct patience t = patience_of(p, b->left);
    int64_t done = 0, r = 0;
    for (;;) {
        if (p->hung_up)
            return done;
        if (has_some(p)) {
            bool lines = p->t.lflag & TTY_ICANON;
            r = line_read(p, b);
            p->changed = true;
            if (r < 0)
                return done ? done : r;
            done += r;
            if (lines || (uint64_t)done >= t.least || !b->left)
                return done;
            if (t.tenth && p->t.cc[TTY_VMIN]) /* VTIME between bytes */
                t.deadline = clock_monotonic() + t.tenth;
            continue;
        }
        if (!t.least)
            return done;
        r = wait_locked(f, p, w, &p->slave_wait, t.deadline);
        if (r < 0)
            return done || r == -ETIMEDOUT ? done : r;
    }
}

static int64_t slave_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct pty *p = end_of(f)->pty;
    struct waiter w = { 0 };
    if (!b->left)
        return 0;
    mutex_lock(&p->mu);
    int64_t r = p->hung_up ? 0 : pty_check_job(p, SIGTTIN);
    if (r == 0)
        r = slave_read_locked(f, p, b, &w);
    pty_unlock(p);
    wait_end(&w);
    return r;
}

/* ---- both */

static uint32_t poll_master(const struct pty *p)
{
    uint32_t events = p->output.used ? EPOLLIN | EPOLLRDNORM : 0;
    events |= line_accepts(p) ? EPOLLOUT | EPOLLWRNORM : 0;
    events |= p->packet && p->status ? EPOLLIN | EPOLLRDNORM | EPOLLPRI : 0;
    return p->other_closed ? events | EPOLLHUP : events;
}

static uint32_t poll_slave(const struct pty *p)
{
    if (p->hung_up)
        return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM;
    uint32_t events = line_readable(p) ? EPOLLIN | EPOLLRDNORM : 0;
    return events | (!p->stopped && ring_space(&p->output) >= 256 ? EPOLLOUT | EPOLLWRNORM : 0);
}

static uint32_t pty_poll(struct file *f, struct poll *poll)
{
    struct pty_end *e = end_of(f);
    struct pty *p = e->pty;
    poll_wait(poll, e->master ? &p->master_wait : &p->slave_wait);
    mutex_lock(&p->mu);
    uint32_t events = e->master ? poll_master(p) : poll_slave(p);
    mutex_unlock(&p->mu);
    return events;
}

static void pty_release(struct file *f)
{
    struct pty_end *e = end_of(f);
    struct pty *p = e->pty;
    mutex_lock(&p->mu);
    if (e->master) {
        pty_hang_up(p);
    } else if (--p->slaves == 0) {
        p->other_closed = p->changed = true;
        p->exclusive = false;
    }
    pty_unlock(p);
    pty_put(p);
    mem_free(e);
}

static const struct file_ops master_ops = {
    .kind = "dev", .read = master_read, .write = pty_write, .poll = pty_poll, .ioctl = pty_ioctl, .release = pty_release
};

static const struct file_ops slave_ops = {
    .kind = "dev", .read = slave_read, .write = slave_write, .poll = pty_poll, .ioctl = pty_ioctl, .release = pty_release
};

struct pty *pty_of(struct file *f, bool *master)
{
    *master = end_of(f)->master;
    return end_of(f)->pty;
}

struct file *pty_new_end(struct pty *p, bool master, struct dentry *d, uint32_t flags)
{
    struct pty_end *e = mem_zalloc(sizeof(*e));
    if (!e)
        return NULL;
    file_init(&e->f, master ? &master_ops : &slave_ops, flags);
    e->f.dentry = dentry_get(d);
    e->pty = p;
    e->master = master;
    ref_get(&p->refs);
    return &e->f;
}

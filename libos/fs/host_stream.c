/*
 * Host files without a position: terminals, pipes handed to us as stdin/stdout/stderr, character
 * devices. Waiting for data is done by poll, in the way every wait is done, so that signals and other
 * threads can end it; then the host is asked for what is there.
 */
#include "enclave/gate.h"
#include "enclave/machine.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/host.h"
#include "libos/fs/terminal.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/sigpipe.h"
#include "libos/sys/iobuf.h"

static struct host_file *stream(struct file *f)
{
    return container_of(f, struct host_file, f);
}

static int stream_stat(struct file *f, struct linux_stat *st)
{
    int r = (int)host_call(fstat, (uint64_t)stream(f)->fd, PTR(st));
    return r < 0 ? r : host_check_stat(st);
}

static uint32_t stream_poll(struct file *f, struct poll *p)
{
    uint32_t all = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP;
    if (p) {
        poll_host(p, stream(f)->fd, all);
        return 0;
    }
    struct park_pollfd pfd = { .fd = stream(f)->fd, .events = (int16_t)all };
    const struct linux_timespec now = { 0 };
    int64_t r = park_ask(&pfd, 1, &now);
    return r == 1 ? (uint32_t)(uint16_t)pfd.revents : 0;
}

static int64_t stream_move(struct file *f, struct iobuf *b, bool write)
{
    uint64_t fd = (uint64_t)stream(f)->fd, size;
    uint64_t address = iobuf_span(b, &size);
    int64_t n = write ? host_call(write, fd, address, size) : host_call(read, fd, address, size);
    if (n == -EPIPE)
        return sigpipe_raise();
    if (n > 0)
        iobuf_advance(b, (uint64_t)n);
    return n;
}

/* stdin of a terminal or pipe is a blocking descriptor that we share with others: never read before poll says so. */
static int64_t stream_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    if (!b->left)
        return 0;
    for (;;) {
        bool must_ask = stream(f)->outside_position;
        if (must_ask && (f->flags & O_NONBLOCK) && !(stream_poll(f, NULL) & (EPOLLIN | EPOLLHUP | EPOLLERR)))
            return -EAGAIN;
        if (must_ask && !(f->flags & O_NONBLOCK)) {
            int r = file_wait(f, EPOLLIN | EPOLLHUP | EPOLLERR, PARK_FOREVER);
            if (r < 0)
                return r;
        }
        int64_t n = stream_move(f, b, false);
        if (n != -EAGAIN || (f->flags & O_NONBLOCK))
            return n;
        int r = file_wait(f, EPOLLIN | EPOLLHUP | EPOLLERR, PARK_FOREVER);
        if (r < 0)
            return r;
    }
}

static int64_t stream_write(struct file *f, struct iobuf *b, int64_t *pos)
{
    int64_t done = 0;
    while (b->left) {
        int64_t n = stream_move(f, b, true);
        if (n == -EAGAIN && !(f->flags & O_NONBLOCK)) {
            n = file_wait(f, EPOLLOUT | EPOLLHUP | EPOLLERR, PARK_FOREVER);
            if (n == 0)
                continue;
        }
        if (n <= 0)
            return done ? done : n;
        done += n;
        if (f->flags & O_NONBLOCK)
            break;
    }
    return done;
}

static int64_t stream_ioctl(struct file *f, uint32_t command, uint64_t arg)
{
    return terminal_ioctl(stream(f)->fd, command, arg);
}

static void stream_release(struct file *f)
{
    host_file_free(stream(f));
}

const struct file_ops host_stream_ops = {
    .kind = "dev",
    .read = stream_read,
    .write = stream_write,
    .stat = stream_stat,
    .poll = stream_poll,
    .ioctl = stream_ioctl,
    .release = stream_release,
};

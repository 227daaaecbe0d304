/*
 * Signal descriptors. As on Linux they belong to whoever reads: the calling thread's and its process's
 * pending signals, not those of the thread that made them.
 */
#include "libos/signal/signalfd.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/file.h"
#include "libos/ipc/poll.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"
#include "libos/sys/iobuf.h"

struct signalfd {
    struct file f;
    uint64_t mask; /* atomic */
};

static struct signalfd *signalfd_of(struct file *f)
{
    return container_of(f, struct signalfd, f);
}

static uint64_t mask_of(struct file *f)
{
    return __atomic_load_n(&signalfd_of(f)->mask, __ATOMIC_RELAXED);
}

static struct linux_signalfd_siginfo encode(int sig, const struct linux_siginfo *i)
{
    struct linux_signalfd_siginfo o = { .signo = (uint32_t)sig, .error = i->error, .code = i->code };
    if (i->code == LINUX_SI_TIMER) {
        o.tid = (uint32_t)i->u.timer.id;
        o.overrun = (uint32_t)i->u.timer.overrun;
        o.ptr = i->u.timer.value;
        o.int_ = (int32_t)i->u.timer.value;
    } else if (sig == SIGCHLD && i->code > 0) {
        o.pid = (uint32_t)i->u.child.pid;
        o.uid = i->u.child.uid;
        o.status = i->u.child.status;
        o.utime = (uint64_t)i->u.child.utime;
        o.stime = (uint64_t)i->u.child.stime;
    } else if (i->code > 0 && i->code != LINUX_SI_KERNEL) {
        o.addr = i->u.fault.address;
    } else {
        o.pid = (uint32_t)i->u.rt.pid;
        o.uid = i->u.rt.uid;
        o.ptr = i->u.rt.value;
        o.int_ = (int32_t)i->u.rt.value;
    }
    return o;
}

/* Block until one is there: its number, or why not. */
static int take_one(struct file *f, struct linux_siginfo *info)
{
    struct waiter w;
    int sig = signal_take(mask_of(f), info), err = 0;
    if (sig || f->flags & O_NONBLOCK)
        return sig ? sig : -EAGAIN;
    wait_begin(&w, &current()->process->sighand.signalfd_wait);
    while (!(sig = signal_take(mask_of(f), info)) && !err)
        err = wait_sleep(PARK_FOREVER);
    wait_end(&w);
    return sig ? sig : err;
}

static int64_t signalfd_read(struct file *f, struct iobuf *b, int64_t *pos)
{
    struct linux_siginfo info;
    int64_t done = 0;
    if (b->left < sizeof(struct linux_signalfd_siginfo))
        return -EINVAL;
    while (b->left >= sizeof(struct linux_signalfd_siginfo)) {
        int sig = done ? signal_take(mask_of(f), &info) : take_one(f, &info);
        if (sig <= 0)
            return done ? done : sig;
        struct linux_signalfd_siginfo out = encode(sig, &info);
        int64_t n = iobuf_put(b, &out, sizeof(out));
        if (n < 0)
            return done ? done : n;
        done += n;
    }
    return done;
}

static uint32_t signalfd_poll(struct file *f, struct poll *p)
{
    poll_wait(p, &current()->process->sighand.signalfd_wait);
    return signal_pending_set(current()) & mask_of(f) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int signalfd_stat(struct file *f, struct linux_stat *st)
{
    memset(st, 0, sizeof(*st));
    st->mode = 0600;
    st->ino = f->ino;
    st->nlink = 1;
    st->blksize = (int64_t)PAGE_SIZE;
    return 0;
}

static void signalfd_release(struct file *f)
{
    mem_free(signalfd_of(f));
}

static const struct file_ops signalfd_ops = {
    .kind = "anon_inode:[signalfd]",
    .seek = file_seek_ignored,
    .read = signalfd_read,
    .stat = signalfd_stat,
    .poll = signalfd_poll,
    .release = signalfd_release,
};

struct file *signalfd_new(uint64_t mask, uint32_t flags)
{
    struct signalfd *s = mem_zalloc(sizeof(*s));
    if (!s)
        return NULL;
    file_init(&s->f, &signalfd_ops, flags);
    s->mask = mask;
    return &s->f;
}

int signalfd_set_mask(struct file *f, uint64_t mask)
{
    if (f->ops != &signalfd_ops)
        return -EINVAL;
    __atomic_store_n(&signalfd_of(f)->mask, mask, __ATOMIC_RELAXED);
    wake_all(&current()->process->sighand.signalfd_wait, EPOLLIN);
    return 0;
}

/*
 * The owner of an open file, as fs/fcntl.c of the kernel keeps it (send_sigio): for dnotify, and for O_ASYNC, which
 * stands on the file's wait queues like a poll that never ends.
 */
#include "libos/fs/owner.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"
#include "libos/ipc/poll.h"
#include "libos/proc/process.h"

static bool process_is(struct process *p, enum file_owner_type type, int32_t id)
{
    return type == FILE_OWNER_GROUP ? p->pgid == id : p->pid == id;
}

/* The first process after *pid that is meant; counted, or NULL. */
static struct process *next_owner(enum file_owner_type type, int32_t id, int32_t *pid)
{
    while ((*pid = process_next(*pid)) != 0) {
        struct process *p = process_find(*pid);
        if (p && process_is(p, type, id))
            return p;
        process_put(p);
    }
    return NULL;
}

static int check_owner(enum file_owner_type type, int32_t id)
{
    int32_t pid = 0;
    struct thread *t = type == FILE_OWNER_THREAD ? thread_find(0, id) : NULL;
    struct process *p = type == FILE_OWNER_THREAD ? NULL : next_owner(type, id, &pid);
    int r = t || p ? 0 : -ESRCH;
    thread_put(t);
    process_put(p);
    return r;
}

int file_set_owner(struct file *f, enum file_owner_type type, int32_t id)
{
    int r = id ? check_owner(type, id) : 0;
    if (r < 0)
        return r;
    mutex_lock(&f->mu);
    f->owner = id;
    f->owner_type = (uint8_t)type;
    mutex_unlock(&f->mu);
    return 0;
}

int file_set_signal(struct file *f, uint64_t sig)
{
    if (sig > LINUX_NSIG)
        return -EINVAL;
    f->signal = (uint8_t)sig;
    return 0;
}

static const int64_t bands[] = { [LINUX_POLL_IN] = 0x041, [LINUX_POLL_OUT] = 0x304, [LINUX_POLL_MSG] = 0x441, [LINUX_POLL_HUP] = 0x018 };

void owner_tell(const struct owner_notice *n)
{
    struct linux_siginfo info = { .code = n->reason, .u.poll = { bands[n->reason], n->fd } };
    enum file_owner_type type = n->type;
    int32_t pid = 0;
    int sig = n->signal ? n->signal : SIGIO;
    const struct linux_siginfo *with = n->signal ? &info : NULL;
    if (!n->id)
        return;
    if (type == FILE_OWNER_THREAD) {
        struct thread *t = thread_find(0, n->id);
        if (t && signal_send_thread(t, sig, with) == -EAGAIN)
            (void)signal_send_thread(t, SIGIO, NULL);
        thread_put(t);
        return;
    }
    for (struct process *p; (p = next_owner(type, n->id, &pid));) {
        if (signal_send_process(p, sig, with) == -EAGAIN) /* the queue is full: at least this */
            (void)signal_send_process(p, SIGIO, NULL);
        process_put(p);
    }
}

void file_signal_owner(struct file *f, int fd, int reason)
{
    struct owner_notice n = { f->owner, fd, reason, f->owner_type, f->signal };
    owner_tell(&n);
}

/* ---- O_ASYNC */

#define QUEUES_MAX 3

struct async {
    struct poll base;
    struct file *file;
    int fd;
    bool refused; /* a descriptor of the host, which would have to be watched */
    uint32_t count;
    struct waiter waiters[QUEUES_MAX];
};

static void register_wait(struct poll *p, struct wait_queue *q)
{
    struct async *a = container_of(p, struct async, base);
    if (a->count == QUEUES_MAX) {
        a->refused = true;
        return;
    }
    struct waiter *w = &a->waiters[a->count++];
    *w = (struct waiter){ .tells = a->file, .events = a->file->ops->async };
    wait_add(w, q);
}

static void register_host(struct poll *p, int host_fd, uint32_t events)
{
    container_of(p, struct async, base)->refused = true;
}

void file_forget_async(struct file *f)
{
    struct async *a = f->async;
    if (!a)
        return;
    for (uint32_t i = 0; i < a->count; i++)
        wait_end(&a->waiters[i]);
    f->async = NULL;
    mem_free(a);
}

int file_set_async(struct file *f, int fd, bool on)
{
    static const struct poll_ops ops = { register_wait, register_host };
    file_forget_async(f);
    if (!on)
        return 0;
    struct async *a = mem_zalloc(sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->base.ops = &ops;
    a->file = f;
    a->fd = fd;
    f->async = a; /* before the first queue can tell */
    (void)f->ops->poll(f, &a->base);
    if (!a->refused)
        return 0;
    file_forget_async(f);
    return -EOPNOTSUPP;
}

struct owner_notice owner_notice_of(const struct file *f, uint32_t events)
{
    uint32_t of = events & f->ops->async;
    if (!(of & (EPOLLIN | EPOLLOUT))) /* a hang-up comes with the end of input too, and is told then */
        return (struct owner_notice){ 0 };
    int reason = of & EPOLLHUP ? LINUX_POLL_HUP : of & EPOLLIN ? LINUX_POLL_IN : LINUX_POLL_OUT;
    return (struct owner_notice){ f->owner, f->async->fd, reason, f->owner_type, f->signal };
}

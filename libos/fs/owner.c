/*
 * The owner of an open file, as fs/fcntl.c of the kernel keeps it (send_sigio). Used by dnotify; O_ASYNC itself has no
 * effect on other files here.
 */
#include "libos/fs/owner.h"

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/file.h"
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

static const int64_t bands[] = { [LINUX_POLL_IN] = 0x041, [LINUX_POLL_OUT] = 0x304, [LINUX_POLL_MSG] = 0x441 };

void file_signal_owner(struct file *f, int fd, int reason)
{
    struct linux_siginfo info = { .code = reason, .u.poll = { bands[reason], fd } };
    enum file_owner_type type = f->owner_type;
    int32_t id = f->owner, pid = 0;
    int sig = f->signal ? f->signal : SIGIO;
    const struct linux_siginfo *with = f->signal ? &info : NULL;
    if (!id)
        return;
    if (type == FILE_OWNER_THREAD) {
        struct thread *t = thread_find(0, id);
        if (t && signal_send_thread(t, sig, with) == -EAGAIN)
            (void)signal_send_thread(t, SIGIO, NULL);
        thread_put(t);
        return;
    }
    for (struct process *p; (p = next_owner(type, id, &pid));) {
        if (signal_send_process(p, sig, with) == -EAGAIN) /* the queue is full: at least this */
            (void)signal_send_process(p, SIGIO, NULL);
        process_put(p);
    }
}

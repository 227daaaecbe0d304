/* The file object of pidfd_open(2). It holds the process object, not the process: that may end
 * meanwhile. */
#include "libos/proc/pidfd.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/file.h"
#include "libos/ipc/poll.h"
#include "libos/proc/process.h"

struct pidfd {
    struct file file;
    struct process *process; /* counted */
};

static struct pidfd *pidfd_of(struct file *f)
{
    return container_of(f, struct pidfd, file);
}

static uint32_t pidfd_poll(struct file *f, struct poll *poll)
{
    struct process *p = pidfd_of(f)->process;
    poll_wait(poll, &p->exit_wait);
    return process_has_ended(p) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int pidfd_stat(struct file *f, struct linux_stat *st)
{
    *st = (struct linux_stat){
        .dev = 13, .ino = f->ino, .nlink = 1, .mode = 0600, .blksize = 4096
    };
    return 0;
}

static void pidfd_release(struct file *f)
{
    process_put(pidfd_of(f)->process);
    mem_free(pidfd_of(f));
}

static const struct file_ops pidfd_ops = {
    .kind = "anon_inode:[pidfd]",
    .stat = pidfd_stat,
    .poll = pidfd_poll,
    .release = pidfd_release,
};

struct file *pidfd_new(struct process *p, uint32_t flags)
{
    struct pidfd *fd = mem_zalloc(sizeof(*fd));
    if (!fd)
        return NULL;
    file_init(&fd->file, &pidfd_ops, O_RDWR | flags);
    ref_get(&p->refs);
    fd->process = p;
    return &fd->file;
}

struct process *pidfd_process(struct file *f)
{
    return f->ops == &pidfd_ops ? pidfd_of(f)->process : NULL;
}

/* pidfd_open, pidfd_send_signal, pidfd_getfd over libos/proc/pidfd.c. */
#include "libos/proc/pidfd.h"

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/signal.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/proc_fs.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

int64_t sys_pidfd_open(int pid, unsigned flags)
{
    struct fdtable *fds = current()->process->fds;
    if (flags & ~O_NONBLOCK || pid <= 0)
        return -EINVAL;
    struct process *p = process_find(pid);
    if (!p) {
        struct thread *t = thread_find(0, pid);
        thread_put(t);
        return t ? -EINVAL : -ESRCH; /* a thread that leads no process: as Linux before 6.9 */
    }
    struct file *f = pidfd_new(p, flags);
    process_put(p);
    if (!f)
        return -ENOMEM;
    int fd = fd_install(fds, f, 0, true);
    if (fd < 0)
        file_put(f);
    return fd;
}

/* The process of a pidfd, or of an open /proc/PID where Linux takes that too: counted. -EBADF,
 * -ESRCH. */
static int process_of(int fd, bool or_directory, struct process **out)
{
    struct file *f = fd_lookup(current()->process->fds, fd);
    if (!f)
        return -EBADF;
    struct process *p = pidfd_process(f);
    int32_t pid = !p && or_directory ? proc_directory_pid(f) : 0;
    int err = p || pid ? 0 : -EBADF;
    if (p && process_has_ended(p))
        err = -ESRCH;
    else if (p)
        ref_get(&p->refs);
    else if (pid && !(p = process_find(pid)))
        err = -ESRCH;
    file_put(f);
    *out = p;
    return err;
}

/* The signal of the call and of the information must agree; only to oneself may one claim anything
 * about its origin. */
static int read_info(uaddr_t from, int sig, const struct process *to, struct linux_siginfo *info)
{
    if (user_read(info, from, sizeof(*info)))
        return -EFAULT;
    if (info->signo != sig)
        return -EINVAL;
    bool claims = info->code >= 0 || info->code == LINUX_SI_TKILL;
    return claims && to != current()->process ? -EPERM : 0;
}

int64_t sys_pidfd_send_signal(int pidfd, int sig, uaddr_t uinfo, unsigned flags)
{
    const struct process *self = current()->process;
    struct linux_siginfo info = { .signo = sig, .code = LINUX_SI_USER };
    struct process *p;
    info.u.rt.pid = self->pid;
    info.u.rt.uid = self->cred.uid;
    if (flags)
        return -EINVAL;
    int err = process_of(pidfd, true, &p);
    if (err)
        return err;
    if (uinfo)
        err = read_info(uinfo, sig, p, &info);
    if (!err && (sig < 0 || sig > LINUX_NSIG))
        err = -EINVAL;
    if (!err && sig)
        err = signal_send_process(p, sig, &info);
    process_put(p);
    return err;
}

int64_t sys_pidfd_getfd(int pidfd, int target, unsigned flags)
{
    struct process *p;
    if (flags)
        return -EINVAL;
    int err = process_of(pidfd, false, &p);
    if (err)
        return err;
    struct file *f = p->fds ? fd_lookup(p->fds, target) : NULL;
    process_put(p);
    if (!f)
        return -EBADF;
    int fd = fd_install(current()->process->fds, f, 0, true);
    if (fd < 0)
        file_put(f);
    return fd;
}

/* Processes as the program names them: numbers, groups, sessions, waiting, execve. */
#include "enclave/heap.h"
#include "enclave/log.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/resource.h"
#include "libos/exec/exec.h"
#include "libos/exec/rewrite.h"
#include "libos/exec/vdso.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/vfs.h"
#include "libos/mm/vma.h"
#include "libos/proc/pidfd.h"
#include "libos/proc/robust.h"
#include "libos/proc/thread.h"
#include "libos/proc/timers.h"
#include "libos/signal/fpu.h"
#include "libos/sys/sys.h"

#define ARG_STRING_MAX (UINT64_C(128) << 10) /* Linux's MAX_ARG_STRLEN */

int64_t sys_getpid(void)
{
    return current()->process->pid;
}

int64_t sys_getppid(void)
{
    return current()->process->ppid;
}

/* ---- groups and sessions: there is one process to ask about */

int64_t sys_getpgid(int pid)
{
    struct process *p = process_find(pid ? pid : current()->process->pid);
    int64_t r = p ? p->pgid : -ESRCH;
    process_put(p);
    return r;
}

int64_t sys_getpgrp(void)
{
    return current()->process->pgid;
}

int64_t sys_getsid(int pid)
{
    struct process *p = process_find(pid ? pid : current()->process->pid);
    int64_t r = p ? p->sid : -ESRCH;
    process_put(p);
    return r;
}

int64_t sys_setpgid(int pid, int pgid)
{
    struct process *p = current()->process;
    pgid = pgid ? pgid : pid;
    if (pgid < 0)
        return -EINVAL;
    if (pid && pid != p->pid)
        return -ESRCH;
    if (p->sid == p->pid)
        return -EPERM; /* a session leader stays in its group */
    if (pgid && pgid != p->pid && pgid != p->pgid)
        return -EPERM;
    p->pgid = pgid ? pgid : p->pid;
    return 0;
}

int64_t sys_setsid(void)
{
    struct process *p = current()->process;
    if (p->pgid == p->pid)
        return -EPERM;
    p->sid = p->pgid = p->pid;
    return p->pid;
}

/* ---- waiting: no process has children yet */

int64_t sys_wait4(int pid, uaddr_t status, int options, uaddr_t rusage)
{
    const int known = 1 | 2 | 8 | 0x20000000 | 0x40000000 | (int)0x80000000; /* WNOHANG WUNTRACED WCONTINUED __WNOTHREAD __WALL __WCLONE */
    if (options & ~known)
        return -EINVAL;
    return pid == INT32_MIN ? -ESRCH : -ECHILD;
}

static int64_t wait_for_child(int which, int pid, int options)
{
    const int known = 1 | 2 | 4 | 8 | 0x01000000 | 0x20000000 | 0x40000000 | (int)0x80000000;
    if (options & ~known || !(options & (2 | 4 | 8)) || which < 0 || which > 3)
        return -EINVAL;
    if ((which == 1 && pid <= 0) || (which == 2 && pid < 0))
        return -EINVAL;
    if (which != 3)
        return -ECHILD;
    if (pid < 0)
        return -EINVAL;
    struct file *f = fd_lookup(current()->process->fds, pid);
    bool is_process = f && pidfd_process(f);
    file_put(f);
    return is_process ? -ECHILD : -EBADF;
}

/* info is written whatever the answer is, as by Linux: no signal, nobody. */
int64_t sys_waitid(int which, int pid, uaddr_t info, int options, uaddr_t rusage)
{
    const uint32_t nothing[3] = { 0 }; /* signo, errno, code; behind 4 bytes pid, uid, status */
    int64_t r = wait_for_child(which, pid, options);
    if (info && (user_write(info, nothing, sizeof(nothing)) < 0 || user_write(info + 16, nothing, sizeof(nothing)) < 0))
        return -EFAULT;
    return r;
}

/* ---- execve */

static int read_words(uaddr_t array, struct words *out, char *buf)
{
    int err = 0;
    for (uint64_t i = 0; !err && array; i++) {
        uint64_t word;
        if (user_read(&word, array + 8 * i, sizeof(word)))
            return -EFAULT;
        if (!word)
            break;
        int64_t n = user_string(buf, word, ARG_STRING_MAX);
        if (n < 0)
            return n == -ENAMETOOLONG ? -E2BIG : (int)n;
        err = words_add(out, buf, (size_t)n);
    }
    return err;
}

/* The point of no return: other threads end, the old address space goes, the new program comes. */
static int replace_program(struct process *p, struct exec *e, struct cpu_regs *regs)
{
    struct thread *t = current();
    thread_kill_others();
    robust_list_exit(t);
    thread_forget_rseq(t);
    t->clear_child_tid = 0;
    t->tid = p->pid;
    timers_exec(p);
    p->membarrier = false;
    p->cred.cap_permitted &= ~p->cred.cap_dropped;
    p->cred.cap_effective &= ~p->cred.cap_dropped;
    signal_reset_for_exec(p, t);
    fd_close_on_exec(p->fds);
    mm_put(p->mm);
    rewrite_reset();
    p->mm = mm_new();
    if (p->mm)
        p->vdso = vdso_map(p->mm);
    int err = p->mm ? exec_commit(p, e, regs) : -ENOMEM;
    if (!err) {
        cpu_set_fs(0);
        fpu_reset();
    }
    return err;
}

static int64_t do_exec(const char *path, uaddr_t argv, uaddr_t envp, char *buf)
{
    struct process *p = current()->process;
    struct cpu_regs regs;
    struct exec e = { .path = path };
    int err = read_words(argv, &e.argv, buf);
    if (!err && !e.argv.count)
        err = words_add(&e.argv, "", 0); /* as Linux since 5.18: argv[0] always exists */
    if (!err)
        err = read_words(envp, &e.envp, buf);
    if (!err)
        err = exec_prepare(p->fs, &e);
    if (!err) {
        err = replace_program(p, &e, &regs);
        if (err) {
            log_error("execve: %s: failed (%d) after the old program was gone: the process ends", path, err);
            exec_free(&e);
            process_exit_group(SIGKILL);
        }
        *current()->regs = regs;
    }
    exec_free(&e);
    return err;
}

int64_t sys_execve(uaddr_t path, uaddr_t argv, uaddr_t envp)
{
    char *name = mem_alloc(VFS_PATH_MAX), *buf = mem_alloc(ARG_STRING_MAX);
    int64_t r = -ENOMEM;
    if (name && buf)
        r = user_string(name, path, VFS_PATH_MAX);
    if (r >= 0)
        r = do_exec(name, argv, envp, buf);
    mem_free(name);
    mem_free(buf);
    return r;
}

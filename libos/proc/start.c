/*
 * The first process: from the measured plan to the first instruction of the program. Everything that can go
 * wrong here is the manifest's or the files' fault, so each failure is one line that says what, where, why
 * and what to do, and the machine ends with status 1.
 */
#include "libos/proc/process.h"

#include "enclave/event.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "libos/exec/exec.h"
#include "libos/exec/vdso.h"
#include "libos/fs/console.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/vfs.h"
#include "libos/mm/vma.h"
#include "libos/proc/args.h"
#include "libos/proc/banner.h"
#include "libos/proc/cputime.h"
#include "libos/proc/cred.h"
#include "libos/proc/errors.h"
#include "libos/proc/lifecycle.h"
#include "libos/proc/thread.h"
#include "libos/signal/fpu.h"
#include "libos/sys/dispatch.h"

#define FDS_HARD_LIMIT 65536
#define MSGQUEUE_BYTES 819200 /* Linux's MQ_BYTES_MAX */

static void set_limits(struct process *p, const struct plan_header *h)
{
    for (size_t i = 0; i < LINUX_RLIM_COUNT; i++)
        p->limits[i].soft = p->limits[i].hard = LINUX_RLIM_INFINITY;
    p->limits[LINUX_RLIMIT_STACK].soft = h->stack_size;
    p->limits[LINUX_RLIMIT_NOFILE].soft = h->fds_limit;
    p->limits[LINUX_RLIMIT_NOFILE].hard = MAX((uint64_t)FDS_HARD_LIMIT, (uint64_t)h->fds_limit);
    p->limits[LINUX_RLIMIT_CORE].soft = 0;
    p->limits[LINUX_RLIMIT_MSGQUEUE].soft = p->limits[LINUX_RLIMIT_MSGQUEUE].hard = MSGQUEUE_BYTES;
    p->limits[LINUX_RLIMIT_SIGPENDING].soft = p->limits[LINUX_RLIMIT_SIGPENDING].hard = 65536;
    p->limits[LINUX_RLIMIT_NPROC].soft = p->limits[LINUX_RLIMIT_NPROC].hard = g_machine.thread_max;
    p->limits[LINUX_RLIMIT_MEMLOCK].soft = p->limits[LINUX_RLIMIT_MEMLOCK].hard = UINT64_C(8) << 20;
    p->limits[LINUX_RLIMIT_MSGQUEUE].soft = p->limits[LINUX_RLIMIT_MSGQUEUE].hard = 819200;
    p->limits[LINUX_RLIMIT_NICE].soft = p->limits[LINUX_RLIMIT_NICE].hard = 0;
    p->limits[LINUX_RLIMIT_RTPRIO].soft = p->limits[LINUX_RLIMIT_RTPRIO].hard = 0;
}

static void set_cred(struct cred *c, uint32_t uid, uint32_t gid)
{
    c->uid = c->euid = c->suid = c->fsuid = uid;
    c->gid = c->egid = c->sgid = c->fsgid = gid;
    c->cap_effective = c->cap_permitted = uid == 0 ? CRED_ALL_CAPS : 0;
}

/* The calling machine thread becomes the process's first. */
static int adopt_thread(struct process *p)
{
    struct thread *t = thread_new(p);
    if (!t)
        return -ENOMEM;
    t->tid = p->pid;
    t->tb = thread_block();
    thread_block()->thread = t;
    cputime_begin(p, t);
    return thread_attach(p, t);
}

static int fail(const char *what, const char *which, int err, const char *remedy)
{
    log_error("%s: %s: %s (%s)", what, which, errno_text(err), remedy);
    return err;
}

static int make_words(const struct plan *plan, struct exec *e)
{
    const struct host_words argv = { g_machine.argv, g_machine.argv_size }, envp = { g_machine.envp, g_machine.envp_size };
    enum args_note note;
    int err = args_build_argv(plan, argv, &e->argv, &note);
    if (err == -EINVAL)
        return fail("arguments", "the command line has words after the application", err,
                    "set loader.argv in the manifest, or loader.insecure__use_cmdline_argv = true");
    if (err)
        return fail("arguments", "argv", err, "shorten loader.argv or the command line");
    if (note == ARGS_DROPPED)
        log_error("arguments: the words on the command line are ignored, because the manifest fixes loader.argv");
    err = args_build_env(plan, envp, &e->envp);
    if (err)
        return fail("environment", "envp", err, "each variable must read NAME=value, all together at most 10,000,000 bytes");
    return 0;
}

static const char *exec_remedy(int err)
{
    switch (err) {
    case -ENOENT: return "is it, and its interpreter, in a mount of fs.mounts?";
    case -EACCES: return "list it, and its interpreter, in sgx.trusted_files and make it executable";
    case -ENOEXEC: return "it must be an ELF file for x86-64, or a script that begins with #!";
    case -ENOMEM: return "raise sgx.enclave_size";
    case -ELOOP: return "the interpreters of its #! lines name each other";
    default: return "see libos.entrypoint in the manifest";
    }
}

static int load_program(struct process *p, struct cpu_regs *regs)
{
    const struct plan *plan = &g_machine.plan;
    struct exec e = { .path = plan_string(plan, plan->h->entrypoint) };
    int err = make_words(plan, &e);
    if (err)
        goto out;
    err = exec_prepare(p->fs, &e);
    if (!err)
        err = exec_commit(p, &e, regs);
    if (err) {
        const char *which = e.program && e.program->interpreter[0] && !e.interpreter ? e.program->interpreter : e.path;
        fail("libos.entrypoint", which, err, exec_remedy(err));
    }
out:
    exec_free(&e);
    return err;
}

static struct process *make_process(void)
{
    const struct plan_header *h = g_machine.plan.h;
    struct process *p = process_new(thread_number(), 0);
    if (!p)
        return NULL;
    set_limits(p, h);
    set_cred(&p->cred, h->uid, h->gid);
    if (adopt_thread(p))
        return NULL;
    return p;
}

int process_start_first(void)
{
    struct cpu_regs regs;
    struct process *p = make_process();
    int err = p ? dispatch_init() : -ENOMEM;
    if (err)
        return fail("start", "memory", err, "raise sgx.enclave_size");
    if (g_machine.is_enclave)
        banner_print(&g_machine.plan);
    err = vfs_init(&p->fs); /* says itself which mount failed */
    if (err)
        return err;
    p->fds = fdtable_new(g_machine.plan.h->fds_limit);
    err = p->fds ? console_install(p->fds) : -ENOMEM;
    if (err)
        return fail("start", "standard streams", err, "raise sgx.enclave_size, or sys.fds.limit if it is below 3");
    p->mm = mm_new();
    err = p->mm ? 0 : -ENOMEM;
    if (!err)
        p->vdso = vdso_map(p->mm);
    if (err)
        return fail("start", "address space", err, "raise sgx.enclave_size");
    err = load_program(p, &regs);
    if (err)
        return err;
    current()->regs = &regs;
    fpu_reset();
    cpu_set_fs(0);
    signal_deliver(&regs); /* an early SIGTERM */
    cpu_enter_user(&regs);
}

void libos_main(void)
{
    process_start_first();
    machine_exit(1);
}

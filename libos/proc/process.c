/*
 * Process objects: the table of them, looking up, ending. A process lives from process_new() until its
 * last thread has gone (process_ended()); the object itself until the last reference is dropped.
 */
#include "libos/proc/process.h"

#include "enclave/clock.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/vfs.h"
#include "libos/ipc/poll.h"
#include "libos/ipc/sysv_sem.h"
#include "libos/mm/vma.h"
#include "libos/proc/cputime.h"
#include "libos/proc/lifecycle.h"
#include "libos/proc/thread.h"
#include "libos/proc/timers.h"
#include "libos/sys/dispatch.h"

struct mutex g_processes_lock;
struct list g_processes = LIST_INIT(g_processes); /* g_processes_lock */

struct process *process_new(int32_t pid, int32_t ppid)
{
    struct process *p = mem_zalloc(sizeof(*p));
    if (!p)
        return NULL;
    p->refs = 1;
    p->pid = p->pgid = p->sid = pid;
    p->ppid = ppid;
    p->dumpable = 1;
    p->mce_kill = MCE_KILL_DEFAULT;
    p->start_time = clock_monotonic();
    list_init(&p->threads);
    sighand_init(&p->sighand);
    wait_queue_init(&p->exit_wait);
    mutex_lock(&g_processes_lock);
    list_push_back(&g_processes, &p->link);
    mutex_unlock(&g_processes_lock);
    return p;
}

struct process *process_find(int32_t pid)
{
    struct process *found = NULL;
    mutex_lock(&g_processes_lock);
    list_for_each(it, &g_processes) {
        struct process *p = list_entry(it, struct process, link);
        if (p->pid == pid) {
            ref_get(&p->refs);
            found = p;
            break;
        }
    }
    mutex_unlock(&g_processes_lock);
    return found;
}

int32_t process_next(int32_t after)
{
    int32_t best = 0;
    mutex_lock(&g_processes_lock);
    list_for_each (it, &g_processes) {
        int32_t pid = list_entry(it, struct process, link)->pid;
        if (pid > after && (!best || pid < best))
            best = pid;
    }
    mutex_unlock(&g_processes_lock);
    return best;
}

void process_put(struct process *p)
{
    if (!p || !ref_put(&p->refs))
        return;
    dentry_put(p->exe);
    mem_free(p->argv_block);
    mem_free(p->env_block);
    mem_free(p);
}

/* process.mu held: look through one process for a thread. */
static struct thread *find_in(struct process *p, int32_t tid)
{
    list_for_each(it, &p->threads) {
        struct thread *t = list_entry(it, struct thread, link);
        if (t->tid == tid) {
            ref_get(&t->refs);
            return t;
        }
    }
    return NULL;
}

struct thread *thread_find(int32_t pid, int32_t tid)
{
    struct thread *found = NULL;
    mutex_lock(&g_processes_lock);
    list_for_each(it, &g_processes) {
        struct process *p = list_entry(it, struct process, link);
        if (pid && p->pid != pid)
            continue;
        mutex_lock(&p->mu);
        found = find_in(p, tid);
        mutex_unlock(&p->mu);
        if (found)
            break;
    }
    mutex_unlock(&g_processes_lock);
    return found;
}

void thread_put(struct thread *t)
{
    if (!t || !ref_put(&t->refs))
        return;
    process_put(t->process);
    mem_free(t);
}

/* ---- ending */

static int host_status(int wait_status)
{
    int sig = wait_status & 0x7f;
    return sig ? 128 + sig : wait_status >> 8 & 0xff;
}

/*
 * The last thread of p is leaving: give back what the process held. After the last process nobody needs the
 * memory any more: the host takes it back faster than we could give it.
 */
void process_ended(struct process *p)
{
    timers_free(p);
    cpu_limit_free(p);
    sem_process_ended(p->pid);
    fdtable_put(p->fds);
    p->fds = NULL;
    mm_write_back(p->mm); /* before anyone may find that this was the last process */
    mutex_lock(&g_processes_lock);
    list_remove(&p->link);
    bool last = list_empty(&g_processes);
    mutex_unlock(&g_processes_lock);
    if (last) {
        log_debug("process %d ended with status %#x", p->pid, p->exit_code);
        dispatch_print_stats();
        machine_exit(host_status(p->exit_code));
    }
    mm_put(p->mm);
    p->mm = NULL;
    fs_view_put(p->fs);
    p->fs = NULL;
    process_put(p); /* the table's reference */
}

void process_exit_group(int wait_status)
{
    struct thread *self = current();
    struct process *p = self->process;
    mutex_lock(&p->mu);
    if (!p->exiting) {
        p->exit_code = wait_status;
        __atomic_store_n(&p->exiting, true, __ATOMIC_SEQ_CST);
        list_for_each(it, &p->threads) {
            struct thread *t = list_entry(it, struct thread, link);
            if (t != self)
                signal_wake_thread(t);
        }
    }
    mutex_unlock(&p->mu);
    thread_exit_current(wait_status);
}

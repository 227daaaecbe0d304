/*
 * Content of /proc/PID files. In an enclave all of it is our own knowledge; the host is not asked.
 */
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/mman.h"
#include "lib/plan/plan.h"
#include "libos/fs/dcache.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/mount.h"
#include "libos/fs/proc_fs.h"
#include "libos/mm/vma.h"
#include "libos/proc/cred.h"
#include "libos/proc/pidfd.h"
#include "libos/proc/process.h"

#define TICKS_PER_SEC 100

static void print_vma(struct text *t, const struct vma *v)
{
    struct linux_stat st = { 0 };
    char perms[5] = { v->prot & PROT_READ ? 'r' : '-', v->prot & PROT_WRITE ? 'w' : '-', v->prot & PROT_EXEC ? 'x' : '-',
                      v->flags & MAP_SHARED ? 's' : 'p', 0 };
    if (v->file)
        (void)file_stat(v->file, &st);
    size_t before = t->size;
    text_print(t, "%08lx-%08lx %s %08lx %02x:%02x %lu ", (unsigned long)v->start, (unsigned long)v->end, perms,
               v->file ? (unsigned long)v->offset : 0, (unsigned)(st.dev >> 8 & 0xfff), (unsigned)(st.dev & 0xff), (unsigned long)st.ino);
    if (v->file || v->comment)
        while (t->size - before < 73 && !t->failed)
            text_append(t, " ", 1);
    if (v->file && v->file->dentry) {
        char path[VFS_PATH_MAX];
        int64_t n = vfs_path(current()->process->fs, v->file->dentry, path, sizeof(path));
        if (n >= 0)
            text_print(t, "%s%s", path, v->file->dentry->deleted ? " (deleted)" : "");
        else
            text_print(t, "/%s (deleted)", v->file->dentry->name);
    } else if (v->file) {
        text_print(t, "[unknown]");
    } else if (v->comment) {
        text_print(t, "%s", v->comment);
    }
    text_print(t, "\n");
}

static int for_each_vma(const struct pseudo_id *id, struct text *t, void (*print)(struct text *t, const struct vma *v))
{
    struct process *p = proc_process(id);
    struct vma v;
    if (!p)
        return -ENOENT;
    for (uint64_t at = 0; p->mm && mm_next(p->mm, at, &v); at = v.end) {
        if (!v.internal)
            print(t, &v);
        file_put(v.file);
    }
    process_put(p);
    return 0;
}

int proc_load_maps(const struct pseudo_id *id, struct text *t)
{
    return for_each_vma(id, t, print_vma);
}

static void print_smap(struct text *t, const struct vma *v)
{
    unsigned long kb = (unsigned long)((v->end - v->start) / 1024);
    unsigned long here = v->committed ? kb : 0;
    print_vma(t, v);
    text_print(t, "Size:           %8lu kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\nRss:            %8lu kB\nPss:            %8lu kB\n",
               kb, here, here);
    text_print(t, "Shared_Clean:          0 kB\nShared_Dirty:          0 kB\nPrivate_Clean:         0 kB\nPrivate_Dirty:  %8lu kB\n", here);
    text_print(t, "Referenced:     %8lu kB\nAnonymous:      %8lu kB\nSwap:                  0 kB\nLocked:                0 kB\n", here, v->file ? 0 : here);
}

int proc_load_smaps(const struct pseudo_id *id, struct text *t)
{
    return for_each_vma(id, t, print_smap);
}

int proc_load_cmdline(const struct pseudo_id *id, struct text *t)
{
    struct process *p = proc_process(id);
    if (!p)
        return -ENOENT;
    mutex_lock(&p->mu);
    text_append(t, p->argv_block, p->argv_size);
    mutex_unlock(&p->mu);
    process_put(p);
    return 0;
}

int proc_load_environ(const struct pseudo_id *id, struct text *t)
{
    struct process *p = proc_process(id);
    if (!p)
        return -ENOENT;
    mutex_lock(&p->mu);
    text_append(t, p->env_block, p->env_size);
    mutex_unlock(&p->mu);
    process_put(p);
    return 0;
}

int proc_load_auxv(const struct pseudo_id *id, struct text *t)
{
    struct process *p = proc_process(id);
    if (!p)
        return -ENOENT;
    text_append(t, p->auxv, MIN(p->auxv_count, ARRAY_COUNT(p->auxv)) * sizeof(p->auxv[0]));
    process_put(p);
    return 0;
}

/* Name of the thread that a directory stands for. */
static void thread_name(const struct pseudo_id *id, char name[16])
{
    struct thread *t = thread_find((int32_t)id->a, (int32_t)id->b);
    name[0] = 0;
    if (t)
        memcpy(name, t->name, 16);
    name[15] = 0;
    thread_put(t);
}

static uint32_t cpu_ticks(int64_t ns)
{
    return (uint32_t)(ns / (NSEC_PER_SEC / TICKS_PER_SEC));
}

int proc_load_stat(const struct pseudo_id *id, struct text *t)
{
    struct process *p = proc_process(id);
    struct mm_stats m = { 0 };
    char name[16];
    if (!p)
        return -ENOENT;
    thread_name(id, name);
    if (p->mm)
        mm_stats(p->mm, &m);
    text_print(t, "%d (%s) R %d %d %d 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 %u 0 %u %lu %lu 18446744073709551615", (int)id->b, name, p->ppid, p->pgid,
               p->sid, p->thread_count, cpu_ticks(p->start_time), (unsigned long)m.mapped, (unsigned long)(m.committed / 4096));
    text_print(t, " 0 0 %lu 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", (unsigned long)p->stack_high);
    process_put(p);
    return 0;
}

int proc_load_statm(const struct pseudo_id *id, struct text *t)
{
    struct process *p = proc_process(id);
    struct mm_stats m = { 0 };
    if (!p)
        return -ENOENT;
    if (p->mm)
        mm_stats(p->mm, &m);
    text_print(t, "%lu %lu 0 0 0 %lu 0\n", (unsigned long)(m.mapped / 4096), (unsigned long)(m.committed / 4096), (unsigned long)(m.data / 4096));
    process_put(p);
    return 0;
}

int proc_load_status(const struct pseudo_id *id, struct text *t)
{
    struct process *p = proc_process(id);
    struct mm_stats m = { 0 };
    char name[16];
    if (!p)
        return -ENOENT;
    thread_name(id, name);
    if (p->mm)
        mm_stats(p->mm, &m);
    const struct cred *c = &p->cred;
    text_print(t, "Name:\t%s\nUmask:\t%04o\nState:\tR (running)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", name,
               p->fs ? fs_view_umask(p->fs) : 022, p->pid, (int)id->b, p->ppid);
    text_print(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t256\nGroups:\t", c->uid, c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid,
               c->fsgid);
    for (uint32_t i = 0; i < MIN(c->group_count, ARRAY_COUNT(c->groups)); i++)
        text_print(t, "%u ", c->groups[i]);
    text_print(t, "\nVmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n",
               (unsigned long)(m.peak / 1024), (unsigned long)(m.mapped / 1024), (unsigned long)(m.peak / 1024), (unsigned long)(m.committed / 1024));
    text_print(t, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmSwap:\t       0 kB\nThreads:\t%u\n", (unsigned long)(m.data / 1024),
               (unsigned long)(m.stack / 1024), (unsigned long)(m.exec / 1024), p->thread_count);
    text_print(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nNoNewPrivs:\t%u\nSeccomp:\t0\n", (unsigned long)c->cap_inheritable,
               (unsigned long)c->cap_permitted, (unsigned long)c->cap_effective, (unsigned long)(CRED_ALL_CAPS & ~c->cap_dropped), p->no_new_privs);
    text_print(t, "Mems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n"); /* one node */
    process_put(p);
    return 0;
}

int proc_load_comm(const struct pseudo_id *id, struct text *t)
{
    char name[16];
    thread_name(id, name);
    text_print(t, "%s\n", name);
    return 0;
}

int proc_store_comm(const struct pseudo_id *id, const void *data, size_t size)
{
    struct thread *t = thread_find((int32_t)id->a, (int32_t)id->b);
    if (!t)
        return -ESRCH;
    size_t n = MIN(size, sizeof(t->name) - 1);
    n = n && ((const char *)data)[n - 1] == '\n' ? n - 1 : n;
    memcpy(t->name, data, n);
    t->name[n] = 0;
    thread_put(t);
    return 0;
}

int proc_load_limits(const struct pseudo_id *id, struct text *t)
{
    static const struct {
        const char *name, *unit;
    } rows[] = {
        { "Max cpu time", "seconds" },     { "Max file size", "bytes" },     { "Max data size", "bytes" },       { "Max stack size", "bytes" },
        { "Max core file size", "bytes" }, { "Max resident set", "bytes" },  { "Max processes", "processes" },   { "Max open files", "files" },
        { "Max locked memory", "bytes" },  { "Max address space", "bytes" }, { "Max file locks", "locks" },      { "Max pending signals", "signals" },
        { "Max msgqueue size", "bytes" },  { "Max nice priority", "" },      { "Max realtime priority", "" },    { "Max realtime timeout", "us" },
    };
    struct process *p = proc_process(id);
    if (!p)
        return -ENOENT;
    text_print(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (size_t i = 0; i < MIN(ARRAY_COUNT(rows), (size_t)LINUX_RLIM_COUNT); i++) {
        char soft[24], hard[24];
        uint64_t values[2] = { p->limits[i].soft, p->limits[i].hard };
        for (int k = 0; k < 2; k++) {
            char *out = k ? hard : soft;
            if (values[k] == UINT64_MAX)
                str_copy(out, 24, "unlimited");
            else
                fmt_print(out, 24, "%lu", (unsigned long)values[k]);
        }
        text_print(t, "%-25s %-20s %-20s %-10s\n", rows[i].name, soft, hard, rows[i].unit);
    }
    process_put(p);
    return 0;
}

static const char *mount_type(const struct mount *m)
{
    if (!m->plan)
        return m->source;
    static const char *const names[] = { "host", "encrypted", "tmpfs", "shm" };
    return names[MIN(m->plan->type, 3u)];
}

int proc_load_mounts(const struct pseudo_id *id, struct text *t)
{
    char path[VFS_PATH_MAX];
    list_for_each(it, &g_mounts) {
        const struct mount *m = list_entry(it, struct mount, link);
        if (mount_path(m, path, sizeof(path)) >= 0)
            text_print(t, "%s %s %s rw,relatime 0 0\n", m->source[0] ? m->source : "none", path, mount_type(m));
    }
    return 0;
}

int proc_load_mountinfo(const struct pseudo_id *id, struct text *t)
{
    char path[VFS_PATH_MAX];
    unsigned number = 20;
    list_for_each(it, &g_mounts) {
        const struct mount *m = list_entry(it, struct mount, link);
        number++;
        if (mount_path(m, path, sizeof(path)) >= 0)
            text_print(t, "%u %u 0:%u / %s rw,relatime - %s %s rw\n", number, m->covers ? 21u : 1u, (unsigned)m->dev, path, mount_type(m),
                       m->source[0] ? m->source : "none");
    }
    return 0;
}

int proc_load_fdinfo(const struct pseudo_id *id, struct text *t)
{
    struct process *p = proc_process(id);
    struct file *f = p && p->fds ? fd_lookup(p->fds, (int)id->b) : NULL;
    if (f)
        text_print(t, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t1\nino:\t%lu\n", (long)f->pos, f->flags,
                   (unsigned long)f->ino);
    const struct process *named = f ? pidfd_process(f) : NULL;
    int32_t pid = named && !process_has_ended(named) ? named->pid : -1;
    if (named)
        text_print(t, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
    if (f && f->ops->fdinfo)
        f->ops->fdinfo(f, t);
    process_put(p);
    file_put(f);
    return f ? 0 : -ENOENT;
}

int proc_load_cgroup(const struct pseudo_id *id, struct text *t)
{
    text_print(t, "0::/\n");
    return 0;
}

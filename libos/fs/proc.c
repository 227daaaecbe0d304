/*
 * /proc: the tree. What the files hold is proc_text.c and proc_system.c. Magic links (exe, cwd, root,
 * fd/N) lead to the very object, not to its path.
 */
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/file.h"
#include "libos/fs/mount.h"
#include "libos/fs/proc_fs.h"
#include "libos/proc/process.h"

struct process *proc_process(const struct pseudo_id *id)
{
    return process_find((int32_t)id->a);
}

#define DELETED " (deleted)"

/* ---- links */

enum { LINK_CWD, LINK_ROOT, LINK_EXE };

static int follow_dentry(const struct pseudo_id *id, int which, struct dentry **out)
{
    struct process *p = proc_process(id);
    if (!p)
        return -ENOENT;
    struct dentry *d = NULL;
    if (which == LINK_EXE) {
        mutex_lock(&p->mu);
        d = p->exe ? dentry_get(p->exe) : NULL;
        mutex_unlock(&p->mu);
    } else if (p->fs) {
        mutex_lock(&p->fs->mu);
        d = dentry_get(which == LINK_CWD ? p->fs->cwd : p->fs->root);
        mutex_unlock(&p->fs->mu);
    }
    process_put(p);
    *out = d;
    return d ? 0 : -ENOENT;
}

/* The path as the caller sees it, with " (deleted)" where the name is gone. */
static int print_path(struct dentry *d, char *buf, size_t size)
{
    char path[VFS_PATH_MAX];
    int64_t n = vfs_path(current()->process->fs, d, path, sizeof(path) - 10);
    size_t length;
    if (n < 0)
        length = fmt_print(path, sizeof(path), "/%s (deleted)", d->name);
    else
        length = d->deleted ? (size_t)n + fmt_print(path + n, sizeof(path) - (size_t)n, " (deleted)") : (size_t)n;
    length = MIN(length, size);
    memcpy(buf, path, length);
    return (int)length;
}

static int read_dentry(const struct pseudo_id *id, int which, char *buf, size_t size)
{
    struct dentry *d;
    int r = follow_dentry(id, which, &d);
    if (r < 0)
        return r;
    r = print_path(d, buf, size);
    dentry_put(d);
    return r;
}

static int cwd_read(const struct pseudo_id *id, char *buf, size_t size)
{
    return read_dentry(id, LINK_CWD, buf, size);
}

static int cwd_follow(const struct pseudo_id *id, struct dentry **dentry, struct file **file)
{
    return follow_dentry(id, LINK_CWD, dentry);
}

static int root_read(const struct pseudo_id *id, char *buf, size_t size)
{
    return read_dentry(id, LINK_ROOT, buf, size);
}

static int root_follow(const struct pseudo_id *id, struct dentry **dentry, struct file **file)
{
    return follow_dentry(id, LINK_ROOT, dentry);
}

/* One step of a host symlink, as text: what precedes the last component, then the target. Takes d, returns another or NULL. */
static struct dentry *resolve_step(struct dentry *d)
{
    char path[VFS_PATH_MAX], target[VFS_PATH_MAX];
    struct dentry *next = NULL;
    int n = d->inode->ops->whole_path ? d->inode->ops->readlink(d->inode, target, sizeof(target) - 1) : -EINVAL;
    int64_t end = n > 0 ? vfs_path(current()->process->fs, d, path, sizeof(path)) : -EINVAL;
    dentry_put(d);
    if (end < 0)
        return NULL;
    target[n] = 0;
    while (target[0] != '/' && end > 0 && path[end - 1] != '/')
        end--;
    end = target[0] == '/' ? 0 : end;
    if ((size_t)(end + n) >= sizeof(path))
        return NULL;
    memcpy(path + end, target, (size_t)n + 1);
    return vfs_walk_lazy(current()->process->fs, NULL, path, WALK_NOFOLLOW, &next) == 0 ? next : NULL;
}

/* The program's own path, with the links at its end resolved as Linux shows it. */
static int exe_read(const struct pseudo_id *id, char *buf, size_t size)
{
    struct dentry *d;
    int r = follow_dentry(id, LINK_EXE, &d);
    if (r < 0)
        return r;
    r = print_path(d, buf, size);
    for (int i = 0; d && i < VFS_LINKS_MAX; i++) {
        d = resolve_step(d);
        if (d)
            r = print_path(d, buf, size);
    }
    dentry_put(d);
    return r;
}

static int exe_follow(const struct pseudo_id *id, struct dentry **dentry, struct file **file)
{
    return follow_dentry(id, LINK_EXE, dentry);
}

static int self_read(const struct pseudo_id *id, char *buf, size_t size)
{
    char text[16];
    size_t n = fmt_print(text, sizeof(text), "%d", current()->process->pid);
    memcpy(buf, text, MIN(n, size));
    return (int)MIN(n, size);
}

static int thread_self_read(const struct pseudo_id *id, char *buf, size_t size)
{
    char text[48];
    size_t n = fmt_print(text, sizeof(text), "%d/task/%d", current()->process->pid, current()->tid);
    memcpy(buf, text, MIN(n, size));
    return (int)MIN(n, size);
}

/* ---- fd/ */

static struct file *file_of(const struct pseudo_id *id)
{
    struct process *p = proc_process(id);
    struct file *f = p && p->fds ? fd_lookup(p->fds, (int)id->b) : NULL;
    process_put(p);
    return f;
}

static int fd_read(const struct pseudo_id *id, char *buf, size_t size)
{
    struct file *f = file_of(id);
    char text[64];
    if (!f)
        return -ENOENT;
    int r;
    struct linux_stat st;
    if (f->dentry) {
        r = print_path(f->dentry, buf, size);
        if (f->dentry->inode->ops->whole_path && r + sizeof(DELETED) <= size && file_stat(f, &st) == 0 && st.nlink == 0) {
            memcpy(buf + r, DELETED, sizeof(DELETED));
            r += (int)sizeof(DELETED) - 1;
        }
    } else {
        bool numbered = str_equal(f->ops->kind, "pipe") || str_equal(f->ops->kind, "socket");
        size_t n = numbered ? fmt_print(text, sizeof(text), "%s:[%llu]", f->ops->kind, (unsigned long long)f->ino)
                   : str_equal(f->ops->kind, "dev") || str_equal(f->ops->kind, "file")
                       ? fmt_print(text, sizeof(text), "/dev/console")
                       : fmt_print(text, sizeof(text), "%s", f->ops->kind);
        r = (int)MIN(n, size);
        memcpy(buf, text, (size_t)r);
    }
    file_put(f);
    return r;
}

static int fd_follow(const struct pseudo_id *id, struct dentry **dentry, struct file **file)
{
    struct file *f = file_of(id);
    if (!f)
        return -ENOENT;
    /* A device, or a FIFO of the host's, that is open already is shared like a pipe; files with content and FIFOs of ours
     * are opened anew. */
    int type = f->dentry ? inode_type(f->dentry->inode) : 0;
    bool fifo = type == S_IFIFO && !f->dentry->inode->ops->whole_path;
    if (f->dentry && (type == S_IFREG || type == S_IFDIR || fifo || (f->flags & O_PATH))) {
        *dentry = dentry_get(f->dentry);
        file_put(f);
        return 0;
    }
    *file = f;
    return 0;
}

static const struct pseudo_node fd_node = { .name = "fd", .mode = S_IFLNK | 0777, .readlink = fd_read, .follow = fd_follow };
static const struct pseudo_node fdinfo_node = { .name = "fdinfo", .mode = S_IFREG | 0444, .load = proc_load_fdinfo };

static int find_fd(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child, const struct pseudo_node *node)
{
    int r = pseudo_number(name, length, &child->b);
    if (r < 0)
        return r;
    child->node = node;
    struct file *f = file_of(child);
    file_put(f);
    return f ? 0 : -ENOENT;
}

static int list_fd(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child,
                   const struct pseudo_node *node)
{
    struct process *p = proc_process(dir);
    int fd = p && p->fds ? fd_next(p->fds, (int)*cursor) : -1;
    process_put(p);
    if (fd < 0)
        return 0;
    *cursor = (uint64_t)fd;
    child->node = node;
    child->b = fd;
    fmt_print(name, VFS_NAME_MAX + 1, "%d", fd);
    return 1;
}

static int fd_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child)
{
    return find_fd(dir, name, length, child, &fd_node);
}

static int fd_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child)
{
    return list_fd(dir, cursor, name, child, &fd_node);
}

static int fdinfo_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child)
{
    return find_fd(dir, name, length, child, &fdinfo_node);
}

static int fdinfo_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child)
{
    return list_fd(dir, cursor, name, child, &fdinfo_node);
}

/* ---- PID/ and PID/task/TID/ */

#define PROCESS_FILES                                                                                                                                \
    { .name = "auxv", .mode = S_IFREG | 0400, .load = proc_load_auxv }, { .name = "cgroup", .mode = S_IFREG | 0444, .load = proc_load_cgroup },      \
        { .name = "cmdline", .mode = S_IFREG | 0444, .load = proc_load_cmdline },                                                                    \
        { .name = "comm", .mode = S_IFREG | 0644, .load = proc_load_comm, .store = proc_store_comm },                                                \
        { .name = "cwd", .mode = S_IFLNK | 0777, .readlink = cwd_read, .follow = cwd_follow },                                                       \
        { .name = "environ", .mode = S_IFREG | 0400, .load = proc_load_environ },                                                                    \
        { .name = "exe", .mode = S_IFLNK | 0777, .readlink = exe_read, .follow = exe_follow },                                                       \
        { .name = "fd", .mode = S_IFDIR | 0500, .find = fd_find, .list = fd_list },                                                                  \
        { .name = "fdinfo", .mode = S_IFDIR | 0555, .find = fdinfo_find, .list = fdinfo_list },                                                      \
        { .name = "limits", .mode = S_IFREG | 0444, .load = proc_load_limits }, { .name = "maps", .mode = S_IFREG | 0444, .load = proc_load_maps },  \
        { .name = "mountinfo", .mode = S_IFREG | 0444, .load = proc_load_mountinfo },                                                                \
        { .name = "mounts", .mode = S_IFREG | 0444, .load = proc_load_mounts },                                                                      \
        { .name = "root", .mode = S_IFLNK | 0777, .readlink = root_read, .follow = root_follow },                                                    \
        { .name = "smaps", .mode = S_IFREG | 0444, .load = proc_load_smaps }, { .name = "stat", .mode = S_IFREG | 0444, .load = proc_load_stat },    \
        { .name = "statm", .mode = S_IFREG | 0444, .load = proc_load_statm }, { .name = "status", .mode = S_IFREG | 0444, .load = proc_load_status }

static const struct pseudo_node thread_children[] = { PROCESS_FILES, { 0 } };
static const struct pseudo_node thread_node = { .name = "tid", .mode = S_IFDIR | 0555, .children = thread_children };

static int task_find(const struct pseudo_id *dir, const char *name, size_t length, struct pseudo_id *child)
{
    int r = pseudo_number(name, length, &child->b);
    struct thread *t = r == 0 ? thread_find((int32_t)dir->a, (int32_t)child->b) : NULL;
    if (!t)
        return -ENOENT;
    thread_put(t);
    child->node = &thread_node;
    return 0;
}

static int task_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child)
{
    struct process *p = proc_process(dir);
    int32_t best = 0;
    if (!p)
        return 0;
    mutex_lock(&p->mu);
    list_for_each(it, &p->threads) {
        int32_t tid = list_entry(it, struct thread, link)->tid;
        if ((uint64_t)tid >= *cursor && (!best || tid < best))
            best = tid;
    }
    mutex_unlock(&p->mu);
    process_put(p);
    if (!best)
        return 0;
    *cursor = (uint64_t)best;
    child->node = &thread_node;
    child->b = best;
    fmt_print(name, VFS_NAME_MAX + 1, "%d", best);
    return 1;
}

static const struct pseudo_node process_children[] = {
    PROCESS_FILES,
    { .name = "task", .mode = S_IFDIR | 0555, .find = task_find, .list = task_list },
    { 0 },
};
static const struct pseudo_node process_node = { .name = "pid", .mode = S_IFDIR | 0555, .children = process_children };

int32_t proc_directory_pid(const struct file *f)
{
    const struct pseudo_id *id = f->dentry ? pseudo_id_of(f->dentry->inode) : NULL;
    return id && id->node == &process_node ? (int32_t)id->a : 0;
}

/* Also by the number of any of its threads, which no listing shows: as on Linux. */
static int process_dir_find(const struct pseudo_id *dir, const char *name, size_t length,
                            struct pseudo_id *child)
{
    if (pseudo_number(name, length, &child->b) < 0)
        return -ENOENT;
    child->node = &process_node;
    child->a = child->b;
    struct process *p = proc_process(child);
    process_put(p);
    if (p)
        return 0;
    struct thread *t = child->b > 0 && child->b <= INT32_MAX ? thread_find(0, (int32_t)child->b) : NULL;
    if (!t)
        return -ENOENT;
    child->a = t->process->pid;
    thread_put(t);
    return 0;
}

static int process_dir_list(const struct pseudo_id *dir, uint64_t *cursor, char name[VFS_NAME_MAX + 1], struct pseudo_id *child)
{
    int32_t best = *cursor <= INT32_MAX ? process_next((int32_t)*cursor - 1) : 0;
    if (!best)
        return 0;
    *cursor = (uint64_t)best;
    child->node = &process_node;
    child->a = child->b = best;
    fmt_print(name, VFS_NAME_MAX + 1, "%d", best);
    return 1;
}

static const struct pseudo_node root_children[] = {
    { .name = "cpuinfo", .mode = S_IFREG | 0444, .load = proc_load_cpuinfo },
    { .name = "filesystems", .mode = S_IFREG | 0444, .load = proc_load_filesystems },
    { .name = "loadavg", .mode = S_IFREG | 0444, .load = proc_load_loadavg },
    { .name = "meminfo", .mode = S_IFREG | 0444, .load = proc_load_meminfo },
    { .name = "mounts", .mode = S_IFLNK | 0777, .target = "self/mounts" },
    { .name = "self", .mode = S_IFLNK | 0777, .readlink = self_read },
    { .name = "stat", .mode = S_IFREG | 0444, .load = proc_load_system_stat },
    { .name = "sys", .mode = S_IFDIR | 0555, .children = proc_sys_children },
    { .name = "sysvipc", .mode = S_IFDIR | 0555, .children = proc_sysvipc_children },
    { .name = "thread-self", .mode = S_IFLNK | 0777, .readlink = thread_self_read },
    { .name = "uptime", .mode = S_IFREG | 0444, .load = proc_load_uptime },
    { .name = "version", .mode = S_IFREG | 0444, .load = proc_load_version },
    { 0 },
};

static const struct pseudo_node root = {
    .name = "proc", .mode = S_IFDIR | 0555, .children = root_children, .find = process_dir_find, .list = process_dir_list
};

int procfs_mount(struct mount *m)
{
    return pseudo_mount(m, &root, "proc", LINUX_PROC_MAGIC);
}

/*
 * Encrypted mounts as a file system: plain host directories (names and tree are the host's word) whose
 * regular files are encrypted and bound to their host path. Semantics of specs/encrypted-files.md §10:
 * every file that cannot be verified is -EACCES, and only unlink works on it.
 */
#include "libos/fs/encrypted.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/encfile/encfile.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dcache.h"
#include "libos/fs/encrypted_object.h"
#include "libos/fs/host.h"
#include "libos/fs/keys.h"

#define HOST_CWD ((uint64_t)(int64_t)AT_FDCWD)

static const struct encrypted_mount *mount_of(const struct inode *inode)
{
    return inode->mount->data;
}

static const char *path_of(const struct inode *inode)
{
    return host_inode(inode)->path;
}

static bool is_hidden(const struct inode *inode)
{
    return encrypted_is_recovery(path_of(inode), host_inode(inode)->length);
}

/* The host's attributes; links are always followed, for a link is nothing that could be encrypted. */
static int stat_host(struct inode *inode, struct linux_stat *st)
{
    if (is_hidden(inode))
        return -ENOENT;
    int r = (int)host_call(newfstatat, HOST_CWD, PTR(path_of(inode)), PTR(st), 0);
    return r < 0 ? r : host_check_stat(st);
}

static int encrypted_stat(struct inode *inode, struct linux_stat *st)
{
    struct encrypted_object *o;
    int r = stat_host(inode, st);
    if (r < 0 || (st->mode & S_IFMT) == S_IFDIR)
        return r;
    if ((st->mode & S_IFMT) != S_IFREG)
        return -EACCES;
    r = encrypted_object_get(mount_of(inode), path_of(inode), OBJECT_OPEN, 0, false, &o);
    if (r < 0)
        return r;
    mutex_lock(&o->mu);
    st->size = (int64_t)encfile_size(o->content);
    mutex_unlock(&o->mu);
    return encrypted_object_put(o);
}

static int open_directory(struct dentry *d, uint32_t flags, struct file **out)
{
    struct host_file *h;
    if ((flags & O_ACCMODE) || (flags & O_CREAT))
        return flags & LINUX_O_TMPFILE_BIT ? -EOPNOTSUPP : -EISDIR;
    int64_t fd = host_call(openat, HOST_CWD, PTR(path_of(d->inode)), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return (int)fd;
    int r = host_file_new((int)fd, S_IFDIR, flags, d, &h);
    if (r < 0) {
        host_call(close, (uint64_t)fd);
        return r;
    }
    h->hidden_suffix = RECOVERY_SUFFIX;
    *out = &h->f;
    return 0;
}

static int encrypted_open(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out)
{
    struct inode *inode = d->inode;
    struct encrypted_object *o;
    struct linux_stat st;
    int r = stat_host(inode, &st);
    if (r == 0 && (st.mode & S_IFMT) == S_IFDIR)
        return open_directory(d, flags, out);
    if (r < 0 && !(r == -ENOENT && (flags & O_CREAT) && !is_hidden(inode)))
        return r;
    if (r == 0 && (flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if (r == 0 && (flags & O_DIRECTORY))
        return -ENOTDIR;
    enum object_create create = !(flags & O_CREAT) ? OBJECT_OPEN : flags & O_EXCL ? OBJECT_CREATE_NEW : OBJECT_CREATE;
    bool write = (flags & O_ACCMODE) || (flags & O_TRUNC);
    r = encrypted_object_get(mount_of(inode), path_of(inode), create, mode, write, &o);
    if (r < 0)
        return r;
    if (flags & O_TRUNC) {
        mutex_lock(&o->mu);
        r = encfile_set_size(o->content, 0);
        mutex_unlock(&o->mu);
    }
    if (r == 0)
        r = encrypted_file_open(o, d, flags, out);
    if (r < 0)
        encrypted_object_put(o);
    return r;
}

static int encrypted_mkdir(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out)
{
    return host_mkdir(dir, name, length, mode | 0600, out);
}

static int encrypted_unlink(struct inode *dir, const char *name, size_t length, struct inode *victim)
{
    char path[VFS_PATH_MAX];
    int r = host_join(dir, name, path);
    return r < 0 ? r : encrypted_object_unlink(path);
}

/*
 * Files are bound to their path, so a directory cannot move with its files. -EXDEV makes programs like mv
 * copy and remove instead.
 */
static int encrypted_rename(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, struct inode *moved, uint32_t flags)
{
    char old[VFS_PATH_MAX], new[VFS_PATH_MAX];
    struct linux_stat st;
    int r = host_join(from_dir, from, old);
    if (r >= 0)
        r = host_join(to_dir, to, new);
    if (r >= 0)
        r = stat_host(moved, &st);
    if (r < 0)
        return r;
    if ((st.mode & S_IFMT) == S_IFDIR && !(flags & RENAME_EXCHANGE)) {
        struct linux_stat target;
        r = (int)host_call(newfstatat, HOST_CWD, PTR(new), PTR(&target), AT_SYMLINK_NOFOLLOW);
        return r == 0 && (target.mode & S_IFMT) != S_IFDIR ? -ENOTDIR : -EXDEV;
    }
    if (flags & RENAME_EXCHANGE)
        return -EXDEV;
    return encrypted_object_rename(mount_of(from_dir), old, new, flags);
}

static int encrypted_chmod(struct inode *inode, uint32_t mode)
{
    return (int)host_call(fchmodat, HOST_CWD, PTR(path_of(inode)), (mode & 07777) | 0600);
}

static int encrypted_truncate_path(struct inode *inode, uint64_t size)
{
    struct encrypted_object *o;
    int r = encrypted_object_get(mount_of(inode), path_of(inode), OBJECT_OPEN, 0, true, &o);
    if (r < 0)
        return r;
    mutex_lock(&o->mu);
    r = encfile_set_size(o->content, size);
    mutex_unlock(&o->mu);
    int closed = encrypted_object_put(o);
    return r < 0 ? r : closed;
}

static const struct fs_ops encrypted_ops = {
    .name = "encrypted",
    .whole_path = true,
    .lookup = host_lookup,
    .open = encrypted_open,
    .mkdir = encrypted_mkdir,
    .unlink = encrypted_unlink,
    .rmdir = host_rmdir,
    .rename = encrypted_rename,
    .stat = encrypted_stat,
    .identify = host_identify,
    .chmod = encrypted_chmod,
    .chown = host_chown,
    .utimens = host_utimens,
    .truncate = encrypted_truncate_path,
    .statfs = host_statfs,
    .free = host_free,
};

/* Nothing is looked up on the host yet: the key may come later, and so may the files. */
int encrypted_mount(const struct plan_mount *plan, struct mount *m)
{
    struct inode *inode;
    struct encrypted_mount *em = mem_zalloc(sizeof(*em));
    const char *host = plan_string(&g_machine.plan, plan->host);
    if (!em)
        return -ENOMEM;
    em->mount = m;
    em->recovery = plan->flags & PLAN_MOUNT_RECOVERY;
    em->key = key_get(plan_string(&g_machine.plan, plan->key));
    if (!em->key)
        return -ENOMEM;
    m->ops = &encrypted_ops;
    m->source = host;
    m->data = em;
    int r = host_inode_new(&encrypted_ops, m, host, plan->host.length, "", 0, &inode);
    if (r < 0)
        return r;
    m->root = dentry_new_root(inode);
    return m->root ? 0 : -ENOMEM;
}

/*
 * Host directories as a file system (type "chroot" in manifests). Every operation is one host call on
 * the whole path; what little is remembered, because the host's files may change at any time, is in README.md. In an enclave
 * names and attributes are the host's word (as Linux programs must expect of a file server), while
 * content is checked: policy.c decides, trusted.c verifies.
 */
#include "libos/fs/host.h"

#include "enclave/gate_hot.h"
#include "enclave/heap.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/inline.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/absent.h"
#include "libos/fs/dcache.h"
#include "libos/fs/host_xattr.h"
#include "libos/fs/policy.h"
#include "libos/fs/trusted_attr.h"
#include "libos/fs/walk.h"

#define HOST_CWD ((uint64_t)(int64_t)AT_FDCWD)

/* A prefix and what stands below it ("." and "" need no slash between them and the rest). */
struct joined {
    size_t head, rest, length;
    bool slash;
};

static struct joined measure_joined(const char *prefix, size_t prefix_length, size_t rest_length)
{
    bool dot = prefix_length == 1 && prefix[0] == '.' && rest_length;
    struct joined j = { .head = dot ? 0 : prefix_length, .rest = rest_length };
    j.slash = j.head && rest_length && prefix[j.head - 1] != '/';
    j.length = j.head + j.slash + rest_length;
    return j;
}

/* out has room for the length and a NUL. */
static void write_joined(const struct joined *j, const char *prefix, const char *rest, char *out)
{
    memcpy(out, prefix, j->head);
    if (j->slash)
        out[j->head] = '/';
    memcpy(out + j->head + j->slash, rest, j->rest);
    out[j->length] = 0;
}

/* With more bytes behind it, aligned. */
static IN_LINE int inode_new(const struct fs_ops *ops, struct mount *mount, const char *prefix,
                             size_t prefix_length, const char *rest, size_t rest_length,
                             size_t more, struct host_inode **out, void **behind)
{
    struct joined j = measure_joined(prefix, prefix_length, rest_length);
    if (j.length >= VFS_PATH_MAX)
        return -ENAMETOOLONG;
    size_t size = ALIGN_UP(sizeof(struct host_inode) + j.length + 1, _Alignof(struct dentry));
    struct host_inode *h = mem_alloc(size + more);
    if (!h)
        return -ENOMEM;
    inode_init(&h->inode, ops, mount, 0);
    h->length = (uint32_t)j.length;
    write_joined(&j, prefix, rest, h->path);
    *out = h;
    *behind = (char *)h + size;
    return 0;
}

int host_inode_new(const struct fs_ops *ops, struct mount *mount, const char *prefix, size_t prefix_length, const char *rest, size_t rest_length,
                   struct inode **out)
{
    struct host_inode *h;
    void *behind;
    int r = inode_new(ops, mount, prefix, prefix_length, rest, rest_length, 0, &h, &behind);
    if (r == 0)
        *out = &h->inode;
    return r;
}

static int host_lookup_dentry(struct dentry *dir, const char *name, size_t length, struct dentry **out)
{
    const struct host_inode *top = host_inode(dir->inode);
    struct host_inode *h;
    void *behind;
    int r = inode_new(top->inode.ops, top->inode.mount, top->path, top->length, name, length,
                      dentry_size(length), &h, &behind);
    if (r == 0)
        *out = dentry_init_inside(behind, dir, name, length, &h->inode);
    return r;
}

int host_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    return host_inode_new(dir->ops, dir->mount, host_inode(dir)->path, host_inode(dir)->length, name, length, out);
}

static int join_name(const struct inode *dir, const char *name, size_t length, char out[VFS_PATH_MAX])
{
    const struct host_inode *h = host_inode(dir);
    struct joined j = measure_joined(h->path, h->length, length);
    if (j.length >= VFS_PATH_MAX)
        return -ENAMETOOLONG;
    write_joined(&j, h->path, name, out);
    return (int)j.length;
}

int host_join(const struct inode *dir, const char *name, char out[VFS_PATH_MAX])
{
    return join_name(dir, name, str_length(name, VFS_NAME_MAX + 1), out);
}

#define BLOCK_MOST 0x1000000 /* 16 MiB: more than any file system of Linux has */

static void check_time(struct linux_timespec *t)
{
    if (t->nsec < 0 || t->nsec >= NSEC_PER_SEC)
        t->nsec = 0;
}

/* host may lie about attributes: programs allocate st_blksize bytes, add to st_size, switch over the type */
int host_check_stat(struct linux_stat *st)
{
    const uint32_t known = 1u << (S_IFREG >> 12) | 1u << (S_IFDIR >> 12) | 1u << (S_IFLNK >> 12) | 1u << (S_IFCHR >> 12) |
                           1u << (S_IFBLK >> 12) | 1u << (S_IFIFO >> 12) | 1u << (S_IFSOCK >> 12);
    if (st->size < 0 || st->mode > 0177777 || !(known >> (st->mode >> 12) & 1))
        return -EIO;
    if (st->blksize < 1 || st->blksize > BLOCK_MOST)
        st->blksize = PAGE_SIZE;
    if (st->blocks < 0)
        st->blocks = st->size / 512;
    check_time(&st->atime);
    check_time(&st->mtime);
    check_time(&st->ctime);
    return 0;
}

/* Allowed comes before trusted, as in policy.c. */
const struct plan_trusted *host_immutable(const char *path, size_t length)
{
    const struct plan *plan = &g_machine.plan;
    const struct plan_trusted *e = plan_find_trusted(plan, path, length);
    return e && !plan_is_allowed(plan, path, length) ? e : NULL;
}

static IN_LINE int ask_stat(const char *path, size_t length, bool nofollow,
                            const struct plan_position *place, struct linux_stat *st)
{
    /* Allowed comes before trusted, as in policy.c. */
    const struct plan_trusted *e = place->entry && !plan_is_allowed(&g_machine.plan, path, length)
                                       ? place->entry
                                       : NULL;
    uint64_t begin = trusted_attr_begin(), begin_absent = absent_begin();
    int64_t r = host_call_hot(newfstatat, HOST_CWD, PTR(path), PTR(st),
                              nofollow ? AT_SYMLINK_NOFOLLOW : 0);
    if (r == -ENOENT)
        absent_put(place, path, length, nofollow, begin_absent);
    if (r < 0)
        return (int)r;
    r = host_check_stat(st);
    if (r < 0)
        return (int)r;
    if (!place->entry)
        absent_seen(path, length);
    if (g_machine.is_enclave && e && (e->flags & PLAN_TRUSTED_VERITY) &&
        (st->mode & S_IFMT) == S_IFREG)
        st->size = (int64_t)e->size;
    if (e)
        trusted_attr_put(e, nofollow, begin, st);
    return 0;
}

static IN_LINE int stat_path(const char *path, size_t length, bool nofollow, struct linux_stat *st)
{
    struct plan_position place = plan_position_of(&g_machine.plan, path, length);
    /* Only what is immutable was ever put: the lists need no second look. */
    if (place.entry && trusted_attr_get(place.entry, nofollow, st))
        return 0;
    return absent_get(&place, path, length, nofollow)
               ? -ENOENT
               : ask_stat(path, length, nofollow, &place, st);
}

int host_stat(struct inode *inode, struct linux_stat *st)
{
    return stat_path(host_inode(inode)->path, host_inode(inode)->length, inode->nofollow, st);
}

/* Below the host's root the path stands in the program's own already. */
static const char *path_of(const struct walk_plain *w, char room[VFS_PATH_MAX], int *length)
{
    const struct host_inode *h = host_inode(w->dir->inode);
    if (w->rooted && h->length == 1 && h->path[0] == '/') {
        *length = (int)w->length + 1;
        return w->name - 1;
    }
    *length = join_name(w->dir->inode, w->name, w->length, room);
    return room;
}

static int host_stat_name(const struct walk_plain *w, bool nofollow, struct linux_stat *st)
{
    char room[VFS_PATH_MAX];
    int n;
    const char *path = path_of(w, room, &n);
    return n < 0 ? n : stat_path(path, (size_t)n, nofollow, st);
}

int host_pin_stat(int pin, struct linux_stat *st)
{
    int r = (int)host_call(fstat, (uint64_t)pin, PTR(st));
    return r < 0 ? r : host_check_stat(st);
}

void host_unpin(int pin)
{
    host_call(close, (uint64_t)pin);
}

int host_identify(struct inode *inode, struct linux_stat *st, int *pin)
{
    const char *path = host_inode(inode)->path;
    if (!pin) {
        int r = (int)host_call(newfstatat, HOST_CWD, PTR(path), PTR(st),
                               inode->nofollow ? AT_SYMLINK_NOFOLLOW : 0);
        return r < 0 ? r : host_check_stat(st);
    }
    int64_t fd = host_call(openat, HOST_CWD, PTR(path),
                           (uint64_t)(O_PATH | O_CLOEXEC | (inode->nofollow ? O_NOFOLLOW : 0)), 0);
    if (fd < 0)
        return (int)fd;
    int r = host_pin_stat((int)fd, st);
    if (r < 0)
        host_unpin((int)fd);
    else
        *pin = (int)fd;
    return r;
}

/* A call that changed names or attributes. */
static int changed(int64_t r)
{
    trusted_attr_forget();
    absent_forget();
    return (int)r;
}

/* The type of a trusted file that was just opened by its path, with its attributes kept; 0: not known. */
static uint32_t learn_type(const struct plan_trusted *entry, bool nofollow, uint64_t begin, int fd)
{
    struct linux_stat st;
    if (!entry || !(entry->flags & PLAN_TRUSTED_VERITY))
        return 0;
    if (trusted_attr_get(entry, nofollow, &st))
        return S_IFREG;
    if (host_call(fstat, (uint64_t)fd, PTR(&st)) < 0 || host_check_stat(&st) < 0 || (st.mode & S_IFMT) != S_IFREG)
        return 0;
    trusted_attr_put(entry, nofollow, begin, &st);
    return S_IFREG;
}

/* In direct a program may write what its manifest calls trusted: then such files change, and nothing is kept of them. */
static void will_write(const char *path, size_t length)
{
    if (!g_machine.is_enclave && plan_find_trusted(&g_machine.plan, path, length))
        trusted_attr_stop();
}

/* Permission to use a path so; needs the type only where neither list holds it. */
static int check(struct inode *inode, enum policy_use use, const struct plan_trusted **trusted)
{
    const struct host_inode *h = host_inode(inode);
    bool is_directory = inode->type == S_IFDIR;
    if (g_machine.is_enclave && !inode->type && use != POLICY_CREATE && !plan_is_allowed(&g_machine.plan, h->path, h->length) &&
        !plan_find_trusted(&g_machine.plan, h->path, h->length)) {
        int type = inode_type(inode);
        if (type < 0)
            return type;
        is_directory = type == S_IFDIR;
    }
    if (use != POLICY_READ)
        will_write(h->path, h->length);
    return policy_check(h->path, h->length, use, is_directory, trusted);
}

static int check_name(struct inode *dir, const char *name, enum policy_use use, char path[VFS_PATH_MAX])
{
    const struct plan_trusted *trusted;
    int n = host_join(dir, name, path);
    if (n < 0)
        return n;
    if (use != POLICY_READ)
        will_write(path, (size_t)n);
    return policy_check(path, (size_t)n, use, false, &trusted);
}

static uint64_t host_flags(uint32_t flags)
{
    uint32_t pass = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY | O_NOFOLLOW | O_SYNC | O_NOATIME | O_TMPFILE;
    if (!g_machine.is_enclave)
        pass |= O_DIRECT; /* data go straight to the program's own, aligned buffers */
    /* Never let an open or a read of a FIFO or terminal block in the host: we wait by poll. */
    return (flags & pass) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_LARGEFILE;
}

static int finish_open(struct host_file *h, const struct plan_trusted *entry)
{
    if (!g_machine.is_enclave)
        return 0; /* lazily: the host's own rules hold, and most programs ask fstat next anyway */
    int type = host_file_settle(h);
    if (type < 0)
        return type;
    if (type == S_IFIFO || type == S_IFSOCK)
        return -EACCES; /* content would be of no known origin */
    if (!entry || type == S_IFDIR)
        return 0;
    return type == S_IFREG ? trusted_get(entry, h->fd, &h->trusted) : -EACCES;
}

static int host_open(struct dentry *d, uint32_t flags, uint32_t mode, struct file **out)
{
    struct inode *inode = d->inode;
    const struct plan_trusted *entry = NULL;
    enum policy_use use = flags & (O_CREAT | LINUX_O_TMPFILE_BIT) ? POLICY_CREATE : (flags & O_ACCMODE) || (flags & O_TRUNC) ? POLICY_WRITE : POLICY_READ;
    /* Opening with O_CREAT what exists and only reading it needs no right to create. */
    if (g_machine.is_enclave && use == POLICY_CREATE && !(flags & (O_ACCMODE | O_EXCL | O_TRUNC)) && inode_type(inode) > 0) {
        use = POLICY_READ;
        flags &= ~(uint32_t)O_CREAT;
    }
    int r = check(inode, use, &entry);
    if (r < 0)
        return r;
    if (inode->nofollow)
        flags |= O_NOFOLLOW;
    uint64_t begin = trusted_attr_begin();
    int64_t fd = host_call_hot(openat, HOST_CWD, PTR(host_inode(inode)->path), host_flags(flags),
                               mode);
    if (fd < 0)
        return (int)fd;
    if (use == POLICY_CREATE)
        absent_forget(); /* a link on the host may give what was made here another name */
    else if (!entry)
        absent_seen(host_inode(inode)->path, host_inode(inode)->length);
    struct host_file *h;
    r = host_file_new((int)fd, learn_type(entry, flags & O_NOFOLLOW, begin, (int)fd), flags, d, &h);
    if (r < 0) {
        host_call(close, (uint64_t)fd);
        return r;
    }
    r = finish_open(h, entry);
    if (r < 0) {
        file_put(&h->f);
        return r;
    }
    *out = &h->f;
    return 0;
}

int host_mkdir(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **out)
{
    char path[VFS_PATH_MAX];
    int r = host_join(dir, name, path);
    return r < 0 ? r : changed(host_call(mkdirat, HOST_CWD, PTR(path), mode));
}

static int host_symlink(struct inode *dir, const char *name, size_t length, const char *target, struct inode **out)
{
    char path[VFS_PATH_MAX];
    int r = check_name(dir, name, POLICY_CREATE, path);
    return r < 0 ? r : changed(host_call(symlinkat, PTR(target), HOST_CWD, PTR(path)));
}

static int host_link(struct inode *dir, const char *name, size_t length, struct inode *target)
{
    char path[VFS_PATH_MAX];
    const struct plan_trusted *trusted;
    int r = check(target, POLICY_READ, &trusted);
    if (r == 0)
        r = check_name(dir, name, POLICY_CREATE, path);
    return r < 0 ? r : changed(host_call(linkat, HOST_CWD, PTR(host_inode(target)->path), HOST_CWD, PTR(path), target->nofollow ? 0 : AT_SYMLINK_FOLLOW));
}

static int host_unlink(struct inode *dir, const char *name, size_t length, struct inode *victim)
{
    char path[VFS_PATH_MAX];
    int r = check_name(dir, name, POLICY_READ, path);
    return r < 0 ? r : changed(host_call(unlinkat, HOST_CWD, PTR(path), 0));
}

int host_rmdir(struct inode *dir, const char *name, size_t length, struct inode *victim)
{
    char path[VFS_PATH_MAX];
    int r = host_join(dir, name, path);
    return r < 0 ? r : changed(host_call(unlinkat, HOST_CWD, PTR(path), AT_REMOVEDIR));
}

static int host_rename(struct inode *from_dir, const char *from, struct inode *to_dir, const char *to, struct inode *moved, uint32_t flags)
{
    char old[VFS_PATH_MAX], new[VFS_PATH_MAX];
    int r = host_join(from_dir, from, old);
    if (r >= 0)
        r = host_join(to_dir, to, new);
    if (r >= 0 && (!g_machine.is_enclave || inode_type(moved) != S_IFDIR)) {
        r = check_name(from_dir, from, POLICY_READ, old);
        if (r == 0)
            r = check_name(to_dir, to, POLICY_CREATE, new);
    }
    return r < 0 ? r : changed(host_call(renameat2, HOST_CWD, PTR(old), HOST_CWD, PTR(new), flags));
}

int host_readlink(struct inode *inode, char *buf, size_t size)
{
    int n = (int)host_call(readlinkat, HOST_CWD, PTR(host_inode(inode)->path), PTR(buf), size);
    /* host may put a NUL into a target: whoever takes it for a string would see another than who takes it for bytes */
    return n == 0 || (n > 0 && str_length(buf, (size_t)n) < (size_t)n) ? -EIO : n;
}

static int host_chmod(struct inode *inode, uint32_t mode)
{
    const struct plan_trusted *trusted;
    int r = check(inode, POLICY_READ, &trusted);
    return r < 0 ? r : changed(host_call(fchmodat, HOST_CWD, PTR(host_inode(inode)->path), mode & 07777));
}

int host_chown(struct inode *inode, uint32_t uid, uint32_t gid)
{
    return changed(host_call(fchownat, HOST_CWD, PTR(host_inode(inode)->path), uid, gid, inode->nofollow ? AT_SYMLINK_NOFOLLOW : 0));
}

int host_utimens(struct inode *inode, const struct linux_timespec times[2])
{
    return changed(host_call(utimensat, HOST_CWD, PTR(host_inode(inode)->path), PTR(times), inode->nofollow ? AT_SYMLINK_NOFOLLOW : 0));
}

static int host_truncate(struct inode *inode, uint64_t size)
{
    const struct plan_trusted *trusted;
    int r = check(inode, POLICY_WRITE, &trusted);
    if (r < 0)
        return r;
    int64_t fd = host_call(openat, HOST_CWD, PTR(host_inode(inode)->path), host_flags(O_WRONLY), 0);
    if (fd < 0)
        return (int)fd;
    r = (int)host_call(ftruncate, (uint64_t)fd, size);
    host_call(close, (uint64_t)fd);
    return r;
}

int host_statfs(struct inode *inode, struct linux_statfs *st)
{
    int r = (int)host_call(statfs, PTR(host_inode(inode)->path), PTR(st));
    if (r < 0)
        return r;
    /* host may lie: programs divide by the block size, and subtract what is free from what there is */
    if (st->bsize < 1 || st->bsize > BLOCK_MOST || st->frsize < 0 || st->frsize > BLOCK_MOST)
        return -EIO;
    st->blocks = MIN(st->blocks, (uint64_t)INT64_MAX / BLOCK_MOST);
    st->bfree = MIN(st->bfree, st->blocks);
    st->bavail = MIN(st->bavail, st->bfree);
    st->ffree = MIN(st->ffree, st->files);
    st->namelen = VFS_NAME_MAX;
    memset(st->spare, 0, sizeof(st->spare));
    return 0;
}

void host_free(struct inode *inode)
{
    mem_free(inode);
}

static const struct fs_ops host_ops = {
    .name = "host",
    .whole_path = true,
    .lookup = host_lookup,
    .lookup_dentry = host_lookup_dentry,
    .open = host_open,
    .mkdir = host_mkdir,
    .symlink = host_symlink,
    .link = host_link,
    .unlink = host_unlink,
    .rmdir = host_rmdir,
    .rename = host_rename,
    .readlink = host_readlink,
    .stat = host_stat,
    .stat_name = host_stat_name,
    .identify = host_identify,
    .chmod = host_chmod,
    .chown = host_chown,
    .utimens = host_utimens,
    .truncate = host_truncate,
    .statfs = host_statfs,
    .getxattr = host_getxattr,
    .setxattr = host_setxattr,
    .listxattr = host_listxattr,
    .removexattr = host_removexattr,
    .free = host_free,
};

int host_mount(const struct plan_mount *plan, struct mount *m)
{
    struct inode *inode;
    const char *host = plan_string(&g_machine.plan, plan->host);
    m->ops = &host_ops;
    m->source = host;
    int r = host_inode_new(&host_ops, m, host, plan->host.length, "", 0, &inode);
    if (r < 0)
        return r;
    r = inode_type(inode);
    if (r < 0) {
        inode_put(inode);
        return r;
    }
    m->root = dentry_new_root(inode);
    return m->root ? 0 : -ENOMEM;
}

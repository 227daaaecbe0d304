/*
 * The table of open encrypted files, and the host's side of each: the calls that lib/encfile makes to read
 * and write nodes. All content checks are lib/encfile's; here only paths, keys and host descriptors are kept
 * together. The table's lock is held while a file is opened or closed: that costs a few host calls which
 * do not block for long.
 */
#include "libos/fs/encrypted_object.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/fmt.h"
#include "lib/base/str.h"
#include "lib/encfile/encfile.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/keys.h"

#define HOST_CWD ((uint64_t)(int64_t)AT_FDCWD)

struct mutex g_encrypted_mu = MUTEX_INIT;
static struct list g_objects = LIST_INIT(g_objects); /* g_encrypted_mu */
static bool g_no_unnamed;                            /* g_encrypted_mu: the host cannot name a nameless file */

enum object_made { OBJECT_FOUND, OBJECT_NAMED, OBJECT_UNNAMED };

/* ---- lib/encfile's view of a host file: the pointer is to its descriptor */

static uint64_t fd_of(void *file)
{
    return (uint64_t) * (int *)file;
}

static int64_t io_read(void *file, uint64_t offset, void *buf, size_t size)
{
    return host_call(pread64, fd_of(file), PTR(buf), size, offset);
}

static int64_t io_write(void *file, uint64_t offset, const void *buf, size_t size)
{
    return host_call(pwrite64, fd_of(file), PTR(buf), size, offset);
}

static int io_truncate(void *file, uint64_t size)
{
    return (int)host_call(ftruncate, fd_of(file), size);
}

static int io_sync(void *file)
{
    return (int)host_call(fsync, fd_of(file));
}

static int64_t io_size(void *file)
{
    return host_call(lseek, fd_of(file), 0, SEEK_END);
}

static const struct encfile_io io = { io_read, io_write, io_truncate, io_sync, io_size };
static const struct encfile_env env = { mem_alloc, mem_free, machine_random };

/* ---- opening */

static struct encrypted_object *find_locked(const char *path)
{
    list_for_each(it, &g_objects) {
        struct encrypted_object *o = list_entry(it, struct encrypted_object, link);
        if (str_equal(o->path, path))
            return o;
    }
    return NULL;
}

/*
 * A new file gets its name when its first node is written: killed between the two, it would be an empty file, which
 * is refused for ever. File systems without O_TMPFILE, and hosts without /proc, make it under its name at once.
 */
static int64_t create_host(const char *path, uint32_t mode, enum object_made *made)
{
    uint64_t flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    char dir[VFS_PATH_MAX];
    size_t n = str_length(path, VFS_PATH_MAX - 1);
    while (n && path[n - 1] != '/')
        n--;
    memcpy(dir, n ? path : "./", n ? n : 2);
    dir[n ? n : 2] = 0;
    *made = OBJECT_UNNAMED;
    int64_t fd = g_no_unnamed ? -EOPNOTSUPP : host_call(openat, HOST_CWD, PTR(dir), flags | O_TMPFILE, mode | 0600);
    if (fd >= 0 || fd == -ENOENT || fd == -EACCES || fd == -ENOSPC)
        return fd;
    *made = OBJECT_NAMED;
    return host_call(openat, HOST_CWD, PTR(path), flags | O_CREAT | O_EXCL, mode | 0600);
}

static int give_name(const struct encrypted_object *o)
{
    char from[32];
    fmt_print(from, sizeof(from), "/proc/self/fd/%d", o->fd);
    return (int)host_call(linkat, HOST_CWD, PTR(from), HOST_CWD, PTR(o->path), AT_SYMLINK_FOLLOW);
}

static int64_t open_host(const char *path, enum object_create create, uint32_t mode, bool write, enum object_made *made, bool *writable)
{
    uint64_t flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    *made = OBJECT_FOUND;
    *writable = true;
    int64_t fd = create == OBJECT_CREATE_NEW ? -ENOENT : host_call(openat, HOST_CWD, PTR(path), flags, 0);
    if ((fd == -EACCES || fd == -EROFS) && !write) { /* a file that may only be read */
        *writable = false;
        fd = host_call(openat, HOST_CWD, PTR(path), flags & ~(uint64_t)O_RDWR, 0);
    }
    if (fd != -ENOENT || create == OBJECT_OPEN)
        return fd;
    return create_host(path, mode, made);
}

static int recovery_path(const char *path, char out[VFS_PATH_MAX])
{
    size_t n = str_length(path, VFS_PATH_MAX);
    if (n + sizeof(RECOVERY_SUFFIX) > VFS_PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(out, path, n);
    memcpy(out + n, RECOVERY_SUFFIX, sizeof(RECOVERY_SUFFIX));
    return 0;
}

static int open_recovery(struct encrypted_object *o)
{
    char path[VFS_PATH_MAX];
    int r = recovery_path(o->path, path);
    if (r < 0)
        return r;
    int64_t fd = host_call(openat, HOST_CWD, PTR(path), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0)
        return (int)fd;
    o->recovery_fd = (int)fd;
    return 0;
}

static int open_content(struct encrypted_object *o, const struct encrypted_mount *em, bool created)
{
    uint8_t key[FILE_KEY_SIZE];
    enum encfile_status status = ENCFILE_OK;
    if (!key_read(em->key, key)) {
        log_error("encrypted file \"%s\": its key \"%s\" is not set; write it to /dev/attestation/keys/%s first", o->path, key_name(em->key),
                    key_name(em->key));
        return -EACCES;
    }
    struct encfile_params params = { .env = &env,
                                     .io = &io,
                                     .file = &o->fd,
                                     .recovery = o->recovery_fd >= 0 ? &o->recovery_fd : NULL,
                                     .key = key,
                                     .path = o->path,
                                     .flags = (o->writable ? ENCFILE_WRITABLE : 0) | (created ? ENCFILE_CREATE : 0) };
    int r = encfile_open(&params, &o->content, &status);
    bytes_wipe(key, sizeof(key));
    if (r < 0)
        log_error("encrypted file \"%s\" is refused: %s", o->path, encfile_status_text(status));
    return r;
}

static void object_free(struct encrypted_object *o)
{
    if (o->fd >= 0)
        host_call(close, (uint64_t)o->fd);
    if (o->recovery_fd >= 0)
        host_call(close, (uint64_t)o->recovery_fd);
    mem_free(o->path);
    mem_free(o);
}

/* A regular file and nothing else: a FIFO or device would be the host's to fill. */
static int check_regular(int fd)
{
    struct linux_stat st;
    int r = (int)host_call(fstat, (uint64_t)fd, PTR(&st));
    return r < 0 ? r : (st.mode & S_IFMT) == S_IFREG ? 0 : (st.mode & S_IFMT) == S_IFDIR ? -EISDIR : -EACCES;
}

static int open_locked(const struct encrypted_mount *em, const char *path, enum object_create create, uint32_t mode, bool write,
                       struct encrypted_object **out)
{
    enum object_made made = OBJECT_FOUND;
    struct encrypted_object *o = mem_zalloc(sizeof(*o));
    if (!o)
        return -ENOMEM;
    o->refs = 1;
    o->recovery_fd = -1;
    o->path = mem_strdup(path);
    int64_t fd = o->path ? open_host(path, create, mode, write, &made, &o->writable) : -ENOMEM;
    o->fd = (int)fd;
    int r = fd < 0 ? (int)fd : check_regular(o->fd);
    if (r == 0 && em->recovery && o->writable)
        r = open_recovery(o);
    if (r == 0)
        r = open_content(o, em, made != OBJECT_FOUND);
    if (r == 0 && made == OBJECT_UNNAMED)
        r = give_name(o);
    if (r < 0) {
        if (o->content) /* it had no name */
            (void)encfile_close(o->content);
        if (fd >= 0 && made == OBJECT_NAMED) /* nothing half made stays behind */
            host_call(unlinkat, HOST_CWD, PTR(path), 0);
        object_free(o);
        return r;
    }
    list_push_front(&g_objects, &o->link);
    *out = o;
    return 0;
}

int encrypted_object_get(const struct encrypted_mount *em, const char *path, enum object_create create, uint32_t mode, bool write,
                         struct encrypted_object **out)
{
    int r = 0;
    mutex_lock(&g_encrypted_mu);
    struct encrypted_object *o = find_locked(path);
    if (!o) {
        r = open_locked(em, path, create, mode, write, &o);
        if (r == -ENOENT && create != OBJECT_OPEN && !g_no_unnamed) { /* no directory, or no /proc */
            g_no_unnamed = true;
            r = open_locked(em, path, create, mode, write, &o);
            g_no_unnamed = r == 0;
        }
    } else if (create == OBJECT_CREATE_NEW) {
        r = -EEXIST;
    } else if (write && !o->writable) {
        r = -EACCES;
    } else {
        o->refs++;
    }
    mutex_unlock(&g_encrypted_mu);
    *out = r < 0 ? NULL : o;
    return r;
}

struct encrypted_object *encrypted_object_find(const char *path)
{
    mutex_lock(&g_encrypted_mu);
    struct encrypted_object *o = find_locked(path);
    if (o)
        o->refs++;
    mutex_unlock(&g_encrypted_mu);
    return o;
}

static int put_locked(struct encrypted_object *o)
{
    char path[VFS_PATH_MAX];
    if (--o->refs)
        return 0;
    if (!o->removed)
        list_remove(&o->link);
    int r = encfile_close(o->content);
    if (r < 0)
        log_error("encrypted file \"%s\": the last changes could not be written: error %d", o->path, -r);
    else if (o->recovery_fd >= 0 && recovery_path(o->path, path) == 0)
        host_call(unlinkat, HOST_CWD, PTR(path), 0);
    object_free(o);
    return r;
}

int encrypted_object_put(struct encrypted_object *o)
{
    if (!o)
        return 0;
    mutex_lock(&g_encrypted_mu);
    int r = put_locked(o);
    mutex_unlock(&g_encrypted_mu);
    return r;
}

/* The name leads elsewhere now: whoever has it open goes on with a file without a name. */
static void forget_locked(const char *path)
{
    struct encrypted_object *o = find_locked(path);
    if (!o)
        return;
    list_remove(&o->link);
    o->removed = true;
}

int encrypted_object_unlink(const char *path)
{
    mutex_lock(&g_encrypted_mu);
    int r = (int)host_call(unlinkat, HOST_CWD, PTR(path), 0);
    if (r == 0)
        forget_locked(path);
    mutex_unlock(&g_encrypted_mu);
    return r;
}

static int rename_locked(struct encrypted_object *o, const char *to, uint32_t flags)
{
    char *copy = mem_strdup(to);
    if (!copy)
        return -ENOMEM;
    mutex_lock(&o->mu);
    int r = encfile_rename(o->content, to);
    if (r == 0) {
        r = (int)host_call(renameat2, HOST_CWD, PTR(o->path), HOST_CWD, PTR(to), flags);
        if (r < 0)
            (void)encfile_rename(o->content, o->path);
    }
    mutex_unlock(&o->mu);
    if (r < 0) {
        mem_free(copy);
        return r;
    }
    forget_locked(to);
    mem_free(o->path);
    o->path = copy;
    return 0;
}

int encrypted_object_rename(const struct encrypted_mount *em, const char *from, const char *to, uint32_t flags)
{
    if (str_equal(from, to))
        return 0;
    mutex_lock(&g_encrypted_mu);
    struct encrypted_object *o = find_locked(from);
    int r = 0;
    if (o)
        o->refs++;
    else
        r = open_locked(em, from, OBJECT_OPEN, 0, true, &o);
    if (r == 0) {
        r = rename_locked(o, to, flags);
        int closed = put_locked(o);
        r = r < 0 ? r : closed;
    }
    mutex_unlock(&g_encrypted_mu);
    return r;
}

bool encrypted_is_recovery(const char *name, size_t length)
{
    size_t n = sizeof(RECOVERY_SUFFIX) - 1;
    return length >= n && memcmp(name + length - n, RECOVERY_SUFFIX, n) == 0;
}

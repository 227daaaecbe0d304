/*
 * Host files under lib/encfile. It trusts the kernel's descriptors and nothing that is read from them.
 */
#include "cli/pffile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* encfile's `file` is a descriptor plus one, so that NULL means none. */
static void *from_fd(int fd)
{
    return (void *)(intptr_t)(fd + 1);
}

static int to_fd(void *file)
{
    return (int)(intptr_t)file - 1;
}

static int64_t fd_read(void *file, uint64_t offset, void *buf, size_t size)
{
    ssize_t n;
    do
        n = pread(to_fd(file), buf, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int64_t fd_write(void *file, uint64_t offset, const void *buf, size_t size)
{
    ssize_t n;
    do
        n = pwrite(to_fd(file), buf, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int fd_truncate(void *file, uint64_t size)
{
    return ftruncate(to_fd(file), (off_t)size) ? -errno : 0;
}

static int fd_sync(void *file)
{
    return fsync(to_fd(file)) ? -errno : 0;
}

static int64_t fd_size(void *file)
{
    struct stat st;
    return fstat(to_fd(file), &st) ? -errno : st.st_size;
}

static int random_bytes(void *buf, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = getrandom((char *)buf + done, size - done, 0);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int pffile_open(const uint8_t *key, int fd, int recovery, const char *bound, unsigned flags,
                struct encfile **out, enum encfile_status *status)
{
    static const struct encfile_io io = { fd_read, fd_write, fd_truncate, fd_sync, fd_size };
    static const struct encfile_env env = { malloc, free, random_bytes };
    struct encfile_params params = { .env = &env, .io = &io, .file = from_fd(fd), .key = key,
                                     .recovery = recovery < 0 ? NULL : from_fd(recovery),
                                     .path = bound, .flags = flags };
    return encfile_open(&params, out, status);
}

static const char *remedy(enum encfile_status status, struct encfile *f)
{
    switch (status) {
    case ENCFILE_BAD_KEY: return ": check that the key is the one it was encrypted with";
    case ENCFILE_OTHER_VERSION: return ": use the program that wrote it";
    case ENCFILE_TAMPERED:
    case ENCFILE_TRUNCATED:
        if (f && encfile_was_pending(f))
            return ": a write to it was interrupted: put its " ENCFILE_RECOVERY_SUFFIX " file beside it";
        return ": restore it from a good copy";
    default: return "";
    }
}

int pffile_explain(struct encfile *f, enum encfile_status status, int err, const char *path,
                   uint64_t offset, struct problem *why)
{
    char at[48] = "";
    if (offset)
        snprintf(at, sizeof(at), " (at byte %llu)", (unsigned long long)offset);
    if (status == ENCFILE_READ_FAILED)
        return problem_set(why, err, "%s: cannot read%s: %s", path, at, strerror(-err));
    return problem_set(why, err, "%s: %s%s%s", path, encfile_status_text(status), at, remedy(status, f));
}

/* Say to which path it is bound, since it is not the expected one. */
static int explain_path(const uint8_t *key, int fd, const char *path, const char *bound,
                        struct problem *why)
{
    struct encfile *f;
    int err = pffile_open(key, fd, -1, NULL, ENCFILE_IGNORE_PENDING, &f, NULL);
    if (err)
        return problem_set(why, -EACCES, "%s: bound to another path than '%s'", path, bound);
    problem_set(why, -EACCES, "%s: bound to the path '%s', not to '%s'", path, encfile_path(f), bound);
    encfile_close(f);
    return -EACCES;
}

static int copy_content(int from, int to)
{
    static char buf[1 << 16];
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(from, buf, sizeof(buf), at);
        if (n <= 0)
            return n ? -errno : 0;
        if (write(to, buf, (size_t)n) != n)
            return errno ? -errno : -EIO;
        at += n;
    }
}

/* A nameless copy, encrypted as the original, on which the interrupted write can be undone. */
static int open_recovered(const uint8_t *key, int fd, int recovery, const char *bound,
                          struct encfile **out, int *copy, enum encfile_status *status)
{
    const char *dir = getenv("TMPDIR");
    int to = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    *status = ENCFILE_RECOVERY_FAILED;
    if (to < 0)
        return -errno;
    int err = copy_content(fd, to);
    if (!err)
        err = pffile_open(key, to, recovery, bound, 0, out, status);
    if (err)
        close(to);
    else
        *copy = to;
    return err;
}

int pffile_open_to_read(const uint8_t *key, int fd, const char *path, const char *bound,
                        struct encfile **out, int *copy, struct problem *why)
{
    enum encfile_status status;
    char name[PATH_MAX];
    int err = pffile_open(key, fd, -1, bound, 0, out, &status);
    *copy = -1;
    if (err && status == ENCFILE_RECOVERY_NEEDED) {
        snprintf(name, sizeof(name), "%s" ENCFILE_RECOVERY_SUFFIX, path);
        int recovery = open(name, O_RDONLY | O_CLOEXEC);
        if (recovery >= 0) {
            err = open_recovered(key, fd, recovery, bound, out, copy, &status);
            close(recovery);
        } else {
            /* As the reference tool does: read what is there; every node still has to be good. */
            err = pffile_open(key, fd, -1, bound, ENCFILE_IGNORE_PENDING, out, &status);
        }
    }
    if (err && status == ENCFILE_OTHER_PATH)
        return explain_path(key, fd, path, bound, why);
    return err ? pffile_explain(NULL, status, err, path, 0, why) : 0;
}

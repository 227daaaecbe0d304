/*
 * Output files that appear whole or not at all. O_TMPFILE where the file system has it, so that even
 * SIGKILL leaves nothing; else a hidden temporary file.
 */
#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beside the destination: rename() does not cross file systems. */
static int beside(const struct outfile *o, const char *name, char *out)
{
    const char *slash = strrchr(o->path, '/');
    int dir = slash ? (int)(slash - o->path) + 1 : 0;
    int n = snprintf(out, PATH_MAX, "%.*s%s", dir, o->path, name);
    return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int open_nameless(struct outfile *o)
{
    char dir[PATH_MAX], proc[64];
    if (beside(o, ".", dir))
        return -ENAMETOOLONG;
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    /* Without /proc it could not be given a name in the end. */
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    if (access(proc, F_OK)) {
        close(fd);
        return -EOPNOTSUPP;
    }
    return fd;
}

static int open_temporary(struct outfile *o)
{
    int fd = open_nameless(o);
    if (fd >= 0)
        return fd;
    if (fd != -EOPNOTSUPP && fd != -EISDIR && fd != -EINVAL)
        return fd;
    if (beside(o, ".cloister-XXXXXX", o->temp))
        return -ENAMETOOLONG;
    fd = mkostemp(o->temp, O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_direct(struct outfile *o, struct problem *why)
{
    o->direct = true;
    o->fd = open(o->path, O_WRONLY | O_CLOEXEC);
    return o->fd < 0 ? problem_set(why, -errno, "%s: cannot write: %s", o->path, strerror(errno)) : 0;
}

int outfile_open(struct outfile *o, const char *path, mode_t mode, bool allow_direct,
                 struct problem *why)
{
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    o->fd = -1;
    o->direct = false;
    o->temp[0] = 0;
    o->mode = mode & ~mask;
    if (!realpath(path, o->path)) {
        if (strlen(path) >= sizeof(o->path))
            return problem_set(why, -ENAMETOOLONG, "%s: the path is too long", path);
        strcpy(o->path, path);
    }
    if (stat(o->path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return problem_set(why, -EISDIR, "%s: is a directory", path);
        if (!S_ISREG(st.st_mode))
            return allow_direct ? open_direct(o, why)
                                : problem_set(why, -EINVAL, "%s: is not a regular file: encrypted files need one", path);
        if (access(o->path, W_OK))
            return problem_set(why, -errno, "%s: cannot replace: %s", path, strerror(errno));
        o->mode = st.st_mode & 07777;
    }
    o->fd = open_temporary(o);
    return o->fd < 0 ? problem_set(why, o->fd, "%s: cannot create: %s", path, strerror(-o->fd)) : 0;
}

/* Give a nameless file a temporary name: linkat() does not replace, rename() does. */
static int give_name(struct outfile *o)
{
    char proc[64], name[64];
    uint64_t unique;
    if (getrandom(&unique, sizeof(unique), 0) != sizeof(unique))
        return -EIO;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", o->fd);
    snprintf(name, sizeof(name), ".cloister-%016llx", (unsigned long long)unique);
    char temp[PATH_MAX];
    if (beside(o, name, temp))
        return -ENAMETOOLONG;
    if (linkat(AT_FDCWD, proc, AT_FDCWD, temp, AT_SYMLINK_FOLLOW))
        return -errno;
    strcpy(o->temp, temp);
    return 0;
}

static int finish(struct outfile *o)
{
    if (fchmod(o->fd, o->mode) || fsync(o->fd))
        return -errno;
    int err = o->temp[0] ? 0 : give_name(o);
    if (err)
        return err;
    if (rename(o->temp, o->path))
        return -errno;
    o->temp[0] = 0;
    return 0;
}

int outfile_commit(struct outfile *o, struct problem *why)
{
    int err = o->direct ? 0 : finish(o);
    if (err)
        problem_set(why, err, "%s: cannot write: %s", o->path, strerror(-err));
    outfile_discard(o);
    return err;
}

void outfile_discard(struct outfile *o)
{
    if (o->fd >= 0)
        close(o->fd);
    if (o->temp[0])
        unlink(o->temp);
    o->fd = -1;
    o->temp[0] = 0;
}

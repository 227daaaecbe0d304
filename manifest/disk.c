/* Whole-file reading and replacing. Trusts the file system to make rename atomic. See
 * manifest/disk.h. */
#include "manifest/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, size_t max, uint8_t **out, size_t *size)
{
    size_t room = 65536, used = 0;
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 && (uint64_t)st.st_size < max)
        room = (size_t)st.st_size + 1;
    uint8_t *buf = malloc(room + 1);
    while (buf) {
        ssize_t n = read(fd, buf + used, room - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int error = errno;
            free(buf);
            return -error;
        }
        if (n == 0)
            break;
        used += (size_t)n;
        if (used > max) {
            free(buf);
            return -EFBIG;
        }
        if (used == room) {
            room *= 2;
            uint8_t *more = realloc(buf, room + 1);
            if (!more)
                free(buf);
            buf = more;
        }
    }
    if (!buf)
        return -ENOMEM;
    buf[used] = 0;
    *out = buf;
    *size = used;
    return 0;
}

int disk_read(const char *path, size_t max, uint8_t **out, size_t *size, struct problem *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int ret = fd < 0 ? -errno : read_all(fd, max, out, size);
    if (fd >= 0)
        close(fd);
    if (ret)
        problem_set(why, ret, "%s: %s", path, strerror(-ret));
    return ret;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

int disk_write(const char *path, const void *data, size_t size, mode_t mode, struct problem *why)
{
    char temp[PATH_MAX];
    if ((size_t)snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= sizeof(temp))
        return problem_set(why, -ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return problem_set(why, -errno, "%s: %s", path, strerror(errno));
    int ret = write_all(fd, data, size);
    if (!ret && (fchmod(fd, mode) || fsync(fd)))
        ret = -errno;
    if (close(fd) && !ret)
        ret = -errno;
    if (!ret && rename(temp, path))
        ret = -errno;
    if (ret) {
        unlink(temp);
        problem_set(why, ret, "%s: %s", path, strerror(-ret));
    }
    return ret;
}

int disk_make_parents(const char *path, mode_t mode, struct problem *why)
{
    char dir[PATH_MAX];
    if ((size_t)snprintf(dir, sizeof(dir), "%s", path) >= sizeof(dir))
        return problem_set(why, -ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
    for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(dir, mode) && errno != EEXIST)
            return problem_set(why, -errno, "%s: %s", dir, strerror(errno));
        *slash = '/';
    }
    return 0;
}

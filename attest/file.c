/* Read and replace whole files. Contents are the caller's to distrust. */
#include "attest/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/bytes.h"

static int read_all(int fd, size_t max, uint8_t **data, size_t *size)
{
    size_t room = 4096, used = 0;
    uint8_t *buf = malloc(room + 1);
    while (buf) {
        ssize_t n = read(fd, buf + used, room - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || used + (size_t)n > max) {
            int err = n < 0 ? -errno : -EFBIG;
            bytes_wipe(buf, used);
            free(buf);
            return err;
        }
        if (n == 0)
            break;
        used += (size_t)n;
        if (used == room) {
            uint8_t *bigger = malloc(2 * room + 1); /* not realloc: it may hold a key */
            if (bigger)
                memcpy(bigger, buf, used);
            bytes_wipe(buf, used);
            free(buf);
            buf = bigger;
            room *= 2;
        }
    }
    if (!buf)
        return -ENOMEM;
    buf[used] = 0;
    *data = buf;
    *size = used;
    return 0;
}

int file_read(const char *path, size_t max, uint8_t **data, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int ret = read_all(fd, max, data, size);
    close(fd);
    return ret;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return fsync(fd) ? -errno : 0;
}

int file_write(const char *path, const void *data, size_t size, mode_t mode)
{
    char temp[4096];
    if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp))
        return -ENAMETOOLONG;
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int ret = fchmod(fd, mode) ? -errno : write_all(fd, data, size);
    if (close(fd) && ret == 0)
        ret = -errno;
    if (ret == 0 && rename(temp, path))
        ret = -errno;
    if (ret)
        unlink(temp);
    return ret;
}

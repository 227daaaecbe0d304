/* Unix stream sockets by path. */
#include "attest/soft/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int fill_address(struct sockaddr_un *a, const char *path)
{
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(a->sun_path))
        return -ENAMETOOLONG;
    strcpy(a->sun_path, path);
    return 0;
}

static int fail(int fd)
{
    int err = errno;
    close(fd);
    return -err;
}

int unix_connect(const char *path, unsigned timeout_ms)
{
    struct sockaddr_un a;
    struct timeval t = { timeout_ms / 1000, (timeout_ms % 1000) * 1000 };
    int ret = fill_address(&a, path);
    if (ret)
        return ret;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) ||
        connect(fd, (struct sockaddr *)&a, sizeof(a)))
        return fail(fd);
    return fd;
}

int unix_listen(const char *path)
{
    struct sockaddr_un a;
    int ret = fill_address(&a, path);
    if (ret)
        return ret;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    mode_t old = umask(0177);
    unlink(path);
    int failed = bind(fd, (struct sockaddr *)&a, sizeof(a));
    umask(old);
    if (failed || listen(fd, 128))
        return fail(fd);
    return fd;
}

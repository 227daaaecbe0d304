/* Opening inside a directory that takes the place of "/". See manifest/open_in.h. */
#include "manifest/open_in.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int open_in(int root, const char *path, int flags)
{
    int fd;
    if (root < 0) {
        fd = open(path, flags | O_CLOEXEC);
    } else {
        struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
        fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    }
    return fd < 0 ? -errno : fd;
}

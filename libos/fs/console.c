/*
 * The descriptors that the launcher was started with. Their position, blocking mode and terminal belong
 * to others outside too, so they are never changed; see outside_position.
 */
#include "libos/fs/console.h"

#include "enclave/gate.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/dev.h"
#include "libos/fs/fdtable.h"
#include "libos/fs/host.h"

#define TCGETS 0x5401u

/* Access mode of a host descriptor; the host is believed only as far as errors go. */
static uint32_t access_mode(int fd)
{
    int64_t flags = host_call(fcntl, (uint64_t)fd, F_GETFL, 0);
    return flags < 0 ? (fd == 0 ? O_RDONLY : O_WRONLY) : (uint32_t)flags & (O_ACCMODE | O_APPEND);
}

static int console_file(int fd, struct file **out)
{
    struct linux_stat st;
    struct host_file *h;
    if (host_call(fstat, (uint64_t)fd, PTR(&st)) < 0)
        return dev_open_null(O_RDWR, out);
    int r = host_file_new(fd, 0, access_mode(fd), NULL, &h);
    if (r < 0)
        return r;
    h->outside_position = true;
    r = host_file_settle(h);
    if (r < 0) {
        file_put(&h->f);
        return r;
    }
    *out = &h->f;
    return 0;
}

int console_install(struct fdtable *t)
{
    for (int fd = 0; fd < 3; fd++) {
        struct file *f;
        int r = console_file(fd, &f);
        if (r < 0)
            return r;
        r = fd_install_at(t, f, fd, false);
        if (r < 0) {
            file_put(f);
            return r;
        }
    }
    return 0;
}

int console_open_tty(unsigned flags, struct file **out)
{
    static const int candidates[3] = { 0, 2, 1 };
    for (int i = 0; i < 3; i++) {
        uint8_t data[64] = { 0 };
        int fd = candidates[i];
        if (host_call(ioctl, (uint64_t)fd, TCGETS, PTR(data)) < 0)
            continue;
        struct host_file *h;
        int r = host_file_new(fd, S_IFCHR, flags, NULL, &h);
        if (r == 0) {
            h->outside_position = true;
            *out = &h->f;
        }
        return r;
    }
    return -ENXIO;
}

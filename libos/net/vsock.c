/*
 * /dev/vsock: the one question asked of it is this machine's address. The number is the host's
 * word, as every address of a socket is. Sockets of AF_VSOCK stand in inet.c.
 */
#include "libos/net/vsock.h"

#include "enclave/gate.h"
#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "lib/linux/socket.h"
#include "libos/fs/file.h"
#include "libos/sys/ioctl_arg.h"

struct vsock_device {
    struct file file;
    int host_fd;
};

static int64_t device_ioctl(struct file *f, uint32_t command, uint64_t arg)
{
    const struct vsock_device *v = container_of(f, struct vsock_device, file);
    uint8_t value[64] = { 0 };
    int32_t cid;
    if (command != VM_SOCKETS_GET_LOCAL_CID)
        return -ENOTTY;
    int64_t r = host_call(ioctl, (uint64_t)v->host_fd, command, PTR(value));
    if (r < 0)
        return r;
    memcpy(&cid, value, sizeof(cid));
    return ioctl_put_int(arg, cid);
}

static void device_release(struct file *f)
{
    struct vsock_device *v = container_of(f, struct vsock_device, file);
    (void)host_call(close, (uint64_t)v->host_fd);
    mem_free(v);
}

static const struct file_ops device_ops = { .kind = "dev",
                                            .ioctl = device_ioctl,
                                            .release = device_release };

int vsock_open_device(uint32_t flags, struct file **out)
{
    struct vsock_device *v = mem_zalloc(sizeof(*v));
    if (!v)
        return -ENOMEM;
    int64_t fd = host_call(openat, (uint64_t)(int64_t)AT_FDCWD, PTR("/dev/vsock"),
                           O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        mem_free(v);
        return fd == -ENOENT ? -ENODEV : (int)fd;
    }
    file_init(&v->file, &device_ops, flags);
    v->host_fd = (int)fd;
    *out = &v->file;
    return 0;
}

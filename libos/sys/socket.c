/*
 * Socket calls: decode addresses, vectors and control messages; libos/net does the rest. sendmsg
 * and its relatives stand in socket_msg.c.
 */
#include "libos/sys/socket.h"

#include "enclave/heap.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/fdtable.h"
#include "libos/net/socket.h"
#include "libos/proc/process.h"
#include "libos/sys/sys.h"

struct file *socket_lookup(int fd, struct socket **s, int *error)
{
    struct file *f = fd_lookup_open(current()->process->fds, fd);
    if (!f) {
        *error = -EBADF;
        return NULL;
    }
    *s = socket_of(f);
    if (!*s) {
        file_put(f);
        *error = -ENOTSOCK;
        return NULL;
    }
    return f;
}

int socket_read_address(uaddr_t address, int64_t size, struct net_address *out)
{
    memset(out, 0, sizeof(*out));
    if (size < 0 || size > (int64_t)sizeof(out->a))
        return -EINVAL;
    out->size = (uint32_t)size;
    return size ? user_read(&out->a, address, (size_t)size) : 0;
}

int socket_write_address(const struct net_address *a, uaddr_t address, uaddr_t size_address)
{
    int32_t room;
    if (!address || !size_address)
        return address && !size_address ? -EFAULT : 0;
    if (user_read(&room, size_address, sizeof(room)) < 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    uint32_t size = a->size;
    if (size && user_write(address, &a->a, MIN(size, (uint32_t)room)) < 0)
        return -EFAULT;
    return user_write(size_address, &size, sizeof(size));
}

/* Takes the file. */
static int64_t install(struct file *f, bool cloexec)
{
    int fd = fd_install(current()->process->fds, f, 0, cloexec);
    if (fd < 0)
        file_put(f);
    return fd;
}

static int split_type(int *type, uint32_t *flags)
{
    *flags = (uint32_t)*type & ~(uint32_t)SOCK_TYPE_MASK;
    *type &= SOCK_TYPE_MASK;
    return *flags & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC) ? -EINVAL : 0;
}

int64_t sys_socket(int domain, int type, int protocol)
{
    struct file *f;
    uint32_t flags;
    int r = split_type(&type, &flags);
    if (r == 0)
        r = socket_create(domain, type, protocol, flags & SOCK_NONBLOCK, &f);
    return r < 0 ? r : install(f, flags & SOCK_CLOEXEC);
}

int64_t sys_socketpair(int domain, int type, int protocol, uaddr_t fds)
{
    struct file *f[2];
    struct fdtable *table = current()->process->fds;
    uint32_t flags;
    int32_t pair[2];
    int r = split_type(&type, &flags);
    if (r == 0)
        r = socket_create_pair(domain, type, protocol, flags & SOCK_NONBLOCK, f);
    if (r < 0)
        return r;
    pair[0] = (int32_t)install(f[0], flags & SOCK_CLOEXEC);
    if (pair[0] < 0) {
        file_put(f[1]);
        return pair[0];
    }
    pair[1] = (int32_t)install(f[1], flags & SOCK_CLOEXEC);
    r = pair[1] < 0 ? pair[1] : user_write(fds, pair, sizeof(pair));
    if (r < 0) {
        fd_close(table, pair[0]);
        if (pair[1] >= 0)
            fd_close(table, pair[1]);
    }
    return r;
}

/* bind and connect: an operation on an address. */
static int64_t with_address(int fd, uaddr_t address, int size, bool connect)
{
    struct net_address a;
    struct socket *s;
    int r = 0;
    struct file *f = socket_lookup(fd, &s, &r);
    if (!f)
        return r;
    r = socket_read_address(address, size, &a);
    if (r == 0) {
        int (*op)(struct socket *, const struct net_address *) = connect ? s->ops->connect
                                                                         : s->ops->bind;
        r = op ? op(s, &a) : -EOPNOTSUPP;
    }
    file_put(f);
    return r;
}

int64_t sys_bind(int fd, uaddr_t address, int size)
{
    return with_address(fd, address, size, false);
}

int64_t sys_connect(int fd, uaddr_t address, int size)
{
    return with_address(fd, address, size, true);
}

int64_t sys_listen(int fd, int backlog)
{
    struct socket *s;
    int r = 0;
    struct file *f = socket_lookup(fd, &s, &r);
    if (!f)
        return r;
    r = s->ops->listen ? s->ops->listen(s, backlog) : -EOPNOTSUPP;
    file_put(f);
    return r;
}

int64_t sys_accept4(int fd, uaddr_t address, uaddr_t size, int flags)
{
    struct net_address peer = { 0 };
    struct socket *s;
    struct file *accepted;
    int r = 0;
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return -EINVAL;
    struct file *f = socket_lookup(fd, &s, &r);
    if (!f)
        return r;
    r = s->ops->accept ? s->ops->accept(s, (uint32_t)flags & SOCK_NONBLOCK, &peer, &accepted)
                       : -EOPNOTSUPP;
    file_put(f);
    if (r < 0)
        return r;
    r = socket_write_address(&peer, address, size);
    if (r < 0) {
        file_put(accepted);
        return r;
    }
    return install(accepted, flags & SOCK_CLOEXEC);
}

int64_t sys_accept(int fd, uaddr_t address, uaddr_t size)
{
    return sys_accept4(fd, address, size, 0);
}

static int64_t get_name(int fd, uaddr_t address, uaddr_t size, bool of_peer)
{
    struct net_address a = { 0 };
    struct socket *s;
    int r = 0;
    struct file *f = socket_lookup(fd, &s, &r);
    if (!f)
        return r;
    r = s->ops->name ? s->ops->name(s, of_peer, &a) : -EOPNOTSUPP;
    file_put(f);
    if (r == 0)
        r = address && size ? socket_write_address(&a, address, size) : -EFAULT;
    return r;
}

int64_t sys_getsockname(int fd, uaddr_t address, uaddr_t size)
{
    return get_name(fd, address, size, false);
}

int64_t sys_getpeername(int fd, uaddr_t address, uaddr_t size)
{
    return get_name(fd, address, size, true);
}

int64_t sys_shutdown(int fd, int how)
{
    struct socket *s;
    int r = 0;
    struct file *f = socket_lookup(fd, &s, &r);
    if (!f)
        return r;
    r = how < SHUT_RD || how > SHUT_RDWR ? -EINVAL
        : s->ops->shutdown               ? s->ops->shutdown(s, how)
                                         : -EOPNOTSUPP;
    file_put(f);
    return r;
}

int64_t sys_setsockopt(int fd, int level, int name, uaddr_t value, int size)
{
    uint8_t copy[OPTION_MAX] = { 0 };
    struct socket *s;
    int r = 0;
    struct file *f = socket_lookup(fd, &s, &r);
    if (!f)
        return r;
    if (size < 0)
        r = -EINVAL;
    uint32_t used = r == 0 ? MIN((uint32_t)size, OPTION_MAX) : 0;
    if (used)
        r = user_read(copy, value, used);
    if (r == 0)
        r = socket_set_option(s, level, name, copy, used);
    file_put(f);
    return r;
}

int64_t sys_getsockopt(int fd, int level, int name, uaddr_t value, uaddr_t size_address)
{
    uint8_t copy[OPTION_MAX];
    uint32_t size = sizeof(copy);
    struct socket *s;
    int32_t room;
    int r = 0;
    struct file *f = socket_lookup(fd, &s, &r);
    if (!f)
        return r;
    r = user_read(&room, size_address, sizeof(room));
    if (r == 0 && room < 0)
        r = -EINVAL;
    if (r == 0)
        r = socket_get_option(s, level, name, copy, &size);
    file_put(f);
    if (r < 0)
        return r;
    size = MIN(size, (uint32_t)room);
    r = size ? user_write(value, copy, size) : 0;
    return r < 0 ? r : user_write(size_address, &size, sizeof(size));
}

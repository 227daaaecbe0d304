/*
 * send, recv and their message forms: vectors and control messages to and from libos/net.
 *
 * Control messages: SCM_RIGHTS and SCM_CREDENTIALS (Unix sockets). Their bytes are the program's
 * and parsed with explicit lengths; a malformed one is -EINVAL, as on Linux.
 */
#include "libos/sys/socket.h"

#include "enclave/heap.h"
#include "enclave/park.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/fs/fdtable.h"
#include "libos/net/socket.h"
#include "libos/proc/process.h"
#include "libos/sys/iobuf.h"
#include "libos/sys/sys.h"
#include "libos/sys/timeout.h"

#define IOV_MAX      1024
#define CONTROL_MAX  20480 /* net.core.optmem_max */
#define IO_MAX       UINT64_C(0x7ffff000)
#define CMSG_NEXT(n) ALIGN_UP((n), UINT64_C(8))

struct user_iovec {
    uint64_t base, size;
};

/* ---- vectors */

static int read_vector(struct iobuf *b, uaddr_t iov, uint64_t count)
{
    struct user_iovec few[IOBUF_INLINE];
    *b = (struct iobuf){ .user = true, .count = (uint32_t)MIN(count, IOV_MAX) };
    b->segments = b->inline_segments; /* before any error: drop_vector() looks at it */
    if (count > IOV_MAX)
        return -EMSGSIZE;
    if (count > IOBUF_INLINE) {
        b->segments = mem_alloc(count * sizeof(*b->segments));
        if (!b->segments)
            return -ENOMEM;
    }
    for (uint64_t i = 0; i < count; i += IOBUF_INLINE) {
        uint64_t n = MIN(count - i, IOBUF_INLINE);
        if (user_read(few, iov + i * sizeof(few[0]), n * sizeof(few[0])) < 0)
            return -EFAULT;
        for (uint64_t k = 0; k < n; k++) {
            if ((int64_t)few[k].size < 0)
                return -EINVAL;
            uint64_t size = MIN(few[k].size, IO_MAX - b->left);
            b->segments[i + k] = (struct iobuf_segment){ few[k].base, size };
            b->left += size;
        }
    }
    return iobuf_check(b);
}

static void drop_vector(struct iobuf *b)
{
    if (b->segments != b->inline_segments)
        mem_free(b->segments);
}

/* ---- control messages, outgoing */

static int add_rights(struct net_control *c, const uint8_t *data, uint64_t size)
{
    for (uint64_t at = 0; at + sizeof(int32_t) <= size; at += sizeof(int32_t)) {
        int32_t fd;
        memcpy(&fd, data + at, sizeof(fd));
        if (c->file_count == SCM_MAX_FD)
            return -EINVAL;
        struct file *f = fd_lookup(current()->process->fds, fd);
        if (!f)
            return -EBADF;
        c->files[c->file_count++] = f;
    }
    return 0;
}

static int add_cred(struct net_control *c, const uint8_t *data, uint64_t size)
{
    const struct process *p = current()->process;
    if (size != sizeof(c->cred))
        return -EINVAL;
    memcpy(&c->cred, data, size);
    const struct cred *own = &p->cred;
    bool root = own->euid == 0;
    if (!root &&
        (c->cred.pid != p->pid ||
         (c->cred.uid != own->uid && c->cred.uid != own->euid && c->cred.uid != own->suid) ||
         (c->cred.gid != own->gid && c->cred.gid != own->egid && c->cred.gid != own->sgid)))
        return -EPERM;
    c->has_cred = true;
    return 0;
}

static int parse_control(struct net_control *c, const uint8_t *bytes, uint64_t size)
{
    for (uint64_t at = 0; size - at >= sizeof(struct linux_cmsghdr);) {
        struct linux_cmsghdr h;
        memcpy(&h, bytes + at, sizeof(h));
        if (h.length < sizeof(h) || h.length > size - at)
            return -EINVAL;
        const uint8_t *data = bytes + at + sizeof(h);
        int r = 0;
        if (h.level == SOL_SOCKET && h.type == SCM_RIGHTS)
            r = add_rights(c, data, h.length - sizeof(h));
        else if (h.level == SOL_SOCKET && h.type == SCM_CREDENTIALS)
            r = add_cred(c, data, h.length - sizeof(h));
        else if (h.level == SOL_SOCKET)
            r = -EINVAL;
        if (r < 0)
            return r;
        if (CMSG_NEXT(h.length) >= size - at)
            break;
        at += CMSG_NEXT(h.length);
    }
    return 0;
}

/* Internet sockets: the host's kernel reads them; here only that they are whole, as Linux asks
 * first. */
static int check_control(const uint8_t *bytes, uint64_t size)
{
    for (uint64_t at = 0; size - at >= sizeof(struct linux_cmsghdr);) {
        struct linux_cmsghdr h;
        memcpy(&h, bytes + at, sizeof(h));
        if (h.length < sizeof(h) || h.length > size - at)
            return -EINVAL;
        if (CMSG_NEXT(h.length) >= size - at)
            break;
        at += CMSG_NEXT(h.length);
    }
    return 0;
}

static int read_control(const struct socket *s, const struct linux_msghdr *h,
                        struct net_control **out)
{
    bool inet = s->domain == AF_INET || s->domain == AF_INET6;
    uint64_t size = h->control_length;
    *out = NULL;
    if (!h->control || size < sizeof(struct linux_cmsghdr))
        return 0;
    if (size > CONTROL_MAX)
        return -ENOBUFS;
    uint8_t *bytes = mem_alloc(size);
    struct net_control *c = net_control_new(inet ? 0 : SCM_MAX_FD);
    int r = bytes && c ? user_read(bytes, h->control, size) : -ENOMEM;
    if (r == 0)
        r = inet ? check_control(bytes, size) : parse_control(c, bytes, size);
    if (r == 0 && inet) {
        c->bytes = bytes;
        c->size = (uint32_t)size;
        *out = c;
        return 0;
    }
    mem_free(bytes);
    if (r < 0 || (c->file_count == 0 && !c->has_cred)) {
        net_control_free(c);
        return r;
    }
    *out = c;
    return 0;
}

/* ---- control messages, incoming */

struct control_out {
    uaddr_t at;
    uint64_t room, used;
};

/* One message; what does not fit is cut and said so. Returns bytes of data that fit, or -EFAULT. */
static int64_t put_control(struct control_out *o, int level, int type, const void *data,
                           uint64_t size, uint32_t *flags)
{
    struct linux_cmsghdr h = { .level = level, .type = type };
    if (o->room - o->used < sizeof(h)) {
        *flags |= MSG_CTRUNC;
        return 0;
    }
    uint64_t fits = MIN(size, o->room - o->used - sizeof(h));
    if (fits < size)
        *flags |= MSG_CTRUNC;
    h.length = sizeof(h) + fits;
    if (user_write(o->at + o->used, &h, sizeof(h)) < 0 ||
        user_write(o->at + o->used + sizeof(h), data, fits) < 0)
        return -EFAULT;
    o->used = MIN(o->used + CMSG_NEXT(h.length), o->room);
    return (int64_t)fits;
}

static int put_rights(struct control_out *o, struct net_control *c, bool cloexec, uint32_t *flags)
{
    struct fdtable *table = current()->process->fds;
    int32_t fds[SCM_MAX_FD];
    uint64_t left = o->room - o->used;
    uint64_t fits = left > sizeof(struct linux_cmsghdr)
                        ? (left - sizeof(struct linux_cmsghdr)) / sizeof(int32_t)
                        : 0;
    uint32_t count = 0;
    while (count < c->file_count && count < fits) {
        int fd = fd_install(table, file_get(c->files[count]), 0, cloexec);
        if (fd < 0) {
            file_put(c->files[count]);
            break;
        }
        fds[count++] = fd;
    }
    if (count < c->file_count)
        *flags |= MSG_CTRUNC;
    if (count == 0)
        return 0;
    return put_control(o, SOL_SOCKET, SCM_RIGHTS, fds, count * sizeof(int32_t), flags) < 0 ? -EFAULT
                                                                                           : 0;
}

/* Well-formed: inet_control.c has checked them. */
static int put_all(struct control_out *o, const struct net_control *c, uint32_t *flags)
{
    for (uint64_t at = 0; at < c->size;) {
        struct linux_cmsghdr h;
        memcpy(&h, c->bytes + at, sizeof(h));
        if (put_control(o, h.level, h.type, c->bytes + at + sizeof(h), h.length - sizeof(h),
                        flags) < 0)
            return -EFAULT;
        at += CMSG_NEXT(h.length);
    }
    return 0;
}

static int write_control(struct net_message *m, struct control_out *o, bool pass_cred)
{
    struct net_control *c = m->control;
    if (!c)
        return 0;
    if (c->size)
        return put_all(o, c, &m->out_flags);
    if (c->has_cred && pass_cred &&
        put_control(o, SOL_SOCKET, SCM_CREDENTIALS, &c->cred, sizeof(c->cred), &m->out_flags) < 0)
        return -EFAULT;
    return c->file_count ? put_rights(o, c, m->flags & MSG_CMSG_CLOEXEC, &m->out_flags) : 0;
}

/* ---- one message */

static int64_t send_message(struct socket *s, const struct linux_msghdr *h, uint32_t flags)
{
    struct net_message m = { .flags = flags & ~MSG_CMSG_CLOEXEC };
    struct iobuf b;
    int64_t r = h->name ? socket_read_address(h->name, h->name_length, &m.name) : 0;
    if (r < 0)
        return r;
    r = read_vector(&b, h->iov, h->iov_count);
    if (r == 0)
        r = read_control(s, h, &m.control);
    if (r == 0)
        r = s->ops->send(s, &m, &b);
    net_control_free(m.control);
    drop_vector(&b);
    return r;
}

/* Fills in what the program gets to see of the header. */
static int64_t recv_message(struct socket *s, struct linux_msghdr *h, uint32_t flags)
{
    struct net_message m = { .flags = flags };
    struct iobuf b;
    if (h->name && h->name_length < 0)
        return -EINVAL;
    int64_t r = read_vector(&b, h->iov, h->iov_count);
    if (r == 0)
        r = s->ops->recv(s, &m, &b);
    drop_vector(&b);
    struct control_out o = { .at = h->control, .room = h->control ? h->control_length : 0 };
    int err = r >= 0 ? write_control(&m, &o, s->pass_cred) : 0;
    net_control_free(m.control);
    if (r < 0 || err < 0)
        return r < 0 ? r : err;
    if (h->name) {
        if (m.name.size &&
            user_write(h->name, &m.name.a, MIN(m.name.size, (uint32_t)h->name_length)) < 0)
            return -EFAULT;
        h->name_length = (int32_t)m.name.size;
    }
    h->control_length = o.used;
    h->flags = m.out_flags | (flags & MSG_CMSG_CLOEXEC);
    return r;
}

int64_t sys_sendmsg(int fd, uaddr_t msg, int flags)
{
    struct linux_msghdr h;
    struct socket *s;
    int err = 0;
    if ((uint32_t)flags & MSG_CMSG_COMPAT)
        return -EINVAL;
    struct file *f = socket_lookup(fd, &s, &err);
    if (!f)
        return err;
    int64_t r = user_read(&h, msg, sizeof(h)) < 0 ? -EFAULT : send_message(s, &h, (uint32_t)flags);
    file_put(f);
    return r;
}

static int write_header(uaddr_t msg, const struct linux_msghdr *h)
{
    bool bad = user_write(msg + offsetof(struct linux_msghdr, name_length), &h->name_length,
                          sizeof(h->name_length)) < 0 ||
               user_write(msg + offsetof(struct linux_msghdr, control_length), &h->control_length,
                          sizeof(h->control_length)) < 0 ||
               user_write(msg + offsetof(struct linux_msghdr, flags), &h->flags, sizeof(h->flags)) <
                   0;
    return bad ? -EFAULT : 0;
}

static int64_t recv_at(struct socket *s, uaddr_t msg, uint32_t flags)
{
    struct linux_msghdr h;
    if (user_read(&h, msg, sizeof(h)) < 0)
        return -EFAULT;
    int64_t r = recv_message(s, &h, flags);
    return r >= 0 && write_header(msg, &h) < 0 ? -EFAULT : r;
}

int64_t sys_recvmsg(int fd, uaddr_t msg, int flags)
{
    struct socket *s;
    int err = 0;
    if ((uint32_t)flags & MSG_CMSG_COMPAT)
        return -EINVAL;
    struct file *f = socket_lookup(fd, &s, &err);
    if (!f)
        return err;
    int64_t r = recv_at(s, msg, (uint32_t)flags);
    file_put(f);
    return r;
}

int64_t sys_sendto(int fd, uaddr_t buf, uint64_t size, int flags, uaddr_t address, int address_size)
{
    struct net_message m = { .flags = (uint32_t)flags };
    struct iobuf b;
    struct socket *s;
    int err = 0;
    struct file *f = socket_lookup(fd, &s, &err);
    if (!f)
        return err;
    int64_t r = address ? socket_read_address(address, address_size, &m.name) : 0;
    if (r == 0)
        r = iobuf_user(&b, buf, MIN(size, IO_MAX));
    if (r == 0)
        r = s->ops->send(s, &m, &b);
    file_put(f);
    return r;
}

int64_t sys_recvfrom(int fd, uaddr_t buf, uint64_t size, int flags, uaddr_t address,
                     uaddr_t address_size)
{
    struct net_message m = { .flags = (uint32_t)flags };
    struct iobuf b;
    struct socket *s;
    int err = 0;
    struct file *f = socket_lookup(fd, &s, &err);
    if (!f)
        return err;
    int64_t r = iobuf_user(&b, buf, MIN(size, IO_MAX));
    if (r == 0)
        r = s->ops->recv(s, &m, &b);
    net_control_free(m.control);
    if (r >= 0 && address && socket_write_address(&m.name, address, address_size) < 0)
        r = -EFAULT;
    file_put(f);
    return r;
}

/* ---- many messages */

int64_t sys_sendmmsg(int fd, uaddr_t msgs, unsigned count, int flags)
{
    struct socket *s;
    int err = 0;
    if ((uint32_t)flags & MSG_CMSG_COMPAT)
        return -EINVAL;
    struct file *f = socket_lookup(fd, &s, &err);
    if (!f)
        return err;
    int64_t done = 0, r = 0;
    count = MIN(count, IOV_MAX);
    while (done < (int64_t)count) {
        struct linux_msghdr h;
        uaddr_t at = msgs + (uint64_t)done * sizeof(struct linux_mmsghdr);
        r = user_read(&h, at, sizeof(h)) < 0 ? -EFAULT : send_message(s, &h, (uint32_t)flags);
        uint32_t length = (uint32_t)r;
        if (r >= 0 &&
            user_write(at + offsetof(struct linux_mmsghdr, length), &length, sizeof(length)) < 0)
            r = -EFAULT;
        if (r < 0)
            break;
        done++;
    }
    file_put(f);
    return done ? done : r;
}

int64_t sys_recvmmsg(int fd, uaddr_t msgs, unsigned count, int flags, uaddr_t timeout)
{
    struct socket *s;
    int64_t deadline, done = 0, r = timeout_read_timespec(timeout, &deadline);
    int err = 0;
    if ((uint32_t)flags & MSG_CMSG_COMPAT)
        return -EINVAL;
    if (r < 0)
        return r;
    struct file *f = socket_lookup(fd, &s, &err);
    if (!f)
        return err;
    count = MIN(count, IOV_MAX);
    uint32_t each = (uint32_t)flags & ~MSG_WAITFORONE;
    while (done < (int64_t)count) {
        uaddr_t at = msgs + (uint64_t)done * sizeof(struct linux_mmsghdr);
        r = recv_at(s, at, each);
        uint32_t length = (uint32_t)r;
        if (r >= 0 &&
            user_write(at + offsetof(struct linux_mmsghdr, length), &length, sizeof(length)) < 0)
            r = -EFAULT;
        if (r < 0)
            break;
        done++;
        if ((uint32_t)flags & MSG_WAITFORONE)
            each |= MSG_DONTWAIT;
        if (deadline == 0 ||
            (deadline != PARK_FOREVER &&
             timeout_passed(deadline))) /* looked at after each message only, as on Linux */
            break;
    }
    file_put(f);
    if (done && timeout_write_timespec(timeout, deadline) < 0)
        return -EFAULT;
    return done ? done : r;
}

/*
 * Control messages of Internet sockets, UDP-Lite, the error queue, fast open; SO_PEEK_OFF and readiness of Unix
 * datagram sockets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif
#define TURN_ON(fd, level, name) CHECK_EQ(setsockopt(fd, level, name, &(int){ 1 }, sizeof(int)), 0)

union address {
    struct sockaddr a;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* A datagram socket on a free port of the loopback device. */
static int bound(int family, int protocol, union address *a, socklen_t *size)
{
    int fd = socket(family, SOCK_DGRAM, protocol);
    memset(a, 0, sizeof(*a));
    a->a.sa_family = (sa_family_t)family;
    if (family == AF_INET)
        a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        a->v6.sin6_addr = in6addr_loopback;
    *size = family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
    if (fd < 0 || bind(fd, &a->a, *size) < 0)
        return -1;
    CHECK_EQ(getsockname(fd, &a->a, size), 0);
    return fd;
}

struct received {
    struct msghdr m;
    char text[64];
    union {
        char control[512];
        struct cmsghdr align;
    };
    union address from;
    struct iovec iov;
};

static ssize_t receive(int fd, struct received *r, size_t room, int flags)
{
    memset(r, 0, sizeof(*r));
    r->iov = (struct iovec){ r->text, sizeof(r->text) };
    r->m = (struct msghdr){ .msg_iov = &r->iov, .msg_iovlen = 1, .msg_control = r->control, .msg_controllen = room,
                            .msg_name = &r->from, .msg_namelen = sizeof(r->from) };
    return recvmsg(fd, &r->m, flags);
}

static void *found(struct received *r, int level, int type, size_t size)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&r->m); c; c = CMSG_NXTHDR(&r->m, c))
        if (c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len == CMSG_LEN(size))
            return CMSG_DATA(c);
    return NULL;
}

static int int_found(struct received *r, int level, int type)
{
    int v = -1;
    void *p = found(r, level, type, sizeof(v));
    if (p)
        memcpy(&v, p, sizeof(v));
    return v;
}

static ssize_t send_with(int fd, const union address *to, socklen_t size, int level, int type, const void *data, size_t bytes)
{
    union {
        char control[64];
        struct cmsghdr align;
    } u = { 0 };
    struct iovec iov = { (char *)"with", 4 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = CMSG_SPACE(bytes),
                        .msg_name = (void *)to, .msg_namelen = size };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = level, c->cmsg_type = type, c->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(c), data, bytes);
    return sendmsg(fd, &m, 0);
}

static void control_v4(int protocol)
{
    union address to;
    socklen_t size;
    struct received r;
    int x = bound(AF_INET, protocol, &to, &size), y = socket(AF_INET, SOCK_DGRAM, protocol);
    NEED(x >= 0);
    TURN_ON(x, IPPROTO_IP, IP_RECVTTL);
    TURN_ON(x, IPPROTO_IP, IP_RECVTOS);
    TURN_ON(x, IPPROTO_IP, IP_PKTINFO);
    TURN_ON(x, SOL_SOCKET, SO_TIMESTAMP);
    CHECK_EQ(setsockopt(y, IPPROTO_IP, IP_TTL, &(int){ 33 }, sizeof(int)), 0);
    CHECK_EQ(sendto(y, "plain", 5, 0, &to.a, size), 5);
    CHECK_EQ(receive(x, &r, sizeof(r.control), 0), 5);
    CHECK_EQ(r.m.msg_flags, 0);
    CHECK_EQ(int_found(&r, IPPROTO_IP, IP_TTL), 33);
    unsigned char *tos = found(&r, IPPROTO_IP, IP_TOS, 1);
    CHECK(tos && *tos == 0);
    struct in_pktinfo *info = found(&r, IPPROTO_IP, IP_PKTINFO, sizeof(*info));
    CHECK(info && info->ipi_addr.s_addr == htonl(INADDR_LOOPBACK) && info->ipi_ifindex == 1);
    struct timeval now, *at = found(&r, SOL_SOCKET, SO_TIMESTAMP, sizeof(*at));
    gettimeofday(&now, NULL);
    CHECK(at && now.tv_sec - at->tv_sec < 100 && now.tv_sec >= at->tv_sec);
    CHECK_EQ(send_with(y, &to, size, IPPROTO_IP, IP_TTL, &(int){ 7 }, sizeof(int)), 4);
    CHECK_EQ(receive(x, &r, sizeof(r.control), 0), 4);
    CHECK_EQ(int_found(&r, IPPROTO_IP, IP_TTL), 7);
    CHECK_ERRNO(send_with(y, &to, size, IPPROTO_IP, IP_TTL, &(int){ 700 }, sizeof(int)), EINVAL);
    CHECK_ERRNO(send_with(y, &to, size, SOL_SOCKET, 99, &(int){ 1 }, sizeof(int)), EINVAL);
    CHECK_EQ(setsockopt(x, SOL_SOCKET, SO_TIMESTAMP, &(int){ 0 }, sizeof(int)), 0);
    CHECK_EQ(sendto(y, "cut", 3, 0, &to.a, size), 3);
    CHECK_EQ(receive(x, &r, CMSG_LEN(0) + 1, 0), 3); /* no room for all of it */
    CHECK_EQ(r.m.msg_flags, MSG_CTRUNC);
    CHECK_EQ(sendto(y, "none", 4, 0, &to.a, size), 4);
    CHECK_EQ(recv(x, r.text, sizeof(r.text), 0), 4);
    close(x), close(y);
}

static void control_v6(int protocol)
{
    union address to;
    socklen_t size;
    struct received r;
    int on = 0, x = bound(AF_INET6, protocol, &to, &size), y = socket(AF_INET6, SOCK_DGRAM, protocol);
    if (x < 0)
        return; /* a machine without IPv6 */
    TURN_ON(x, IPPROTO_IPV6, IPV6_RECVHOPLIMIT);
    TURN_ON(x, IPPROTO_IPV6, IPV6_RECVTCLASS);
    TURN_ON(x, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    CHECK_EQ(getsockopt(x, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, &(socklen_t){ sizeof(on) }), 0);
    CHECK_EQ(on, 1);
    CHECK_EQ(send_with(y, &to, size, IPPROTO_IPV6, IPV6_HOPLIMIT, &(int){ 9 }, sizeof(int)), 4);
    CHECK_EQ(receive(x, &r, sizeof(r.control), MSG_PEEK), 4);
    CHECK_EQ(receive(x, &r, sizeof(r.control), 0), 4);
    CHECK_EQ(int_found(&r, IPPROTO_IPV6, IPV6_HOPLIMIT), 9);
    CHECK_EQ(int_found(&r, IPPROTO_IPV6, IPV6_TCLASS), 0);
    struct in6_pktinfo *info = found(&r, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(*info));
    CHECK(info && IN6_IS_ADDR_LOOPBACK(&info->ipi6_addr) && info->ipi6_ifindex == 1);
    CHECK_EQ(send_with(y, &to, size, IPPROTO_IPV6, IPV6_TCLASS, &(int){ 17 }, sizeof(int)), 4);
    CHECK_EQ(receive(x, &r, sizeof(r.control), 0), 4);
    CHECK_EQ(int_found(&r, IPPROTO_IPV6, IPV6_TCLASS), 17);
    close(x), close(y);
}

/* Nobody listens: the ICMP error is told by the next call and stands in the error queue. */
static void errors(void)
{
    union address to;
    socklen_t size;
    struct received r;
    int x = bound(AF_INET, 0, &to, &size), y = socket(AF_INET, SOCK_DGRAM, 0);
    close(x);
    CHECK_ERRNO(receive(y, &r, sizeof(r.control), MSG_ERRQUEUE), EAGAIN);
    TURN_ON(y, IPPROTO_IP, IP_RECVERR);
    CHECK_EQ(sendto(y, "lost", 4, 0, &to.a, size), 4);
    struct pollfd p = { .fd = y, .events = POLLIN };
    CHECK_EQ(poll(&p, 1, 2000), 1);
    CHECK(p.revents & POLLERR);
    CHECK_EQ(receive(y, &r, sizeof(r.control), MSG_ERRQUEUE), 4);
    CHECK_EQ(r.m.msg_flags, MSG_ERRQUEUE);
    CHECK_EQ(r.from.v4.sin_port, to.v4.sin_port);
    struct {
        struct sock_extended_err e;
        struct sockaddr_in offender;
    } *e = found(&r, IPPROTO_IP, IP_RECVERR, sizeof(*e));
    CHECK(e && e->e.ee_errno == ECONNREFUSED && e->e.ee_origin == SO_EE_ORIGIN_ICMP && e->offender.sin_family == AF_INET);
    CHECK_ERRNO(receive(y, &r, sizeof(r.control), MSG_ERRQUEUE), EAGAIN);
    close(y);
}

static void udplite(void)
{
    union address to;
    socklen_t size;
    char text[16];
    int protocol = 0, x = bound(AF_INET, IPPROTO_UDPLITE, &to, &size), y = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
    if (x < 0)
        return; /* a kernel without it */
    CHECK_EQ(getsockopt(x, SOL_SOCKET, SO_PROTOCOL, &protocol, &(socklen_t){ sizeof(protocol) }), 0);
    CHECK_EQ(protocol, IPPROTO_UDPLITE);
    CHECK_EQ(setsockopt(y, IPPROTO_UDPLITE, 10, &(int){ 8 }, sizeof(int)), 0);
    CHECK_EQ(sendto(y, "lite", 4, 0, &to.a, size), 4);
    CHECK_EQ(recv(x, text, sizeof(text), 0), 4);
    close(x), close(y);
    CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDPLITE), EPROTONOSUPPORT);
}

static void *take(void *arg)
{
    char text[16];
    int fd = accept(*(int *)arg, NULL, NULL);
    CHECK_EQ(recv(fd, text, 5, MSG_WAITALL), 5);
    CHECK_EQ(memcmp(text, "early", 5), 0);
    CHECK_EQ(recv(fd, text, 5, MSG_WAITALL), 5);
    close(fd);
    return NULL;
}

/* With a cookie or without: the data arrives, once. */
static void fast_open(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    pthread_t t;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind(listener, (void *)&a, size), 0);
    CHECK_EQ(setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &(int){ 5 }, sizeof(int)), 0);
    CHECK_EQ(listen(listener, 5), 0);
    CHECK_EQ(getsockname(listener, (void *)&a, &size), 0);
    NEED(pthread_create(&t, NULL, take, &listener) == 0);
    ssize_t n = sendto(fd, "early", 5, MSG_FASTOPEN, (void *)&a, size);
    if (n < 0 && errno == EOPNOTSUPP) { /* turned off on this machine */
        CHECK_EQ(connect(fd, (void *)&a, size), 0);
        n = send(fd, "early", 5, 0);
    }
    CHECK_EQ(n, 5);
    CHECK_EQ(send(fd, "later", 5, 0), 5);
    pthread_join(t, NULL);
    close(fd), close(listener);
}

static void peek_offset(int type)
{
    int p[2], offset = 0;
    char text[16];
    CHECK_EQ(socketpair(AF_UNIX, type, 0, p), 0);
    CHECK_EQ(getsockopt(p[1], SOL_SOCKET, SO_PEEK_OFF, &offset, &(socklen_t){ sizeof(offset) }), 0);
    CHECK_EQ(offset, -1);
    CHECK_EQ(setsockopt(p[1], SOL_SOCKET, SO_PEEK_OFF, &(int){ 2 }, sizeof(int)), 0);
    CHECK_EQ(send(p[0], "abcdefgh", 8, 0), 8);
    CHECK_EQ(send(p[0], "ij", 2, 0), 2);
    CHECK_EQ(recv(p[1], text, 3, MSG_PEEK), 3);
    CHECK_EQ(memcmp(text, "cde", 3), 0);
    CHECK_EQ(recv(p[1], text, 2, MSG_PEEK), 2);
    CHECK_EQ(memcmp(text, "fg", 2), 0);
    CHECK_EQ(getsockopt(p[1], SOL_SOCKET, SO_PEEK_OFF, &offset, &(socklen_t){ sizeof(offset) }), 0);
    CHECK_EQ(offset, 7);
    CHECK_EQ(recv(p[1], text, 4, 0), 4);
    CHECK_EQ(getsockopt(p[1], SOL_SOCKET, SO_PEEK_OFF, &offset, &(socklen_t){ sizeof(offset) }), 0);
    CHECK_EQ(offset, type == SOCK_STREAM ? 3 : 0);
    ssize_t n = recv(p[1], text, 16, MSG_PEEK);
    CHECK_EQ(n, type == SOCK_STREAM ? 3 : 2);
    CHECK_EQ(memcmp(text, type == SOCK_STREAM ? "hij" : "ij", (size_t)n), 0);
    CHECK_ERRNO(recv(p[1], text, 16, MSG_PEEK | MSG_DONTWAIT), EAGAIN); /* beyond all there is */
    CHECK_EQ(setsockopt(p[1], SOL_SOCKET, SO_PEEK_OFF, &(int){ -1 }, sizeof(int)), 0);
    CHECK((n = recv(p[1], text, 16, MSG_PEEK)) > 0);
    CHECK_EQ(recv(p[1], text, 16, 0), n);
    close(p[0]), close(p[1]);
}

/* All of it: Linux wakes a sender only when a quarter of its buffer is in use at most. */
static void *drain(void *arg)
{
    static char text[60000];
    usleep(20000);
    while (recv(*(int *)arg, text, sizeof(text), MSG_DONTWAIT) > 0)
        continue;
    return NULL;
}

/* A datagram socket whose receiver is full is not writable, and is told when it is again. */
static void unix_writable(void)
{
    static char big[50000];
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "inbox" };
    struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
    pthread_t t;
    int sent = 0, in = socket(AF_UNIX, SOCK_DGRAM, 0), fd = socket(AF_UNIX, SOCK_DGRAM, 0), ep = epoll_create1(0);
    unlink("inbox");
    CHECK_EQ(bind(in, (void *)&name, sizeof(name)), 0);
    CHECK_EQ(connect(fd, (void *)&name, sizeof(name)), 0);
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    CHECK_EQ(poll(&p, 1, 0), 1);
    while (send(fd, big, sizeof(big), MSG_DONTWAIT) > 0)
        sent++;
    CHECK_EQ(errno, EAGAIN);
    CHECK(sent > 1);
    CHECK_EQ(poll(&p, 1, 0), 0);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    NEED(pthread_create(&t, NULL, drain, &in) == 0);
    CHECK_EQ(poll(&p, 1, 5000), 1);
    pthread_join(t, NULL);
    CHECK_EQ(epoll_wait(ep, &e, 1, 1000), 1);
    while (send(fd, big, sizeof(big), MSG_DONTWAIT) > 0)
        continue;
    NEED(pthread_create(&t, NULL, drain, &in) == 0);
    CHECK_EQ(send(fd, big, sizeof(big), 0), sizeof(big)); /* waits for room */
    pthread_join(t, NULL);
    close(in), close(fd), close(ep);
    CHECK_EQ(unlink("inbox"), 0);
}

/* A machine without them says so in every mode. */
/* A buffer that ends at nothing: the message is not sent; what cannot be delivered whole stays in a stream, its files too,
 * and is lost as a message. */
static void buffers_that_end(int type)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *edge = page + 4088, room[64];
    int s[2];
    NEED(page != MAP_FAILED && munmap(page + 4096, 4096) == 0 && socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s) == 0);
    CHECK_ERRNO(send(s[0], edge, 16, 0), EFAULT);
    CHECK_ERRNO(write(s[0], edge, 16), EFAULT);
    CHECK_ERRNO(recv(s[1], room, 16, 0), EAGAIN);
    memcpy(CMSG_DATA(&control.header), &s[0], sizeof(int));
    struct iovec iov = { "0123456789abcdef", 16 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    CHECK_EQ(sendmsg(s[0], &m, 0), 16);
    CHECK_ERRNO(recv(s[1], edge, 16, 0), EFAULT);
    iov.iov_base = room;
    m.msg_controllen = sizeof(control);
    if (type == SOCK_STREAM) {
        CHECK(recvmsg(s[1], &m, 0) == 16 && memcmp(room, "0123456789abcdef", 16) == 0 && m.msg_controllen == sizeof(control));
        int passed;
        memcpy(&passed, CMSG_DATA(&control.header), sizeof(int));
        CHECK_EQ(close(passed), 0);
    } else {
        CHECK_ERRNO(recvmsg(s[1], &m, 0), EAGAIN);
    }
    close(s[0]), close(s[1]);
    munmap(page, 4096);
}

static void vsock(void)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY }, at = { 0 };
    socklen_t size = sizeof(a);
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd < 0) {
        printf("vsock: %s\n", strerror(errno));
        return;
    }
    unsigned long room = 0;
    CHECK_EQ(getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &room, &(socklen_t){ sizeof(room) }), 0);
    room /= 2;
    CHECK_EQ(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &room, sizeof(room)), 0);
    CHECK_ERRNO(bind(fd, (void *)&a, 8), EINVAL);
    CHECK_EQ(bind(fd, (void *)&a, size), 0);
    CHECK_EQ(listen(fd, 1), 0);
    CHECK_EQ(getsockname(fd, (void *)&at, &size), 0);
    CHECK(at.svm_family == AF_VSOCK && size == sizeof(a) && at.svm_port != VMADDR_PORT_ANY);
    close(fd);
    CHECK_ERRNO(socket(AF_VSOCK, SOCK_STREAM, 5), EPROTONOSUPPORT);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    control_v4(0);
    control_v4(IPPROTO_UDPLITE);
    control_v6(0);
    control_v6(IPPROTO_UDPLITE);
    errors();
    udplite();
    fast_open();
    peek_offset(SOCK_STREAM);
    peek_offset(SOCK_DGRAM);
    peek_offset(SOCK_SEQPACKET);
    unix_writable();
    buffers_that_end(SOCK_STREAM);
    buffers_that_end(SOCK_DGRAM);
    buffers_that_end(SOCK_SEQPACKET);
    vsock();
    return check_result();
}

/* Sockets: TCP echo with 64 clients by epoll, Unix streams and datagrams, UDP, passed descriptors, errors. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "check.h"

enum { CLIENTS = 64, ROUNDS = 10 };

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listen_any(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    *address = loopback();
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    CHECK_EQ(bind(fd, (void *)address, size), 0);
    CHECK_EQ(listen(fd, 100), 0);
    CHECK_EQ(getsockname(fd, (void *)address, &size), 0);
    CHECK(address->sin_port != 0);
    return fd;
}

/* Serve until every client has hung up. */
static void serve_event(int ep, int listener, const struct epoll_event *event, int *open_count)
{
    char data[512];
    struct epoll_event e = { .events = EPOLLIN };
    if (event->data.fd == listener) {
        e.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        CHECK(e.data.fd >= 0);
        CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e), 0);
        return;
    }
    ssize_t n = recv(event->data.fd, data, sizeof(data), 0);
    if (n > 0) {
        CHECK_EQ(send(event->data.fd, data, (size_t)n, MSG_NOSIGNAL), n);
        return;
    }
    CHECK_EQ(n, 0);
    close(event->data.fd);
    --*open_count;
}

static void *serve(void *arg)
{
    int listener = *(int *)arg, ep = epoll_create1(0), open_count = CLIENTS;
    struct epoll_event e = { .events = EPOLLIN, .data.fd = listener }, got[16];
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
    while (open_count > 0) {
        int n = epoll_wait(ep, got, 16, 10000);
        if (n <= 0) {
            CHECK(n > 0);
            break;
        }
        for (int i = 0; i < n; i++)
            serve_event(ep, listener, &got[i], &open_count);
    }
    close(ep);
    return NULL;
}

static void tcp_echo(void)
{
    struct sockaddr_in address, peer;
    pthread_t t;
    int listener = listen_any(&address), fd[CLIENTS], one = 1;
    socklen_t size = sizeof(peer);
    pthread_create(&t, NULL, serve, &listener);
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(connect(fd[i], (void *)&address, sizeof(address)), 0);
        CHECK_EQ(setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
    }
    CHECK_EQ(getpeername(fd[0], (void *)&peer, &size), 0);
    CHECK_EQ(peer.sin_port, address.sin_port);
    for (int round = 0; round < ROUNDS; round++) {
        char out[64], in[64];
        for (int i = 0; i < CLIENTS; i++) {
            int n = snprintf(out, sizeof(out), "client %d round %d", i, round);
            CHECK_EQ(send(fd[i], out, (size_t)n, 0), n);
        }
        for (int i = 0; i < CLIENTS; i++) {
            int n = snprintf(out, sizeof(out), "client %d round %d", i, round);
            CHECK_EQ(recv(fd[i], in, (size_t)n, MSG_WAITALL), n);
            CHECK(memcmp(in, out, (size_t)n) == 0);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        CHECK_EQ(shutdown(fd[i], SHUT_WR), 0);
        CHECK_EQ(recv(fd[i], &one, sizeof(one), 0), 0);
        close(fd[i]);
    }
    pthread_join(t, NULL);
    close(listener);
}

static void tcp_errors(void)
{
    struct sockaddr_in address;
    int listener = listen_any(&address), fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
    int type = 0, error = -1;
    socklen_t size = sizeof(type);
    char c;
    CHECK_ERRNO(bind(other, (void *)&address, sizeof(address)), EADDRINUSE);
    CHECK_ERRNO(recv(fd, &c, 1, 0), ENOTCONN);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), 0);
    CHECK_EQ(type, SOCK_STREAM);
    CHECK_ERRNO(getpeername(fd, (void *)&address, &size), ENOTCONN);
    close(listener);
    CHECK_ERRNO(connect(fd, (void *)&address, sizeof(address)), ECONNREFUSED);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    CHECK_EQ(error, 0);
    close(fd);
    CHECK_ERRNO(socket(AF_INET, 77, 0), EINVAL);
    CHECK_ERRNO(socket(222, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERRNO(listen(999, 1), EBADF);
    listener = listen_any(&address);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    CHECK_ERRNO(accept(listener, NULL, NULL), EAGAIN);
    fcntl(other, F_SETFL, O_NONBLOCK);
    int ret = connect(other, (void *)&address, sizeof(address));
    CHECK(ret == 0 || errno == EINPROGRESS);
    struct pollfd p = { .fd = other, .events = POLLOUT };
    CHECK_EQ(poll(&p, 1, 2000), 1);
    CHECK_EQ(getsockopt(other, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    CHECK_EQ(error, 0);
    p = (struct pollfd){ .fd = listener, .events = POLLIN };
    CHECK_EQ(poll(&p, 1, 2000), 1);
    fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    CHECK_ERRNO(recv(other, &c, 1, 0), EAGAIN);
    struct timeval tv = { 0, 20000 };
    fcntl(other, F_SETFL, 0);
    CHECK_EQ(setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    CHECK_ERRNO(recv(other, &c, 1, 0), EAGAIN);
    close(fd), close(other), close(listener);
}

static void udp(void)
{
    struct sockaddr_in a = loopback(), b = loopback(), from;
    socklen_t size = sizeof(a);
    char text[32];
    int x = socket(AF_INET, SOCK_DGRAM, 0), y = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(bind(x, (void *)&a, size), 0);
    CHECK_EQ(bind(y, (void *)&b, size), 0);
    CHECK_EQ(getsockname(x, (void *)&a, &size), 0);
    CHECK_EQ(getsockname(y, (void *)&b, &size), 0);
    CHECK_EQ(sendto(x, "datagram", 8, 0, (void *)&b, size), 8);
    CHECK_EQ(sendto(x, "two", 3, 0, (void *)&b, size), 3);
    CHECK_EQ(recvfrom(y, text, 4, MSG_TRUNC, (void *)&from, &size), 8);
    CHECK_EQ(from.sin_port, a.sin_port);
    CHECK_EQ(recv(y, text, 32, 0), 3);
    CHECK_EQ(connect(y, (void *)&a, size), 0);
    CHECK_EQ(send(y, "", 0, 0), 0);
    CHECK_EQ(recv(x, text, 32, 0), 0);
    close(x), close(y);
}

static void unix_pair(int type)
{
    int p[2], fds[2], got[2] = { -1, -1 };
    char text[16], control[CMSG_SPACE(sizeof(fds))] = "";
    struct iovec iov = { (char *)"fds", 3 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
    CHECK_EQ(socketpair(AF_UNIX, type, 0, p), 0);
    CHECK_EQ(send(p[0], "ping", 4, 0), 4);
    CHECK_EQ(recv(p[1], text, 16, 0), 4);
    CHECK_EQ(send(p[1], "pong", 4, 0), 4);
    CHECK_EQ(recv(p[0], text, 16, MSG_PEEK), 4);
    CHECK_EQ(recv(p[0], text, 16, MSG_DONTWAIT), 4);
    CHECK_ERRNO(recv(p[0], text, 16, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(pipe(fds), 0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(c), fds, sizeof(fds));
    CHECK_EQ(sendmsg(p[0], &m, 0), 3);
    close(fds[0]);
    memset(control, 0, sizeof(control));
    iov = (struct iovec){ text, sizeof(text) };
    m.msg_controllen = sizeof(control);
    CHECK_EQ(recvmsg(p[1], &m, MSG_CMSG_CLOEXEC), 3);
    c = CMSG_FIRSTHDR(&m);
    CHECK(c && c->cmsg_type == SCM_RIGHTS);
    if (c)
        memcpy(got, CMSG_DATA(c), sizeof(got));
    CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(fds[1], "through", 7), 7);
    CHECK_EQ(read(got[0], text, 16), 7);
    close(got[0]), close(got[1]), close(fds[1]);
    close(p[0]);
    CHECK_EQ(send(p[1], "x", 1, MSG_NOSIGNAL), -1);
    CHECK(errno == (type == SOCK_DGRAM ? ECONNREFUSED : EPIPE));
    close(p[1]);
}

static void unix_named(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "socket" }, abstract = { .sun_family = AF_UNIX };
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    char text[8];
    unlink("socket");
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(connect(fd, (void *)&a, sizeof(a)), ENOENT);
    CHECK_EQ(bind(listener, (void *)&a, sizeof(a)), 0);
    CHECK_ERRNO(connect(fd, (void *)&a, sizeof(a)), ECONNREFUSED);
    CHECK_EQ(listen(listener, 5), 0);
    CHECK_EQ(connect(fd, (void *)&a, sizeof(a)), 0);
    int server = accept(listener, NULL, NULL);
    CHECK_EQ(send(fd, "named", 5, 0), 5);
    CHECK_EQ(recv(server, text, 8, 0), 5);
    CHECK_EQ(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &credentials, &size), 0);
    CHECK_EQ(credentials.pid, getpid());
    close(server), close(fd), close(listener);
    struct stat st;
    CHECK_EQ(stat("socket", &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    CHECK_EQ(unlink("socket"), 0);
    int n = snprintf(abstract.sun_path + 1, 60, "cloister-test-%d", getpid());
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    listener = socket(AF_UNIX, SOCK_DGRAM, 0), fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(bind(listener, (void *)&abstract, size), 0);
    CHECK_EQ(sendto(fd, "abs", 3, 0, (void *)&abstract, size), 3);
    CHECK_EQ(recv(listener, text, 8, 0), 3);
    close(listener), close(fd);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    tcp_echo();
    tcp_errors();
    udp();
    unix_pair(SOCK_STREAM);
    unix_pair(SOCK_DGRAM);
    unix_pair(SOCK_SEQPACKET);
    unix_named();
    return check_result();
}

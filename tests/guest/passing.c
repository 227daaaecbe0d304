/*
 * Descriptors that travel over Unix sockets (SCM_RIGHTS): sockets that are open only in each other's queues are collected when
 * another Unix socket is closed, with all that their queues hold; whoever can still be received is not.
 * The end of a pipe that travels along tells: its reader sees the end of file.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

#define CHAIN 300

union control {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr header;
};

static int send_fds(int over, int a, int b)
{
    int fds[2] = { a, b }, count = b < 0 ? 1 : 2;
    union control control = { .header = { CMSG_LEN((size_t)count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
    struct iovec iov = { "x", 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)) };
    memcpy(CMSG_DATA(&control.header), fds, (size_t)count * sizeof(int));
    return (int)sendmsg(over, &m, 0);
}

/* The first descriptor of the next message. */
static int receive_fd(int over, int flags)
{
    union control control;
    char byte;
    struct iovec iov = { &byte, 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    int fd = -1;
    if (recvmsg(over, &m, MSG_DONTWAIT | flags) != 1 || m.msg_controllen < CMSG_LEN(sizeof(int)))
        return -1;
    memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
    if (control.header.cmsg_len >= CMSG_LEN(2 * sizeof(int))) {
        int second;
        memcpy(&second, CMSG_DATA(&control.header) + sizeof(fd), sizeof(second));
        close(second);
    }
    return fd;
}

static void pair(int type, int s[2])
{
    NEED(socketpair(AF_UNIX, type, 0, s) == 0);
}

/* Linux collects when a Unix socket is closed, newer kernels soon after. */
static void close_another(void)
{
    int s[2];
    pair(SOCK_STREAM, s);
    close(s[0]), close(s[1]);
}

static int has_ended(int reader)
{
    struct pollfd p = { reader, POLLIN, 0 };
    char byte;
    for (int i = 0; i < 100; i++) {
        close_another();
        if (poll(&p, 1, 50) == 1)
            return read(reader, &byte, 1) == 0;
    }
    return 0;
}

static int is_open(int reader)
{
    struct pollfd p = { reader, POLLIN, 0 };
    close_another();
    close_another();
    return poll(&p, 1, 100) == 0;
}

static void a_socket_in_its_own_queue(int type)
{
    int s[2], p[2];
    pair(type, s);
    NEED(pipe(p) == 0);
    CHECK_EQ(send_fds(s[0], s[1], p[1]), 1);
    close(s[0]), close(s[1]), close(p[1]);
    CHECK(has_ended(p[0]));
    close(p[0]);
}

static void two_in_each_others_queues(int type)
{
    int a[2], b[2], p[2];
    pair(type, a), pair(type, b);
    NEED(pipe(p) == 0);
    CHECK_EQ(send_fds(a[0], b[1], p[1]), 1); /* in a[1]'s queue: b[1] */
    CHECK_EQ(send_fds(b[0], a[1], -1), 1);
    CHECK_EQ(send_fds(b[0], a[1], -1), 1); /* twice */
    close(a[0]), close(b[0]), close(b[1]), close(p[1]);
    CHECK(is_open(p[0])); /* a[1] is ours still */
    int got = receive_fd(a[1], MSG_PEEK);
    CHECK(got >= 0);
    close(a[1]);
    CHECK(is_open(p[0])); /* b[1] is, now */
    close(got);
    CHECK(has_ended(p[0]));
    close(p[0]);
}

static void what_can_be_received_stays(void)
{
    int live[2], s[2], p[2];
    pair(SOCK_STREAM, live), pair(SOCK_STREAM, s);
    NEED(pipe(p) == 0);
    CHECK_EQ(send_fds(s[0], s[1], p[1]), 1); /* a cycle */
    CHECK_EQ(send_fds(live[0], s[1], -1), 1); /* that a live queue holds too */
    close(s[0]), close(s[1]), close(p[1]);
    CHECK(is_open(p[0]));
    int inner = receive_fd(live[1], 0);
    CHECK(inner >= 0);
    CHECK(is_open(p[0]));
    int again = receive_fd(inner, 0); /* itself; the pipe's end is closed */
    CHECK(again >= 0);
    CHECK(has_ended(p[0]));
    close(inner), close(again), close(live[0]), close(live[1]), close(p[0]);
}

/* A connection that waits to be accepted is reached by its listener only. */
static void a_listener_in_a_waiting_connection(void)
{
    struct sockaddr_un a = { AF_UNIX, "listener" };
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), p[2];
    NEED(pipe(p) == 0 && bind(l, (void *)&a, sizeof(a)) == 0 && listen(l, 5) == 0 && connect(c, (void *)&a, sizeof(a)) == 0);
    CHECK_EQ(send_fds(c, l, p[1]), 1);
    close(p[1]), close(c);
    CHECK(is_open(p[0]));
    close(l);
    CHECK(has_ended(p[0]));
    close(p[0]), unlink("listener");
}

/* Each in the queue of the next: the last one's end ends them all. Kernels of old allow a depth of four only. */
static void a_long_chain(void)
{
    int s[2], next[2], p[2], depth = 0;
    NEED(pipe(p) == 0);
    pair(SOCK_STREAM, s);
    CHECK_EQ(send_fds(s[0], p[1], -1), 1);
    close(p[1]), close(s[0]);
    while (depth < CHAIN) {
        pair(SOCK_STREAM, next);
        if (send_fds(next[0], s[1], -1) != 1) {
            CHECK_EQ(errno, ETOOMANYREFS);
            close(next[0]), close(next[1]);
            break;
        }
        close(next[0]), close(s[1]);
        s[1] = next[1];
        depth++;
    }
    CHECK(is_open(p[0]));
    close(s[1]);
    CHECK(has_ended(p[0]));
    close(p[0]);
}

static void *passes(void *unused)
{
    for (int i = 0; i < 300; i++) {
        int s[2], t[2], got;
        pair(SOCK_STREAM, s), pair(SOCK_SEQPACKET, t);
        CHECK_EQ(send_fds(s[0], t[0], t[1]), 1);
        CHECK_EQ(send_fds(t[0], s[0], -1), 1);
        CHECK_EQ(send_fds(t[1], t[1], -1), 1);
        close(t[0]), close(t[1]);
        if (i % 2) {
            CHECK((got = receive_fd(s[1], MSG_PEEK)) >= 0);
            close(got);
            CHECK((got = receive_fd(s[1], 0)) >= 0); /* alive though closed and in a cycle: s is ours */
            CHECK_EQ(send(got, "y", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno != EPIPE, 0);
            close(got);
        }
        close(s[0]), close(s[1]);
    }
    return unused;
}

static void threads_pass_while_others_collect(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, passes, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    for (int i = 0; i < 3; i++) {
        a_socket_in_its_own_queue(types[i]);
        two_in_each_others_queues(types[i]);
    }
    what_can_be_received_stays();
    a_listener_in_a_waiting_connection();
    a_long_chain();
    threads_pass_while_others_collect();
    printf("passing %s\n", check_result() ? "failed" : "ok");
    return check_result();
}

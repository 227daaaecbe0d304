/* What does a round trip cost between two threads, over TCP on loopback and over a Unix socket pair? */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include "tests/bench/bench.h"

static void *echo(void *arg)
{
    char c;
    while (recv(*(int *)arg, &c, 1, 0) == 1 && send(*(int *)arg, &c, 1, 0) == 1)
        ;
    return NULL;
}

static void round_trip(void *arg, uint64_t n)
{
    char c = 0;
    while (n--)
        bench_need(send(*(int *)arg, &c, 1, 0) == 1 && recv(*(int *)arg, &c, 1, 0) == 1, "round trip");
}

static void measure(const char *name, int fd[2])
{
    pthread_t t;
    bench_need(pthread_create(&t, NULL, echo, &fd[1]) == 0, "pthread_create");
    bench_each(name, round_trip, &fd[0]);
    shutdown(fd[0], SHUT_RDWR);
    pthread_join(t, NULL);
}

int main(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    int fd[2], one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    bench_need(bind(listener, (void *)&a, size) == 0 && listen(listener, 1) == 0 && getsockname(listener, (void *)&a, &size) == 0, "listen");
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    bench_need(connect(fd[0], (void *)&a, size) == 0, "connect");
    fd[1] = accept(listener, NULL, NULL);
    bench_need(fd[1] >= 0, "accept");
    for (int i = 0; i < 2; i++)
        setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    measure("tcp-round-trip", fd);
    bench_need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
    measure("unix-round-trip", fd);
    return 0;
}

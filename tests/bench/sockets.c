/* What does a round trip cost between two threads, over TCP on loopback and over a Unix socket
 * pair? */
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
        bench_need(send(*(int *)arg, &c, 1, 0) == 1 && recv(*(int *)arg, &c, 1, 0) == 1,
                   "round trip");
}

static void connect_pair(int fd[2])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    bench_need(bind(listener, (void *)&a, size) == 0 && listen(listener, 1) == 0 &&
                   getsockname(listener, (void *)&a, &size) == 0,
               "listen");
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    bench_need(connect(fd[0], (void *)&a, size) == 0, "connect");
    fd[1] = accept(listener, NULL, NULL);
    bench_need(fd[1] >= 0, "accept");
    for (int i = 0; i < 2; i++)
        setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int main(void)
{
    static int tcp[2], local[2];
    pthread_t t;
    connect_pair(tcp);
    bench_need(socketpair(AF_UNIX, SOCK_STREAM, 0, local) == 0, "socketpair");
    bench_need(pthread_create(&t, NULL, echo, &tcp[1]) == 0 &&
                   pthread_create(&t, NULL, echo, &local[1]) == 0,
               "pthread_create");
    const struct bench rows[] = { { "tcp-round-trip", round_trip, tcp },
                                  { "unix-round-trip", round_trip, local } };
    bench_serve(rows, sizeof(rows) / sizeof(*rows));
    return 0;
}

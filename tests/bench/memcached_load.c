/*
 * Load for memcached: CONNECTIONS clients in one thread, each with one request under way; nine gets
 * of a value of 100 bytes, then a set. Prints requests per second.
 *
 * usage: bench_memcached_load PORT CONNECTIONS REQUESTS
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/bench.h"

enum { KEYS = 1000, VALUE = 100 };
struct client {
    int fd;
    unsigned long sent;
    size_t have; /* bytes of the answer so far, of which the end tells that it is whole */
    char answer[512];
};

static void ask(struct client *c)
{
    static const char value[VALUE + 1] = { [0 ... VALUE - 1] = 'v' };
    char text[256];
    unsigned long key = (c->sent * 7919 + (unsigned long)c->fd) % KEYS;
    int size = c->sent % 10 ? snprintf(text, sizeof(text), "get key-%lu\r\n", key)
                            : snprintf(text, sizeof(text), "set key-%lu 0 0 %d\r\n%s\r\n", key,
                                       VALUE, value);
    bench_need(send(c->fd, text, (size_t)size, 0) == size, "send");
    c->sent++;
    c->have = 0;
}

static int ends_with(const struct client *c, const char *end)
{
    size_t size = strlen(end);
    return c->have >= size && memcmp(c->answer + c->have - size, end, size) == 0;
}

/* true: the answer is whole. */
static int take(struct client *c)
{
    ssize_t n = recv(c->fd, c->answer + c->have, sizeof(c->answer) - c->have, 0);
    bench_need(n > 0, "recv");
    c->have += (size_t)n;
    bench_need(c->have < sizeof(c->answer), "answer too long");
    return ends_with(c, "END\r\n") || ends_with(c, "STORED\r\n");
}

static void begin(struct client *c, int ep, const char *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    bench_need(connect(c->fd, (void *)&a, sizeof(a)) == 0, "connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    bench_need(epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) == 0, "epoll_ctl");
    ask(c);
}

int main(int argc, char **argv)
{
    bench_need(argc == 4, "usage: bench_memcached_load PORT CONNECTIONS REQUESTS");
    int count = atoi(argv[2]), ep = epoll_create1(0);
    long left = atol(argv[3]);
    struct client *clients = calloc((size_t)count, sizeof(*clients));
    struct epoll_event events[64];
    uint64_t start = bench_now();
    for (int i = 0; i < count; i++)
        begin(&clients[i], ep, argv[1]);
    while (left > 0) {
        int n = epoll_wait(ep, events, 64, -1);
        for (int i = 0; i < n; i++)
            if (take(events[i].data.ptr) && left-- > 0)
                ask(events[i].data.ptr);
    }
    printf("%.0f requests/s\n", atof(argv[3]) / ((double)(bench_now() - start) / 1e9));
    return 0;
}

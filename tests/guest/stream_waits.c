/* A TCP stream whose blocking recv() has waited before: signals, hang-up, time-outs, O_NONBLOCK and another life of the
 * same descriptor find it as they found it new. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "tcp_pair.h"

static _Atomic int g_handled;

static void on_signal(int sig)
{
    g_handled++;
}

static void handle(int flags)
{
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
    CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
    g_handled = 0;
}

static void rest(long ms)
{
    struct timespec t = { 0, ms * 1000000 };
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

/* What another thread does after a moment to one that waits. */
struct helper {
    pthread_t self, target;
    int fd;
    enum { SEND, SIGNAL, SIGNAL_THEN_SEND, HANG_UP, SHUT_SAME } what;
};

static void *help(void *arg)
{
    struct helper *h = arg;
    rest(30);
    if (h->what == SIGNAL || h->what == SIGNAL_THEN_SEND)
        CHECK_EQ(pthread_kill(h->target, SIGUSR1), 0);
    if (h->what == SIGNAL_THEN_SEND)
        rest(30);
    if (h->what == SEND || h->what == SIGNAL_THEN_SEND)
        CHECK_EQ(send(h->fd, "abc", 3, 0), 3);
    if (h->what == HANG_UP)
        CHECK_EQ(shutdown(h->fd, SHUT_WR), 0);
    if (h->what == SHUT_SAME)
        CHECK_EQ(shutdown(h->fd, SHUT_RD), 0);
    return NULL;
}

static void begin(struct helper *h, int fd, int what)
{
    *h = (struct helper){ .target = pthread_self(), .fd = fd, .what = what };
    CHECK_EQ(pthread_create(&h->self, NULL, help, h), 0);
}

static void end(struct helper *h)
{
    CHECK_EQ(pthread_join(h->self, NULL), 0);
}

/* It waits, once, and from then on as it does. */
static void warm(int fd, int peer)
{
    struct helper h;
    char text[8];
    begin(&h, peer, SEND);
    CHECK_EQ(recv(fd, text, 8, 0), 3);
    CHECK_EQ(memcmp(text, "abc", 3), 0);
    end(&h);
}

static void signals(int fd, int peer)
{
    struct helper h;
    char text[8];
    handle(0);
    begin(&h, peer, SIGNAL);
    CHECK_ERRNO(recv(fd, text, 8, 0), EINTR);
    end(&h);
    CHECK_EQ(g_handled, 1);
    handle(SA_RESTART);
    begin(&h, peer, SIGNAL_THEN_SEND);
    CHECK_EQ(read(fd, text, 8), 3);
    end(&h);
    CHECK_EQ(g_handled, 1);
    begin(&h, peer, SEND);
    CHECK_EQ(send(peer, "ab", 2, 0), 2);
    CHECK_EQ(recv(fd, text, 5, MSG_WAITALL), 5);
    end(&h);
}

static void flags(int fd, int peer)
{
    struct timeval tv = { 0, 20000 }, none = { 0, 0 };
    struct helper h;
    char text[8];
    CHECK_ERRNO(recv(fd, text, 8, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(recv(fd, text, 8, 0), EAGAIN);
    CHECK_ERRNO(read(fd, text, 8), EAGAIN);
    CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    CHECK_ERRNO(recv(fd, text, 8, 0), EAGAIN);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none)), 0);
    begin(&h, peer, SEND);
    CHECK_EQ(recv(fd, text, 8, MSG_PEEK), 3);
    CHECK_EQ(recv(fd, text, 2, 0), 2);
    CHECK_EQ(recv(fd, text, 8, MSG_DONTWAIT), 1);
    end(&h);
    CHECK_ERRNO(recv(fd, text, 1, MSG_DONTWAIT), EAGAIN);
    static char big[1 << 20];
    ssize_t n, sent = 0;
    while ((n = send(fd, big, sizeof(big), MSG_DONTWAIT)) > 0)
        sent += n;
    CHECK(n == -1 && errno == EAGAIN);
    while (sent > 0 && (n = recv(peer, big, sizeof(big), 0)) > 0)
        sent -= n;
    CHECK_EQ(sent, 0);
}

static void another_life(int fd)
{
    struct sockaddr_in a, nobody = { .sin_family = AF_UNSPEC };
    socklen_t size = sizeof(a);
    char c;
    CHECK_EQ(connect(fd, (void *)&nobody, sizeof(nobody)), 0);
    while (recv(fd, &c, 1, 0) < 0 && errno == ECONNRESET)
        ;
    CHECK_ERRNO(recv(fd, &c, 1, 0), ENOTCONN);
    a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    CHECK_EQ(bind(fd, (void *)&a, size), 0);
    CHECK_EQ(listen(fd, 5), 0);
    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(accept(fd, NULL, NULL), EAGAIN);
    CHECK_EQ(getsockname(fd, (void *)&a, &size), 0);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect(other, (void *)&a, size), 0);
    CHECK_ERRNO(connect(other, (void *)&a, size), EISCONN);
    int server = accept(fd, NULL, NULL);
    CHECK(server >= 0);
    warm(server, other);
    warm(other, server);
    close(server), close(other);
}

static void reset(void)
{
    struct linger hard = { 1, 0 };
    int fd[2];
    char c;
    tcp_pair(fd, 0);
    warm(fd[0], fd[1]);
    CHECK_EQ(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(fd[1]);
    CHECK_ERRNO(recv(fd[0], &c, 1, 0), ECONNRESET);
    CHECK_EQ(recv(fd[0], &c, 1, 0), 0);
    close(fd[0]);
}

int main(void)
{
    struct helper h;
    char c;
    int fd[2];
    alarm(60);
    tcp_pair(fd, 0);
    warm(fd[0], fd[1]);
    warm(fd[1], fd[0]);
    signals(fd[0], fd[1]);
    flags(fd[0], fd[1]);
    begin(&h, fd[1], HANG_UP);
    CHECK_EQ(recv(fd[0], &c, 1, 0), 0);
    end(&h);
    begin(&h, fd[1], SHUT_SAME);
    CHECK_EQ(recv(fd[1], &c, 1, 0), 0);
    end(&h);
    another_life(fd[0]);
    close(fd[0]), close(fd[1]);
    reset();
    return check_result();
}

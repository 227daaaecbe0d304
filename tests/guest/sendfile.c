/* sendfile() from a file to a TCP socket: positions, parts, waiting, errors; the same from a tmpfs file, which another way takes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "tcp_pair.h"

enum { SIZE = 3 << 20 };

static unsigned char g_bytes[SIZE];
static volatile sig_atomic_t g_pipes, g_alarms;

static void on_signal(int sig)
{
    if (sig == SIGPIPE)
        g_pipes++;
    else
        g_alarms++;
}

static void expect(int fd, size_t from, size_t count)
{
    unsigned char *got = malloc(count);
    CHECK_EQ(recv(fd, got, count, MSG_WAITALL), count);
    CHECK(memcmp(got, g_bytes + from, count) == 0);
    free(got);
}

static void positions(int file)
{
    int end[2];
    off_t at = 100;
    tcp_pair(end, 0);
    CHECK_EQ(lseek(file, 5, SEEK_SET), 5);
    CHECK_EQ(sendfile(end[0], file, &at, 1000), 1000);
    CHECK_EQ(at, 1100);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 5); /* not the file's own */
    expect(end[1], 100, 1000);
    CHECK_EQ(sendfile(end[0], file, NULL, 2000), 2000);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 2005);
    expect(end[1], 5, 2000);
    at = SIZE - 10;
    CHECK_EQ(sendfile(end[0], file, &at, 1000), 10); /* up to the end */
    CHECK_EQ(at, SIZE);
    expect(end[1], SIZE - 10, 10);
    CHECK_EQ(sendfile(end[0], file, &at, 1000), 0);
    CHECK_EQ(at, SIZE);
    at = SIZE + 77;
    CHECK_EQ(sendfile(end[0], file, &at, 1000), 0);
    CHECK_EQ(at, SIZE + 77);
    CHECK_EQ(sendfile(end[0], file, &at, 0), 0);
    close(end[0]);
    close(end[1]);
}

static void errors(int file, const char *name)
{
    int end[2], none = socket(AF_INET, SOCK_STREAM, 0), writer = open(name, O_WRONLY);
    off_t at = -1;
    tcp_pair(end, 0);
    CHECK_ERRNO(sendfile(end[0], file, &at, 10), EINVAL);
    CHECK_ERRNO(sendfile(end[0], file, (off_t *)8, 10), EFAULT);
    at = 0;
    CHECK_ERRNO(sendfile(end[0], writer, &at, 10), EBADF);
    CHECK_ERRNO(sendfile(end[0], 999, &at, 10), EBADF);
    CHECK_ERRNO(sendfile(999, file, &at, 10), EBADF);
    CHECK_EQ(at, 0);
    g_pipes = 0;
    CHECK_ERRNO(sendfile(none, file, &at, 10), EPIPE); /* not connected */
    CHECK_EQ(g_pipes, 1);
    CHECK_EQ(shutdown(end[0], SHUT_WR), 0);
    CHECK_ERRNO(sendfile(end[0], file, &at, 10), EPIPE);
    CHECK_EQ(g_pipes, 2);
    CHECK_EQ(at, 0);
    close(writer);
    close(none);
    close(end[0]);
    close(end[1]);
}

/* Send until there is no room, also after what is under way arrived. */
static void fill(int to, int file, off_t *at)
{
    struct timespec moment = { 0, 50000000 };
    off_t before;
    CHECK_EQ(fcntl(to, F_SETFL, O_NONBLOCK), 0);
    do {
        before = *at;
        while (sendfile(to, file, at, (size_t)(SIZE - *at)) > 0)
            ;
        CHECK_EQ(errno, EAGAIN);
        nanosleep(&moment, NULL);
    } while (*at != before);
    CHECK(*at > 0 && *at < SIZE);
}

static void small_buffers(int end[2])
{
    int room = 65536;
    CHECK_EQ(setsockopt(end[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    CHECK_EQ(setsockopt(end[1], SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
}

/* Without waiting: a part, then EAGAIN; and all of it in order. */
static void without_waiting(int file)
{
    int end[2];
    off_t at = 0;
    tcp_pair(end, 0);
    small_buffers(end);
    fill(end[0], file, &at);
    off_t before = at;
    CHECK_ERRNO(sendfile(end[0], file, &at, 10), EAGAIN);
    CHECK_EQ(at, before);
    expect(end[1], 0, (size_t)at);
    close(end[0]);
    close(end[1]);
}

static void *read_slowly(void *arg)
{
    struct timespec moment = { 0, 20000000 };
    for (size_t at = 0; at < SIZE; at += SIZE / 8) {
        nanosleep(&moment, NULL);
        expect(*(int *)arg, at, SIZE / 8);
    }
    return NULL;
}

/* All in one call, however slow the reader. first: a blocking read comes before. */
static void waiting(int file, int first)
{
    int end[2];
    pthread_t reader;
    char c;
    tcp_pair(end, 0);
    int room = 65536;
    CHECK_EQ(setsockopt(end[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    for (int i = 0; i < first; i++) {
        CHECK_EQ(write(end[1], "x", 1), 1);
        CHECK_EQ(read(end[0], &c, 1), 1);
    }
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
    CHECK_EQ(pthread_create(&reader, NULL, read_slowly, &end[1]), 0);
    CHECK_EQ(sendfile(end[0], file, NULL, SIZE), SIZE);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), SIZE);
    pthread_join(reader, NULL);
    close(end[0]);
    close(end[1]);
}

/* A signal, and a timeout of the socket, end the waiting with what was sent until then. */
static void ended(int file)
{
    int end[2];
    struct timeval soon = { 0, 50000 };
    struct itimerval timer = { .it_value = soon, .it_interval = soon }, none = { 0 };
    off_t at = 0;
    tcp_pair(end, 0);
    small_buffers(end);
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0); /* again and again: the first may come before the call */
    ssize_t n = sendfile(end[0], file, &at, SIZE);
    CHECK(n > 0 && n < SIZE);
    CHECK_EQ(at, n);
    CHECK(g_alarms > 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &none, NULL), 0);
    fill(end[0], file, &at);
    CHECK_EQ(fcntl(end[0], F_SETFL, 0), 0);
    off_t before = at;
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    CHECK_ERRNO(sendfile(end[0], file, &at, SIZE), EINTR); /* nothing was sent */
    CHECK_EQ(setitimer(ITIMER_REAL, &none, NULL), 0);
    CHECK_EQ(setsockopt(end[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon)), 0);
    CHECK_ERRNO(sendfile(end[0], file, &at, SIZE), EAGAIN);
    CHECK_EQ(at, before);
    close(end[0]);
    close(end[1]);
}

static void watched(int file, const char *name)
{
    struct inotify_event e;
    int end[2], in = inotify_init1(IN_NONBLOCK);
    off_t at = 0;
    tcp_pair(end, 0);
    CHECK(inotify_add_watch(in, name, IN_ACCESS) > 0);
    CHECK_EQ(sendfile(end[0], file, &at, 10), 10);
    CHECK_EQ(read(in, &e, sizeof(e)), sizeof(e));
    CHECK_EQ(e.mask, IN_ACCESS);
    close(in);
    close(end[0]);
    close(end[1]);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    for (size_t i = 0; i < SIZE; i++)
        g_bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    struct sigaction a = { .sa_handler = on_signal };
    sigaction(SIGPIPE, &a, NULL);
    sigaction(SIGALRM, &a, NULL);
    int file = open("sent", O_RDWR | O_CREAT | O_TRUNC | O_NONBLOCK, 0600);
    NEED(file >= 0 && write(file, g_bytes, SIZE) == SIZE);
    positions(file);
    errors(file, "sent");
    without_waiting(file);
    waiting(file, 0);
    waiting(file, 2);
    ended(file);
    watched(file, "sent");
    CHECK_EQ(unlink("sent"), 0);
    return check_result();
}

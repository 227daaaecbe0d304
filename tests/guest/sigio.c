/* O_ASYNC: the owner of a pipe's end, a FIFO or a Unix socket is told of input and room by a
 * signal. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static sigset_t g_set;

/* The next signal within the time: "SIGNAL CODE BAND", or "none". */
static const char *told(int fd, int milliseconds)
{
    static char line[100];
    siginfo_t info;
    struct timespec t = { 0, milliseconds * 1000000L };
    int sig = sigtimedwait(&g_set, &info, &t);
    if (sig < 0)
        return "none";
    int code = info.si_code;
    snprintf(line, sizeof(line), "%s %s", sig == SIGIO ? "SIGIO" : "RT",
             code == POLL_IN    ? "in"
             : code == POLL_OUT ? "out"
             : code == POLL_HUP ? "hang-up"
                                : "other");
    if (code == POLL_IN || code == POLL_OUT) {
        CHECK_EQ(info.si_fd, fd);
        CHECK_EQ(info.si_band, code == POLL_IN ? 0x41 : 0x304);
    }
    return line;
}

static void watch(int fd, int sig)
{
    CHECK_EQ(fcntl(fd, F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(fd, F_SETSIG, sig), 0);
    CHECK_EQ(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC), 0);
    CHECK(fcntl(fd, F_GETFL) & O_ASYNC);
}

static void pipes(void)
{
    int p[2];
    char c;
    NEED(pipe(p) == 0);
    watch(p[0], 0);
    CHECK_EQ(write(p[1], "ab", 2), 2);
    puts(told(p[0], 900));
    puts(told(p[0], 0));
    CHECK_EQ(read(p[0], &c, 1), 1); /* what is left is not news */
    puts(told(p[0], 0));
    watch(p[0], SIGRTMIN);
    CHECK_EQ(write(p[1], "c", 1), 1);
    puts(told(p[0], 900));
    watch(p[1], SIGRTMIN + 1);
    CHECK_EQ(read(p[0], &c, 1), 1);
    puts(told(p[1], 900));
    CHECK_EQ(fcntl(p[0], F_SETFL, 0), 0);
    CHECK_EQ(fcntl(p[0], F_GETFL) & O_ASYNC, 0);
    CHECK_EQ(write(p[1], "d", 1), 1);
    puts(told(p[0], 0));
    int on = 1;
    CHECK_EQ(ioctl(p[0], FIOASYNC, &on), 0);
    CHECK(fcntl(p[0], F_GETFL) & O_ASYNC);
    CHECK_EQ(fcntl(p[1], F_SETFL, 0), 0);
    close(p[1]); /* the end of file is input */
    puts(told(p[0], 900));
    CHECK_EQ(fcntl(p[0], F_SETOWN, 0), 0);
    close(p[0]);
}

static void descriptors_of_one(void)
{
    int p[2];
    NEED(pipe(p) == 0);
    watch(p[0], SIGRTMIN);
    int copy = dup(p[0]), first = p[0];
    close(p[0]); /* the description lives on, and tells of the old number */
    CHECK_EQ(write(p[1], "x", 1), 1);
    puts(told(first, 900));
    close(copy);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
    puts(told(first, 0));
    close(p[1]);
}

static void sockets(void)
{
    int s[2];
    char c[8];
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    watch(s[0], SIGRTMIN);
    CHECK_EQ(write(s[1], "hello", 5), 5);
    puts(told(s[0], 900));
    CHECK_EQ(read(s[0], c, 2), 2);
    puts(told(s[0], 0));
    CHECK_EQ(write(s[0], "out", 3), 3);
    CHECK_EQ(read(s[1], c, 3), 3);
    puts(told(s[0], 0));
    close(s[1]);
    puts(told(s[0], 900));
    close(s[0]);
    NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
    watch(s[0], 0);
    CHECK_EQ(write(s[1], "hello", 5), 5);
    puts(told(s[0], 900));
    close(s[0]), close(s[1]);
}

static void others(void)
{
    int null = open("/dev/null", O_RDWR), on = 1;
    CHECK_EQ(fcntl(null, F_SETFL, O_ASYNC), 0);
    CHECK_EQ(fcntl(null, F_GETFL) & O_ASYNC, 0);
    CHECK_ERRNO(ioctl(null, FIOASYNC, &on), ENOTTY);
    close(null);
    int in = inotify_init1(IN_NONBLOCK);
    watch(in, SIGRTMIN);
    char name[] = "/dev/shm/sigioXXXXXX";
    int fd = mkstemp(name);
    NEED(fd >= 0 && inotify_add_watch(in, name, IN_MODIFY) > 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    puts(told(in, 900));
    unlink(name);
    close(in), close(fd);
}

int main(void)
{
    sigemptyset(&g_set);
    sigaddset(&g_set, SIGIO);
    sigaddset(&g_set, SIGRTMIN);
    sigaddset(&g_set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &g_set, NULL);
    pipes();
    descriptors_of_one();
    sockets();
    others();
    return check_result();
}

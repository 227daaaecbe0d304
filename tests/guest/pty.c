/* Pseudo-terminals: names, line editing, echo, signals by key, raw mode, output processing, size, packet mode, hanging up. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "check.h"

static int g_master, g_slave;
static volatile sig_atomic_t g_signals[65];

static void on_signal(int sig)
{
    g_signals[sig]++;
}

static void open_pair(void)
{
    NEED(openpty(&g_master, &g_slave, NULL, NULL, NULL) == 0);
    fcntl(g_master, F_SETFL, O_RDWR | O_NONBLOCK);
    fcntl(g_slave, F_SETFL, O_RDWR | O_NONBLOCK);
}

static void close_pair(void)
{
    close(g_slave), close(g_master);
}

/* Bytes as text, with \x for control characters. */
static void append_text(char *text, const char *bytes, ssize_t n)
{
    char *p = text + strlen(text);
    for (ssize_t i = 0; i < n; i++)
        p += (unsigned char)bytes[i] < 32 || bytes[i] == 127 ? sprintf(p, "\\%x", (unsigned char)bytes[i]) : sprintf(p, "%c", bytes[i]);
    *p = 0;
}

/*
 * What there is to read, as text; "EAGAIN" and the like for errors. Linux hands bytes on by a worker, which may be late: what
 * is expected is waited for, and read on while it is only begun.
 */
static const char *get(int fd, const char *expected)
{
    static char text[8192];
    char buf[2048];
    bool nothing = strcmp(expected, "EAGAIN") == 0;
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    text[0] = 0;
    do {
        if (nothing)
            usleep(1000);
        else if (poll(&ready, 1, 5000) == 0)
            return text[0] ? text : "EAGAIN";
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n < 0)
            return strerrorname_np(errno);
        append_text(text, buf, n);
        if (n == 0)
            break;
    } while (strlen(text) < strlen(expected) && strncmp(text, expected, strlen(text)) == 0);
    return text;
}

static void expect(int line, const char *got, const char *expected)
{
    if (strcmp(got, expected) == 0)
        return;
    printf("pty.c:%d: got \"%s\", expected \"%s\"\n", line, got, expected);
    g_failures++;
}
#define GET(fd, expected) expect(__LINE__, get(fd, expected), expected)

/* A signal that characters make comes by that worker, too. */
static int signals_after_waiting(int sig, int count)
{
    for (int i = 0; i < 5000 && g_signals[sig] < count; i++)
        usleep(1000);
    return g_signals[sig];
}

/* Linux hands characters on in a kernel thread: there may be no room for a moment. */
static void put(int fd, const char *s)
{
    struct pollfd room = { .fd = fd, .events = POLLOUT };
    CHECK_EQ(poll(&room, 1, 5000), 1);
    CHECK_EQ(write(fd, s, strlen(s)), strlen(s));
}

/* Where nothing tells that the worker is done. */
static void settle(void)
{
    usleep(20000);
}

static void mode(tcflag_t clear_local, tcflag_t set_local, int vmin, int vtime)
{
    struct termios t;
    CHECK_EQ(tcgetattr(g_slave, &t), 0);
    t.c_lflag = (t.c_lflag & ~clear_local) | set_local;
    t.c_cc[VMIN] = (cc_t)vmin;
    t.c_cc[VTIME] = (cc_t)vtime;
    CHECK_EQ(tcsetattr(g_slave, TCSANOW, &t), 0);
}

static void names(void)
{
    char name[64], link[64] = "", path[64];
    struct stat st;
    unsigned number = 99;
    int locked = -1, m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    NEED(m >= 0);
    CHECK_EQ(ioctl(m, TIOCGPTN, &number), 0);
    snprintf(name, sizeof(name), "/dev/pts/%u", number);
    CHECK(strcmp(ptsname(m), name) == 0);
    CHECK_EQ(ioctl(m, TIOCGPTLCK, &locked), 0);
    CHECK_EQ(locked, 1);
    CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
    CHECK_EQ(grantpt(m), 0);
    CHECK_EQ(unlockpt(m), 0);
    CHECK_EQ(stat(name, &st), 0);
    CHECK(S_ISCHR(st.st_mode) && major(st.st_rdev) == 136 && minor(st.st_rdev) == number);
    CHECK_EQ(fstat(m, &st), 0);
    CHECK(S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2));
    int s = open(name, O_RDWR | O_NOCTTY);
    CHECK(s >= 0 && isatty(s) && isatty(m));
    CHECK_EQ(ttyname_r(s, path, sizeof(path)), 0);
    CHECK(strcmp(path, name) == 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", s);
    CHECK(readlink(path, link, sizeof(link) - 1) > 0 && strcmp(link, name) == 0);
    int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    CHECK(peer >= 0);
    CHECK_EQ(ttyname_r(peer, path, sizeof(path)), 0);
    CHECK(strcmp(path, name) == 0);
    int found = 0;
    DIR *d = opendir("/dev/pts");
    for (struct dirent *e; (e = readdir(d));)
        found += strcmp(e->d_name, name + 9) == 0;
    closedir(d);
    CHECK_EQ(found, 1);
    CHECK_ERRNO(ioctl(s, TIOCGPTN, &number), ENOTTY);
    CHECK_ERRNO(lseek(s, 0, SEEK_CUR), ESPIPE);
    close(peer), close(s), close(m);
    CHECK_ERRNO(stat(name, &st), ENOENT);
}

static void defaults(void)
{
    struct termios t, of_master;
    open_pair();
    CHECK_EQ(tcgetattr(g_slave, &t), 0);
    CHECK_EQ(t.c_iflag, ICRNL | IXON);
    CHECK_EQ(t.c_oflag, OPOST | ONLCR);
    CHECK_EQ(t.c_cflag, B38400 | CS8 | CREAD);
    CHECK_EQ(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    CHECK(t.c_cc[VINTR] == 3 && t.c_cc[VERASE] == 127 && t.c_cc[VEOF] == 4 && t.c_cc[VMIN] == 1 && t.c_cc[VTIME] == 0 && t.c_cc[VWERASE] == 23);
    CHECK_EQ(tcgetattr(g_master, &of_master), 0);
    CHECK_EQ(of_master.c_lflag, t.c_lflag);
    CHECK_EQ(cfgetospeed(&t), B38400);
    t.c_cflag = B115200 | CS5 | PARENB;
    CHECK_EQ(tcsetattr(g_slave, TCSADRAIN, &t), 0);
    CHECK_EQ(tcgetattr(g_slave, &t), 0);
    CHECK_EQ(t.c_cflag, B115200 | CS8 | CREAD);
    CHECK_EQ(tcdrain(g_slave), 0);
    CHECK_EQ(tcsendbreak(g_slave, 0), 0);
    CHECK_ERRNO(ioctl(g_slave, TCGETS, 8), EFAULT);
    CHECK_ERRNO(ioctl(g_slave, 0x5499, 0), ENOTTY);
    close_pair();
}

static void lines(void)
{
    open_pair();
    GET(g_slave, "EAGAIN");
    put(g_master, "hel");
    GET(g_slave, "EAGAIN");
    GET(g_master, "hel");
    put(g_master, "lo\rnext\n");
    GET(g_master, "lo\\d\\anext\\d\\a");
    int n = 0;
    CHECK_EQ(ioctl(g_slave, FIONREAD, &n), 0);
    CHECK_EQ(n, 11);
    GET(g_slave, "hello\\a");
    char c;
    CHECK_EQ(read(g_slave, &c, 1), 1);
    CHECK_EQ(c, 'n');
    GET(g_slave, "ext\\a");
    put(g_master, "abc\177d\n");
    GET(g_master, "abc\\8 \\8d\\d\\a");
    GET(g_slave, "abd\\a");
    put(g_master, "wrong words\027\027right\n");
    GET(g_slave, "right\\a");
    GET(g_master, "wrong words\\8 \\8\\8 \\8\\8 \\8\\8 \\8\\8 \\8\\8 \\8\\8 \\8\\8 \\8\\8 \\8\\8 \\8\\8 \\8right\\d\\a");
    put(g_master, "gone\025kept\n");
    GET(g_master, "gone\\8 \\8\\8 \\8\\8 \\8\\8 \\8kept\\d\\a");
    GET(g_slave, "kept\\a");
    put(g_master, "\177\177\001\177a\tb\177\177c\n"); /* control characters and tabs are wiped by their width */
    GET(g_master, "^A\\8 \\8\\8 \\8a\\9b\\8 \\8\\8\\8\\8\\8\\8\\8\\8c\\d\\a");
    GET(g_slave, "ac\\a");
    put(g_master, "\026\003\n"); /* taken literally */
    GET(g_master, "^\\8^C\\d\\a");
    GET(g_slave, "\\3\\a");
    put(g_master, "ab\022c\n");
    GET(g_master, "ab^R\\d\\aabc\\d\\a");
    GET(g_slave, "abc\\a");
    put(g_master, "part\004");
    GET(g_slave, "part");
    GET(g_slave, "EAGAIN");
    put(g_master, "\004");
    GET(g_slave, "");
    GET(g_slave, "EAGAIN");
    put(g_master, "exact\004");
    char five[5];
    CHECK_EQ(read(g_slave, five, 5), 5);
    GET(g_slave, "EAGAIN"); /* the end of file after a full buffer is no second one */
    close_pair();
}

static void quiet(void)
{
    open_pair();
    mode(ECHO, 0, 1, 0);
    put(g_master, "secret\n");
    GET(g_slave, "secret\\a");
    GET(g_master, "EAGAIN");
    mode(0, ECHONL, 1, 0);
    put(g_master, "secret\n");
    GET(g_master, "\\d\\a");
    GET(g_slave, "secret\\a");
    mode(ECHONL | ECHOCTL | ECHOE, ECHO, 1, 0);
    put(g_master, "a\001b\177\n");
    GET(g_master, "a\\1b\\7f\\d\\a");
    GET(g_slave, "a\\1\\a");
    mode(ECHOKE, ECHOE | ECHOCTL, 1, 0);
    put(g_master, "ab\025c\n");
    GET(g_master, "ab^U\\d\\ac\\d\\a");
    GET(g_slave, "c\\a");
    mode(0, ECHOPRT, 1, 0);
    put(g_master, "abc\177\177d\n");
    GET(g_master, "abc\\cb/d\\d\\a");
    GET(g_slave, "ad\\a");
    close_pair();
}

static void raw(void)
{
    struct termios t;
    open_pair();
    tcgetattr(g_slave, &t);
    cfmakeraw(&t);
    CHECK_EQ(tcsetattr(g_slave, TCSAFLUSH, &t), 0);
    put(g_master, "a\r\003\004\177");
    GET(g_slave, "a\\d\\3\\4\\7f");
    GET(g_master, "EAGAIN");
    put(g_slave, "x\n\t");
    GET(g_master, "x\\a\\9");
    fcntl(g_slave, F_SETFL, O_RDWR);
    mode(0, 0, 0, 0);
    char buf[8];
    CHECK_EQ(read(g_slave, buf, 8), 0);
    mode(0, 0, 0, 1);
    CHECK_EQ(read(g_slave, buf, 8), 0); /* after a tenth of a second */
    mode(0, 0, 3, 0);
    struct pollfd p = { g_slave, POLLIN | POLLOUT, 0 };
    put(g_master, "12");
    settle();
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLOUT); /* VMIN counts */
    put(g_master, "345");
    settle();
    CHECK_EQ(poll(&p, 1, 1000), 1);
    CHECK_EQ(p.revents, POLLIN | POLLOUT);
    CHECK_EQ(read(g_slave, buf, 8), 5);
    mode(0, 0, 8, 1);
    put(g_master, "67");
    CHECK_EQ(read(g_slave, buf, 8), 2); /* then nothing for a tenth */
    fcntl(g_slave, F_SETFL, O_RDWR | O_NONBLOCK);
    mode(0, 0, 1, 0);
    put(g_master, "left");
    settle();
    mode(0, ICANON, 1, 0); /* what is there becomes a line */
    GET(g_slave, "left");
    GET(g_slave, "EAGAIN");
    close_pair();
}

static void output(void)
{
    struct termios t;
    open_pair();
    put(g_slave, "one\ntwo\tx\r\n");
    GET(g_master, "one\\d\\atwo\\9x\\d\\d\\a");
    tcgetattr(g_slave, &t);
    t.c_oflag = OPOST | OLCUC | TAB3;
    tcsetattr(g_slave, TCSANOW, &t);
    put(g_slave, "ab\tc\n");
    GET(g_master, "AB      C\\a");
    t.c_oflag = OPOST | OCRNL | ONOCR | ONLRET;
    tcsetattr(g_slave, TCSANOW, &t);
    put(g_slave, "z\r\ny");
    GET(g_master, "z\\a\\ay");
    t.c_iflag = INLCR | IXON;
    t.c_oflag = 0;
    t.c_lflag = 0;
    tcsetattr(g_slave, TCSANOW, &t);
    put(g_master, "\n");
    GET(g_slave, "\\d");
    t.c_iflag = IGNCR | ISTRIP | IXON;
    tcsetattr(g_slave, TCSANOW, &t);
    put(g_master, "\r\341");
    GET(g_slave, "a");
    put(g_master, "\023"); /* stop */
    settle();
    CHECK_ERRNO(write(g_slave, "w", 1), EAGAIN);
    put(g_master, "\021"); /* go on */
    settle();
    put(g_slave, "w");
    GET(g_master, "w");
    CHECK_EQ(tcflow(g_slave, TCOOFF), 0);
    CHECK_ERRNO(write(g_slave, "w", 1), EAGAIN);
    CHECK_EQ(tcflow(g_slave, TCOON), 0);
    put(g_slave, "v");
    put(g_master, "typed");
    settle();
    CHECK_EQ(tcflush(g_slave, TCIFLUSH), 0);
    GET(g_slave, "EAGAIN");
    GET(g_master, "v");
    CHECK_ERRNO(tcflush(g_slave, 9), EINVAL);
    close_pair();
}

static void control(void)
{
    struct winsize w = { 24, 80, 640, 480 }, back;
    int group = -1;
    pid_t sid = -1;
    setsid(); /* may be leader already */
    open_pair();
    CHECK_EQ(ioctl(g_slave, TIOCGWINSZ, &back), 0);
    CHECK(back.ws_row == 0 && back.ws_col == 0);
    CHECK_EQ(ioctl(g_master, TIOCSWINSZ, &w), 0);
    CHECK_EQ(ioctl(g_slave, TIOCGWINSZ, &back), 0);
    CHECK(memcmp(&w, &back, sizeof(w)) == 0);
    CHECK_EQ(g_signals[SIGWINCH], 0); /* nobody's terminal yet */
    CHECK_ERRNO(ioctl(g_slave, TIOCGPGRP, &group), ENOTTY);
    CHECK_ERRNO(ioctl(g_slave, TIOCNOTTY, 0), ENOTTY);
    CHECK_EQ(ioctl(g_slave, TIOCSCTTY, 0), 0);
    CHECK_EQ(ioctl(g_slave, TIOCSCTTY, 0), 0);
    CHECK_EQ(tcgetpgrp(g_slave), getpgrp());
    CHECK_EQ(tcgetpgrp(g_master), getpgrp());
    CHECK_EQ(ioctl(g_slave, TIOCGSID, &sid), 0);
    CHECK_EQ(sid, getsid(0));
    CHECK_EQ(tcsetpgrp(g_slave, getpgrp()), 0);
    CHECK_ERRNO(tcsetpgrp(g_slave, -1), EINVAL);
    CHECK_ERRNO(tcsetpgrp(g_slave, 0x3ffffff), ESRCH);
    int tty = open("/dev/tty", O_RDWR | O_NONBLOCK);
    put(tty, "by its other name");
    GET(g_master, "by its other name");
    close(tty);
    w.ws_col = 100;
    CHECK_EQ(ioctl(g_slave, TIOCSWINSZ, &w), 0);
    CHECK_EQ(ioctl(g_slave, TIOCSWINSZ, &w), 0); /* no change */
    CHECK_EQ(g_signals[SIGWINCH], 1);
    put(g_master, "lost\003");
    CHECK_EQ(signals_after_waiting(SIGINT, 1), 1);
    put(g_master, "\034\032");
    CHECK_EQ(signals_after_waiting(SIGQUIT, 1), 1);
    CHECK_EQ(signals_after_waiting(SIGTSTP, 1), 1);
    get(g_master, "EAGAIN");
    GET(g_slave, "EAGAIN");
    CHECK_EQ(ioctl(g_master, TIOCSIG, SIGINT), 0);
    CHECK_EQ(g_signals[SIGINT], 2);
    CHECK_ERRNO(ioctl(g_master, TIOCSIG, SIGTERM), EINVAL);
    mode(ISIG, 0, 1, 0);
    put(g_master, "\003\n");
    GET(g_slave, "\\3\\a");
    CHECK_EQ(g_signals[SIGINT], 2);
    close(g_master);
    settle();
    CHECK_EQ(g_signals[SIGHUP], 1);
    CHECK_ERRNO(write(g_slave, "x", 1), EIO);
    CHECK_EQ(read(g_slave, &w, 8), 0);
    CHECK_ERRNO(ioctl(g_slave, TIOCGWINSZ, &w), EIO);
    struct pollfd p = { g_slave, POLLIN | POLLOUT, 0 };
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLIN | POLLOUT | POLLERR | POLLHUP);
    close(g_slave);
}

static void closing(void)
{
    char name[64];
    open_pair();
    strcpy(name, ptsname(g_master));
    struct pollfd p = { g_master, POLLIN, 0 };
    put(g_slave, "last words");
    close(g_slave);
    settle();
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLIN | POLLHUP);
    GET(g_master, "last words");
    GET(g_master, "EIO");
    g_slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK); /* and again */
    CHECK(g_slave >= 0);
    put(g_slave, "back");
    GET(g_master, "back");
    close_pair();
}

static void packets(void)
{
    int on = 1;
    open_pair();
    CHECK_EQ(ioctl(g_master, TIOCPKT, &on), 0);
    put(g_slave, "data");
    GET(g_master, "\\0data");
    CHECK_EQ(tcflush(g_slave, TCOFLUSH), 0);
    struct pollfd p = { g_master, POLLIN | POLLPRI, 0 };
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLIN | POLLPRI);
    GET(g_master, "\\2");
    CHECK_EQ(tcflow(g_slave, TCOOFF), 0);
    GET(g_master, "\\4");
    CHECK_EQ(tcflow(g_slave, TCOON), 0);
    GET(g_master, "\\8");
    GET(g_master, "EAGAIN");
    close_pair();
}

static void *type_later(void *arg)
{
    usleep(50000);
    put(g_master, "late\n");
    return NULL;
}

static void *read_later(void *arg)
{
    char buf[4096];
    long total = 0;
    usleep(50000);
    while (total < 300000) {
        ssize_t n = read(g_master, buf, sizeof(buf));
        if (n <= 0)
            break;
        total += n;
    }
    return (void *)total;
}

static void blocking(void)
{
    static char big[300000];
    char buf[64];
    pthread_t t;
    void *total;
    struct epoll_event e = { .events = EPOLLIN };
    open_pair();
    fcntl(g_master, F_SETFL, O_RDWR);
    fcntl(g_slave, F_SETFL, O_RDWR);
    pthread_create(&t, NULL, type_later, NULL);
    CHECK_EQ(read(g_slave, buf, sizeof(buf)), 5);
    pthread_join(t, NULL);
    int ep = epoll_create1(0);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, g_slave, &e), 0);
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    pthread_create(&t, NULL, type_later, NULL);
    CHECK_EQ(epoll_wait(ep, &e, 1, 5000), 1);
    CHECK_EQ(read(g_slave, buf, sizeof(buf)), 5);
    pthread_join(t, NULL);
    close(ep);
    tcflush(g_master, TCIFLUSH);
    memset(big, 'b', sizeof(big));
    pthread_create(&t, NULL, read_later, NULL);
    CHECK_EQ(write(g_slave, big, sizeof(big)), sizeof(big)); /* more than is kept */
    pthread_join(t, &total);
    CHECK((long)total >= 300000);
    close_pair();
}

int main(int argc, char **argv)
{
    const int caught[] = { SIGINT, SIGQUIT, SIGTSTP, SIGWINCH, SIGHUP, SIGCONT };
    for (unsigned i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        signal(caught[i], on_signal);
    names();
    defaults();
    lines();
    quiet();
    raw();
    output();
    control();
    closing();
    packets();
    blocking();
    printf("pty: done\n");
    return check_result();
}

/* inotify: every event with its order, names and cookies, the flags of watches, the queue, reading
 * and waiting. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "check.h"

static const struct {
    uint32_t bit;
    const char *name;
} bits[] = {
    { IN_ACCESS, "ACCESS" },
    { IN_MODIFY, "MODIFY" },
    { IN_ATTRIB, "ATTRIB" },
    { IN_CLOSE_WRITE, "CLOSE_WRITE" },
    { IN_CLOSE_NOWRITE, "CLOSE_NOWRITE" },
    { IN_OPEN, "OPEN" },
    { IN_MOVED_FROM, "MOVED_FROM" },
    { IN_MOVED_TO, "MOVED_TO" },
    { IN_CREATE, "CREATE" },
    { IN_DELETE, "DELETE" },
    { IN_DELETE_SELF, "DELETE_SELF" },
    { IN_MOVE_SELF, "MOVE_SELF" },
    { IN_UNMOUNT, "UNMOUNT" },
    { IN_Q_OVERFLOW, "Q_OVERFLOW" },
    { IN_IGNORED, "IGNORED" },
    { IN_ISDIR, "ISDIR" },
};

static uint32_t g_cookie; /* of the last event that had one */

static void put_event(char *to, const struct inotify_event *e)
{
    char *p = to + sprintf(to, "%d", e->wd);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if (e->mask & bits[i].bit)
            p += sprintf(p, " %s", bits[i].name);
    if (e->len)
        p += sprintf(p, " %s", e->name);
    if (e->cookie) {
        p += sprintf(p, e->cookie == g_cookie ? " same" : " new");
        g_cookie = e->cookie;
    }
    strcpy(p, "; ");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* All that is queued, as text: "wd MASK name; ". sorted: where kernels differ in the order. */
static const char *drain(int fd, int sorted)
{
    static char text[65536];
    static char list[512][300];
    char buf[4096] __attribute__((aligned(8)));
    size_t count = 0;
    for (;;) {
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n <= 0)
            break;
        for (char *p = buf; p < buf + n && count < 512; count++) {
            const struct inotify_event *e = (const struct inotify_event *)p;
            CHECK_EQ(e->len % 16, 0);
            put_event(list[count], e);
            p += sizeof(*e) + e->len;
        }
    }
    CHECK_EQ(errno, EAGAIN);
    if (sorted)
        qsort(list, count, sizeof(list[0]), by_text);
    text[0] = 0;
    for (size_t i = 0; i < count; i++)
        strcat(text, list[i]);
    return text;
}

static void expect(int line, const char *got, const char *expected)
{
    if (strcmp(got, expected) == 0)
        return;
    printf("inotify.c:%d: events\n  got      %s\n  expected %s\n", line, got, expected);
    g_failures++;
}
#define EVENTS(fd, expected)        expect(__LINE__, drain(fd, 0), expected)
#define EVENTS_SORTED(fd, expected) expect(__LINE__, drain(fd, 1), expected)

static int instance(void)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    NEED(fd >= 0);
    return fd;
}

static void make(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    NEED(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void content(void)
{
    char buf[16];
    int in = instance();
    mkdir("d", 0755);
    CHECK_EQ(inotify_add_watch(in, "d", IN_ALL_EVENTS), 1);
    int fd = open("d/file", O_CREAT | O_RDWR, 0644);
    EVENTS(in, "1 CREATE file; 1 OPEN file; ");
    CHECK_EQ(inotify_add_watch(in, "d/file", IN_ALL_EVENTS), 2);
    CHECK_EQ(write(fd, "hello", 5), 5);
    EVENTS(in, "1 MODIFY file; 2 MODIFY; ");
    CHECK_EQ(write(fd, "", 0), 0);
    CHECK_EQ(read(fd, buf, 5), 0);
    EVENTS(in, "");
    CHECK_EQ(pread(fd, buf, 5, 0), 5);
    EVENTS(in, "1 ACCESS file; 2 ACCESS; ");
    struct iovec v[2] = { { "ab", 2 }, { "cd", 2 } };
    CHECK_EQ(pwritev(fd, v, 2, 1), 4);
    EVENTS(in, "1 MODIFY file; 2 MODIFY; ");
    CHECK_EQ(ftruncate(fd, 3), 0);
    EVENTS(in, "1 MODIFY file; 2 MODIFY; ");
    CHECK_EQ(truncate("d/file", 2), 0);
    EVENTS(in, "1 MODIFY file; 2 MODIFY; ");
    CHECK_EQ(fallocate(fd, 0, 0, 100), 0);
    EVENTS(in, "1 MODIFY file; 2 MODIFY; ");
    int other = dup(fd);
    close(fd);
    EVENTS(in, "");
    close(other);
    EVENTS(in, "1 CLOSE_WRITE file; 2 CLOSE_WRITE; ");
    close(open("d/file", O_RDONLY));
    EVENTS(in, "1 OPEN file; 2 OPEN; 1 CLOSE_NOWRITE file; 2 CLOSE_NOWRITE; ");
    close(open("d/file", O_WRONLY | O_TRUNC));
    EVENTS_SORTED(in, "1 CLOSE_WRITE file; 1 MODIFY file; 1 OPEN file; 2 CLOSE_WRITE; 2 MODIFY; 2 "
                      "OPEN; "); /* from 6.10 on open comes first */
    close(open("d/file", O_CREAT | O_WRONLY | O_TRUNC, 0600));
    EVENTS_SORTED(in, "1 CLOSE_WRITE file; 1 MODIFY file; 1 OPEN file; 2 CLOSE_WRITE; 2 MODIFY; 2 "
                      "OPEN; "); /* from 6.10 on open comes first */
    CHECK_EQ(open("d/file", O_CREAT | O_EXCL | O_WRONLY, 0600), -1);
    CHECK_EQ(open("d/missing", O_RDONLY), -1);
    CHECK_EQ(access("d/file", R_OK), 0);
    struct stat st;
    CHECK_EQ(stat("d/file", &st), 0);
    EVENTS(in, "");
    make("d/from", "0123456789");
    drain(in, 0);
    int from = open("d/from", O_RDONLY), to = open("d/file", O_WRONLY);
    drain(in, 0);
    CHECK_EQ(sendfile(to, from, NULL, 4), 4);
    EVENTS_SORTED(in, "1 ACCESS from; 1 MODIFY file; 2 MODIFY; ");
    close(from), close(to);
    close(in);
    unlink("d/from"), unlink("d/file"), rmdir("d");
}

static void attributes(void)
{
    int in = instance();
    mkdir("d", 0755);
    make("d/file", "x");
    inotify_add_watch(in, "d", IN_ALL_EVENTS);
    inotify_add_watch(in, "d/file", IN_ALL_EVENTS);
    CHECK_EQ(chmod("d/file", 0600), 0);
    EVENTS(in, "1 ATTRIB file; 2 ATTRIB; ");
    CHECK_EQ(chown("d/file", getuid(), getgid()), 0);
    EVENTS(in, "1 ATTRIB file; 2 ATTRIB; ");
    CHECK_EQ(chmod("d", 0700), 0);
    EVENTS(in, "1 ATTRIB ISDIR; ");
    struct timespec both[2] = { { 1000, 0 }, { 2000, 0 } },
                    only_a[2] = { { 1000, 0 }, { 0, UTIME_OMIT } },
                    only_m[2] = { { 0, UTIME_OMIT }, { 3, 0 } };
    CHECK_EQ(utimensat(AT_FDCWD, "d/file", both, 0), 0);
    EVENTS(in, "1 ATTRIB file; 2 ATTRIB; ");
    CHECK_EQ(utimensat(AT_FDCWD, "d/file", only_a, 0), 0);
    EVENTS(in, "1 ACCESS file; 2 ACCESS; ");
    CHECK_EQ(utimensat(AT_FDCWD, "d/file", only_m, 0), 0);
    EVENTS(in, "1 MODIFY file; 2 MODIFY; ");
    CHECK_EQ(utimes("d/file", NULL), 0);
    EVENTS(in, "1 ATTRIB file; 2 ATTRIB; ");
    int fd = open("d/file", O_RDONLY);
    drain(in, 0);
    CHECK_EQ(fchmod(fd, 0644), 0);
    EVENTS(in, "1 ATTRIB file; 2 ATTRIB; ");
    CHECK_EQ(futimens(fd, both), 0);
    EVENTS(in, "1 ATTRIB file; 2 ATTRIB; ");
    close(fd);
    close(in);
    unlink("d/file"), rmdir("d");
}

static void names(void)
{
    int in = instance();
    mkdir("d", 0755);
    inotify_add_watch(in, "d", IN_ALL_EVENTS);
    CHECK_EQ(mkdir("d/sub", 0755), 0);
    EVENTS(in, "1 CREATE ISDIR sub; ");
    CHECK_EQ(symlink("nowhere", "d/sym"), 0);
    EVENTS(in, "1 CREATE sym; ");
    CHECK_EQ(mkfifo("d/fifo", 0600), 0);
    EVENTS(in, "1 CREATE fifo; ");
    make("d/file", "x");
    EVENTS(in, "1 CREATE file; 1 OPEN file; 1 MODIFY file; 1 CLOSE_WRITE file; ");
    CHECK_EQ(inotify_add_watch(in, "d/file", IN_ALL_EVENTS), 2);
    CHECK_EQ(link("d/file", "d/hard"), 0);
    EVENTS(in, "2 ATTRIB; 1 CREATE hard; ");
    CHECK_EQ(unlink("d/hard"), 0);
    EVENTS(in, "2 ATTRIB; 1 DELETE hard; ");
    CHECK_EQ(unlink("d/sym"), 0);
    EVENTS(in, "1 DELETE sym; ");
    CHECK_EQ(unlink("d/fifo"), 0);
    EVENTS(in, "1 DELETE fifo; ");
    DIR *dir = opendir("d");
    while (readdir(dir))
        ;
    closedir(dir);
    EVENTS(in, "1 OPEN ISDIR; 1 ACCESS ISDIR; 1 CLOSE_NOWRITE ISDIR; ");
    CHECK_EQ(inotify_add_watch(in, "d/sub", IN_ALL_EVENTS), 3);
    close(open("d/sub", O_RDONLY | O_DIRECTORY));
    EVENTS(in,
           "1 OPEN ISDIR sub; 3 OPEN ISDIR; 1 CLOSE_NOWRITE ISDIR sub; 3 CLOSE_NOWRITE ISDIR; ");
    CHECK_EQ(rmdir("d/sub"), 0);
    EVENTS_SORTED(in, "1 DELETE ISDIR sub; 3 DELETE_SELF; 3 IGNORED; ");
    CHECK_EQ(unlink("d/file"), 0);
    EVENTS_SORTED(in, "1 DELETE file; 2 ATTRIB; 2 DELETE_SELF; 2 IGNORED; ");
    CHECK_EQ(rmdir("d"), 0);
    EVENTS(in, "1 DELETE_SELF; 1 IGNORED; ");
    CHECK_ERRNO(inotify_rm_watch(in, 1), EINVAL);
    close(in);
}

static void moves(void)
{
    int in = instance();
    mkdir("a", 0755), mkdir("b", 0755);
    make("a/one", "1"), make("b/two", "2");
    inotify_add_watch(in, "a", IN_ALL_EVENTS);
    inotify_add_watch(in, "b", IN_ALL_EVENTS);
    inotify_add_watch(in, "a/one", IN_ALL_EVENTS);
    CHECK_EQ(rename("a/one", "b/uno"), 0);
    EVENTS(in, "1 MOVED_FROM one new; 2 MOVED_TO uno same; 3 MOVE_SELF; ");
    CHECK_EQ(rename("b/uno", "b/one"), 0);
    EVENTS(in, "2 MOVED_FROM uno new; 2 MOVED_TO one same; 3 MOVE_SELF; ");
    CHECK_EQ(inotify_add_watch(in, "b/two", IN_ALL_EVENTS), 4);
    CHECK_EQ(rename("b/one", "b/two"), 0);
    EVENTS(in, "2 MOVED_FROM one new; 2 MOVED_TO two same; 4 ATTRIB; 3 MOVE_SELF; 4 DELETE_SELF; 4 "
               "IGNORED; ");
    CHECK_EQ(chmod("b/two", 0600), 0); /* the watch went along */
    EVENTS(in, "2 ATTRIB two; 3 ATTRIB; ");
    CHECK_EQ(mkdir("a/dir", 0755), 0);
    CHECK_EQ(rename("a/dir", "b/dir"), 0);
    EVENTS(in, "1 CREATE ISDIR dir; 1 MOVED_FROM ISDIR dir new; 2 MOVED_TO ISDIR dir same; ");
    CHECK_EQ(inotify_add_watch(in, "b/dir", IN_ALL_EVENTS), 5);
    CHECK_EQ(rename("b/dir", "a/dir"), 0);
    EVENTS(in, "2 MOVED_FROM ISDIR dir new; 1 MOVED_TO ISDIR dir same; 5 MOVE_SELF; ");
    make("a/dir/inside", "");
    EVENTS(in, "5 CREATE inside; 5 OPEN inside; 5 CLOSE_WRITE inside; ");
    make("a/x", "");
    drain(in, 0);
    CHECK_EQ(renameat2(AT_FDCWD, "a/x", AT_FDCWD, "b/two", RENAME_NOREPLACE), -1);
    EVENTS(in, "");
    CHECK_EQ(renameat2(AT_FDCWD, "a/x", AT_FDCWD, "b/two", RENAME_EXCHANGE), 0);
    EVENTS(in, "1 MOVED_FROM x new; 2 MOVED_TO two same; 2 MOVED_FROM two new; 1 MOVED_TO x same; "
               "3 MOVE_SELF; ");
    CHECK_EQ(link("a/x", "a/y"), 0);
    drain(in, 0);
    CHECK_EQ(rename("a/x", "a/y"), 0); /* two names of one file: nothing happens */
    EVENTS(in, "");
    close(in);
    unlink("a/x"), unlink("a/y"), unlink("b/two"), unlink("a/dir/inside"), rmdir("a/dir"),
        rmdir("a"), rmdir("b");
}

static void unlinked(void)
{
    char buf[4];
    int in = instance(), excl = instance();
    mkdir("d", 0755);
    make("d/file", "text");
    inotify_add_watch(in, "d", IN_ALL_EVENTS);
    inotify_add_watch(excl, "d", IN_ALL_EVENTS | IN_EXCL_UNLINK);
    inotify_add_watch(in, "d/file", IN_ALL_EVENTS);
    int fd = open("d/file", O_RDWR);
    EVENTS(in, "1 OPEN file; 2 OPEN; ");
    EVENTS(excl, "1 OPEN file; ");
    CHECK_EQ(unlink("d/file"), 0);
    EVENTS_SORTED(in, "1 DELETE file; 2 ATTRIB; ");
    EVENTS(excl, "1 DELETE file; ");
    CHECK_EQ(read(fd, buf, 4), 4);
    EVENTS(in, "1 ACCESS file; 2 ACCESS; ");
    EVENTS(excl, "");
    CHECK_EQ(read(fd, buf, 4), 0);
    CHECK_EQ(pwrite(fd, "a", 1, 0), 1);
    EVENTS(in, "1 MODIFY file; 2 MODIFY; ");
    EVENTS(excl, "");
    close(fd);
    EVENTS(in, "1 CLOSE_WRITE file; 2 CLOSE_WRITE; 2 DELETE_SELF; 2 IGNORED; ");
    EVENTS(excl, "");
    close(in), close(excl);
    rmdir("d");
}

static void flags(void)
{
    int in = instance();
    mkdir("d", 0755);
    make("d/file", "x");
    symlink("d", "sym");
    CHECK_ERRNO(inotify_add_watch(in, "d", 0), EINVAL);
    CHECK_ERRNO(inotify_add_watch(in, "d", 0x00800000), EINVAL);
    CHECK_ERRNO(inotify_add_watch(in, "d", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
    CHECK_ERRNO(inotify_add_watch(in, "missing", IN_OPEN), ENOENT);
    CHECK_ERRNO(inotify_add_watch(in, "", IN_OPEN), ENOENT);
    CHECK_ERRNO(inotify_add_watch(in, "d/file/x", IN_OPEN), ENOTDIR);
    CHECK_ERRNO(inotify_add_watch(in, "d/file", IN_OPEN | IN_ONLYDIR), ENOTDIR);
    CHECK_ERRNO(inotify_add_watch(in, (const char *)8, IN_OPEN), EFAULT);
    CHECK_ERRNO(inotify_add_watch(-1, "d", IN_OPEN), EBADF);
    CHECK_ERRNO(inotify_add_watch(0, "d", IN_OPEN), EINVAL);
    CHECK_ERRNO(inotify_rm_watch(in, 1), EINVAL);
    CHECK_ERRNO(inotify_rm_watch(0, 1), EINVAL);
    CHECK_ERRNO(inotify_rm_watch(-1, 1), EBADF);
    CHECK_ERRNO(inotify_init1(1), EINVAL);
    CHECK_EQ(inotify_add_watch(in, "sym", IN_CREATE), 1); /* d, by way of the link */
    CHECK_EQ(inotify_add_watch(in, "d", IN_DELETE), 1);   /* replaces */
    close(open("d/new", O_CREAT | O_WRONLY, 0600));
    unlink("d/new");
    EVENTS(in, "1 DELETE new; ");
    CHECK_EQ(inotify_add_watch(in, "d/.", IN_CREATE | IN_MASK_ADD), 1);
    close(open("d/new", O_CREAT | O_WRONLY, 0600));
    unlink("d/new");
    EVENTS(in, "1 CREATE new; 1 DELETE new; ");
    CHECK_ERRNO(inotify_add_watch(in, "d", IN_OPEN | IN_MASK_CREATE), EEXIST);
    CHECK_EQ(inotify_add_watch(in, "sym", IN_ATTRIB | IN_DELETE_SELF | IN_DONT_FOLLOW), 2);
    unlink("sym");
    EVENTS_SORTED(in, "2 ATTRIB; 2 DELETE_SELF; 2 IGNORED; ");
    CHECK_EQ(inotify_add_watch(in, "d/file", IN_OPEN | IN_ONESHOT | IN_MASK_CREATE), 3);
    close(open("d/file", O_RDONLY));
    close(open("d/file", O_RDONLY));
    EVENTS(in, "3 OPEN; 3 IGNORED; ");
    CHECK_EQ(inotify_rm_watch(in, 1), 0);
    CHECK_ERRNO(inotify_rm_watch(in, 1), EINVAL);
    close(open("d/new", O_CREAT | O_WRONLY, 0600));
    EVENTS(in, "1 IGNORED; ");
    CHECK_EQ(inotify_add_watch(in, "d", IN_OPEN), 4); /* numbers are not used again */
    int fd = open("d/file", O_PATH);
    CHECK(fd >= 0);
    close(fd);
    EVENTS(in, "");
    close(in);
    unlink("d/new"), unlink("d/file"), rmdir("d");
}

static void reading(void)
{
    char buf[64] __attribute__((aligned(8)));
    int in = instance(), queued = -1;
    mkdir("d", 0755);
    CHECK_ERRNO(read(in, buf, sizeof(buf)), EAGAIN);
    CHECK_ERRNO(write(in, buf, 1), EBADF);
    CHECK_EQ(lseek(in, 5, SEEK_SET), 0);
    struct pollfd p = { in, POLLIN | POLLOUT, 0 };
    CHECK_EQ(poll(&p, 1, 0), 0);
    CHECK_EQ(ioctl(in, FIONREAD, &queued), 0);
    CHECK_EQ(queued, 0);
    inotify_add_watch(in, "d", IN_CREATE | IN_DELETE);
    mkdir("d/a-name-of-18-bytes", 0755);
    mkdir("d/b", 0755);
    CHECK_EQ(poll(&p, 1, 1000), 1);
    CHECK_EQ(p.revents, POLLIN);
    CHECK_EQ(ioctl(in, FIONREAD, &queued), 0);
    CHECK_EQ(queued, 16 + 32 + 16 + 16);
    CHECK_ERRNO(read(in, buf, 47), EINVAL);
    CHECK_ERRNO(read(in, buf, 0), EINVAL);
    CHECK_EQ(read(in, buf, 64), 48); /* the second does not fit any more */
    CHECK_EQ(ioctl(in, FIONREAD, &queued), 0);
    CHECK_EQ(queued, 32);
    CHECK_EQ(read(in, buf, 64), 32);
    const struct inotify_event *e = (const struct inotify_event *)buf;
    CHECK(e->wd == 1 && e->mask == (IN_CREATE | IN_ISDIR) && e->cookie == 0 && e->len == 16 &&
          strcmp(e->name, "b") == 0);
    char zeros[14] = { 0 };
    CHECK(memcmp(e->name + 2, zeros, 14) == 0);
    int ep = epoll_create1(0);
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, in, &ev), 0);
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
    rmdir("d/b");
    CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
    CHECK_EQ(ev.events, EPOLLIN);
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
    rmdir("d/a-name-of-18-bytes");
    CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
    EVENTS(in, "1 DELETE ISDIR b; 1 DELETE ISDIR a-name-of-18-bytes; ");
    CHECK_EQ(fcntl(in, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDONLY);
    CHECK_EQ(fcntl(in, F_GETFD), FD_CLOEXEC);
    int plain = inotify_init();
    CHECK_EQ(fcntl(plain, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDONLY);
    CHECK_EQ(fcntl(plain, F_GETFD), 0);
    char link[64] = "";
    snprintf(buf, sizeof(buf), "/proc/self/fd/%d", plain);
    CHECK_EQ(readlink(buf, link, sizeof(link) - 1), strlen("anon_inode:inotify"));
    CHECK(strcmp(link, "anon_inode:inotify") == 0);
    close(plain), close(ep), close(in);
    rmdir("d");
}

static void *make_later(void *arg)
{
    usleep(50000);
    mkdir("d/late", 0755);
    return NULL;
}

static void on_alarm(int sig) {}

static void blocking(void)
{
    char buf[64] __attribute__((aligned(8)));
    pthread_t t;
    int in = inotify_init();
    mkdir("d", 0755);
    inotify_add_watch(in, "d", IN_CREATE);
    pthread_create(&t, NULL, make_later, NULL);
    CHECK_EQ(read(in, buf, sizeof(buf)), 32);
    pthread_join(t, NULL);
    struct sigaction sa = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &sa, NULL);
    struct itimerval soon = { .it_value = { 0, 50000 } };
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_ERRNO(read(in, buf, sizeof(buf)), EINTR);
    close(in);
    rmdir("d/late"), rmdir("d");
}

static void coalescing(void)
{
    char c;
    int in = instance();
    make("f", "0123456789");
    inotify_add_watch(in, "f", IN_ACCESS | IN_MODIFY);
    int fd = open("f", O_RDWR);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(read(fd, &c, 1), 1);
    EVENTS(in, "1 ACCESS; ");
    CHECK_EQ(read(fd, &c, 1), 1);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(read(fd, &c, 1), 1);
    EVENTS(in, "1 ACCESS; 1 MODIFY; 1 ACCESS; ");
    close(fd), close(in);
    unlink("f");
}

static long number_in(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY);
    NEED(fd >= 0);
    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    return atol(text);
}

static void limits(void)
{
    char c, buf[65536] __attribute__((aligned(8)));
    long most = number_in("/proc/sys/fs/inotify/max_queued_events");
    CHECK(number_in("/proc/sys/fs/inotify/max_user_instances") >= 128);
    CHECK(number_in("/proc/sys/fs/inotify/max_user_watches") >= 8192);
    int in = instance(), events = 0;
    uint32_t last = 0;
    make("f", "0123456789");
    inotify_add_watch(in, "f", IN_ACCESS | IN_MODIFY);
    int fd = open("f", O_RDWR);
    for (long i = 0; i < most + 10; i++)
        CHECK_EQ(i & 1 ? pread(fd, &c, 1, 0) : pwrite(fd, "x", 1, 0), 1);
    for (ssize_t n; (n = read(in, buf, sizeof(buf))) > 0;)
        for (char *p = buf; p < buf + n; p += 16, events++) {
            last = ((struct inotify_event *)p)->mask;
            if (last == IN_Q_OVERFLOW)
                CHECK_EQ(((struct inotify_event *)p)->wd, -1);
        }
    CHECK_EQ(last, IN_Q_OVERFLOW);
    CHECK_EQ(events, most + 1);
    CHECK_EQ(pwrite(fd, "x", 1, 0), 1); /* it goes on */
    EVENTS(in, "1 MODIFY; ");
    close(fd), close(in);
    unlink("f");
}

static void two_instances(void)
{
    char path[64], text[512] = "";
    int one = instance(), two = instance();
    make("f", "x");
    CHECK_EQ(inotify_add_watch(one, "f", IN_ATTRIB), 1);
    CHECK_EQ(inotify_add_watch(two, ".", IN_ATTRIB | IN_CREATE), 1);
    CHECK_EQ(inotify_add_watch(two, "f", IN_OPEN), 2);
    CHECK_EQ(chmod("f", 0600), 0);
    EVENTS(one, "1 ATTRIB; ");
    EVENTS(two, "1 ATTRIB f; ");
    int again = dup(one);
    close(one);
    CHECK_EQ(chmod("f", 0644), 0);
    EVENTS(again, "1 ATTRIB; ");
    struct stat st;
    CHECK_EQ(stat("f", &st), 0);
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", again);
    int fd = open(path, O_RDONLY);
    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    snprintf(path, sizeof(path), "inotify wd:1 ino:%lx sdev:", (long)st.st_ino);
    CHECK(strstr(text, path) && strstr(text, " mask:4 ignored_mask:0 "));
    close(again), close(two);
    unlink("f");
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    content();
    unlinked();
    reading();
    blocking();
    coalescing();
    limits();
    if (!strstr(argv[1], "encrypted")) { /* no modes, no links, no renaming of directories there */
        attributes();
        names();
        moves();
        flags();
        two_instances();
    }
    printf("inotify: done\n");
    return check_result();
}

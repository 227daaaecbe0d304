/* POSIX message queues in one process: names, priorities, waiting, readiness, and being told. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define NAME "/cloister-mqueue-test"

static struct mq_attr attr_of(mqd_t q)
{
    struct mq_attr a = { 0 };
    CHECK_EQ(mq_getattr(q, &a), 0);
    return a;
}

/* What comes: "PRIORITY:TEXT", or the errno. */
static const char *receive(mqd_t q)
{
    static char line[200];
    char text[100];
    unsigned priority = 0;
    long n = mq_receive(q, text, sizeof(text), &priority);
    if (n < 0)
        return strerrorname_np(errno);
    snprintf(line, sizeof(line), "%u:%.*s", priority, (int)n, text);
    return line;
}

static mqd_t small_queue(int flags)
{
    struct mq_attr a = { .mq_maxmsg = 4, .mq_msgsize = 20 };
    mqd_t q = mq_open(NAME, O_CREAT | O_EXCL | O_RDWR | flags, 0600, &a);
    NEED(q != (mqd_t)-1);
    return q;
}

static void names(void)
{
    mq_unlink(NAME);
    CHECK_ERRNO(mq_open(NAME, O_RDWR), ENOENT);
    mqd_t q = mq_open(NAME, O_CREAT | O_EXCL | O_RDWR, 0600, NULL);
    NEED(q != (mqd_t)-1);
    struct mq_attr a = attr_of(q);
    CHECK(a.mq_maxmsg == 10 && a.mq_msgsize == 8192 && a.mq_curmsgs == 0 && a.mq_flags == 0);
    CHECK_EQ(fcntl(q, F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(mq_open(NAME, O_CREAT | O_EXCL | O_RDWR, 0600, NULL), EEXIST);
    CHECK_ERRNO(mq_open(NAME, O_ACCMODE), EINVAL);
    mqd_t r = mq_open(NAME, O_RDONLY),
          w = mq_open(NAME, O_CREAT | O_WRONLY | O_NONBLOCK, 0600, NULL);
    CHECK_EQ(attr_of(w).mq_flags, O_NONBLOCK);
    CHECK_ERRNO(mq_send(r, "x", 1, 0), EBADF);
    char buf[8192];
    CHECK_ERRNO(mq_receive(w, buf, sizeof(buf), NULL), EBADF);
    CHECK_EQ(mq_send(w, "x", 1, 0), 0);
    CHECK_EQ(mq_unlink(NAME), 0);
    CHECK_ERRNO(mq_unlink(NAME), ENOENT);
    CHECK_EQ(mq_receive(r, buf, sizeof(buf), NULL), 1); /* without a name it lives on */
    mq_close(r);
    mq_close(w);
    mq_close(q);
    CHECK_ERRNO(mq_close(q), EBADF);
    CHECK_ERRNO(syscall(SYS_mq_open, "a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    CHECK_ERRNO(syscall(SYS_mq_open, "..", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    CHECK_ERRNO(syscall(SYS_mq_open, "", O_CREAT | O_RDWR, 0600, NULL), ENOENT);
    char longer[300];
    memset(longer, 'n', sizeof(longer));
    longer[256] = 0;
    CHECK_ERRNO(syscall(SYS_mq_open, longer, O_CREAT | O_RDWR, 0600, NULL), ENAMETOOLONG);
    CHECK_ERRNO(syscall(SYS_mq_unlink, "a/b"), EACCES);
    CHECK_ERRNO(syscall(SYS_mq_open, 16, O_CREAT | O_RDWR, 0600, NULL), EFAULT);
    CHECK_ERRNO(syscall(SYS_mq_open, "x", O_CREAT | O_RDWR, 0600, 16), EFAULT);
}

static void sizes(void)
{
    struct mq_attr none = { .mq_maxmsg = 0, .mq_msgsize = 20 }, negative = { 4, 4, -1, 0, { 0 } },
                   huge = { .mq_maxmsg = 70000, .mq_msgsize = 20 };
    CHECK_ERRNO(mq_open(NAME, O_CREAT | O_RDWR, 0600, &none), EINVAL);
    CHECK_ERRNO(mq_open(NAME, O_CREAT | O_RDWR, 0600, &negative), EINVAL);
    CHECK_ERRNO(mq_open(NAME, O_CREAT | O_RDWR, 0600, &huge), EINVAL);
    struct rlimit old, few = { 1, 1 };
    getrlimit(RLIMIT_MSGQUEUE, &old);
    few.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_MSGQUEUE, &few);
    CHECK_ERRNO(mq_open(NAME, O_CREAT | O_RDWR, 0600, NULL), EMFILE);
    setrlimit(RLIMIT_MSGQUEUE, &old);
    CHECK_ERRNO(mq_open(NAME, O_RDWR), ENOENT);
}

static void priorities(void)
{
    mqd_t q = small_queue(O_NONBLOCK);
    char text[20];
    CHECK_EQ(mq_send(q, "low", 3, 1), 0);
    CHECK_EQ(mq_send(q, "high", 4, 32767), 0);
    CHECK_EQ(mq_send(q, "low too", 7, 1), 0);
    CHECK_EQ(mq_send(q, "", 0, 5), 0);
    CHECK_ERRNO(mq_send(q, "full", 4, 1), EAGAIN);
    CHECK_ERRNO(mq_send(q, "x", 1, 32768), EINVAL);
    CHECK_ERRNO(mq_send(q, "123456789012345678901", 21, 1), EMSGSIZE);
    CHECK_ERRNO(mq_receive(q, text, 19, NULL), EMSGSIZE);
    CHECK_EQ(attr_of(q).mq_curmsgs, 4);
    char status[200] = "";
    CHECK(pread(q, status, sizeof(status), 0) > 0 &&
          !strncmp(status, "QSIZE:14         NOTIFY:0     SIGNO:0     NOTIFY_PID:0", 51));
    for (int i = 0; i < 5; i++)
        puts(receive(q));
    struct mq_attr block = { 0 }, old, bad = { .mq_flags = O_APPEND };
    CHECK_EQ(mq_setattr(q, &block, &old), 0);
    CHECK(old.mq_flags == O_NONBLOCK && attr_of(q).mq_flags == 0);
    CHECK_ERRNO(mq_setattr(q, &bad, NULL), EINVAL);
    CHECK_ERRNO(mq_setattr(0, &block, NULL), EBADF);
    struct timespec past = { 1, 0 }, wrong = { 1, -1 };
    CHECK_ERRNO(mq_timedreceive(q, text, 20, NULL, &past), ETIMEDOUT);
    CHECK_ERRNO(mq_timedreceive(q, text, 20, NULL, &wrong), EINVAL);
    CHECK_ERRNO(syscall(SYS_mq_timedsend, q, 16, 3, 0, NULL), EFAULT);
    CHECK_EQ(mq_send(q, "lost", 4, 0), 0);
    CHECK_ERRNO(syscall(SYS_mq_timedreceive, q, 16, 20, NULL, NULL), EFAULT);
    CHECK_EQ(attr_of(q).mq_curmsgs, 0);
    mq_close(q);
    CHECK_EQ(mq_unlink(NAME), 0);
}

struct waiter {
    pthread_t thread;
    mqd_t q;
    int sends, error;
    long result;
    unsigned priority;
    char text[20];
};

static void *run(void *arg)
{
    struct waiter *w = arg;
    w->result = w->sends ? mq_send(w->q, w->text, 5, 3)
                         : mq_receive(w->q, w->text, sizeof(w->text), &w->priority);
    w->error = errno;
    return NULL;
}

static void start(struct waiter *w, mqd_t q, int sends)
{
    *w = (struct waiter){ .q = q, .sends = sends, .text = "later" };
    NEED(pthread_create(&w->thread, NULL, run, w) == 0);
    usleep(20000);
}

static void on_signal(int sig)
{
    (void)sig;
}

static void waiting(void)
{
    mqd_t q = small_queue(0);
    struct waiter a, b;
    start(&a, q, 0);
    start(&b, q, 0);
    CHECK_EQ(mq_send(q, "first", 5, 1), 0);
    pthread_join(a.thread, NULL);
    CHECK(a.result == 5 && a.priority == 1 && !memcmp(a.text, "first", 5));
    CHECK_EQ(mq_send(q, "second", 6, 9), 0);
    pthread_join(b.thread, NULL);
    CHECK(b.result == 6 && b.priority == 9);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(mq_send(q, "fill", 4, 7), 0);
    start(&a, q, 1);
    CHECK(!strcmp(receive(q), "7:fill"));
    pthread_join(a.thread, NULL);
    CHECK(a.result == 0 && attr_of(q).mq_curmsgs == 4);
    start(&a, q, 1);
    struct sigaction sa = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &sa, NULL);
    pthread_kill(a.thread, SIGUSR1);
    pthread_join(a.thread, NULL);
    CHECK(a.result == -1 && a.error == EINTR && attr_of(q).mq_curmsgs == 4);
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    CHECK_ERRNO(mq_timedsend(q, "x", 1, 0, &soon), ETIMEDOUT);
    mq_close(q);
    mq_unlink(NAME);
}

static void readiness(void)
{
    mqd_t q = small_queue(0);
    struct pollfd p = { .fd = q, .events = POLLIN | POLLOUT };
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
    int e = epoll_create1(0);
    struct epoll_event ev = { .events = EPOLLIN };
    CHECK_EQ(epoll_ctl(e, EPOLL_CTL_ADD, q, &ev), 0);
    CHECK_EQ(epoll_wait(e, &ev, 1, 0), 0);
    for (int i = 0; i < 4; i++)
        mq_send(q, "x", 1, 0);
    CHECK_EQ(epoll_wait(e, &ev, 1, 1000), 1);
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
    close(e);
    mq_close(q);
    mq_unlink(NAME);
}

static void on_message(union sigval v)
{
    sem_post(v.sival_ptr);
}

static void telling(void)
{
    mqd_t q = small_queue(O_NONBLOCK);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
                           .sigev_signo = SIGRTMIN,
                           .sigev_value.sival_int = 77 };
    CHECK_EQ(mq_notify(q, &ev), 0);
    CHECK_ERRNO(mq_notify(q, &ev), EBUSY);
    CHECK_EQ(mq_send(q, "a", 1, 0), 0);
    siginfo_t info;
    struct timespec second = { 5, 0 }, none = { 0, 0 };
    CHECK_EQ(sigtimedwait(&set, &info, &second), SIGRTMIN);
    CHECK(info.si_code == SI_MESGQ && info.si_value.sival_int == 77 && info.si_pid == getpid());
    CHECK_EQ(mq_notify(q, &ev), 0); /* once only, and only when it was empty */
    CHECK_EQ(mq_send(q, "b", 1, 0), 0);
    CHECK_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
    CHECK_EQ(mq_notify(q, NULL), 0);
    while (receive(q)[0] != 'E')
        ;
    CHECK_EQ(mq_notify(q, &ev), 0);
    struct mq_attr block = { 0 };
    mq_setattr(q, &block, NULL);
    struct waiter w;
    start(&w, q, 0);
    CHECK_EQ(mq_send(q, "for the waiter", 14, 0), 0);
    pthread_join(w.thread, NULL);
    CHECK_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN); /* who waited got it */
    CHECK_EQ(mq_notify(q, NULL), 0);
    ev.sigev_notify = 99;
    CHECK_ERRNO(mq_notify(q, &ev), EINVAL);
    ev.sigev_notify = SIGEV_SIGNAL, ev.sigev_signo = 65;
    CHECK_ERRNO(mq_notify(q, &ev), EINVAL);
    ev.sigev_signo = SIGRTMIN;
    CHECK_ERRNO(mq_notify(0, &ev), EBADF);
    CHECK_ERRNO(syscall(SYS_mq_notify, q, 16), EFAULT);
    sem_t done;
    sem_init(&done, 0, 0);
    struct sigevent thread = { .sigev_notify = SIGEV_THREAD,
                               .sigev_notify_function = on_message,
                               .sigev_value.sival_ptr = &done };
    CHECK_EQ(mq_notify(q, &thread), 0);
    CHECK_EQ(mq_send(q, "c", 1, 0), 0);
    struct timespec until = { time(NULL) + 5, 0 };
    CHECK_EQ(sem_timedwait(&done, &until), 0);
    mq_close(q);
    mq_unlink(NAME);
}

static bool is_listed(const char *name)
{
    DIR *d = opendir("/dev/mqueue");
    struct dirent *e;
    bool found = false;
    while (d && (e = readdir(d)))
        found = found || (strcmp(e->d_name, name) == 0 && e->d_type == DT_REG);
    if (d)
        closedir(d);
    return found;
}

static void has_status(int fd, const char *expected)
{
    char line[128] = "";
    CHECK(pread(fd, line, sizeof(line) - 1, 0) > 0);
    CHECK_EQ(strcmp(line, expected), 0);
}

/* The queues as files, where the machine has that file system mounted. */
static void directory(void)
{
    struct mq_attr a = { .mq_maxmsg = 4, .mq_msgsize = 16 };
    struct sigevent by_signal = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG };
    struct stat st;
    char text[128], byte[16];
    if (stat("/dev/mqueue", &st))
        return;
    CHECK(S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 01777);
    CHECK_ERRNO(open("/dev/mqueue/cloister-file", O_RDONLY), ENOENT);
    mqd_t q = mq_open("/cloister-file", O_CREAT | O_EXCL | O_RDWR, 0640, &a), other = mq_open("/cloister-second", O_CREAT | O_RDWR, 0600, &a);
    NEED(q >= 0 && other >= 0);
    CHECK(is_listed("cloister-file") && is_listed("cloister-second") && !is_listed("cloister"));
    CHECK(stat("/dev/mqueue/cloister-file", &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0640 && st.st_size == 80);
    int fd = open("/dev/mqueue/cloister-file", O_RDWR);
    NEED(fd >= 0);
    has_status(fd, "QSIZE:0          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
    CHECK_EQ(mq_send(fd, "hello", 5, 0), 0); /* the file is the queue */
    CHECK_EQ(mq_send(q, "you", 3, 0), 0);
    CHECK_EQ(mq_notify(other, &by_signal), 0);
    has_status(fd, "QSIZE:8          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
    CHECK_EQ(mq_receive(q, byte, sizeof(byte), NULL), 5);
    has_status(q, "QSIZE:3          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
    int second = open("/dev/mqueue/cloister-second", O_RDONLY);
    snprintf(text, sizeof(text), "QSIZE:0          NOTIFY:0     SIGNO:%-5d NOTIFY_PID:%-6d\n", SIGURG, getpid());
    has_status(second, text);
    CHECK_ERRNO(rmdir("/dev/mqueue/cloister-file"), ENOTDIR);
    CHECK_EQ(unlink("/dev/mqueue/cloister-file"), 0);
    CHECK_ERRNO(unlink("/dev/mqueue/cloister-file"), ENOENT);
    CHECK_ERRNO(mq_open("/cloister-file", O_RDWR), ENOENT);
    CHECK(!is_listed("cloister-file"));
    CHECK_EQ(mq_unlink("/cloister-second"), 0);
    CHECK_ERRNO(stat("/dev/mqueue/cloister-second", &st), ENOENT);
    close(fd), close(second), mq_close(q), mq_close(other);
}

int main(void)
{
    names();
    sizes();
    priorities();
    waiting();
    readiness();
    telling();
    directory();
    return check_result();
}

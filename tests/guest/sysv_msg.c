/* System V message queues in one process: types, room, waiting, and what is told about them. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define KEY 0x434c4d53

struct msg {
    long type;
    char text[8192];
};

static int send_text(int id, long type, const char *text, int flags)
{
    struct msg m = { .type = type };
    strcpy(m.text, text);
    return msgsnd(id, &m, strlen(text), flags);
}

/* What comes: "TYPE:TEXT", or the errno. */
static const char *receive(int id, long type, size_t size, int flags)
{
    static char line[8300];
    struct msg m = { 0 };
    long n = msgrcv(id, &m, size, type, flags);
    if (n < 0)
        snprintf(line, sizeof(line), "%s", strerrorname_np(errno));
    else
        snprintf(line, sizeof(line), "%ld:%.*s", m.type, (int)n, m.text);
    return line;
}

static void keys(void)
{
    int id = msgget(KEY, IPC_CREAT | IPC_EXCL | 0640);
    NEED(id >= 0);
    CHECK_EQ(msgget(KEY, 0), id);
    CHECK_ERRNO(msgget(KEY, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_ERRNO(msgget(KEY + 1, 0), ENOENT);
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
    CHECK_ERRNO(msgctl(id, IPC_RMID, NULL), EINVAL);
    CHECK_ERRNO(msgget(KEY, 0), ENOENT);
    CHECK_ERRNO(send_text(id, 1, "x", 0), EINVAL);
}

static void types(void)
{
    int id = msgget(IPC_PRIVATE, 0600);
    CHECK_EQ(send_text(id, 5, "five", 0), 0);
    CHECK_EQ(send_text(id, 3, "three", 0), 0);
    CHECK_EQ(send_text(id, 4, "four", 0), 0);
    CHECK_EQ(send_text(id, 3, "again", 0), 0);
    CHECK_EQ(send_text(id, 7, "", 0), 0);
    puts(receive(id, 1, 100, MSG_COPY | IPC_NOWAIT));
    puts(receive(id, 9, 100, MSG_COPY | IPC_NOWAIT));
    puts(receive(id, 0, 2, MSG_COPY | IPC_NOWAIT));
    puts(receive(id, 0, 2, MSG_COPY | IPC_NOWAIT | MSG_NOERROR));
    puts(receive(id, 0, 100, MSG_COPY));
    puts(receive(id, 0, 100, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT));
    puts(receive(id, -4, 100, 0));
    puts(receive(id, 3, 100, 0));
    puts(receive(id, 5, 100, MSG_EXCEPT));
    puts(receive(id, 6, 100, IPC_NOWAIT));
    puts(receive(id, 0, 3, 0));
    puts(receive(id, 0, 3, MSG_NOERROR));
    puts(receive(id, LONG_MIN, 3, 0));
    puts(receive(id, 0, 3, IPC_NOWAIT));
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
}

static void errors(void)
{
    int id = msgget(IPC_PRIVATE, 0600);
    struct msg m = { .type = 1 };
    CHECK_ERRNO(send_text(id, 0, "x", 0), EINVAL);
    CHECK_ERRNO(send_text(id, -1, "x", 0), EINVAL);
    CHECK_ERRNO(msgsnd(id, &m, 8193, 0), EINVAL);
    CHECK_ERRNO(msgsnd(-1, &m, 1, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_msgsnd, id, 8, 1, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_msgrcv, id, &m, -1L, 0, 0), EINVAL);
    CHECK_EQ(msgsnd(id, &m, 8192, 0), 0);
    CHECK_EQ(msgsnd(id, &m, 8192, 0), 0);
    CHECK_ERRNO(msgsnd(id, &m, 1, IPC_NOWAIT), EAGAIN);
    CHECK_EQ(msgsnd(id, &m, 0, IPC_NOWAIT), 0);
    CHECK_ERRNO(syscall(SYS_msgrcv, id, 8, 8192, 0, 0), EFAULT); /* and it is lost */
    struct msqid_ds ds;
    CHECK_EQ(msgctl(id, IPC_STAT, &ds), 0);
    CHECK(ds.msg_qnum == 2 && ds.__msg_cbytes == 8192);
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
}

struct waiter {
    pthread_t thread;
    int id, result, error;
    long type;
    size_t size;
    struct msg m;
};

static void *wait_message(void *arg)
{
    struct waiter *w = arg;
    w->result = (int)msgrcv(w->id, &w->m, w->size, w->type, 0);
    w->error = errno;
    return NULL;
}

static void *wait_room(void *arg)
{
    struct waiter *w = arg;
    w->m.type = 9;
    w->result = msgsnd(w->id, &w->m, w->size, 0);
    w->error = errno;
    return NULL;
}

static void start(struct waiter *w, void *(*run)(void *), int id, long type, size_t size)
{
    *w = (struct waiter){ .id = id, .type = type, .size = size };
    NEED(pthread_create(&w->thread, NULL, run, w) == 0);
    usleep(20000);
}

static void waiting(void)
{
    int id = msgget(IPC_PRIVATE, 0600);
    static struct waiter a, b, c;
    start(&a, wait_message, id, 2, 100);
    start(&b, wait_message, id, 0, 100);
    start(&c, wait_message, id, 0, 2);
    CHECK_EQ(send_text(id, 1, "for b", 0), 0);
    pthread_join(b.thread, NULL);
    CHECK(b.result == 5 && b.m.type == 1 && !strcmp(b.m.text, "for b"));
    CHECK_EQ(send_text(id, 3, "too long for c", 0), 0);
    pthread_join(c.thread, NULL);
    CHECK(c.result == -1 && c.error == E2BIG);
    CHECK_EQ(send_text(id, 2, "for a", 0), 0);
    pthread_join(a.thread, NULL);
    CHECK(a.result == 5 && a.m.type == 2);
    start(&a, wait_message, id, 77, 100);
    start(&b, wait_room, id, 0, 8192);
    pthread_join(b.thread, NULL);
    start(&b, wait_room, id, 0, 8192);
    CHECK_EQ(msgrcv(id, &c.m, 8192, 0, 0), 14);
    pthread_join(b.thread, NULL);
    CHECK_EQ(b.result, 0);
    start(&b, wait_room, id, 0, 1);
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
    pthread_join(a.thread, NULL);
    pthread_join(b.thread, NULL);
    CHECK(a.result == -1 && a.error == EIDRM && b.result == -1 && b.error == EIDRM);
}

static void on_signal(int sig)
{
    (void)sig;
}

/* Never restarted, whatever the handler's flags. */
static void interrupted(void)
{
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &sa, NULL);
    int id = msgget(IPC_PRIVATE, 0600);
    static struct waiter w;
    start(&w, wait_message, id, 0, 1);
    pthread_kill(w.thread, SIGUSR1);
    pthread_join(w.thread, NULL);
    CHECK(w.result == -1 && w.error == EINTR);
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
}

static void limits(void)
{
    struct msginfo info;
    int values[3] = { 0 };
    static const char *const names[3] = { "max", "mnb", "mni" };
    CHECK(msgctl(0, IPC_INFO, (struct msqid_ds *)&info) >= 0);
    for (int i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/sys/kernel/msg%s", names[i]);
        FILE *f = fopen(path, "r");
        NEED(f && fscanf(f, "%d", &values[i]) == 1);
        fclose(f);
    }
    CHECK(values[0] == info.msgmax && values[1] == info.msgmnb && values[2] == info.msgmni);
    CHECK(info.msgmax == 8192 && info.msgmnb == 16384 && info.msgssz == 16 &&
          info.msgseg == 0xffff);
}

static void control(void)
{
    time_t start_time = time(NULL);
    int id = msgget(IPC_PRIVATE, 0640);
    struct msqid_ds ds;
    CHECK_EQ(msgctl(id, IPC_STAT, &ds), 0);
    CHECK(ds.msg_qnum == 0 && ds.msg_stime == 0 && ds.msg_rtime == 0 && ds.msg_lspid == 0 &&
          ds.msg_ctime >= start_time - 1);
    CHECK_EQ(ds.msg_qbytes, 16384);
    CHECK_EQ(send_text(id, 1, "hello", 0), 0);
    msgctl(id, IPC_STAT, &ds);
    CHECK(ds.msg_qnum == 1 && ds.__msg_cbytes == 5 && ds.msg_lspid == getpid() &&
          ds.msg_stime >= start_time - 1);
    ds.msg_qbytes = 8;
    ds.msg_perm.mode = 0600;
    CHECK_EQ(msgctl(id, IPC_SET, &ds), 0);
    CHECK_ERRNO(send_text(id, 1, "hello", IPC_NOWAIT), EAGAIN);
    CHECK_EQ(send_text(id, 1, "abc", IPC_NOWAIT), 0);
    struct msginfo info;
    int highest = msgctl(0, MSG_INFO, (struct msqid_ds *)&info);
    CHECK(highest >= 0 && info.msgpool >= 1 && info.msgmap >= 2 && info.msgtql >= 8);
    int found = 0, listed = 0;
    for (int i = 0; i <= highest; i++)
        found += msgctl(i, MSG_STAT, &ds) == id && ds.msg_qnum == 2;
    CHECK_EQ(found, 1);
    char line[200];
    FILE *f = fopen("/proc/sysvipc/msg", "r");
    NEED(f);
    while (fgets(line, sizeof(line), f)) {
        int key, number;
        unsigned mode, bytes, count;
        if (sscanf(line, "%d %d %o %u %u", &key, &number, &mode, &bytes, &count) == 5 &&
            number == id)
            listed += mode == 0600 && bytes == 8 && count == 2;
    }
    fclose(f);
    CHECK_EQ(listed, 1);
    CHECK_ERRNO(msgctl(id, 99, &ds), EINVAL);
    CHECK_ERRNO(msgctl(id, IPC_STAT, (void *)16), EFAULT);
    CHECK_ERRNO(msgctl(-1, IPC_STAT, &ds), EINVAL);
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
}

int main(void)
{
    keys();
    types();
    errors();
    waiting();
    interrupted();
    limits();
    control();
    return check_result();
}

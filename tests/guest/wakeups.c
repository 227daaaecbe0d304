/* No wake-up is lost: two threads hand a turn to and fro, thousands of times, over a futex, a FIFO and a condition. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>

#include "check.h"

#define ROUNDS      5000
#define FIFO_ROUNDS 1000

static _Atomic int g_turn;

static void *take_turns(void *arg)
{
    int me = arg != NULL, other = !me;
    for (int i = 0; i < ROUNDS; i++) {
        while (g_turn != me)
            syscall(SYS_futex, &g_turn, FUTEX_WAIT_PRIVATE, other, NULL);
        g_turn = other;
        syscall(SYS_futex, &g_turn, FUTEX_WAKE_PRIVATE, 1);
    }
    return NULL;
}

static void futex_turns(void)
{
    pthread_t t;
    NEED(pthread_create(&t, NULL, take_turns, &g_failures) == 0);
    take_turns(NULL);
    pthread_join(t, NULL);
    CHECK_EQ(g_turn, 0);
}

static void *write_each(void *arg)
{
    for (int i = 0; i < FIFO_ROUNDS; i++) {
        int fd = open("ff", O_WRONLY);
        CHECK_EQ(write(fd, &i, sizeof(i)), sizeof(i));
        close(fd);
        sem_wait(arg);
    }
    return NULL;
}

/* Each time one of the two comes first and waits for the other; the writer may be gone before the reader looks. */
static void fifo_turns(void)
{
    pthread_t t;
    sem_t next;
    int value = 0, wrong = 0;
    CHECK_EQ(mkfifo("ff", 0600), 0);
    sem_init(&next, 0, 0);
    NEED(pthread_create(&t, NULL, write_each, &next) == 0);
    for (int i = 0; i < FIFO_ROUNDS; i++) {
        if (i % 2)
            usleep(100); /* the writer comes first */
        int fd = open("ff", O_RDONLY);
        wrong += read(fd, &value, sizeof(value)) != sizeof(value) || value != i;
        wrong += read(fd, &value, sizeof(value)) != 0;
        close(fd);
        sem_post(&next);
    }
    pthread_join(t, NULL);
    CHECK_EQ(wrong, 0);
    sem_destroy(&next);
}

/* A writer that was there when the reader opened hangs up when it goes, though it never wrote. */
static void fifo_hang_up(void)
{
    int both = open("ff", O_RDWR);
    int reader = open("ff", O_RDONLY | O_NONBLOCK);
    struct pollfd p = { .fd = reader, .events = POLLIN };
    CHECK_EQ(poll(&p, 1, 0), 0);
    close(both);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLHUP);
    close(reader);
    reader = open("ff", O_RDONLY | O_NONBLOCK);
    p.fd = reader;
    CHECK_EQ(poll(&p, 1, 0), 0);
    close(reader);
    CHECK_EQ(unlink("ff"), 0);
}

struct meeting {
    pthread_mutex_t mu;
    pthread_cond_t changed;
    int turn;
};

static void *meet(void *arg)
{
    struct meeting *m = arg;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&m->mu);
        int mine = m->turn;
        m->turn++;
        pthread_cond_signal(&m->changed);
        while (m->turn == mine + 1 && i < ROUNDS - 1)
            pthread_cond_wait(&m->changed, &m->mu);
        pthread_mutex_unlock(&m->mu);
    }
    return NULL;
}

static void condition_turns(void)
{
    struct meeting m = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };
    pthread_t t;
    NEED(pthread_create(&t, NULL, meet, &m) == 0);
    meet(&m);
    pthread_join(t, NULL);
    CHECK_EQ(m.turn, 2 * ROUNDS);
}

int main(int argc, char **argv)
{
    NEED(check_enter_scratch(argc, argv) == 0);
    unlink("ff");
    futex_turns();
    fifo_turns();
    fifo_hang_up();
    condition_turns();
    return check_result();
}

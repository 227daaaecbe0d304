/*
 * The quoting service's sockets: one poll loop, many clients, one request per connection. Clients
 * are hostile: lengths are bounded, a slow one is dropped after a while, none blocks another.
 */
#include "attest/soft/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "attest/soft/answer.h"
#include "attest/soft/dcap_ql.h"
#include "attest/soft/qe.h"
#include "attest/soft/state.h"
#include "attest/soft/unix_socket.h"
#include "lib/aesm/aesm.h"
#include "lib/base/bytes.h"

#define CLIENTS_MAX    128
#define CLIENT_SECONDS 10
#define TICK_MS        1000

struct client {
    int fd; /* -1: free */
    int64_t deadline;
    uint8_t request[AESM_FRAME_HEADER + SOFT_REQUEST_MAX];
    size_t received;
    uint8_t *response; /* NULL while receiving */
    size_t response_size, sent;
};

struct service {
    struct quoter quoter;
    struct soft_qe *qe; /* one of these two makes the quotes */
    struct dcap_ql *ql;
    int listener;
    int64_t last_activity;
    const char *path;
    ino_t inode; /* of the socket we listen on */
    struct client client[CLIENTS_MAX];
};

static volatile sig_atomic_t g_stop;

static void on_stop(int signal_number)
{
    (void)signal_number;
    g_stop = 1;
}

static int64_t seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->response);
    c->fd = -1;
    c->response = NULL;
    c->received = c->response_size = c->sent = 0;
}

/* A whole request is there: answer it. */
static void client_answer(struct service *s, struct client *c, size_t size)
{
    int64_t n = soft_answer(&s->quoter, c->request + AESM_FRAME_HEADER, size, &c->response);
    if (n < 0) {
        client_close(c);
        return;
    }
    c->response_size = (size_t)n;
}

static void client_read(struct service *s, struct client *c)
{
    size_t room = c->received < AESM_FRAME_HEADER ? AESM_FRAME_HEADER : sizeof(c->request);
    ssize_t n = recv(c->fd, c->request + c->received, room - c->received, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_close(c);
        return;
    }
    c->received += (size_t)n;
    if (c->received < AESM_FRAME_HEADER)
        return;
    uint32_t size = load_le32(c->request);
    if (size > SOFT_REQUEST_MAX) {
        /* An absurd length: soft_answer says so without reading it. */
        client_answer(s, c, size);
        return;
    }
    if (c->received - AESM_FRAME_HEADER >= size)
        client_answer(s, c, size);
}

static void client_write(struct client *c)
{
    ssize_t n = send(c->fd, c->response + c->sent, c->response_size - c->sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->sent += (size_t)n;
    if (n <= 0 || c->sent == c->response_size)
        client_close(c);
}

static void accept_client(struct service *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    s->last_activity = seconds_now();
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (s->client[i].fd < 0) {
            s->client[i].fd = fd;
            s->client[i].deadline = s->last_activity + CLIENT_SECONDS;
            return;
        }
    close(fd);
}

/* Fill the poll set; slot i of `who` is the client of entry i. Returns the count. */
static nfds_t poll_set(struct service *s, struct pollfd *fds, struct client **who)
{
    nfds_t n = 1;
    bool room = false;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &s->client[i];
        room |= c->fd < 0;
        if (c->fd < 0)
            continue;
        fds[n] = (struct pollfd){ .fd = c->fd, .events = c->response ? POLLOUT : POLLIN };
        who[n++] = c;
    }
    fds[0] = (struct pollfd){ .fd = room ? s->listener : -1, .events = POLLIN };
    return n;
}

static void serve_ready(struct service *s, const struct pollfd *fds, struct client **who,
                        nfds_t count)
{
    int64_t now = seconds_now();
    for (nfds_t i = 1; i < count; i++) {
        if (fds[i].revents && !who[i]->response)
            client_read(s, who[i]);
        else if (fds[i].revents)
            client_write(who[i]);
        else if (now > who[i]->deadline)
            client_close(who[i]);
    }
    if (fds[0].revents)
        accept_client(s);
}

/* Somebody removed the state folder, or put another socket there: nobody can reach us any more. */
static bool socket_is_gone(const struct service *s)
{
    struct stat st;
    return lstat(s->path, &st) || st.st_ino != s->inode;
}

static void serve(struct service *s, unsigned idle_exit)
{
    struct pollfd fds[CLIENTS_MAX + 1];
    struct client *who[CLIENTS_MAX + 1];
    s->last_activity = seconds_now();
    while (!g_stop) {
        nfds_t n = poll_set(s, fds, who);
        if (n == 1 && idle_exit && seconds_now() - s->last_activity >= idle_exit)
            return;
        if (n == 1 && socket_is_gone(s))
            return;
        if (poll(fds, n, TICK_MS) > 0 || n > 1)
            serve_ready(s, fds, who, n);
    }
}

/* Hold the lock beside the socket, or find that someone else serves there. */
static int own_socket(const char *path)
{
    char lock[SOFT_PATH_MAX];
    if ((size_t)snprintf(lock, sizeof(lock), "%s.lock", path) >= sizeof(lock))
        return -ENAMETOOLONG;
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB); tries++) {
        int probe = unix_connect(path, 1000);
        if (probe >= 0 || tries > 250) {
            close(probe >= 0 ? probe : fd);
            close(probe >= 0 ? fd : -1);
            return -EALREADY;
        }
        usleep(20000); /* the other one is starting or leaving */
    }
    return fd;
}

static void catch_signals(void)
{
    struct sigaction stop = { .sa_handler = on_stop }, ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

static int open_quoter(struct service *s, const struct soft_service *o, const char *folder,
                       char *why, size_t why_size)
{
    int ret = o->dcap_ql ? dcap_ql_open(o->dcap_ql_path, &s->ql, why, why_size)
                         : soft_qe_new(folder, &s->qe);
    if (ret == 0)
        s->quoter = o->dcap_ql ? dcap_ql_quoter(s->ql) : soft_qe_quoter(s->qe);
    return ret;
}

static void serve_on(struct service *s, const struct soft_service *o)
{
    struct stat st;
    s->inode = lstat(s->path, &st) ? 0 : st.st_ino;
    if (o->ready)
        o->ready(s->path);
    serve(s, o->idle_exit);
    if (!socket_is_gone(s))
        unlink(s->path);
    close(s->listener);
}

static int run_locked(const struct soft_service *o, const char *path, const char *folder, char *why,
                      size_t why_size)
{
    struct service *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->path = path;
    for (int i = 0; i < CLIENTS_MAX; i++)
        s->client[i].fd = -1;
    int ret = open_quoter(s, o, folder, why, why_size);
    s->listener = ret ? -1 : unix_listen(path);
    if (ret == 0 && s->listener < 0)
        ret = s->listener;
    if (ret == 0)
        serve_on(s, o);
    for (int i = 0; i < CLIENTS_MAX; i++)
        client_close(&s->client[i]);
    soft_qe_free(s->qe);
    dcap_ql_close(s->ql);
    free(s);
    return ret;
}

static int socket_path(const struct soft_service *o, const char *folder, char *out, size_t size)
{
    if (!o->socket)
        return soft_path(folder, o->dcap_ql ? SOFT_DCAP_QL_SOCKET : SOFT_SOCKET, out, size);
    return snprintf(out, size, "%s", o->socket) < (int)size ? 0 : -ENAMETOOLONG;
}

int soft_service_run(const struct soft_service *o, char *why, size_t why_size)
{
    char folder[SOFT_PATH_MAX], path[SOFT_PATH_MAX];
    *why = 0;
    int ret = soft_state_dir(o->state, folder, sizeof(folder));
    if (ret == 0)
        ret = socket_path(o, folder, path, sizeof(path));
    if (ret)
        return ret;
    g_stop = 0;
    catch_signals();
    int lock = own_socket(path);
    if (lock < 0)
        return lock;
    ret = run_locked(o, path, folder, why, why_size);
    close(lock);
    return ret;
}

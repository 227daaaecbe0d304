/*
 * Pipes, eventfd, poll, epoll and Unix sockets on one thread, without blocking: what is readable
 * when, and with which error. The host is asked for nothing but epoll on one pipe of libc's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#undef assert

#include "enclave/clock.h"
#include "enclave/park.h"
#include "enclave/uaccess.h"
#include "fake_machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/linux/fcntl.h"
#include "libos/fs/change.h"
#include "libos/fs/file.h"
#include "libos/fs/owner.h"
#include "libos/fs/locks.h"
#include "libos/fs/notify.h"
#include "libos/fs/vfs.h"
#include "libos/ipc/epoll.h"
#include "libos/ipc/eventfd.h"
#include "libos/ipc/pipe.h"
#include "libos/ipc/poll.h"
#include "libos/net/socket.h"
#include "libos/proc/process.h"
#include "libos/sys/iobuf.h"

#define IN  (EPOLLIN | EPOLLRDNORM)
#define OUT (EPOLLOUT | EPOLLWRNORM)

/* ---- what libos/ipc needs of others */

static struct fs_view g_view;
static struct process g_process = { .pid = 7, .fs = &g_view };
static struct thread g_thread = { .process = &g_process };
static struct thread_block g_block;
static unsigned g_sigpipes;

bool signal_pending_current(void)
{
    return false;
}

void signal_from_host(uint64_t bits) {}

int signal_send_thread(struct thread *t, int sig, const struct linux_siginfo *info)
{
    g_sigpipes += sig == SIGPIPE;
    return 0;
}

int64_t clock_monotonic(void)
{
    return 1000;
}

int park(int64_t deadline)
{
    return __atomic_exchange_n(&g_block.park_token, 0, __ATOMIC_ACQ_REL) ? 0 : -ETIMEDOUT;
}

void unpark(struct thread_block *tb)
{
    tb->park_token = 1;
}

int park_poll(struct park_pollfd *fds, uint32_t count, int64_t deadline)
{
    struct linux_timespec none = { 0 };
    long n = syscall(SYS_ppoll, fds, count, &none, NULL, 8);
    return n > 0 ? (int)n : park(deadline);
}

int64_t park_epoll(int epoll_fd, void *events, uint32_t max, int64_t deadline)
{
    long n = syscall(SYS_epoll_pwait, epoll_fd, events, max, 0, NULL, 8);
    return n > 0 ? n : park(deadline);
}

void park_wake_again(struct thread_block *tb) {}

int park_wake_fd(void)
{
    static int fd = -1;
    if (fd < 0)
        fd = (int)syscall(SYS_eventfd2, 0, 0x80800);
    return fd;
}

int64_t park_ask(struct park_pollfd *fds, uint32_t count, const struct linux_timespec *timeout)
{
    return syscall(SYS_ppoll, fds, count, timeout, NULL, 8);
}

int user_write(uaddr_t to, const void *from, size_t size)
{
    memcpy((void *)to, from, size);
    return 0;
}

int user_read(void *to, uaddr_t from, size_t size)
{
    memcpy(to, (const void *)from, size);
    return 0;
}

int user_zero(uaddr_t to, size_t size)
{
    memset((void *)to, 0, size);
    return 0;
}

bool user_range_ok(uaddr_t address, uint64_t size)
{
    return address + size >= address;
}

size_t user_write_some(uaddr_t to, const void *from, size_t size)
{
    return user_write(to, from, size) == 0 ? size : 0;
}

size_t user_read_some(void *to, uaddr_t from, size_t size)
{
    return user_read(to, from, size) == 0 ? size : 0;
}

void locks_release_file(struct file *f) {}
void file_forget_async(struct file *f) {}
void owner_tell(const struct owner_notice *n) {}
struct owner_notice owner_notice_of(const struct file *f, uint32_t events)
{
    return (struct owner_notice){ 0 };
}

/* Nobody watches files here. */
uint32_t g_notify_interest;
void notify_file_slow(struct file *f, uint32_t mask) {}
bool notify_close_begin(struct file *f, struct notify_key *key)
{
    return false;
}
void notify_close_end(const struct notify_key *key) {}

void dentry_put(struct dentry *d) {}

int vfs_stat(struct dentry *d, struct linux_stat *st)
{
    return -EIO;
}

int vfs_mknod(struct fs_view *v, struct dentry *start, const char *path, uint32_t mode,
              struct dentry **out)
{
    return -EPERM;
}

int vfs_walk(struct fs_view *v, struct dentry *start, const char *path, unsigned flags,
             struct dentry **out)
{
    return -ENOENT;
}

/* ---- short forms */

static int64_t put(struct file *f, const char *data, size_t size)
{
    struct iobuf b;
    iobuf_kernel(&b, (void *)(uintptr_t)data, size);
    return f->ops->write(f, &b, NULL);
}

static int64_t get(struct file *f, void *data, size_t size)
{
    struct iobuf b;
    iobuf_kernel(&b, data, size);
    return f->ops->read(f, &b, NULL);
}

static uint32_t ready(struct file *f)
{
    return file_poll(f, NULL);
}

static void make_pipe(struct file **r, struct file **w, uint32_t flags)
{
    assert_int_equal(pipe_create(O_NONBLOCK | flags, r, w), 0);
}

/* ---- pipes */

static void a_pipe_carries_bytes_in_order_and_ends(void **state)
{
    struct file *r, *w;
    char buf[16];
    make_pipe(&r, &w, 0);
    assert_int_equal(get(r, buf, 1), -EAGAIN);
    assert_int_equal(ready(r), 0);
    assert_int_equal(ready(w), OUT);
    assert_int_equal(put(w, "hello", 5), 5);
    assert_int_equal(ready(r), IN);
    assert_int_equal(get(r, buf, 2), 2);
    assert_int_equal(get(r, buf + 2, 9), 3);
    assert_memory_equal(buf, "hello", 5);
    file_put(w);
    assert_int_equal(ready(r), EPOLLHUP);
    assert_int_equal(get(r, buf, 1), 0);
    file_put(r);
}

static void small_writes_to_a_full_pipe_are_all_or_nothing(void **state)
{
    struct file *r, *w;
    static char big[70000];
    make_pipe(&r, &w, 0);
    assert_int_equal(put(w, big, sizeof(big)), 65536);
    assert_int_equal(put(w, big, 1), -EAGAIN);
    assert_int_equal(ready(w), 0);
    assert_int_equal(get(r, big, 100), 100);
    assert_int_equal(put(w, big, 101), -EAGAIN);
    assert_int_equal(put(w, big, 100), 100);
    assert_int_equal(get(r, big, 4096), 4096);
    assert_int_equal(ready(w), OUT);
    assert_int_equal(pipe_set_size(r, 4096), -EBUSY);
    assert_int_equal(pipe_set_size(r, 100000), 131072);
    assert_int_equal(pipe_get_size(w), 131072);
    file_put(r);
    g_sigpipes = 0;
    assert_int_equal(put(w, big, 1), -EPIPE);
    assert_int_equal(g_sigpipes, 1);
    assert_true(ready(w) & EPOLLERR);
    file_put(w);
}

static void packets_keep_their_borders(void **state)
{
    struct file *r, *w;
    char buf[16];
    make_pipe(&r, &w, O_DIRECT);
    assert_int_equal(put(w, "one", 3), 3);
    assert_int_equal(put(w, "three", 5), 5);
    assert_int_equal(get(r, buf, 2), 2); /* the rest of the packet is dropped */
    assert_int_equal(get(r, buf, 16), 5);
    assert_memory_equal(buf, "three", 5);
    file_put(r);
    file_put(w);
}

static void an_eventfd_counts_or_hands_out_one_by_one(void **state)
{
    struct file *e, *s;
    uint64_t v = 5;
    assert_int_equal(eventfd_create(2, EFD_NONBLOCK, &e), 0);
    assert_int_equal(put(e, (char *)&v, 8), 8);
    assert_int_equal(get(e, &v, 8), 8);
    assert_int_equal(v, 7);
    assert_int_equal(get(e, &v, 8), -EAGAIN);
    assert_int_equal(get(e, &v, 4), -EINVAL);
    v = UINT64_MAX;
    assert_int_equal(put(e, (char *)&v, 8), -EINVAL);
    v = UINT64_MAX - 1;
    assert_int_equal(put(e, (char *)&v, 8), 8);
    assert_int_equal(ready(e), IN);
    v = 1;
    assert_int_equal(put(e, (char *)&v, 8), -EAGAIN);
    file_put(e);
    assert_int_equal(eventfd_create(2, EFD_NONBLOCK | EFD_SEMAPHORE, &s), 0);
    assert_int_equal(get(s, &v, 8), 8);
    assert_int_equal(v, 1);
    file_put(s);
}

/* ---- epoll */

static void edge_level_and_oneshot_differ(void **state)
{
    struct file *r, *w, *ep;
    struct linux_epoll_event e[4];
    char c;
    make_pipe(&r, &w, 0);
    assert_int_equal(epoll_create_file(&ep), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, r, 3, EPOLLIN | EPOLLET, 11), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, r, 3, EPOLLIN, 11), -EEXIST);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 0);
    put(w, "a", 1);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 1);
    assert_int_equal(e[0].events, EPOLLIN);
    assert_int_equal(e[0].data, 11);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 0);
    put(w, "b", 1);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 1);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_MOD, r, 3, EPOLLIN | EPOLLONESHOT, 12), 0);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 1);
    put(w, "c", 1);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_MOD, r, 3, EPOLLIN, 13), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(epoll_collect(ep, e, 4, 0), 1);
    while (get(r, &c, 1) == 1)
        ;
    assert_int_equal(epoll_collect(ep, e, 4, 0), 0);
    file_put(w);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 1);
    assert_int_equal(e[0].events, EPOLLHUP);
    file_put(r); /* closing removes it */
    assert_int_equal(epoll_collect(ep, e, 4, 0), 0);
    file_put(ep);
}

static void epolls_nest_but_never_in_a_circle(void **state)
{
    struct file *r, *w, *a, *b;
    struct linux_epoll_event e[4];
    make_pipe(&r, &w, 0);
    assert_int_equal(epoll_create_file(&a), 0);
    assert_int_equal(epoll_create_file(&b), 0);
    assert_int_equal(epoll_control(a, EPOLL_CTL_ADD, b, 4, EPOLLIN, 1), 0);
    assert_int_equal(epoll_control(b, EPOLL_CTL_ADD, a, 3, EPOLLIN, 1), -ELOOP);
    assert_int_equal(epoll_control(a, EPOLL_CTL_ADD, a, 3, EPOLLIN, 1), -EINVAL);
    assert_int_equal(epoll_control(b, EPOLL_CTL_ADD, r, 5, EPOLLIN, 2), 0);
    assert_int_equal(epoll_collect(a, e, 4, 0), 0);
    put(w, "x", 1);
    assert_int_equal(epoll_collect(a, e, 4, 0), 1);
    file_put(b);
    assert_int_equal(epoll_collect(a, e, 4, 0), 0);
    file_put(a);
    file_put(r);
    file_put(w);
}

static void epoll_control_refuses_as_linux_does(void **state)
{
    struct file *r, *w, *ep;
    make_pipe(&r, &w, 0);
    assert_int_equal(epoll_create_file(&ep), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_DEL, r, 3, 0, 0), -ENOENT);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_MOD, r, 3, EPOLLIN, 0), -ENOENT);
    assert_int_equal(epoll_control(r, EPOLL_CTL_ADD, w, 3, EPOLLIN, 0), -EINVAL);
    assert_int_equal(epoll_control(ep, 9, r, 3, EPOLLIN, 0), -EINVAL);
    assert_int_equal(
        epoll_control(ep, EPOLL_CTL_ADD, r, 3, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0),
        -EINVAL);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, r, 3, EPOLLIN | EPOLLEXCLUSIVE, 0), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_MOD, r, 3, EPOLLIN, 0), -EINVAL);
    file_put(ep);
    file_put(r);
    file_put(w);
}

/* A file whose readiness is the host's. */
static int g_host_pipe[2];

static uint32_t host_poll(struct file *f, struct poll *p)
{
    if (!p)
        return poll_host_now(g_host_pipe[0], EPOLLIN);
    poll_host(p, g_host_pipe[0], EPOLLIN);
    return 0;
}

static void host_release(struct file *f) {}

static const struct file_ops host_ops = { .kind = "host",
                                          .poll = host_poll,
                                          .release = host_release };

static void host_descriptors_wait_in_one_instance_of_the_host(void **state)
{
    struct file host, *ep, *r, *w;
    struct linux_epoll_event e[4];
    assert_int_equal(pipe(g_host_pipe), 0);
    file_init(&host, &host_ops, O_RDWR);
    make_pipe(&r, &w, 0);
    assert_int_equal(epoll_create_file(&ep), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, &host, 3, EPOLLIN, 21), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, r, 4, EPOLLIN, 22), 0);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 0);
    assert_int_equal(write(g_host_pipe[1], "x", 1), 1);
    put(w, "y", 1);
    assert_int_equal(epoll_collect(ep, e, 4, PARK_FOREVER), 2);
    assert_int_equal(e[0].data + e[1].data, 43);
    struct poll_entry entries[2] = { { .file = &host, .events = EPOLLIN },
                                     { .file = r, .events = EPOLLIN } };
    assert_int_equal(poll_entries(entries, 2, PARK_FOREVER), 2);
    file_put(&host);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 1);
    file_put(ep);
    file_put(r);
    file_put(w);
    close(g_host_pipe[0]);
    close(g_host_pipe[1]);
}

/* ---- Unix sockets */

static struct net_address named(const char *name, uint32_t size)
{
    struct net_address a = { .size = 2 + size, .a = { .family = AF_UNIX } };
    memcpy(a.a.data, name, size);
    return a;
}

static void a_socket_pair_carries_bytes_files_and_its_end(void **state)
{
    struct file *f[2], *r, *w;
    char buf[16];
    assert_int_equal(unix_create_pair(SOCK_STREAM, 0, SOCK_NONBLOCK, f), 0);
    struct socket *a = socket_of(f[0]), *b = socket_of(f[1]);
    assert_int_equal(get(f[1], buf, 1), -EAGAIN);
    assert_int_equal(put(f[0], "abc", 3), 3);
    assert_int_equal(put(f[0], "def", 3), 3);
    assert_int_equal(get(f[1], buf, 4), 4); /* across writes */
    assert_memory_equal(buf, "abcd", 4);
    make_pipe(&r, &w, 0);
    struct net_message m = { .control = net_control_new(1) }, got = { 0 };
    m.control->files[m.control->file_count++] = file_get(w);
    struct iobuf b1;
    iobuf_kernel(&b1, (void *)"fd", 2);
    assert_int_equal(a->ops->send(a, &m, &b1), 2);
    assert_null(m.control);
    iobuf_kernel(&b1, buf, sizeof(buf));
    assert_int_equal(b->ops->recv(b, &got, &b1), 2); /* stops before the files */
    assert_null(got.control);
    iobuf_kernel(&b1, buf, sizeof(buf));
    assert_int_equal(b->ops->recv(b, &got, &b1), 2);
    assert_non_null(got.control);
    assert_ptr_equal(got.control->files[0], w);
    net_control_free(got.control);
    assert_int_equal(a->ops->shutdown(a, SHUT_WR), 0);
    assert_int_equal(get(f[1], buf, 1), 0);
    assert_true(ready(f[1]) & EPOLLRDHUP);
    assert_false(ready(f[1]) & EPOLLHUP);
    file_put(f[0]);
    assert_true(ready(f[1]) & EPOLLHUP);
    g_sigpipes = 0;
    assert_int_equal(put(f[1], "x", 1), -EPIPE);
    assert_int_equal(g_sigpipes, 1);
    file_put(f[1]);
    file_put(r);
    file_put(w);
}

static void connecting_waits_in_the_backlog_and_epoll_sees_all(void **state)
{
    struct file *l, *c, *s, *ep;
    struct linux_epoll_event e[4];
    struct net_address a = named("\0name", 5), peer;
    char buf[8];
    assert_int_equal(unix_create(SOCK_STREAM, 0, SOCK_NONBLOCK, &l), 0);
    assert_int_equal(unix_create(SOCK_STREAM, 0, SOCK_NONBLOCK, &c), 0);
    struct socket *ls = socket_of(l), *cs = socket_of(c);
    assert_int_equal(cs->ops->connect(cs, &a), -ECONNREFUSED);
    assert_int_equal(ls->ops->listen(ls, 0), -EINVAL);
    assert_int_equal(ls->ops->bind(ls, &a), 0);
    assert_int_equal(cs->ops->bind(cs, &a), -EADDRINUSE);
    assert_int_equal(ls->ops->listen(ls, 0), 0);
    assert_int_equal(epoll_create_file(&ep), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, l, 3, EPOLLIN, 1), 0);
    assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, c, 4, EPOLLIN | EPOLLET, 2), 0);
    while (epoll_collect(ep, e, 4, 0) > 0)
        ;
    assert_int_equal(cs->ops->connect(cs, &a), 0);
    assert_int_equal(cs->ops->connect(cs, &a), -EISCONN);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 1);
    assert_int_equal(e[0].data, 1);
    assert_int_equal(ls->ops->accept(ls, SOCK_NONBLOCK, &peer, &s), 0);
    assert_int_equal(ls->ops->accept(ls, 0, &peer, &s), -EAGAIN);
    assert_int_equal(put(s, "hi", 2), 2);
    assert_int_equal(epoll_collect(ep, e, 4, 0), 1); /* registered before it was connected */
    assert_int_equal(e[0].data, 2);
    assert_int_equal(cs->ops->name(cs, true, &peer), 0);
    assert_int_equal(peer.size, a.size);
    file_put(s);
    assert_int_equal(get(c, buf, 8), 2);
    assert_int_equal(get(c, buf, 8), 0);
    file_put(l);
    file_put(c);
    file_put(ep);
}

static void datagrams_keep_borders_and_say_who_sent_them(void **state)
{
    struct file *fa, *fb;
    struct net_address a = named("\0x/a", 5), b = named("\0x/b", 5);
    char buf[4];
    struct iobuf io;
    assert_int_equal(unix_create(SOCK_DGRAM, 0, SOCK_NONBLOCK, &fa), 0);
    assert_int_equal(unix_create(SOCK_DGRAM, 0, SOCK_NONBLOCK, &fb), 0);
    struct socket *sa = socket_of(fa), *sb = socket_of(fb);
    assert_int_equal(sa->ops->bind(sa, &a), 0);
    assert_int_equal(sb->ops->bind(sb, &b), 0);
    assert_int_equal(put(fa, "x", 1), -ENOTCONN);
    struct net_message m = { .name = b }, got = { .flags = MSG_TRUNC };
    iobuf_kernel(&io, (void *)"longer", 6);
    assert_int_equal(sa->ops->send(sa, &m, &io), 6);
    iobuf_kernel(&io, buf, sizeof(buf));
    assert_int_equal(sb->ops->recv(sb, &got, &io), 6);
    assert_true(got.out_flags & MSG_TRUNC);
    assert_memory_equal(got.name.a.data, "\0x/a", 5);
    assert_int_equal(sa->ops->connect(sa, &b), 0);
    int64_t r, sent = 0;
    while ((r = put(fa, "x", 1)) == 1)
        sent++;
    assert_int_equal(r, -EAGAIN);
    assert_true(sent > 100);
    file_put(fb);
    assert_int_equal(put(fa, "x", 1), -ECONNREFUSED);
    file_put(fa);
}

static void a_fifo_knows_of_a_writer_that_was_there_at_the_open(void **state)
{
    struct pipe *p = pipe_new();
    struct file *both, *reader, *late;
    assert_int_equal(pipe_open_fifo(p, O_RDWR, &both), 0);
    assert_int_equal(pipe_open_fifo(p, O_RDONLY | O_NONBLOCK, &reader), 0);
    assert_int_equal(reader->ops->poll(reader, NULL), 0);
    file_put(both);
    assert_int_equal(reader->ops->poll(reader, NULL), EPOLLHUP);
    assert_int_equal(pipe_open_fifo(p, O_RDONLY | O_NONBLOCK, &late), 0);
    assert_int_equal(late->ops->poll(late, NULL), 0); /* for this one no writer has come yet */
    file_put(reader);
    file_put(late);
    pipe_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fifo_knows_of_a_writer_that_was_there_at_the_open),
        cmocka_unit_test(a_pipe_carries_bytes_in_order_and_ends),
        cmocka_unit_test(small_writes_to_a_full_pipe_are_all_or_nothing),
        cmocka_unit_test(packets_keep_their_borders),
        cmocka_unit_test(an_eventfd_counts_or_hands_out_one_by_one),
        cmocka_unit_test(edge_level_and_oneshot_differ),
        cmocka_unit_test(epolls_nest_but_never_in_a_circle),
        cmocka_unit_test(epoll_control_refuses_as_linux_does),
        cmocka_unit_test(host_descriptors_wait_in_one_instance_of_the_host),
        cmocka_unit_test(a_socket_pair_carries_bytes_files_and_its_end),
        cmocka_unit_test(connecting_waits_in_the_backlog_and_epoll_sees_all),
        cmocka_unit_test(datagrams_keep_borders_and_say_who_sent_them),
    };
    g_block.layout.self = (uint64_t)(uintptr_t)&g_block;
    g_block.thread = &g_thread;
    syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS: where thread_block() looks */, &g_block);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

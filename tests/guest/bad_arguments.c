/*
 * Every row of the table of system calls, with each argument bad in every way its kind allows while
 * the others are valid: one line per call, name, argument, what is bad, and the errno. The lines
 * are Linux's own: test_guest.py compares them. The rows come from syscalls.def, so a new one is
 * here at once; valid arguments and what is left out stand in bad_arguments.h.
 *
 * "library OS" is memory that only Cloister has; without it, the kernel's half stands in: both are
 * memory that is there but not the program's.
 */
#define _GNU_SOURCE
#include "bad_arguments.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "check.h"
#include "tests/syscall_kinds.h"

#define PAGE 4096ul

enum { FULL, PARTIAL, MISSING };

struct row {
    long nr;
    unsigned count, support;
    const char *name;
    uint8_t kind[6];
    const char *arg[6];
};

/* clang-format off */
static const struct row g_rows[] = {
#define SYS0(nr, name, s, n) { nr, 0, s, #name, { 0 }, { 0 } },
#define SYS1(nr, name, k0, a0, s, n) { nr, 1, s, #name, { K_##k0 }, { #a0 } },
#define SYS2(nr, name, k0, a0, k1, a1, s, n) { nr, 2, s, #name, { K_##k0, K_##k1 }, { #a0, #a1 } },
#define SYS3(nr, name, k0, a0, k1, a1, k2, a2, s, n) { nr, 3, s, #name, { K_##k0, K_##k1, K_##k2 }, { #a0, #a1, #a2 } },
#define SYS4(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, s, n) { nr, 4, s, #name, { K_##k0, K_##k1, K_##k2, K_##k3 }, { #a0, #a1, #a2, #a3 } },
#define SYS5(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, s, n) { nr, 5, s, #name, { K_##k0, K_##k1, K_##k2, K_##k3, K_##k4 }, { #a0, #a1, #a2, #a3, #a4 } },
#define SYS6(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, k5, a5, s, n) { nr, 6, s, #name, { K_##k0, K_##k1, K_##k2, K_##k3, K_##k4, K_##k5 }, { #a0, #a1, #a2, #a3, #a4, #a5 } },
#include "libos/sys/syscalls.def"
};
/* clang-format on */

static struct world *g_world;
static char *g_field, *g_none, *g_readonly,
    *g_edge;             /* g_edge: the last byte but one before nothing */
static char *g_holes[3]; /* addresses where nothing must be mapped */
static int g_shm, g_sem, g_msg, g_timer;
static char g_home[PATH_MAX];

static unsigned long gs_base(void)
{
    unsigned long base = 0;
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xc8" : "=a"(base)); /* rdgsbase %rax */
    return base;
}

/* ---- what calls find ---- */

static void place(int fd, int number)
{
    NEED(fd >= 0);
    NEED(dup2(fd, number) == number);
    close(fd);
}

/* Pages of memory, without anything behind them. */
static char *pages_before_hole(unsigned count, int hole)
{
    char *p = mmap(NULL, (count + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
    NEED(p != MAP_FAILED);
    g_holes[hole] = p + count * PAGE;
    return p;
}

static void make_memory(void)
{
    unsigned count = (sizeof(struct world) + PAGE - 1) / PAGE;
    g_world = (void *)(pages_before_hole(count, 0) + count * PAGE - sizeof(struct world));
    g_edge = pages_before_hole(1, 1);
    g_edge += PAGE - 2;
    g_field = pages_before_hole(1, 2);
    g_none = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_readonly = g_none + PAGE;
    g_shm = shmget(IPC_PRIVATE, PAGE, 0600);
    g_sem = semget(IPC_PRIVATE, 2, 0600);
    g_msg = msgget(IPC_PRIVATE, 0600);
    NEED(g_shm != -1 && g_sem != -1 && g_msg != -1);
    struct sigevent none = { .sigev_notify = SIGEV_NONE };
    NEED(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &g_timer) == 0);
    struct mq_attr queue = { .mq_maxmsg = 4, .mq_msgsize = 32 };
    place(mq_open("/cloister-bad-arguments", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &queue), QUEUE);
    mq_unlink("/cloister-bad-arguments");
    place(inotify_init1(IN_NONBLOCK), INOTIFY_KEPT); /* closing it takes Linux long */
    NEED(inotify_add_watch(INOTIFY_KEPT, ".", IN_UNMOUNT | IN_DELETE_SELF) == 1);
}

static void fill_world(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->cpus = ~0ul;
    w->bad_time.tv_nsec = 2000000000; /* nobody's clock is set by this program */
    w->bad_day.tv_usec = 2000000;
    w->event.sigev_notify = SIGEV_NONE;
    w->iov = (struct iovec){ w->out, 16 };
    w->message = (struct msghdr){ .msg_iov = &w->iov, .msg_iovlen = 1 };
    w->messages.msg_hdr = w->message;
    w->address = (struct sockaddr_un){ AF_UNIX, "new" };
    w->peer = (struct sockaddr_un){ AF_UNIX, "listener" };
    w->poll.fd = EVENT, w->poll.events = 1;
    w->set[EVENT / 64] = 1ul << EVENT % 64;
    w->ready.events = EPOLLIN;
    w->limit = (struct rlimit){ 0, RLIM_INFINITY };
    w->how.flags = O_RDWR;
    w->attr.size = 48;
    w->cap.version = 0x20080522;
    w->queue = (struct mq_attr){ .mq_flags = O_NONBLOCK, .mq_maxmsg = 4, .mq_msgsize = 32 };
    w->up = (struct sembuf){ 0, 1, IPC_NOWAIT }, w->mail.type = 1;
    w->info.si_signo = SIGURG, w->info.si_code = SI_QUEUE;
    w->wait.value = 5, w->wait.address = (uintptr_t)&w->number, w->wait.flags = 2;
    w->masked.address = (uintptr_t)&w->mask, w->masked.size = 8;
    w->stack.ss_flags = SS_DISABLE;
    w->size = sizeof(w->peer);
}

static void make_files(void)
{
    static char data[4096];
    NEED(chdir(g_home) == 0);
    const char *names[] = { "file", "link", "new", "script", "listener", "sink" };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (unlink(names[i]) && errno == EISDIR)
            rmdir(names[i]);
    if (unlink("dir/new"))
        rmdir("dir/new");
    mkdir("dir", 0700);
    NEED(symlink("file", "link") == 0);
    int fd = open("file", O_CREAT | O_RDWR | O_TRUNC, 0600);
    NEED(write(fd, data, sizeof(data)) == sizeof(data));
    close(fd);
    fd = open("script", O_CREAT | O_WRONLY, 0700);
    NEED(write(fd, "neither a program nor a script\n", 31) == 31);
    close(fd);
    place(open("file", O_RDWR), FILE_FD);
    place(open("file", O_RDONLY), READER);
    place(open("dir", O_RDONLY | O_DIRECTORY), DIR_FD);
    place(open("file", O_PATH), PATHFD);
    place(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), LISTEN);
    NEED(bind(LISTEN, (void *)&g_world->peer, sizeof(g_world->peer)) == 0 &&
         listen(LISTEN, 5) == 0);
}

static void make_descriptors(void)
{
    int p[2], epoll = epoll_create1(0);
    NEED(pipe2(p, O_NONBLOCK) == 0 && write(p[1], "0123456789abcdef", 16) == 16);
    place(p[0], PIPE_R), place(p[1], PIPE_W);
    NEED(pipe2(p, O_NONBLOCK) == 0);
    place(p[0], PIPE2_R), place(p[1], PIPE2_W);
    NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) == 0 &&
         write(p[1], "0123456789abcdef", 16) == 16);
    place(p[0], SOCK), place(p[1], PEER);
    place(eventfd(1, EFD_NONBLOCK), EVENT);
    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, EVENT, &g_world->ready) == 0);
    place(epoll, EPOLL);
    place(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), TIMER);
    dup2(INOTIFY_KEPT, INOTIFY);
    place(signalfd(-1, (void *)&g_world->mask, SFD_NONBLOCK), SIGNAL);
    place(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), INET);
    place((int)syscall(SYS_pidfd_open, getpid(), 0), PIDFD);
    place(open("sink", O_WRONLY | O_CREAT, 0600), WRITER);
    place(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), SPARE_FD);
    lseek(FILE_FD, 0, SEEK_SET), lseek(DIR_FD, 0, SEEK_SET);
}

/* accept has somebody to accept. */
static void knock(void)
{
    while (accept(LISTEN, NULL, NULL) >= 0)
        continue;
    place(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), CLIENT);
    NEED(connect(CLIENT, (void *)&g_world->peer, sizeof(g_world->peer)) == 0);
}

static void map_again(char *page, int prot)
{
    NEED(mmap(page, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
}

/* Everything as it was; files only when a call may have changed them. */
static void renew(bool files)
{
    close_range(CLOSED_FD, ~0u, 0);
    close_range(3, FILE_FD - 1, 0);
    fill_world(g_world);
    if (files) {
        umask(022), alarm(0), setpriority(PRIO_PROCESS, 0, 0);
        map_again(g_field, PROT_READ | PROT_WRITE);
        map_again(g_none, PROT_NONE);
        map_again(g_readonly, PROT_READ);
        make_files();
    }
    make_descriptors();
    knock();
    close_range(3, FILE_FD - 1, 0);
    fill_world(g_world);
    memcpy(g_edge, "xx", 2);
    for (unsigned i = 0; i < sizeof(g_holes) / sizeof(g_holes[0]); i++)
        munmap(g_holes[i], PAGE);
}

/* ---- arguments ---- */

static long resolve(long v)
{
    static const char *const names[] = { "file", "dir", "new", "link", "script", "user.name" };
    if (v >= S_WORLD && v < S_WORLD + (long)sizeof(struct world))
        return (long)g_world + v - S_WORLD;
    if (v >= S_FILE_PATH && v <= S_NAME)
        return (long)names[v - S_FILE_PATH];
    return v == S_FIELD   ? (long)g_field
           : v == S_SHM   ? g_shm
           : v == S_SEM   ? g_sem
           : v == S_MSG   ? g_msg
           : v == S_TIMER ? g_timer
           : v == S_PID   ? getpid()
                          : v;
}

static long usual(enum kind kind)
{
    switch (kind) {
    case K_fd: return FILE_FD;
    case K_dirfd: return AT_FDCWD;
    case K_in:
    case K_out: return W(out);
    case K_addr: return S_FIELD;
    case K_path: return S_FILE_PATH;
    case K_str: return S_NAME;
    case K_len: return 16;
    case K_pid: return S_PID;
    case K_uid: return -1;
    case K_clock: return CLOCK_MONOTONIC;
    case K_mode: return 0600;
    default: return 0;
    }
}

static void valid_arguments(const struct row *r, long args[6])
{
    const long *given = NULL;
    for (unsigned i = 0; i < sizeof(g_valid) / sizeof(g_valid[0]); i++)
        if (!strcmp(g_valid[i].name, r->name))
            given = g_valid[i].args;
    for (unsigned i = 0; i < 6; i++)
        args[i] = i >= r->count ? 0 : resolve(given ? given[i] : usual(r->kind[i]));
}

static bool is(const char *name, const char *words)
{
    size_t n = strlen(name);
    for (const char *p = words; (p = strstr(p, name)); p += n)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

/* The library OS knows numbers only; some of them are pointers here. */
static enum kind kind_of(const struct row *r, unsigned i)
{
    if ((is(r->name, "ioctl fcntl") && i == 2) || (is(r->name, "semctl") && i == 3))
        return K_out;
    if (!strcmp(r->name, "prctl") && i == 1)
        return K_out;
    if (r->kind[i] != K_addr && is(r->arg[i], "flags mask"))
        return is(r->arg[i], "mask") && r->kind[i] != K_uint ? (enum kind)r->kind[i] : K_oflags;
    return r->kind[i];
}

/* ---- one call ---- */

static unsigned g_calls, g_left;

static bool left_out(const char *row, const char *argument, const char *bad)
{
    for (unsigned i = 0; i < sizeof(g_left_out) / sizeof(g_left_out[0]); i++)
        if (is(row, g_left_out[i].row) &&
            (!g_left_out[i].argument || (argument && is(argument, g_left_out[i].argument))) &&
            (!g_left_out[i].bad || (bad && is(bad, g_left_out[i].bad))))
            return true;
    return false;
}

static void try(const struct row *r, unsigned i, const char *bad, long value)
{
    static bool changed = true;
    if (left_out(r->name, r->arg[i], bad)) {
        g_left++;
        return;
    }
    long a[6];
    renew(changed);
    valid_arguments(r, a);
    a[i] = value;
    if (!strcmp(r->name, "msgrcv")) /* may take one, or wait for it */
        msgsnd(g_msg, &(struct msgbuf){ .mtype = 1 }, 1, IPC_NOWAIT);
    errno = 0;
    long result = syscall(r->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    changed = result != -1;
    if (changed && !strcmp(r->name, "mmap"))
        munmap((void *)result, PAGE);
    if (changed && !strcmp(r->name, "shmget"))
        shmctl((int)result, IPC_RMID, NULL);
    if (changed && !strcmp(r->name, "mq_open"))
        syscall(SYS_mq_unlink, a[0]);
    if (changed && !strcmp(r->name, "semget"))
        semctl((int)result, 0, IPC_RMID);
    if (changed && !strcmp(r->name, "msgget"))
        msgctl((int)result, IPC_RMID, NULL);
    if (changed && !strcmp(r->name, "shmat"))
        shmdt((void *)result);
    printf("%s %s %s: %s\n", r->name, r->arg[i], bad, changed ? "ok" : strerrorname_np(errno));
    g_calls++;
}

static void try_pointers(const struct row *r, unsigned i, enum kind kind)
{
    unsigned long libos = gs_base();
    try(r, i, "null", 0);
    try(r, i, "low", 0x1000);
    try(r, i, "no access", (long)g_none);
    try(r, i, "kernel", (long)0xffff888000000000);
    try(r, i, "not canonical", (long)0x8000000000000000);
    try(r, i, "last", -1);
    try(r, i, "edge", (long)g_edge);
    try(r, i, "library OS", libos ? (long)libos : (long)0xffff888000000000);
    if (kind == K_out)
        try(r, i, "read-only", (long)g_readonly);
}

static void try_descriptors(const struct row *r, unsigned i, long valid)
{
    static const struct {
        const char *name;
        int fd;
    } types[] = {
        { "file", FILE_FD },  { "directory", DIR_FD }, { "pipe", PIPE_R },   { "pipe end", PIPE_W },
        { "socket", SOCK },   { "inet socket", INET }, { "event", EVENT },   { "epoll", EPOLL },
        { "timer", TIMER },   { "path", PATHFD },      { "reader", READER }, { "signals", SIGNAL },
        { "process", PIDFD },
    };
    try(r, i, "-1", -1);
    try(r, i, "closed", CLOSED_FD);
    try(r, i, "huge", INT_MAX);
    try(r, i, "far", 5000);
    for (unsigned t = 0; t < sizeof(types) / sizeof(types[0]); t++)
        if (types[t].fd != valid)
            try(r, i, types[t].name, types[t].fd);
}

static void try_argument(const struct row *r, unsigned i, long valid)
{
    enum kind kind = kind_of(r, i);
    if (kind == K_fd || kind == K_dirfd) {
        try_descriptors(r, i, valid);
    } else if (kind >= K_addr && kind <= K_str) {
        try_pointers(r, i, kind);
    } else if (kind == K_prot || kind == K_oflags || kind == K_map || kind == K_atflags) {
        try(r, i, "all bits", -1);
        try(r, i, "bit 30", valid | 0x40000000);
        try(r, i, "bit 31", valid | 0x80000000l);
    } else if (kind == K_len) {
        try(r, i, "0", 0);
        try(r, i, "-1", -1);
        try(r, i, "SIZE_MAX/2", LONG_MAX);
        try(r, i, "INT_MAX+1", INT_MAX + 1l);
    } else if (kind == K_sig || kind == K_clock) {
        try(r, i, "-1", -1);
        try(r, i, "65", 65);
        try(r, i, "INT_MAX", INT_MAX);
    } else {
        try(r, i, "-1", -1);
        if (kind == K_pid ||
            is(r->arg[i], "count size n max room n maxnode mask_size address_size"))
            try(r, i, "0", 0);
        if (kind == K_off || kind == K_long || kind == K_ulong)
            try(r, i, "LONG_MAX", LONG_MAX);
        else if (kind != K_uid && kind != K_mode)
            try(r, i, "INT_MAX", INT_MAX);
    }
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16];
    unsigned rows = 0;
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    NEED(check_enter_scratch(argc, argv) == 0 && getcwd(g_home, sizeof(g_home)));
    signal(SIGPIPE, SIG_IGN);
    make_memory();
    for (unsigned n = 0; n < sizeof(g_rows) / sizeof(g_rows[0]); n++) {
        const struct row *r = &g_rows[n];
        if (r->support == MISSING || !r->count || left_out(r->name, NULL, NULL))
            continue;
        rows++;
        for (unsigned i = 0; i < r->count; i++) {
            long args[6];
            valid_arguments(r, args);
            try_argument(r, i, args[i]);
        }
        fflush(stdout);
    }
    renew(true);
    shmctl(g_shm, IPC_RMID, NULL);
    semctl(g_sem, 0, IPC_RMID);
    msgctl(g_msg, IPC_RMID, NULL);
    printf("%u rows, %u calls, %u left out\n", rows, g_calls, g_left);
    return check_result();
}

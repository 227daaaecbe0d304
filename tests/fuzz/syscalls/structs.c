/*
 * Arguments that are structures: built afresh in the thread's slab just before the call, so that
 * the pointers in them are ones that value_pointer() may give, and the addresses and signals ones
 * that harm nobody.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "fuzz.h"

struct kernel_action {
    uint64_t handler, flags, restorer, mask;
};

static uint64_t a_vector(struct slot *s)
{
    unsigned count = 1 + below(s, 5);
    struct iovec *v = (void *)value_room(s, count * sizeof(*v));
    for (unsigned i = 0; i < count; i++)
        v[i] = (struct iovec){ (void *)value_pointer(s), value_length(s) };
    return (uint64_t)v;
}

/* Loopback only, and no port but those that our own sockets got: nobody else's server is called. */
static uint64_t an_address(struct slot *s)
{
    uint8_t *p = (uint8_t *)value_room(s, 128);
    uint32_t size = sizeof(struct sockaddr_in);
    memset(p, 0, 128);
    switch (below(s, 6)) {
    case 0: RAW(SYS_getsockname, 29 + below(s, 3), p, &size); break;
    case 1:
        *(struct sockaddr_in *)p = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
        };
        break;
    case 2:
        *(struct sockaddr_in6 *)p = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                                           .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        break;
    case 3:
        p[0] = AF_UNIX;
        memcpy(p + 2, chance(s, 50) ? "t/sock" : "t/d0/f0", 8);
        break;
    case 4:
        p[0] = AF_UNIX;
        p[3] = (uint8_t)('a' + below(s, 4)); /* abstract */
        break;
    default: p[0] = PICK(s, ((uint8_t[]){ AF_UNSPEC, AF_NETLINK, 17, 255 })); break;
    }
    return (uint64_t)p;
}

/*
 * What a message hands over: no socket. Sockets that are only in each other's queues are freed on
 * Linux by a collector that libos does not have (libos/net/README.md); each would be told as a
 * leak.
 */
static int32_t a_passed_fd(struct slot *s)
{
    struct stat st = { 0 };
    int32_t fd = (int32_t)value_fd(s);
    return RAW(SYS_fstat, fd, &st) == 0 && S_ISSOCK(st.st_mode) ? -1 : fd;
}

static uint64_t a_message(struct slot *s)
{
    struct msghdr *m = (void *)value_room(s, sizeof(*m));
    struct cmsghdr *c = (void *)value_room(s, 64);
    *c = (struct cmsghdr){ .cmsg_len = chance(s, 70) ? 20 : value_length(s),
                           .cmsg_level = chance(s, 80) ? SOL_SOCKET : (int)below(s, 50),
                           .cmsg_type = chance(s, 70) ? SCM_RIGHTS : (int)below(s, 5) };
    for (unsigned i = 0; i < 8; i++)
        ((int32_t *)(c + 1))[i] = a_passed_fd(s);
    memset(m, 0, sizeof(*m));
    m->msg_iov = (void *)(chance(s, 90) ? a_vector(s) : value_pointer(s));
    m->msg_iovlen = chance(s, 95) ? below(s, 4) : value_length(s);
    if (chance(s, 30)) {
        m->msg_name = (void *)an_address(s);
        m->msg_namelen = chance(s, 80) ? 16 : (socklen_t)value_length(s);
    }
    if (chance(s, 40)) {
        m->msg_control = chance(s, 90) ? c : (void *)value_pointer(s);
        m->msg_controllen = chance(s, 70) ? 24 : value_length(s);
    }
    return (uint64_t)m;
}

static uint64_t messages(struct slot *s)
{
    struct mmsghdr *m = (void *)value_room(s, 3 * sizeof(*m));
    for (unsigned i = 0; i < 3; i++) {
        struct msghdr *one = (void *)a_message(s);
        m[i].msg_hdr = *one;
    }
    return (uint64_t)m;
}

/* seconds, nanoseconds (or micro-): short, so that waits end; or plainly wrong */
static void a_time(struct slot *s, int64_t out[2])
{
    static const int64_t wrong[] = {
        -1, 1000000, 999999999, 1000000000, 0x7fffffffffffffff, (int64_t)0x8000000000000000ul
    };
    out[0] = chance(s, 92) ? 0 : PICK(s, wrong);
    out[1] = chance(s, 85) ? (int64_t)below(s, 2000000) : chance(s, 50) ? 0 : PICK(s, wrong);
}

static uint64_t times(struct slot *s)
{
    int64_t *p = (void *)value_room(s, 64);
    a_time(s, p);
    a_time(s, p + 2);
    if (p[0] == 0 && p[1] > 0 && p[1] < 1000000)
        p[1] = 1000000; /* an interval of microseconds would be a storm */
    if (chance(s, 50))
        p[0] = p[1] = 0;
    return (uint64_t)p;
}

static uint64_t one_time(struct slot *s)
{
    int64_t *p = (void *)value_room(s, 32);
    a_time(s, p);
    a_time(s, p + 2);
    return (uint64_t)p;
}

/* Handlers and ignored signals; SIG_DFL only where that means nothing. Our own handlers stay
 * installable. */
static uint64_t an_action(struct slot *s)
{
    struct kernel_action *a = (void *)value_room(s, sizeof(*a));
    a->handler = chance(s, 80) ? (uint64_t)signals_handler : (uint64_t)SIG_IGN;
    a->flags = 0x04000000 | (rnd(s) & (SA_RESTART | SA_NODEFER | SA_ONSTACK | SA_NOCLDSTOP |
                                       SA_NOCLDWAIT | 0x400 | 0x800));
    a->restorer = (uint64_t)signals_restorer;
    a->mask = *(uint64_t *)world_mask(s);
    return (uint64_t)a;
}

static uint64_t a_signal_stack(struct slot *s)
{
    stack_t *st = (void *)value_room(s, sizeof(*st));
    *st = (stack_t){ .ss_sp = s->signal_stack, .ss_size = chance(s, 80) ? SIGNAL_STACK : 0 };
    st->ss_flags = PICK(s, ((int[]){ 0, 0, SS_DISABLE, SS_ONSTACK, (int)(1u << 31), 4 }));
    return (uint64_t)st;
}

static uint64_t a_limit(struct slot *s)
{
    struct rlimit *l = (void *)value_room(s, sizeof(*l));
    l->rlim_max = RLIM_INFINITY;
    l->rlim_cur = chance(s, 50) ? RLIM_INFINITY : value_interesting(s);
    return (uint64_t)l;
}

static uint64_t a_clone3(struct slot *s)
{
    uint64_t *a = (void *)value_room(s, 88);
    static const uint64_t usual[] = { 0x3d0f00, 0x10f00, 0x50f00, 0x1210f00, 0x4111,
                                      0,        0x10000, 0x800,   0x10100 };
    a[0] = chance(s, 80) ? PICK(s, usual) : rnd(s);
    for (unsigned i = 1; i < 11; i++)
        a[i] = chance(s, 50) ? 0 : i == 4 || i == 6 ? value_interesting(s) : value_pointer(s);
    return (uint64_t)a;
}

static uint64_t a_sigevent(struct slot *s)
{
    struct sigevent *e = (void *)value_room(s, sizeof(*e));
    e->sigev_notify = PICK(
        s, ((int[]){ SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID, 77 }));
    e->sigev_signo = chance(s, 80) ? SIGUSR2 : (int)value_interesting(s);
    e->_sigev_un._tid = g_slots[below(s, SLOTS)].tid;
    return (uint64_t)e;
}

static uint64_t poll_list(struct slot *s)
{
    struct pollfd *p = (void *)value_room(s, 8 * sizeof(*p));
    for (unsigned i = 0; i < 8; i++)
        p[i] = (struct pollfd){ (int)value_fd(s), (short)rnd(s), (short)rnd(s) };
    return (uint64_t)p;
}

static uint64_t words(struct slot *s)
{
    uint64_t *p = (void *)value_room(s, 64);
    for (unsigned i = 0; i < 8; i++)
        p[i] = chance(s, 60) ? below(s, 64) : value_interesting(s);
    return (uint64_t)p;
}

static bool named(const struct row *r, unsigned argument, const char *name)
{
    return !strcmp(r->arg[argument], name);
}

static bool is(const struct row *r, const char *prefix)
{
    return !strncmp(r->name, prefix, strlen(prefix));
}

static bool struct_by_call(struct slot *s, const struct row *r, unsigned i, uint64_t *value)
{
    if (is(r, "rt_sigaction") && named(r, i, "act"))
        *value = an_action(s);
    else if (is(r, "sigaltstack") && i == 0)
        *value = a_signal_stack(s);
    else if (is(r, "pselect6") && named(r, i, "mask"))
        *value = world_mask_argument(s);
    else if ((is(r, "setrlimit") && i == 1) || (is(r, "prlimit") && i == 2))
        *value = a_limit(s);
    else if (is(r, "clone3"))
        *value = i == 0 ? a_clone3(s) : chance(s, 80) ? 88 : value_length(s);
    else if (is(r, "shmat") && named(r, i, "addr"))
        *value = chance(s, 60) ? 0 : world_address(s, NULL);
    else if (is(r, "pidfd_send_signal") && named(r, i, "uinfo"))
        *value = chance(s, 60) ? 0 : value_pointer(s);
    else if ((is(r, "timer_create") || is(r, "mq_notify")) && i == 1)
        *value = a_sigevent(s);
    else if (is(r, "futex") && named(r, i, "op"))
        *value = below(s, 14) | (chance(s, 60) ? 128 : 0) | (chance(s, 10) ? 256 : 0);
    else if (is(r, "futex") && named(r, i, "uaddr"))
        *value = value_pointer(s) & ~3ul;
    else if (is(r, "fcntl") && i == 2)
        *value = chance(s, 50) ? value_fd(s) : words(s);
    else if (is(r, "getsockname") || is(r, "getpeername") || is(r, "accept") || is(r, "recvfrom"))
        return false; /* their addresses are written */
    else if (named(r, i, "address") && r->kind[i] == K_in)
        *value = chance(s, 92) ? an_address(s) : world_bad_address(s);
    else
        return false;
    return true;
}

bool struct_of(struct slot *s, const struct row *r, unsigned i, uint64_t *value)
{
    if (r->kind[i] == K_len && i && r->kind[i - 1] == K_addr) {
        world_address(s, value);
        return chance(s, 90);
    }
    if (chance(s, 6))
        return false; /* a pointer of any kind instead; rules.c looks once more */
    if (struct_by_call(s, r, i, value))
        return true;
    if (named(r, i, "iov"))
        *value = a_vector(s);
    else if (named(r, i, "msg"))
        *value = a_message(s);
    else if (named(r, i, "msgs"))
        *value = messages(s);
    else if (r->kind[i] == K_in && (named(r, i, "mask") || named(r, i, "set")))
        *value = world_mask(s);
    else if (named(r, i, "fds") && r->kind[i] == K_out)
        *value = poll_list(s);
    else if (named(r, i, "new_value") ||
             (named(r, i, "value") && strstr(r->name, "timer") && r->kind[i] == K_in))
        *value = times(s);
    else if (named(r, i, "timeout") || named(r, i, "req") || named(r, i, "times") ||
             named(r, i, "tp"))
        *value = chance(s, 95) ? one_time(s) : 0;
    else if (named(r, i, "in_off") || named(r, i, "out_off") || named(r, i, "offset") ||
             named(r, i, "how") || named(r, i, "event"))
        *value = r->kind[i] == K_off ? value_length(s) : chance(s, 40) ? 0 : words(s);
    else
        return false;
    return true;
}

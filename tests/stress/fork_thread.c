/*
 * LD_PRELOAD for stress-ng, which runs each stressor in a child process: fork without a second
 * process, so that the same stressor code runs natively and where there is no fork.
 *
 * - The program's own forks (one for each stressor) run the child first, in the very same memory,
 * and come back to the parent when it exits: private writable memory, signal actions, mask and
 * alternate stack are noted before and put back then.
 * - Forks of a stressor become threads. The child's stack is a copy in which every word that points
 * into the original points into the copy; memory, descriptors' numbers and signal actions are
 * shared with the parent. A descriptor that both hold is closed when both have closed it; what a
 * child unmaps or frees of what it inherited stays.
 *
 * Where that is not enough (the child changes memory of its own, execs, stops), the stressor fails
 * natively as well, and the table says that it needs a process. Test only; trusts the program
 * entirely.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct region {
    uintptr_t from, to;
};

#define CHILD_MAX     1024
#define INHERITED_MAX 4096
#define FD_MAX        8192
#define STACK_SIZE    (4UL << 20) /* below the copy */
#define END_SIGNAL    (SIGRTMAX - 1)
#define PROGRAM_PID                                                                                \
    4194303 /* what the program itself is called, so that its stressor can be called by the true   \
               number */

struct child {
    bool used;             /* g_mu */
    _Atomic uint32_t done; /* ended, status is final; a futex */
    bool waited;
    int pid, status;      /* pid: its thread's number; 0 before it runs */
    struct child *parent; /* NULL: the program itself */
    pthread_t thread;
    void *region;
    size_t region_size, sp, top;
    struct region *inherited; /* what was mapped when it began; at the low end of its region */
    size_t inherited_count;
    bool held[FD_MAX]; /* inherited and not closed yet */
    jmp_buf out;
    _Atomic uint32_t started;
};

extern void *__libc_stack_end;
int fork_from(uintptr_t sp);
void fork_resume(uintptr_t sp, int result) __attribute__((noreturn));
void fork_on_stack(uintptr_t stack, void (*f)(void)) __attribute__((noreturn));

static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static struct child g_children[CHILD_MAX]; /* g_mu */
static unsigned
    g_holders[FD_MAX]; /* g_mu: how many processes hold this descriptor; 0: its opener alone */
static bool g_parent_held[FD_MAX];    /* g_mu */
static _Atomic uint32_t g_ended;      /* children that ended: what wait() sleeps on */
static __thread struct child *g_self; /* the child that this thread is */

/* The stressor that runs on the program's stack, and what is put back when it ends. */
#define REGION_MAX 512
static struct {
    bool running;
    uintptr_t sp, top;
    char *copy; /* of all regions, one after the other */
    size_t size, count;
    struct region regions[REGION_MAX];
    void *brk;
    int pid, status;
    sigset_t mask;
    stack_t alternate;
    struct sigaction actions[65];
} g_outer;
static struct child g_outer_child; /* as what waitpid() finds */
static char g_exit_stack[65536] __attribute__((aligned(16)));

__asm__(
    ".text\n"
    ".globl fork\n.type fork,@function\n"
    "fork: push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n sub $8, %rsp\n"
    " mov %rsp, %rdi\n call fork_from@PLT\n"
    "1: add $8, %rsp\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n"
    ".globl fork_resume\n.hidden fork_resume\n"
    "fork_resume: mov %rdi, %rsp\n mov %esi, %eax\n jmp 1b\n"
    ".globl fork_on_stack\n.hidden fork_on_stack\n"
    "fork_on_stack: mov %rdi, %rsp\n xor %ebp, %ebp\n call *%rsi\n ud2\n");

static long futex(_Atomic uint32_t *word, int op, uint32_t value)
{
    return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static pid_t real_getpid(void)
{
    return (pid_t)syscall(SYS_getpid);
}

static bool *held_by(struct child *c)
{
    return c ? c->held : g_parent_held;
}

/* ---- descriptors */

static void fds_inherit(struct child *parent, struct child *c)
{
    for (int fd = 3; fd < FD_MAX; fd++) {
        bool *mine = held_by(parent);
        c->held[fd] = syscall(SYS_fcntl, fd, F_GETFD) >= 0;
        if (!c->held[fd])
            continue;
        g_holders[fd] += mine[fd] ? 1 : 2;
        mine[fd] = true;
    }
}

/* This process is done with fd; whether it was the last one. */
static bool fd_release(struct child *c, int fd)
{
    bool last = true;
    pthread_mutex_lock(&g_mu);
    if (fd >= 3 && fd < FD_MAX && held_by(c)[fd]) {
        held_by(c)[fd] = false;
        last = --g_holders[fd] == 0;
    }
    pthread_mutex_unlock(&g_mu);
    return last;
}

int close(int fd)
{
    return fd_release(g_self, fd) ? (int)syscall(SYS_close, fd) : 0;
}

/* ---- the end of a child */

static void child_ended(struct child *c)
{
    for (int fd = 3; fd < FD_MAX; fd++)
        if (c->held[fd])
            if (fd_release(c, fd))
                syscall(SYS_close, fd);
    struct sigaction action;
    sigaction(SIGCHLD, NULL, &action);
    pid_t parent = c->parent ? c->parent->pid : real_getpid();
    c->done = 1;
    g_ended++;
    futex(&c->done, FUTEX_WAKE, INT32_MAX);
    futex(&g_ended, FUTEX_WAKE, INT32_MAX);
    if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
        syscall(SYS_tgkill, real_getpid(), parent, SIGCHLD);
}

static void *child_main(void *arg)
{
    struct child *c = arg;
    g_self = c;
    c->pid = (pid_t)syscall(SYS_gettid);
    c->started = 1;
    futex(&c->started, FUTEX_WAKE, INT32_MAX);
    if (setjmp(c->out) == 0)
        fork_resume(c->sp, 0);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    child_ended(c);
    return NULL;
}

static void on_end_signal(int sig)
{
    (void)sig;
    if (g_self)
        longjmp(g_self->out, 1);
}

static void child_terminate(struct child *c, int sig)
{
    if (c->done)
        return;
    c->status = sig;
    if (c == g_self)
        longjmp(c->out, 1);
    syscall(SYS_tgkill, real_getpid(), c->pid, END_SIGNAL);
}

/* Its thread is joined and everything of it given back. */
static void child_free(struct child *c)
{
    if (c != &g_outer_child) {
        pthread_join(c->thread, NULL);
        syscall(SYS_munmap, c->region, c->region_size);
    }
    pthread_mutex_lock(&g_mu);
    c->used = false;
    pthread_mutex_unlock(&g_mu);
}

/* ---- private memory, noted and put back */

static struct region g_own; /* this library's data, which stays as it is */

static int find_own(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size, (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_LOAD && (p->p_flags & PF_W) && from <= (uintptr_t)&g_own &&
            from + p->p_memsz > (uintptr_t)&g_own)
            g_own = (struct region){ from & ~4095UL, (from + p->p_memsz + 4095) & ~4095UL };
    }
    return 0;
}

static void region_add(uintptr_t from, uintptr_t to)
{
    if (from < g_own.to && to > g_own.from) {
        if (to > g_own.to)
            region_add(g_own.to, to);
        to = g_own.from;
    }
    if (from >= to || g_outer.count == REGION_MAX)
        return;
    g_outer.regions[g_outer.count++] = (struct region){ from, to };
    g_outer.size += to - from;
}

/* Call f for each mapping of this process. */
static void maps_each(void (*f)(void *arg, struct region r, const char *rights), void *arg)
{
    static char text[1 << 20]; /* g_mu */
    size_t used = 0;
    int fd = open("/proc/self/maps", O_RDONLY);
    pthread_mutex_lock(&g_mu);
    for (ssize_t n; (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0;)
        used += (size_t)n;
    text[used] = 0;
    for (char *line = text; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char *end;
        uintptr_t from = strtoul(line, &end, 16), to = strtoul(end + 1, &end, 16);
        f(arg, (struct region){ from, to }, end);
    }
    pthread_mutex_unlock(&g_mu);
    syscall(SYS_close, fd);
}

static void note_one(void *arg, struct region r, const char *rights)
{
    uintptr_t sp = *(uintptr_t *)arg;
    if (memcmp(rights, " rw-p", 5) != 0 && memcmp(rights, " rwxp", 5) != 0)
        return;
    if (sp >= r.from && sp < r.to)
        r = (struct region){ sp, g_outer.top }; /* the stack: from here up */
    region_add(r.from, r.to);
}

static void regions_find(uintptr_t sp)
{
    g_outer.count = g_outer.size = 0;
    maps_each(note_one, &sp);
}

static bool memory_note(uintptr_t sp)
{
    dl_iterate_phdr(find_own, NULL);
    g_outer.top = (uintptr_t)__libc_stack_end;
    g_outer.brk = sbrk(0);
    regions_find(sp);
    g_outer.copy = mmap(NULL, g_outer.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                        0);
    if (g_outer.copy == MAP_FAILED)
        return false;
    char *to = g_outer.copy;
    for (size_t i = 0; i < g_outer.count; i++) {
        size_t size = g_outer.regions[i].to - g_outer.regions[i].from;
        memcpy(to, (void *)g_outer.regions[i].from, size);
        to += size;
    }
    return true;
}

static void memory_put_back(void)
{
    static unsigned char resident[1 << 16];
    if (sbrk(0) != g_outer.brk)
        syscall(SYS_brk, g_outer.brk);
    char *from = g_outer.copy;
    for (size_t i = 0; i < g_outer.count; i++) {
        void *at = (void *)g_outer.regions[i].from;
        size_t size = g_outer.regions[i].to - g_outer.regions[i].from;
        uintptr_t page = (uintptr_t)at & ~4095UL;
        if ((size >> 12) < sizeof(resident) &&
            mincore((void *)page, size, resident)) /* unmapped meanwhile */
            mmap((void *)page, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        memcpy(at, from, size);
        from += size;
    }
    munmap(g_outer.copy, g_outer.size);
}

static void outer_finish(void)
{
    for (int i = 1; i < 65; i++)
        if (i != SIGKILL && i != SIGSTOP && i != 32 && i != 33)
            sigaction(i, &g_outer.actions[i], NULL);
    sigaltstack(&g_outer.alternate, NULL);
    memory_put_back();
    g_outer.running = false;
    g_outer_child.used = true;
    g_outer_child.waited = false;
    g_outer_child.pid = g_outer.pid;
    g_outer_child.status = g_outer.status;
    g_outer_child.done = 1;
    sigprocmask(SIG_SETMASK, &g_outer.mask, NULL);
    fork_resume(g_outer.sp, g_outer.pid);
}

static void outer_end(int status)
{
    syscall(SYS_alarm, 0);
    sigset_t late; /* what was sent to the child and found it blocked is not for the parent */
    sigfillset(&late);
    sigprocmask(SIG_BLOCK, &late, NULL);
    while (sigtimedwait(&late, NULL, &(struct timespec){ 0 }) > 0)
        ;
    for (int i = 0; i < CHILD_MAX; i++)
        if (g_children[i].used && !g_children[i].done) {
            child_terminate(&g_children[i], SIGKILL);
            pthread_join(g_children[i].thread, NULL);
        }
    g_outer.status = status;
    fork_on_stack((uintptr_t)g_exit_stack + sizeof(g_exit_stack), outer_finish);
}

void _exit(int status)
{
    if (g_self) {
        g_self->status = (status & 255) << 8;
        longjmp(g_self->out, 1);
    }
    if (g_outer.running)
        outer_end((status & 255) << 8);
    for (;;)
        syscall(SYS_exit_group, status);
}

void _Exit(int status)
{
    _exit(status);
}

void exit(int status)
{
    if (g_self || g_outer.running)
        _exit(status);
    void (*real)(int) = (void (*)(int))dlsym(RTLD_NEXT, "exit");
    real(status);
    __builtin_unreachable();
}

/* A child's stack is wherever it is: what the check of the fortified longjmp takes for a frame that
 * is gone. */
void __longjmp_chk(sigjmp_buf env, int value) __attribute__((noreturn));
void __longjmp_chk(sigjmp_buf env, int value)
{
    siglongjmp(env, value);
}

/* ---- fork */

static int fork_outer(uintptr_t sp)
{
    g_outer.sp = sp;
    g_outer.pid = real_getpid();
    sigprocmask(SIG_SETMASK, NULL, &g_outer.mask);
    sigaltstack(NULL, &g_outer.alternate);
    for (int i = 1; i < 65; i++)
        sigaction(i, NULL, &g_outer.actions[i]);
    struct sigaction end = { .sa_handler = on_end_signal, .sa_flags = SA_NODEFER };
    sigaction(END_SIGNAL, &end, NULL);
    g_outer.running = true;
    if (memory_note(sp))
        return 0;
    g_outer.running = false;
    errno = ENOMEM;
    return -1;
}

static void inherit_one(void *arg, struct region r, const char *rights)
{
    struct child *c = arg;
    (void)rights;
    if (c->inherited_count < INHERITED_MAX && r.from != (uintptr_t)c->region)
        c->inherited[c->inherited_count++] = r;
}

/* A copy of the stack from sp to its top, at the top of a new region; words that point into the one
 * point into the other. */
static bool stack_copy(struct child *c, uintptr_t sp, uintptr_t top)
{
    size_t used = top - sp;
    c->region_size = (STACK_SIZE + used + 4095) & ~4095UL;
    c->region = mmap(NULL, c->region_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c->region == MAP_FAILED)
        return false;
    c->top = ((uintptr_t)c->region + c->region_size) - ((-top) & 4095);
    if (c->top - used < (uintptr_t)c->region + STACK_SIZE / 2)
        return false;
    c->sp = c->top - used;
    memcpy((void *)c->sp, (void *)sp, used);
    c->inherited = c->region;
    maps_each(inherit_one, c);
    for (uintptr_t *word = (uintptr_t *)c->sp; word < (uintptr_t *)c->top; word++)
        if (*word >= sp && *word < top)
            *word += c->sp - sp;
    return true;
}

/* Unmap what of [from, to) was not inherited. */
static int unmap_own(const struct child *c, uintptr_t from, uintptr_t to)
{
    while (from < to) {
        uintptr_t end = to;
        bool inherited = false;
        for (size_t i = 0; i < c->inherited_count; i++) {
            const struct region *r = &c->inherited[i];
            if (from >= r->from && from < r->to) {
                inherited = true;
                end = r->to < to ? r->to : to;
                break;
            }
            if (r->from > from && r->from < end)
                end = r->from;
        }
        if (!inherited && syscall(SYS_munmap, from, end - from))
            return -1;
        from = end;
    }
    return 0;
}

int munmap(void *at, size_t size)
{
    uintptr_t from = (uintptr_t)at, to = from + ((size + 4095) & ~4095UL);
    if (!g_self || to <= from || from & 4095)
        return (int)syscall(SYS_munmap, at, size);
    return unmap_own(g_self, from, to);
}

/* The C library marks what was allocated by another thread than the first: the rest a child
 * inherited. */
void free(void *p)
{
    static void (*real)(void *);
    if (!real)
        real = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    if (p && (!g_self || ((size_t *)p)[-1] & 4))
        real(p);
}

static struct child *child_new(void)
{
    struct child *c = NULL;
    pthread_mutex_lock(&g_mu);
    for (int i = 0; i < CHILD_MAX && !c; i++)
        if (!g_children[i].used)
            c = &g_children[i];
    if (c) {
        memset(c, 0, sizeof(*c));
        c->used = true;
        c->parent = g_self;
        fds_inherit(g_self, c);
    }
    pthread_mutex_unlock(&g_mu);
    return c;
}

static int fork_thread(uintptr_t sp)
{
    struct child *c = child_new();
    if (!c) {
        errno = EAGAIN;
        return -1;
    }
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    uintptr_t top = g_self ? g_self->top : (uintptr_t)__libc_stack_end;
    if (!stack_copy(c, sp, top) || pthread_create(&c->thread, &attr, child_main, c)) {
        c->used = false;
        errno = ENOMEM;
        return -1;
    }
    while (!c->started)
        futex(&c->started, FUTEX_WAIT, 0);
    return c->pid;
}

int fork_from(uintptr_t sp)
{
    return g_outer.running ? fork_thread(sp) : fork_outer(sp);
}

/* ---- what a parent asks about its children */

static struct child *child_of(int pid)
{
    if (pid == g_outer_child.pid && g_outer_child.used && !g_outer.running)
        return &g_outer_child;
    for (int i = 0; i < CHILD_MAX; i++)
        if (g_children[i].used && g_children[i].pid == pid)
            return &g_children[i];
    return NULL;
}

/* A child of the caller that has ended, or NULL; any: whether there is one at all. */
static struct child *child_done(int pid, bool *any)
{
    *any = false;
    if (!g_outer.running && g_outer_child.used && (pid <= 0 || pid == g_outer_child.pid)) {
        *any = true;
        return &g_outer_child;
    }
    for (int i = 0; i < CHILD_MAX; i++) {
        struct child *c = &g_children[i];
        if (!c->used || c->parent != g_self || (pid > 0 && c->pid != pid))
            continue;
        *any = true;
        if (c->done)
            return c;
    }
    return NULL;
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    for (;;) {
        bool any;
        uint32_t before = g_ended;
        struct child *c = child_done(pid, &any);
        if (!any) {
            errno = ECHILD;
            return -1;
        }
        if (c) {
            int ended = c->pid;
            if (status)
                *status = c->status;
            if (usage)
                memset(usage, 0, sizeof(*usage));
            child_free(c);
            return ended;
        }
        if (options & WNOHANG)
            return 0;
        if (futex(&g_ended, FUTEX_WAIT, before) < 0 && errno == EINTR)
            return -1;
    }
}

pid_t waitpid(pid_t pid, int *status, int options)
{
    return wait4(pid, status, options, NULL);
}

pid_t wait(int *status)
{
    return wait4(-1, status, 0, NULL);
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}

pid_t getpid(void)
{
    return g_self ? g_self->pid : g_outer.running ? real_getpid() : PROGRAM_PID;
}

pid_t getppid(void)
{
    if (!g_self)
        return g_outer.running ? PROGRAM_PID : (pid_t)syscall(SYS_getppid);
    return g_self->parent ? g_self->parent->pid : real_getpid();
}

static bool ignored_by_default(int sig)
{
    return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT || sig == SIGSTOP ||
           sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

int kill(pid_t pid, int sig)
{
    struct child *c = pid > 0 ? child_of(pid) : NULL;
    if (pid == PROGRAM_PID)
        return 0;
    if (!c)
        return (int)syscall(SYS_kill, pid, sig);
    struct sigaction action;
    if (sig == 0 || c->done || sig == SIGSTOP)
        return 0;
    if (sig == SIGKILL)
        return child_terminate(c, sig), 0;
    if (sigaction(sig, NULL, &action))
        return -1;
    if (action.sa_handler == SIG_DFL && !ignored_by_default(sig))
        return child_terminate(c, sig), 0;
    return (int)syscall(SYS_tgkill, real_getpid(), c->pid, sig);
}

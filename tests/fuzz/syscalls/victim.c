/*
 * Threads that end: after calls that make ends interesting (robust lists, set_tid_address, clone's
 * words), by exit, with garbage left everywhere, or by a sigreturn whose frame they changed. One at
 * a time, started by the watchdog.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "fuzz.h"

static uint8_t g_stack[2 * SIGNAL_STACK] __attribute__((aligned(4096)));
static uint32_t g_running;
static int32_t g_cleared;

bool victim_owns(uint64_t rsp)
{
    return rsp >= (uint64_t)g_stack && rsp < (uint64_t)g_stack + sizeof(g_stack);
}

/* The frame that sigreturn will restore, with one thing changed. */
static void on_spoil(int sig, siginfo_t *info, void *context)
{
    struct slot *s = &g_slots[WORKERS];
    ucontext_t *u = context;
    (void)sig, (void)info;
    if (!victim_owns((uint64_t)u->uc_mcontext.gregs[REG_RSP]))
        return; /* another thread met this signal meanwhile */
    switch (below(s, 8)) {
    case 0: u->uc_mcontext.fpregs = (void *)value_pointer(s); break;
    case 1:
        u->uc_mcontext.gregs[REG_EFL] = (long long)value_interesting(s) & ~0x500ll;
        break; /* TF, DF: not in C */
    case 2: u->uc_mcontext.gregs[REG_CSGSFS] = (long long)value_interesting(s); break;
    case 3: u->uc_flags = value_interesting(s); break;
    case 4: memset(&u->uc_stack, (int)rnd(s), sizeof(u->uc_stack)); break;
    case 5:
        if (u->uc_mcontext.fpregs)
            ((uint32_t *)u->uc_mcontext.fpregs)[below(s, 128)] = (uint32_t)value_interesting(s);
        break;
    case 6: u->uc_mcontext.fpregs = NULL; break;
    default: u->uc_mcontext.gregs[REG_RIP] = (long long)world_no_code(s); break;
    }
}

static void spoil_a_frame(void)
{
    struct {
        uint64_t handler, flags, restorer, mask;
    } a = { (uint64_t)on_spoil, 0x04000000 | SA_SIGINFO, (uint64_t)signals_restorer, 0 };
    RAW(SYS_rt_sigaction, SIGXFSZ, &a, 0, 8);
    RAW(SYS_tgkill, g_pid, RAW(SYS_gettid, 0), SIGXFSZ);
    a.handler = (uint64_t)signals_handler;
    a.flags = 0x04000000;
    RAW(SYS_rt_sigaction, SIGXFSZ, &a, 0, 8);
}

static void live(void *argument)
{
    struct slot *s = argument;
    static const char *const last_words[] = { "set_robust_list", "set_tid_address", "exit",
                                              "futex",           "rt_sigprocmask",  "sigaltstack" };
    uint64_t none = 0;
    RAW(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
    __atomic_store_n(&s->tid, (int32_t)RAW(SYS_gettid, 0), __ATOMIC_SEQ_CST);
    for (uint64_t n = below(s, 30); n > 0; n--)
        work_once(s);
    if (chance(s, 40))
        spoil_a_frame();
    for (uint64_t n = below(s, 6); n > 0; n--) {
        int row = row_of(PICK(s, last_words));
        uint64_t args[6] = { 0 };
        for (unsigned i = 0; i < g_rows[row].count; i++)
            args[i] = value_of(s, &g_rows[row], i);
        if (rules_allow(s, &g_rows[row], args))
            work_call(s, g_rows[row].nr, &g_rows[row], args);
    }
    RAW(SYS_exit, rnd(s));
}

/* Called by the watchdog again and again: a new victim when the last one has gone. */
bool victim_tend(bool more)
{
    struct slot *s = &g_slots[WORKERS];
    if (g_running && RAW(SYS_tgkill, g_pid, g_running, 0) == 0)
        return true;
    g_running = 0;
    __atomic_store_n(&s->inside, 0, __ATOMIC_SEQ_CST);
    if (!more)
        return false;
    uint64_t flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                     CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
    int32_t tid = raw_clone(flags, g_stack + sizeof(g_stack), &g_cleared, live, s);
    if (tid > 0)
        g_running = (uint32_t)tid;
    return tid > 0;
}

/*
 * From a number in rax to a typed handler, by the table that syscalls.def makes. Each indirect call goes
 * through a function of the pointer's own type; registers narrow to each argument's real type here and
 * nowhere else.
 */
#include "libos/sys/dispatch.h"

#include "enclave/event.h"
#include "enclave/heap.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"
#include "libos/sys/sys.h"
#include "libos/sys/trace.h"

/* clang-format off */
#define A0(k) (arg_##k)r->rdi
#define A1(k) (arg_##k)r->rsi
#define A2(k) (arg_##k)r->rdx
#define A3(k) (arg_##k)r->r10
#define A4(k) (arg_##k)r->r8
#define A5(k) (arg_##k)r->r9
#define CALL(name) static int64_t call_##name(const struct cpu_regs *r)
#define SYS0(nr, name, ...) CALL(name) { (void)r; return sys_##name(); }
#define SYS1(nr, name, k0, a0, ...) CALL(name) { return sys_##name(A0(k0)); }
#define SYS2(nr, name, k0, a0, k1, a1, ...) CALL(name) { return sys_##name(A0(k0), A1(k1)); }
#define SYS3(nr, name, k0, a0, k1, a1, k2, a2, ...) CALL(name) { return sys_##name(A0(k0), A1(k1), A2(k2)); }
#define SYS4(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, ...) CALL(name) { return sys_##name(A0(k0), A1(k1), A2(k2), A3(k3)); }
#define SYS5(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, ...) CALL(name) { return sys_##name(A0(k0), A1(k1), A2(k2), A3(k3), A4(k4)); }
#define SYS6(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, k5, a5, ...) CALL(name) { return sys_##name(A0(k0), A1(k1), A2(k2), A3(k3), A4(k4), A5(k5)); }
#include "libos/sys/syscalls.def"
#undef SYS0
#undef SYS1
#undef SYS2
#undef SYS3
#undef SYS4
#undef SYS5
#undef SYS6

const struct syscall syscall_table[SYSCALL_MAX] = {
#define SYS0(nr, name, s, note) [nr] = { #name, call_##name, { 0 }, s, note },
#define SYS1(nr, name, k0, a0, s, note) [nr] = { #name, call_##name, { SHOW_##k0 }, s, note },
#define SYS2(nr, name, k0, a0, k1, a1, s, note) [nr] = { #name, call_##name, { SHOW_##k0, SHOW_##k1 }, s, note },
#define SYS3(nr, name, k0, a0, k1, a1, k2, a2, s, note) [nr] = { #name, call_##name, { SHOW_##k0, SHOW_##k1, SHOW_##k2 }, s, note },
#define SYS4(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, s, note) [nr] = { #name, call_##name, { SHOW_##k0, SHOW_##k1, SHOW_##k2, SHOW_##k3 }, s, note },
#define SYS5(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, s, note) [nr] = { #name, call_##name, { SHOW_##k0, SHOW_##k1, SHOW_##k2, SHOW_##k3, SHOW_##k4 }, s, note },
#define SYS6(nr, name, k0, a0, k1, a1, k2, a2, k3, a3, k4, a4, k5, a5, s, note) [nr] = { #name, call_##name, { SHOW_##k0, SHOW_##k1, SHOW_##k2, SHOW_##k3, SHOW_##k4, SHOW_##k5 }, s, note },
#include "libos/sys/syscalls.def"
};
/* clang-format on */

static uint64_t g_counts[SYSCALL_MAX];           /* relaxed atomics; only with --stats */
static uint8_t g_warned[SYSCALL_MAX];            /* a missing call is named once */
static const struct plan_mock **g_mocks;         /* by number; NULL: none at all */

int dispatch_init(void)
{
    const struct plan *p = &g_machine.plan;
    const struct plan_mock *mocks = plan_items(p, p->h->mocks);

    if (p->h->mocks.count == 0)
        return 0;
    g_mocks = mem_zalloc(SYSCALL_MAX * sizeof(*g_mocks));
    if (!g_mocks)
        return -ENOMEM;
    for (uint32_t i = 0; i < p->h->mocks.count; i++)
        if (mocks[i].nr < SYSCALL_MAX)
            g_mocks[mocks[i].nr] = &mocks[i];
    return 0;
}

static int64_t missing(uint64_t nr)
{
    if (nr < SYSCALL_MAX && !__atomic_exchange_n(&g_warned[nr], 1, __ATOMIC_RELAXED))
        log_warning("system call %lu is not implemented: the program gets ENOSYS", nr);
    return -ENOSYS;
}

static inline int64_t call(const struct cpu_regs *r)
{
    uint64_t nr = r->orig_rax;

    if (nr >= SYSCALL_MAX)
        return missing(nr);
    if (g_mocks && g_mocks[nr])
        return g_mocks[nr]->result;
    if (!syscall_table[nr].call)
        return missing(nr);
    return syscall_table[nr].call(r);
}

static void call_watched(struct cpu_regs *regs)
{
    uint64_t nr = regs->orig_rax;
    if (nr < SYSCALL_MAX)
        __atomic_fetch_add(&g_counts[nr], 1, __ATOMIC_RELAXED);
    if (!(g_trace & TRACE_SYS)) {
        regs->rax = (uint64_t)call(regs);
        return;
    }
    struct cpu_regs before = *regs;
    trace_enter(&before);
    regs->rax = (uint64_t)call(regs);
    trace_leave(&before, (int64_t)regs->rax);
}

uint64_t dispatch_count(uint64_t nr)
{
    return __atomic_load_n(&g_counts[nr], __ATOMIC_RELAXED);
}

static inline void call_in_line(struct cpu_regs *regs)
{
    current()->regs = regs;
    if (__builtin_expect(g_trace & TRACE_SYS || g_machine.stats, 0))
        call_watched(regs);
    else
        regs->rax = (uint64_t)call(regs);
}

void dispatch_call(struct cpu_regs *regs)
{
    call_in_line(regs);
}

/* Called by the system-call door. */
void libos_syscall(struct cpu_regs *regs)
{
    struct thread *t = current();

    call_in_line(regs);
    /* -ERESTARTSYS and its kin (errno.h) must never reach the program, whoever took the signal meanwhile. */
    bool restart = regs->rax + ERESTART_RESTARTBLOCK <= ERESTART_RESTARTBLOCK - ERESTARTSYS;
    if (__builtin_expect(__atomic_load_n(&t->sig.interrupted, __ATOMIC_RELAXED) != 0 || restart, 0))
        signal_deliver(regs);
}

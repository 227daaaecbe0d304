/*
 * Signals. A handler may interrupt the enclave (then the enclave is told by ENTER_EVENT), host code that
 * serves a call (then a bit is set and passed at the next ENTER_RETURN), or, by our own mistake, fault in
 * host code. Served code: the interrupted program's FS base is in force, hence no libc.
 *
 * Nothing here is believed by the enclave: it compares the event with EXITINFO.
 */
#include "host/signals.h"

#include "host/device.h"
#include "host/say.h"
#include "host/serve.h"
#include "host/soft_device.h"
#include "host/syscall.h"
#include "host/syscall_stub.h"
#include "lib/base/bytes.h"
#include "lib/boundary/start.h"

#define SIGNAL_BIT(n)   (UINT64_C(1) << ((n)-1))
#define FAULT_SIGNALS                                                                              \
    (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGILL) |          \
     SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSYS))
#define KERNEL_SA_RESTORER 0x04000000u
#define VDSO_SIZE_MAX      (8 * PAGE_SIZE)

/* What rt_sigaction(2) takes; libc's struct differs. */
struct kernel_sigaction {
    void (*handler)(int, siginfo_t *, void *);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

extern const char __executable_start[], etext[];

static uint64_t g_vdso; /* set once by signals_install() */

void signals_own_text(uint64_t *low, uint64_t *size)
{
    *low = ALIGN_DOWN(address_of(__executable_start), PAGE_SIZE);
    *size = ALIGN_UP(address_of(etext), PAGE_SIZE) - *low;
}

bool signals_in_host(uint64_t rip)
{
    uint64_t low, size;
    signals_own_text(&low, &size);
    return rip - low < size || (g_vdso && rip - g_vdso < VDSO_SIZE_MAX);
}

bool signals_is_fault(int sig, const siginfo_t *info)
{
    return (FAULT_SIGNALS & SIGNAL_BIT(sig)) && info->si_code > 0;
}

void signals_print_registers(const char *what, int sig, const siginfo_t *info, const ucontext_t *uc)
{
    const greg_t *g = uc->uc_mcontext.gregs;
    host_say("%s: signal %d code %d vector %ld error %lx address %p rip %lx rsp %lx rbp %lx rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx",
             what, sig, info->si_code, (long)g[REG_TRAPNO], (unsigned long)g[REG_ERR], info->si_addr,
             (unsigned long)g[REG_RIP], (unsigned long)g[REG_RSP], (unsigned long)g[REG_RBP],
             (unsigned long)g[REG_RAX], (unsigned long)g[REG_RBX], (unsigned long)g[REG_RCX],
             (unsigned long)g[REG_RDX], (unsigned long)g[REG_RSI], (unsigned long)g[REG_RDI]);
}

/* The vDSO falls back to real system calls, and it is outside the text that may make them. */
static void make_vdso_syscall(ucontext_t *uc)
{
    greg_t *g = uc->uc_mcontext.gregs;
    g[REG_RAX] = sys6(g[REG_RAX], (uint64_t)g[REG_RDI], (uint64_t)g[REG_RSI], (uint64_t)g[REG_RDX],
                      (uint64_t)g[REG_R10], (uint64_t)g[REG_R8], (uint64_t)g[REG_R9]);
}

/*
 * In host code an asynchronous signal becomes a bit that the enclave gets with the next ENTER_RETURN. Two
 * places would lose or delay it: after the bits were collected for an entry, and just before a system
 * call that sleeps.
 */
static void note_signal(struct host_thread *t, int sig, ucontext_t *uc)
{
    greg_t *g = uc->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)g[REG_RIP];
    if (rip == address_of(soft_enter_window) || rip == address_of(hw_enter_window)) {
        g[REG_RDX] |= (greg_t)SIGNAL_BIT(sig);
        return;
    }
    __atomic_fetch_or(&t->pending, SIGNAL_BIT(sig), __ATOMIC_RELAXED);
    if (rip >= address_of(host_blocking_begin) && rip <= address_of(host_blocking_insn))
        g[REG_RIP] = (greg_t)address_of(host_blocking_interrupted);
}

/* Tell the enclave. It may make calls while it handles the event (to say why it stops, for instance). */
static void deliver_event(struct host_thread *t, int sig, uint64_t address)
{
    uint64_t frame, reason = ENTER_EVENT, a = (uint64_t)sig, exit;
    t->counters.aex++;
    while ((exit = g_host.device->enter(t, reason, a, address, &frame)) == EXIT_CALL && frame == t->staging) {
        a = (uint64_t)serve_call(t, pointer_to(frame));
        reason = ENTER_RETURN;
    }
    if (exit != EXIT_EVENT_DONE)
        host_fail("the enclave refused an event: thread %lu, signal %d at %lx", t->index, sig, address);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    struct host_thread *t = pointer_to(ALIGN_DOWN(address_of(__builtin_frame_address(0)), THREAD_BLOCK_SIZE));
    ucontext_t *uc = context;
    bool fault = signals_is_fault(sig, info);
    if (sig == KICK_SIGNAL)
        __atomic_store_n(&t->kick_sent, 0, __ATOMIC_RELEASE);
    switch (g_host.device->interrupted(t, &sig, info, uc)) {
    case ORIGIN_DONE: return;
    case ORIGIN_ENCLAVE:
        /* as hardware does, hide which byte of the page it was */
        deliver_event(t, sig, fault ? ALIGN_DOWN(address_of(info->si_addr), PAGE_SIZE) : 0);
        g_host.device->resume(t, uc);
        return;
    case ORIGIN_HOST: break;
    }
    if (!fault) {
        note_signal(t, sig, uc);
    } else if (sig == SIGSYS && g_vdso && (uint64_t)uc->uc_mcontext.gregs[REG_RIP] - g_vdso < VDSO_SIZE_MAX) {
        make_vdso_syscall(uc);
    } else {
        signals_print_registers("the launcher faulted", sig, info, uc);
        host_fail("this is a bug of the launcher, or the enclave was lost (the machine slept?)");
    }
}

static void install(int sig, void (*handler)(int, siginfo_t *, void *), uint64_t flags)
{
    struct kernel_sigaction act = {
        .handler = handler, .flags = SA_SIGINFO | SA_ONSTACK | KERNEL_SA_RESTORER | flags,
        .restorer = host_restorer, .mask = ~FAULT_SIGNALS,
    };
    if (sys4(__NR_rt_sigaction, (uint64_t)sig, address_of(&act), 0, sizeof(act.mask)))
        host_fail("cannot install the handler of signal %d", sig);
}

static uint64_t handled_signals(void)
{
    uint64_t never = SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP);
    return (g_host.host_signals | FAULT_SIGNALS | SIGNAL_BIT(KICK_SIGNAL)) & ~never;
}

uint64_t signals_block(void)
{
    uint64_t mask = handled_signals(), before = 0;
    sys4(__NR_rt_sigprocmask, SIG_BLOCK, address_of(&mask), address_of(&before), sizeof(mask));
    return before;
}

void signals_restore(uint64_t mask)
{
    sys4(__NR_rt_sigprocmask, SIG_SETMASK, address_of(&mask), 0, sizeof(mask));
}

void signals_unblock(void)
{
    uint64_t mask = handled_signals();
    sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, address_of(&mask), 0, sizeof(mask));
}

void signals_install(uint64_t vdso)
{
    struct kernel_sigaction ignore = { .handler = (void (*)(int, siginfo_t *, void *))1 };
    uint64_t wanted = handled_signals();
    g_vdso = vdso;
    sys4(__NR_rt_sigaction, SIGPIPE, address_of(&ignore), 0, sizeof(ignore.mask));
    for (int sig = 1; sig <= 64; sig++) {
        if (FAULT_SIGNALS & SIGNAL_BIT(sig))
            install(sig, on_signal, SA_NODEFER); /* a fault inside the handler must reach us to be told */
        else if (wanted & SIGNAL_BIT(sig))
            install(sig, on_signal, 0);
    }
}

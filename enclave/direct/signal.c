/*
 * Host signals in a plain process, turned into events as an enclave's asynchronous exits are. The handler runs
 * on the thread's alternate stack. When the program was interrupted, its registers are put at the top of the
 * (then empty) libos stack and the signal returns into event_door; when libos was, only a bit is set, or a
 * faulting access to the program's memory is made to return short.
 */
#include "enclave/backend.h"
#include "enclave/direct/direct.h"
#include "enclave/event.h"
#include "enclave/fixup.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/zone.h"
#include "lib/base/bytes.h"

/* The kernel's struct ucontext up to what is needed (arch/x86/include/uapi/asm/sigcontext.h). */
struct ucontext {
    uint64_t flags, link, stack_sp;
    uint32_t stack_flags, pad;
    uint64_t stack_size;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint64_t segments, err, trapno, oldmask, cr2, fpstate;
};

struct siginfo {
    int32_t signo, err_no, code, pad;
    uint64_t address; /* si_addr; for SIGSYS si_call_addr */
};

struct kernel_sigaction {
    void (*handler)(int, struct siginfo *, struct ucontext *);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11, SIGPIPE = 13, SIGSYS = 31 };
enum { SYS_USER_DISPATCH = 2, TRAP_DB = 1, TRAP_BP = 3, TRAP_UD = 6, TRAP_PF = 14 };

#define PR_SET_SYSCALL_USER_DISPATCH 59

extern const char door_exit_start[], door_exit_end[], event_door[];
extern const char direct_block_start[], direct_block_end[], direct_block_interrupted[];
void direct_restorer(void);

static bool in_range(uint64_t rip, const char *start, const char *end)
{
    return rip >= (uintptr_t)start && rip < (uintptr_t)end;
}

static bool is_synchronous(int sig, const struct siginfo *info)
{
    switch (sig) {
    case SIGILL:
    case SIGTRAP:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGSYS: return info->code > 0;
    default: return false;
    }
}

static void save_registers(const struct ucontext *uc, struct cpu_regs *r)
{
    *r = (struct cpu_regs){
        .r15 = uc->r15, .r14 = uc->r14, .r13 = uc->r13, .r12 = uc->r12, .rbp = uc->rbp, .rbx = uc->rbx,
        .r11 = uc->r11, .r10 = uc->r10, .r9 = uc->r9, .r8 = uc->r8, .rax = uc->rax, .rcx = uc->rcx,
        .rdx = uc->rdx, .rsi = uc->rsi, .rdi = uc->rdi, .orig_rax = UINT64_MAX, .rip = uc->rip,
        .rflags = uc->rflags, .rsp = uc->rsp, .full = 1,
    };
}

static void describe(int sig, const struct siginfo *info, const struct ucontext *uc, struct cpu_regs *r, struct event *e)
{
    *e = (struct event){ .kind = EVENT_FAULT, .vector = (unsigned)uc->trapno, .error = (unsigned)uc->err };
    if (sig == SIGSYS && info->code == SYS_USER_DISPATCH) {
        e->kind = EVENT_SYSCALL;
        r->orig_rax = r->rax;
    } else if (e->vector == TRAP_PF) {
        e->address = uc->cr2;
    } else if (sig == SIGBUS) {
        e->vector = TRAP_PF; /* beyond the end of a mapped file: the kernel's word is the address */
        e->address = info->address;
    }
}

/* Leave the handler into event_door with the program's registers at the top of the libos stack. */
static void redirect(struct thread_block *tb, struct ucontext *uc, const struct event *event, bool in_place, int sig, const struct siginfo *info)
{
    struct cpu_regs *regs = (struct cpu_regs *)(tb->layout.stack_top - sizeof(*regs));
    struct event *e = (struct event *)((uintptr_t)regs - 64);

    if (!in_place)
        save_registers(uc, regs);
    regs->full = regs->full || !in_place;
    if (event)
        *e = *event;
    else
        describe(sig, info, uc, regs, e);
    uc->rdi = (uintptr_t)regs;
    uc->rsi = (uintptr_t)e;
    uc->rsp = (uintptr_t)e - 64;
    uc->rip = (uintptr_t)event_door;
    uc->rflags &= ~UINT64_C(0x40500); /* DF, TF, AC */
}

static void on_fault(struct thread_block *tb, int sig, const struct siginfo *info, struct ucontext *uc)
{
    bool ours = uc->rip >= g_zone.image_low && uc->rip < g_zone.image_high;

    if (ours && !in_range(uc->rip, door_exit_start, door_exit_end)) {
        uint64_t go_on = fixup_find(uc->rip);
        if (go_on) {
            uc->rip = go_on;
            return;
        }
        log_always("internal error: signal %d at image+%#lx, address %#lx, rsp %#lx, rdi %#lx", sig,
                   uc->rip - g_zone.image_low, uc->trapno == TRAP_PF ? uc->cr2 : 0, uc->rsp, uc->rdi);
        machine_exit(139);
    }
    redirect(tb, uc, NULL, ours, sig, info);
}

static void on_host_signal(struct thread_block *tb, int sig, struct ucontext *uc)
{
    uint64_t rip = uc->rip;
    bool ours = rip >= g_zone.image_low && rip < g_zone.image_high;
    bool window = in_range(rip, door_exit_start, door_exit_end);

    __atomic_fetch_or(&tb->pending, UINT64_C(1) << (sig - 1), __ATOMIC_SEQ_CST);
    if (in_range(rip, direct_block_start, direct_block_end) && rip != (uintptr_t)direct_block_end)
        uc->rip = (uintptr_t)direct_block_interrupted;
    if ((ours && !window) || !tb->thread)
        return;
    struct event e = { .kind = EVENT_HOST };
    redirect(tb, uc, &e, window, sig, NULL);
}

static void on_signal(int sig, struct siginfo *info, struct ucontext *uc)
{
    struct thread_block *tb = thread_block();
    if (is_synchronous(sig, info))
        on_fault(tb, sig, info, uc);
    else
        on_host_signal(tb, sig, uc);
}

static void install(int sig)
{
    struct kernel_sigaction sa = {
        .handler = on_signal,
        .flags = 0x0c000004, /* SA_SIGINFO | SA_RESTORER | SA_ONSTACK; no SA_RESTART: blocking calls return -EINTR */
        .restorer = direct_restorer,
        .mask = UINT64_MAX & ~(UINT64_C(1) << (SIGSEGV - 1)),
    };
    direct_sys(NR_RT_SIGACTION, (uint64_t)sig, (uintptr_t)&sa, 0, 8);
}

/* Writes say EPIPE; the program's own SIGPIPE is libos's to send. */
static void ignore_broken_pipes(void)
{
    struct kernel_sigaction sa = { .handler = (void (*)(int, struct siginfo *, struct ucontext *))1 /* SIG_IGN */ };
    direct_sys(NR_RT_SIGACTION, SIGPIPE, (uintptr_t)&sa, 0, 8);
}

void direct_signals_init(void)
{
    static const uint8_t faults[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, KICK_SIGNAL };
    for (size_t i = 0; i < sizeof(faults); i++)
        install(faults[i]);
    ignore_broken_pipes();
}

void direct_signals_allow(uint64_t host_signals)
{
    for (int sig = 1; sig <= 64; sig++)
        if (host_signals >> (sig - 1) & 1 && sig != 9 && sig != 19)
            install(sig);
}

void direct_signals_thread(uint64_t altstack)
{
    struct {
        uint64_t sp;
        uint32_t flags, pad;
        uint64_t size;
    } ss = { .sp = altstack, .size = DIRECT_ALTSTACK_SIZE };

    direct_sys(NR_SIGALTSTACK, (uintptr_t)&ss, 0);
    uint64_t none = 0;
    direct_sys(NR_RT_SIGPROCMASK, 2, (uintptr_t)&none, 0, 8);
    /* Every syscall instruction outside the image traps: Linux 5.11 and later. */
    int64_t err = direct_sys(NR_PRCTL, PR_SET_SYSCALL_USER_DISPATCH, 1, g_zone.image_low, g_zone.image_high - g_zone.image_low, 0);
    if (err) {
        log_always("this kernel has no Syscall User Dispatch (error %ld): Linux 5.11 or later is needed", err);
        machine_exit(1);
    }
}

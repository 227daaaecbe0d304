/*
 * rt signal frames, byte for byte Linux's on x86-64, because unwinders, debuggers, garbage collectors
 * and Go's runtime read and change them. What sigreturn finds there is the program's word: every value
 * is limited to what a program may set.
 */
#include "libos/signal/frame.h"

#include "enclave/cpu.h"
#include "enclave/log.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "libos/proc/process.h"
#include "libos/signal/fpu.h"

#define RED_ZONE  128
#define USER_CS   0x33
#define USER_SS   0x2b
#define RFLAGS_TF UINT64_C(0x100)
#define RFLAGS_DF UINT64_C(0x400)
#define RFLAGS_RF UINT64_C(0x10000)

struct frame_place frame_place(uint64_t sp, uint64_t fpu_size)
{
    struct frame_place p;
    p.fpstate = ALIGN_DOWN(sp - fpu_size, UINT64_C(64));
    p.frame = ALIGN_DOWN(p.fpstate - sizeof(struct linux_rt_sigframe), UINT64_C(16)) - 8;
    return p;
}

static bool on_alt_stack(const struct sigstate *s, uint64_t sp)
{
    if (s->stack_flags & LINUX_SS_AUTODISARM)
        return false;
    return sp > s->stack && sp - s->stack <= s->stack_size;
}

static void regs_to_context(const struct cpu_regs *r, const struct sigstate *s, uint64_t mask, struct linux_sigcontext *c)
{
    c->r8 = r->r8;
    c->r9 = r->r9;
    c->r10 = r->r10;
    c->r11 = r->r11;
    c->r12 = r->r12;
    c->r13 = r->r13;
    c->r14 = r->r14;
    c->r15 = r->r15;
    c->rdi = r->rdi;
    c->rsi = r->rsi;
    c->rbp = r->rbp;
    c->rbx = r->rbx;
    c->rdx = r->rdx;
    c->rax = r->rax;
    c->rcx = r->rcx;
    c->rsp = r->rsp;
    c->rip = r->rip;
    c->rflags = r->rflags;
    c->cs = USER_CS;
    c->ss = USER_SS;
    c->err = s->fault_error;
    c->trapno = s->fault_trapno;
    c->cr2 = s->fault_address;
    c->oldmask = mask;
}

static void context_to_regs(const struct linux_sigcontext *c, struct cpu_regs *r)
{
    r->r8 = c->r8;
    r->r9 = c->r9;
    r->r10 = c->r10;
    r->r11 = c->r11;
    r->r12 = c->r12;
    r->r13 = c->r13;
    r->r14 = c->r14;
    r->r15 = c->r15;
    r->rdi = c->rdi;
    r->rsi = c->rsi;
    r->rbp = c->rbp;
    r->rbx = c->rbx;
    r->rdx = c->rdx;
    r->rax = c->rax;
    r->rcx = c->rcx;
    r->rsp = c->rsp;
    r->rip = c->rip;
    r->rflags = (r->rflags & ~CPU_RFLAGS_USER) | (c->rflags & CPU_RFLAGS_USER);
    r->orig_rax = UINT64_MAX; /* nothing to restart */
    r->full = 1;
}

/* In a function of its own: the area is large, and must not stand on the stack longer than needed. */
static int __attribute__((noinline)) push_fpu(uint64_t at)
{
    struct fpu_area area;
    fpu_save(&area);
    return user_write(at, area.bytes, fpu_frame_size());
}

int frame_push(struct thread *t, struct cpu_regs *regs, int sig, const struct linux_siginfo *info,
               const struct linux_sigaction *action, uint64_t mask)
{
    struct sigstate *s = &t->sig;
    if (!(action->flags & LINUX_SA_RESTORER))
        return -EFAULT;
    uint64_t sp = regs->rsp - RED_ZONE;
    bool alt = on_alt_stack(s, regs->rsp), enter = false;
    if (action->flags & LINUX_SA_ONSTACK && !alt && s->stack_size) {
        sp = s->stack + s->stack_size;
        enter = true;
    }
    struct frame_place at = frame_place(sp, fpu_frame_size());
    /* An overflowing alternate stack must not go on below it. */
    if ((alt || enter) && (at.frame <= s->stack || at.frame - s->stack > s->stack_size))
        return -EFAULT;

    struct linux_rt_sigframe f;
    memset(&f, 0, sizeof(f));
    f.pretcode = action->restorer;
    f.uc.flags = LINUX_UC_FP_XSTATE | LINUX_UC_SIGCONTEXT_SS | LINUX_UC_STRICT_RESTORE_SS;
    f.uc.stack.sp = s->stack;
    f.uc.stack.size = s->stack_size;
    f.uc.stack.flags = (int32_t)(s->stack_flags | (alt ? (uint32_t)LINUX_SS_ONSTACK : 0));
    regs_to_context(regs, s, mask, &f.uc.mcontext);
    f.uc.mcontext.fpstate = at.fpstate;
    f.uc.sigmask = mask;
    f.info = *info;
    int err = push_fpu(at.fpstate);
    if (!err)
        err = user_write(at.frame, &f, sizeof(f));
    if (err)
        return err;
    if (s->stack_flags & LINUX_SS_AUTODISARM) {
        s->stack = s->stack_size = 0;
        s->stack_flags = LINUX_SS_DISABLE;
    }
    regs->rdi = (uint64_t)sig;
    regs->rsi = at.frame + offsetof(struct linux_rt_sigframe, info);
    regs->rdx = at.frame + offsetof(struct linux_rt_sigframe, uc);
    regs->rax = 0;
    regs->rip = action->handler;
    regs->rsp = at.frame;
    regs->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
    regs->full = 1;
    return 0;
}

/* ---- the way back */

static int __attribute__((noinline)) pop_fpu(uint64_t at)
{
    struct fpu_area area;
    if (!at) {
        fpu_reset();
        return 0;
    }
    memset(area.bytes, 0, sizeof(area.bytes));
    size_t size = fpu_frame_size();
    if (user_read(area.bytes, at, size)) {
        size = 512; /* an old FXSAVE frame at the end of mapped memory */
        if (user_read(area.bytes, at, size))
            return -EFAULT;
    }
    return fpu_restore(&area, size);
}

static void restore_alt_stack(struct sigstate *s, const struct linux_stack *stack, uint64_t sp)
{
    uint32_t flags = (uint32_t)stack->flags & ~(uint32_t)LINUX_SS_ONSTACK;
    if (on_alt_stack(s, sp) || flags & ~(LINUX_SS_AUTODISARM | LINUX_SS_DISABLE))
        return;
    if (flags & LINUX_SS_DISABLE) {
        s->stack = s->stack_size = 0;
    } else if (stack->size >= LINUX_MINSIGSTKSZ) {
        s->stack = stack->sp;
        s->stack_size = stack->size;
    } else {
        return;
    }
    s->stack_flags = flags;
}

int64_t signal_return(struct cpu_regs *regs)
{
    struct thread *t = current();
    struct linux_rt_sigframe f;
    /* The handler's return popped pretcode. */
    if (user_read(&f, regs->rsp - 8, sizeof(f)) || pop_fpu(f.uc.mcontext.fpstate)) {
        log_debug("thread %d: bad signal frame at %#lx", t->tid, regs->rsp - 8);
        regs->orig_rax = UINT64_MAX;
        regs->full = 1;
        signal_force_fault(SIGSEGV, LINUX_SI_KERNEL, 0, 0, 0);
        return 0;
    }
    signal_set_mask(f.uc.sigmask);
    context_to_regs(&f.uc.mcontext, regs);
    restore_alt_stack(&t->sig, &f.uc.stack, regs->rsp);
    return (int64_t)regs->rax;
}

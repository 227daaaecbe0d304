/*
 * Events of the machine: trapped system calls, faults of the program, host signals and kicks. Runs on the
 * thread's libos stack with the program's registers in *regs.
 */
#include "enclave/event.h"

#include <stdbool.h>

#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/uaccess.h"
#include "lib/linux/errno.h"
#include "lib/linux/mman.h"
#include "libos/exec/rewrite.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "libos/signal/signal.h"

enum { VECTOR_DE = 0, VECTOR_DB = 1, VECTOR_BP = 3, VECTOR_OF = 4, VECTOR_BR = 5, VECTOR_UD = 6, VECTOR_NM = 7,
       VECTOR_GP = 13, VECTOR_PF = 14, VECTOR_MF = 16, VECTOR_AC = 17, VECTOR_XM = 19 };

#define FAULT_USER   4u
#define SYSCALL_SIZE 2
#define INT3         0xcc

/* Which floating-point exception: the lowest unmasked one, as Linux's fpu__exception_code. */
static int float_code(unsigned vector)
{
    unsigned raised;
    if (vector == VECTOR_XM) {
        uint32_t mxcsr;
        __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
        raised = mxcsr & ~(mxcsr >> 7) & 0x3f;
    } else {
        uint16_t control, status;
        __asm__ volatile("fnstcw %0\n\tfnstsw %1" : "=m"(control), "=m"(status));
        raised = status & ~control & 0x3f;
    }
    static const int codes[] = { LINUX_FPE_FLTINV, LINUX_FPE_FLTUND, LINUX_FPE_FLTDIV, LINUX_FPE_FLTOVF, LINUX_FPE_FLTUND, LINUX_FPE_FLTRES };
    return raised ? codes[__builtin_ctz(raised)] : 0;
}

static void page_fault(const struct event *e)
{
    struct vma v;
    int sig = SIGSEGV, code = LINUX_SEGV_MAPERR;
    if (e->address && mm_find(current()->process->mm, e->address, &v)) {
        unsigned need = e->error & 2 ? PROT_WRITE : e->error & 16 ? PROT_EXEC : PROT_READ;
        code = LINUX_SEGV_ACCERR;
        if (v.file && v.prot & need) {
            /* Allowed and yet refused: beyond the end of the file, which may have grown since. */
            if (mm_fault_in(current()->process->mm, e->address))
                return;
            sig = SIGBUS;
            code = LINUX_BUS_ADRERR;
        }
    }
    signal_force_fault(sig, code, e->address, VECTOR_PF, e->error | FAULT_USER);
}

/*
 * int3 in an enclave is #UD, or with TCS.DBGOPTIN #BP as a fault: either way rip is still at it (SDM vol. 3D,
 * 40.5.1). A program expects SIGTRAP behind it, as everywhere.
 */
static bool is_int3(const struct cpu_regs *regs, unsigned vector)
{
    uint8_t code;
    return g_machine.is_enclave && (vector == VECTOR_UD || vector == VECTOR_BP) && !user_read(&code, regs->rip, 1) && code == INT3;
}

static void fault(struct cpu_regs *regs, const struct event *e)
{
    unsigned vector = e->vector;
    if (is_int3(regs, vector)) {
        vector = VECTOR_BP;
        regs->rip++;
    }
    switch (vector) {
    case VECTOR_DE: signal_force_fault(SIGFPE, LINUX_FPE_INTDIV, regs->rip, e->vector, 0); return;
    case VECTOR_DB: signal_force_fault(SIGTRAP, LINUX_TRAP_TRACE, regs->rip, e->vector, 0); return;
    case VECTOR_BP: signal_force_fault(SIGTRAP, LINUX_SI_KERNEL, 0, vector, 0); return;
    case VECTOR_UD: signal_force_fault(SIGILL, LINUX_ILL_ILLOPN, regs->rip, e->vector, 0); return;
    case VECTOR_PF: page_fault(e); return;
    case VECTOR_AC: signal_force_fault(SIGBUS, LINUX_BUS_ADRALN, e->address, e->vector, e->error); return;
    case VECTOR_MF:
    case VECTOR_XM: signal_force_fault(SIGFPE, float_code(e->vector), regs->rip, e->vector, 0); return;
    default: signal_force_fault(SIGSEGV, LINUX_SI_KERNEL, 0, e->vector, e->error); return;
    }
}

void libos_event(struct cpu_regs *regs, const struct event *event)
{
    struct thread *t = current();
    t->regs = regs;
    if (event->kind == EVENT_SYSCALL) {
        rewrite_site(regs->rip - SYSCALL_SIZE, regs);
        rewrite_redirect(regs); /* to the copy at once, not by one more trap */
        libos_syscall(regs);
        return;
    }
    if (event->kind == EVENT_FAULT) {
        if (event->vector == VECTOR_UD && rewrite_redirect(regs))
            return;
        regs->orig_rax = UINT64_MAX;
        regs->full = 1;
        fault(regs, event);
    }
    /* A host event may come on the way out of a system call: then orig_rax still says which, for its restart. */
    signal_deliver(regs);
}

/*
 * What happens after an event door was passed: instructions that an enclave may not execute are emulated
 * here, everything else is libos's.
 */
#include "enclave/event.h"

#include "enclave/clock.h"
#include "enclave/cpuid.h"
#include "enclave/machine.h"
#include "enclave/thread_block.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"

#define VECTOR_UD 6
#define VECTOR_GP 13

/* CPUID raises #UD in an enclave. */
static bool emulate_cpuid(struct cpu_regs *regs)
{
    uint32_t out[4];

    cpuid_get((uint32_t)regs->rax, (uint32_t)regs->rcx, out);
    regs->rax = out[CPUID_EAX];
    regs->rbx = out[CPUID_EBX];
    regs->rcx = out[CPUID_ECX];
    regs->rdx = out[CPUID_EDX];
    regs->rip += 2;
    return true;
}

/* RDTSC and RDTSCP raise #UD in an enclave of SGX1, and #GP where the kernel forbids them: a counter of 1 GHz. */
static bool emulate_tsc(struct cpu_regs *regs, bool tscp)
{
    uint64_t now = (uint64_t)clock_monotonic();

    regs->rax = (uint32_t)now;
    regs->rdx = now >> 32;
    if (tscp)
        regs->rcx = 0; /* IA32_TSC_AUX: CPU 0, as sys_getcpu says when it does not know */
    regs->rip += tscp ? 3 : 2;
    return true;
}

/*
 * #UD (or #GP) on an instruction that is legal outside an enclave. Read here and not in stage one, where a fault (two
 * bytes across the end of a mapping) would be the end. Returns true when it was emulated.
 */
static bool emulate(struct cpu_regs *regs, struct event *event)
{
    uint8_t code[3] = { 0 };
    size_t size = user_read_some(code, regs->rip, sizeof(code));

    if (size < 2 || code[0] != 0x0f)
        return false;
    if (code[1] == 0x31)
        return emulate_tsc(regs, false);
    if (size == 3 && code[1] == 0x01 && code[2] == 0xf9)
        return emulate_tsc(regs, true);
    if (event->vector != VECTOR_UD)
        return false;
    if (code[1] == 0xa2)
        return emulate_cpuid(regs);
    if (code[1] == 0x05) {
        event->kind = EVENT_SYSCALL;
        regs->orig_rax = regs->rax;
        regs->rip += 2;
    }
    return false;
}

void event_dispatch(struct cpu_regs *regs, struct event *event);
void event_pending(struct cpu_regs *regs);

/* Called by event_door. */
void event_dispatch(struct cpu_regs *regs, struct event *event)
{
    bool refused = event->kind == EVENT_FAULT && (event->vector == VECTOR_UD || event->vector == VECTOR_GP);

    if (refused && g_machine.is_enclave && emulate(regs, event))
        return;
    if (event->kind == EVENT_SYSCALL)
        thread_block()->traps++;
    libos_event(regs, event);
}

/* Called on the way back to the program when TB_PENDING is not zero. */
void event_pending(struct cpu_regs *regs)
{
    struct event e = { .kind = EVENT_HOST };
    libos_event(regs, &e);
}

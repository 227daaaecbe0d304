/*
 * What happens after an event door was passed: instructions that an enclave may not execute are emulated
 * here, everything else is libos's.
 */
#include "enclave/event.h"

#include "enclave/gate.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/thread_block.h"
#include "enclave/uaccess.h"
#include "lib/base/bytes.h"

#define VECTOR_UD 6

/* CPUID raises #UD in an enclave: the answer is the host's word. */
static bool emulate_cpuid(struct cpu_regs *regs)
{
    uint32_t out[4] = { 0 };

    host_call(cpuid, (uint32_t)regs->rax, (uint32_t)regs->rcx, PTR(out));
    regs->rax = out[0];
    regs->rbx = out[1];
    regs->rcx = out[2];
    regs->rdx = out[3];
    regs->rip += 2;
    return true;
}

/*
 * #UD on an instruction that is legal outside an enclave. Read here and not in stage one, where a fault (two bytes
 * across the end of a mapping) would be the end. Returns true when it was emulated.
 */
static bool emulate(struct cpu_regs *regs, struct event *event)
{
    uint8_t code[2];

    if (user_read(code, regs->rip, sizeof(code)) || code[0] != 0x0f)
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
    if (event->kind == EVENT_FAULT && event->vector == VECTOR_UD && g_machine.is_enclave && emulate(regs, event))
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

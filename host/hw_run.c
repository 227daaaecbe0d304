/* Entering an enclave by hardware, and telling its interruptions from the launcher's own. Served code. */
#include "host/hw_run.h"

#include "host/syscall.h"

/* enter_hw.S; offsets are fixed there. */
struct hw_entry {
    volatile uint64_t *pending;      /* 0x00 */
    uint64_t tcs, reason, a, b;      /* 0x08 0x10 0x18 0x20 */
    uint64_t exit, frame;            /* 0x28 0x30: what came back */
};

void hw_eenter(struct hw_entry *e);
extern const char hw_aep[];

void hw_prepare(struct host_thread *t)
{
}

uint64_t hw_enter(struct host_thread *t, uint64_t reason, uint64_t a, uint64_t b, uint64_t *frame)
{
    struct hw_entry e = { .pending = &t->pending, .tcs = t->tcs, .reason = reason, .a = a, .b = b };
    hw_eenter(&e);
    *frame = e.frame;
    return e.exit;
}

enum signal_origin hw_interrupted(struct host_thread *t, int *sig, siginfo_t *info, ucontext_t *uc)
{
    return (uint64_t)uc->uc_mcontext.gregs[REG_RIP] == address_of(hw_aep) ? ORIGIN_ENCLAVE : ORIGIN_HOST;
}

/* The interrupted context stands at the AEP with RAX = ERESUME: returning from the handler resumes. */
void hw_resume(struct host_thread *t, ucontext_t *uc)
{
}

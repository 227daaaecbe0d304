/*
 * Stage one of an event in an enclave: runs at CSSA 1, on the event stack, with the interrupted state in SSA
 * frame 0. It decides what the event is from what the CPU wrote there (EXITINFO, EXINFO), treats what the host
 * says as a hint that is believed only where it can do no harm, and arranges that ERESUME goes on in
 * event_door with the program's registers at the top of the libos stack. Uses no vector registers: the program's
 * come back by ERESUME untouched.
 */
#include "enclave/backend.h"
#include "enclave/event.h"
#include "enclave/fixup.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/sgx/sgx.h"
#include "enclave/uaccess.h"
#include "enclave/zone.h"
#include "lib/base/bytes.h"
#include "lib/sgx/arch.h"

enum { HOST_SIGSEGV = 11, HOST_SIGBUS = 7, HOST_SIGNALS = 64 };
#define VECTOR_PF 14

extern const char door_exit_start[], door_exit_end[], event_door[];
extern const char sgx_exit_start[], sgx_exit_end[], sgx_exit_interrupted[];

void sgx_stage_one(uint64_t signal, uint64_t address);

struct interruption {
    struct sgx_gprsgx *gpr;
    const struct sgx_exinfo *exinfo; /* NULL: not asked for */
    bool fault;        /* the CPU says so */
    unsigned vector;
    bool ours, window; /* the image was interrupted; in the door's window */
};

static void look(struct interruption *i)
{
    const struct layout_thread *l = &thread_block()->layout;
    uint64_t frame_end = l->ssa + LAYOUT_SSA_PAGES * PAGE_SIZE;

    i->gpr = (struct sgx_gprsgx *)(frame_end - sizeof(struct sgx_gprsgx));
    i->exinfo = g_machine.plan.h->flags & PLAN_EXINFO
                    ? (const struct sgx_exinfo *)((uintptr_t)i->gpr - sizeof(struct sgx_exinfo)) : NULL;
    i->fault = i->gpr->exitinfo & EXITINFO_VALID;
    i->vector = i->gpr->exitinfo & EXITINFO_VECTOR;
    i->ours = i->gpr->rip >= g_zone.image_low && i->gpr->rip < g_zone.image_high;
    i->window = i->gpr->rip >= (uintptr_t)door_exit_start && i->gpr->rip < (uintptr_t)door_exit_end;
}

static void save_registers(const struct sgx_gprsgx *g, struct cpu_regs *r)
{
    *r = (struct cpu_regs){
        .r15 = g->r15, .r14 = g->r14, .r13 = g->r13, .r12 = g->r12, .rbp = g->rbp, .rbx = g->rbx,
        .r11 = g->r11, .r10 = g->r10, .r9 = g->r9, .r8 = g->r8, .rax = g->rax, .rcx = g->rcx,
        .rdx = g->rdx, .rsi = g->rsi, .rdi = g->rdi, .orig_rax = UINT64_MAX, .rip = g->rip,
        .rflags = g->rflags, .rsp = g->rsp, .full = 1,
    };
}

static void redirect(const struct interruption *i, const struct event *event)
{
    struct thread_block *tb = thread_block();
    struct cpu_regs *regs = (struct cpu_regs *)(tb->layout.stack_top - sizeof(*regs));
    struct event *e = (struct event *)((uintptr_t)regs - 64);

    if (!i->window)
        save_registers(i->gpr, regs);
    *e = *event;
    i->gpr->rdi = (uintptr_t)regs;
    i->gpr->rsi = (uintptr_t)e;
    i->gpr->rsp = (uintptr_t)e - 64;
    i->gpr->rip = (uintptr_t)event_door;
    i->gpr->rflags &= ~UINT64_C(0x40500); /* DF, TF, AC */
    i->gpr->exitinfo = 0;
}

_Noreturn void sgx_fatal(uint64_t vector, uint64_t rip, uint64_t ours);

/* Where a thread goes on (at CSSA 0, so it can make host calls) after an event that cannot be survived. */
_Noreturn void sgx_fatal(uint64_t vector, uint64_t rip, uint64_t ours)
{
    if (!thread_block()->staging)
        for (;;)
            cpu_pause(); /* not started yet: there is no way to tell */
    if (ours)
        log_always("internal error: exception %lu at image+%#lx", vector, rip - g_zone.image_low);
    else
        log_always("a memory fault at rip %#lx that the CPU does not report: set sgx.use_exinfo = true if the "
                   "program handles SIGSEGV", rip);
    machine_exit(139);
}

/*
 * Stage one itself cannot leave for a host call: the thread goes on in sgx_fatal, at the top of the libos stack.
 * Not on the event stack: a further event would push the host's registers over the frames of sgx_fatal.
 */
static void die(const struct interruption *i, unsigned vector)
{
    i->gpr->rdi = vector;
    i->gpr->rsi = i->gpr->rip;
    i->gpr->rdx = i->ours;
    i->gpr->rsp = thread_block()->layout.stack_top - 8;
    i->gpr->rip = (uintptr_t)sgx_fatal;
    i->gpr->rflags &= ~UINT64_C(0x40500);
    i->gpr->exitinfo = 0;
}

static void on_fault(const struct interruption *i, unsigned vector, uint64_t address, unsigned error)
{
    struct event e = { .kind = EVENT_FAULT, .vector = vector, .address = address, .error = error };

    if (i->ours && !i->window) {
        uint64_t go_on = fixup_find(i->gpr->rip);
        if (!go_on) {
            die(i, vector);
            return;
        }
        i->gpr->rip = go_on;
        i->gpr->exitinfo = 0;
        return;
    }
    redirect(i, &e);
}

/* The host says that a signal came. Without EXINFO the CPU does not report page faults: then it is its word. */
static void on_host_word(const struct interruption *i, uint64_t signal, uint64_t address)
{
    bool memory = signal == HOST_SIGSEGV || signal == HOST_SIGBUS;

    if (signal == 0 || signal > HOST_SIGNALS)
        return;
    if (memory && i->ours && fixup_find(i->gpr->rip)) {
        on_fault(i, VECTOR_PF, 0, 0);
        return;
    }
    if (memory && !i->ours && (g_machine.plan.h->flags & PLAN_MEMFAULT_NO_EXINFO)) {
        on_fault(i, VECTOR_PF, address, 0);
        return;
    }
    if (memory) {
        die(i, VECTOR_PF);
        return;
    }
    __atomic_fetch_or(&thread_block()->pending, UINT64_C(1) << (signal - 1), __ATOMIC_SEQ_CST);
    if (i->gpr->rip >= (uintptr_t)sgx_exit_start && i->gpr->rip < (uintptr_t)sgx_exit_end)
        i->gpr->rip = (uintptr_t)sgx_exit_interrupted; /* about to sleep in the host, which knows nothing of this event */
    if (i->ours && !i->window)
        return;
    struct event e = { .kind = EVENT_HOST };
    redirect(i, &e);
}

/* Called by enclave_entry. */
void sgx_stage_one(uint64_t signal, uint64_t address)
{
    struct interruption i;

    look(&i);
    if (!thread_block()->thread && !i.ours) { /* nothing of a program runs before libos made its thread */
        die(&i, i.vector);
        return;
    }
    /*
     * A page that the host had paged out faults too; when a signal for the host comes just then, EXITINFO still tells
     * of that fault. Not to be taken for the program's: a true one comes again with ERESUME.
     */
    bool memory = signal == HOST_SIGSEGV || signal == HOST_SIGBUS;
    if (!i.fault || (i.vector == VECTOR_PF && !memory)) {
        on_host_word(&i, signal, address);
        return;
    }
    bool has_address = i.exinfo && i.vector == VECTOR_PF;
    on_fault(&i, i.vector, has_address ? i.exinfo->maddr : 0, has_address ? i.exinfo->errcd : 0);
}

/*
 * The software SGX device at run time: EENTER, asynchronous exits, ERESUME. Served code: no libc, and
 * what runs in a signal handler is the emulation of a hardware exit (SDM vol. 3D, chapter 39.4).
 *
 * A signal whose RIP is the enclave's is what an interrupt or exception is to hardware: the registers
 * in the signal frame go to SSA[CSSA], CSSA is counted up, and the handler acts as the kernel's would
 * for a process that stands at its AEP. When the enclave has handled the event, SSA[CSSA - 1] goes back
 * to the signal frame, and returning from the handler is ERESUME.
 */
#include <asm/prctl.h>
#include <linux/prctl.h>

#include "host/device.h"
#include "host/say.h"
#include "host/signals.h"
#include "host/soft_device.h"
#include "host/syscall.h"
#include "lib/base/bytes.h"

#define XSAVE_LEGACY    512
#define XSAVE_HEADER    64
#define XSAVE_SW_OFFSET 464 /* the kernel's own bytes in a signal frame */
#define FRAME_MAGIC     0x46505853u

#define VECTOR_DE 0
#define VECTOR_DB 1
#define VECTOR_BP 3
#define VECTOR_UD 6
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_MF 16
#define VECTOR_AC 17
#define VECTOR_XM 19
#define VECTOR_NONE (-1)

struct soft_state g_soft;

/* Order of the general registers in GPRSGX. */
static const uint8_t g_gprs[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

static uint64_t read_fsbase(void)
{
    uint64_t v;
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    return v;
}

static uint64_t read_gsbase(void)
{
    uint64_t v;
    __asm__ volatile("rdgsbase %0" : "=r"(v));
    return v;
}

void soft_prepare(struct host_thread *t)
{
    for (uint32_t i = 0; i < g_soft.tcs_count; i++)
        if (g_soft.tcs[i].address == t->tcs)
            t->soft = &g_soft.tcs[i];
    if (!t->soft)
        host_fail("no TCS for thread %lu", t->index);
    /* Where the CPU can make CPUID fault (most Intel CPUs), it is #UD as in an enclave; elsewhere it runs. */
    t->cpuid_faults = sys2(__NR_arch_prctl, ARCH_SET_CPUID, 0) == 0;
    if (g_soft.has_seccomp)
        return;
    uint64_t low, size;
    signals_own_text(&low, &size);
    if (sys6(__NR_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, low, size, 0, 0))
        host_fail("cannot catch the program's system calls: PR_SET_SYSCALL_USER_DISPATCH failed");
}

uint64_t soft_enter(struct host_thread *t, uint64_t reason, uint64_t a, uint64_t b, uint64_t *frame)
{
    struct soft_tcs *c = t->soft;
    if (__atomic_exchange_n(&c->busy, 1, __ATOMIC_ACQUIRE))
        host_fail("EENTER: #GP: TCS %lu is busy", t->index);
    if (c->cssa >= c->nssa)
        host_fail("EENTER: #GP: no SSA frame is left: the enclave faulted while it handled an exception: thread %lu", t->index);
    struct soft_entry e = {
        .pending = &t->pending, .entry = g_soft.secs.base + c->oentry,
        .fsbase = g_soft.secs.base + c->ofsbasgx, .gsbase = g_soft.secs.base + c->ogsbasgx,
        .gpr = soft_gpr(c, c->cssa), .cssa = c->cssa, .tcs = c->address, .reason = reason, .a = a, .b = b,
    };
    soft_eenter(&e);
    __atomic_store_n(&c->busy, 0, __ATOMIC_RELEASE);
    *frame = e.frame;
    return e.exit;
}

/* XSAVE image of the signal frame -> SSA, in the standard format, with the components of XFRM. */
static void save_xstate(uint64_t ssa, const uint8_t *fpregs)
{
    uint8_t *to = pointer_to(ssa);
    uint64_t room = g_soft.frame_size - sizeof(struct sgx_gprsgx) - sizeof(struct sgx_exinfo);
    bool extended = load_le32(fpregs + XSAVE_SW_OFFSET) == FRAME_MAGIC;
    uint64_t size = extended ? load_le32(fpregs + XSAVE_SW_OFFSET + 16) : XSAVE_LEGACY;
    memcpy(to, fpregs, MIN(size, room));
    memset(to + XSAVE_SW_OFFSET, 0, XSAVE_LEGACY - XSAVE_SW_OFFSET);
    uint64_t bv = extended ? load_le64(fpregs + XSAVE_LEGACY) : SGX_XFRM_LEGACY;
    memset(to + XSAVE_LEGACY, 0, XSAVE_HEADER);
    store_le64(to + XSAVE_LEGACY, bv & g_soft.secs.attributes.xfrm);
}

/* Only the components of XFRM come back: others (PKRU) stay as the signal frame has them. */
static void load_xstate(uint64_t ssa, uint8_t *fpregs)
{
    const uint8_t *from = pointer_to(ssa);
    uint64_t xfrm = g_soft.secs.attributes.xfrm;
    memcpy(fpregs, from, XSAVE_SW_OFFSET);
    if (load_le32(fpregs + XSAVE_SW_OFFSET) != FRAME_MAGIC)
        return;
    uint64_t size = load_le32(fpregs + XSAVE_SW_OFFSET + 16);
    uint64_t others = load_le64(fpregs + XSAVE_LEGACY) & ~xfrm;
    store_le64(fpregs + XSAVE_LEGACY, (load_le64(from + XSAVE_LEGACY) & xfrm) | others);
    for (int i = 2; i < 63; i++) {
        uint64_t offset = g_soft.xsave_offset[i], n = g_soft.xsave_size[i];
        if ((xfrm >> i & 1) && n && offset + n <= size)
            memcpy(fpregs + offset, from + offset, n);
    }
}

/* EXITINFO, and EXINFO when the enclave asked for it (MISCSELECT.EXINFO). */
static uint32_t exit_info(struct soft_tcs *c, int vector, const greg_t *g)
{
    bool exinfo = g_soft.secs.miscselect & SGX_MISC_EXINFO;
    if (vector == VECTOR_NONE)
        return 0;
    if (vector == VECTOR_PF || vector == VECTOR_GP) {
        if (!exinfo)
            return 0; /* hardware tells of neither without EXINFO */
        bool fetch_outside = vector == VECTOR_GP;
        struct sgx_exinfo *x = (struct sgx_exinfo *)(void *)((uint8_t *)soft_gpr(c, c->cssa) - sizeof(*x));
        *x = (struct sgx_exinfo){ fetch_outside ? 0 : (uint64_t)g[REG_CR2], fetch_outside ? 0 : (uint32_t)g[REG_ERR], 0 };
    }
    uint32_t type = vector == VECTOR_BP ? EXITINFO_TYPE_SW : EXITINFO_TYPE_HW;
    return EXITINFO_VALID | type | (uint32_t)vector;
}

static void asynchronous_exit(struct soft_tcs *c, int vector, ucontext_t *uc)
{
    const greg_t *g = uc->uc_mcontext.gregs;
    struct sgx_gprsgx *s = soft_gpr(c, c->cssa);
    uint64_t *regs = (uint64_t *)(void *)s;
    for (int i = 0; i < 16; i++)
        regs[i] = (uint64_t)g[g_gprs[i]];
    s->rflags = (uint64_t)g[REG_EFL];
    s->rip = (uint64_t)g[REG_RIP];
    s->fsbase = read_fsbase();
    s->gsbase = read_gsbase();
    save_xstate(soft_ssa(c, c->cssa), (const uint8_t *)uc->uc_mcontext.fpregs);
    s->exitinfo = exit_info(c, vector, g);
    c->cssa++;
    __atomic_store_n(&c->busy, 0, __ATOMIC_RELEASE);
}

void soft_resume(struct host_thread *t, ucontext_t *uc)
{
    struct soft_tcs *c = t->soft;
    greg_t *g = uc->uc_mcontext.gregs;
    if (c->cssa == 0 || __atomic_exchange_n(&c->busy, 1, __ATOMIC_ACQUIRE))
        host_fail("ERESUME: #GP: thread %lu was not interrupted", t->index);
    c->cssa--;
    const struct sgx_gprsgx *s = soft_gpr(c, c->cssa);
    const uint64_t *regs = (const uint64_t *)(const void *)s;
    for (int i = 0; i < 16; i++)
        g[g_gprs[i]] = (greg_t)regs[i];
    g[REG_EFL] = (greg_t)s->rflags;
    g[REG_RIP] = (greg_t)s->rip;
    load_xstate(soft_ssa(c, c->cssa), (uint8_t *)uc->uc_mcontext.fpregs);
    __asm__ volatile("wrfsbase %0" : : "r"(s->fsbase));
    __asm__ volatile("wrgsbase %0" : : "r"(s->gsbase));
}

static bool is_cpuid(uint64_t rip)
{
    const uint8_t *code = pointer_to(rip);
    return soft_in_enclave(rip) && soft_in_enclave(rip + 1) && code[0] == 0x0f && code[1] == 0xa2;
}

/* The exception that the kernel made a signal of; rewinds RIP where hardware would not have moved it. */
static int exception_vector(const struct soft_tcs *c, int *sig, const siginfo_t *info, greg_t *g)
{
    if (!signals_is_fault(*sig, info))
        return VECTOR_NONE;
    if (*sig == SIGSYS) { /* a syscall instruction is #UD in an enclave */
        g[REG_RIP] -= 2;
        *sig = SIGILL;
        return VECTOR_UD;
    }
    int vector = (int)g[REG_TRAPNO];
    if (vector == VECTOR_BP) { /* fault-like in an enclave: SDM 40.5.1 */
        g[REG_RIP] -= 1;
        if (!(c->flags & TCS_DBGOPTIN)) {
            *sig = SIGILL;
            return VECTOR_UD;
        }
    }
    if (vector == VECTOR_GP && is_cpuid((uint64_t)g[REG_RIP])) {
        *sig = SIGILL;
        return VECTOR_UD;
    }
    if (vector == VECTOR_PF && !soft_in_enclave((uint64_t)g[REG_RIP]))
        return VECTOR_GP; /* a fetch from outside the enclave */
    return vector;
}

/* In the code that stands for ENCLU: before it did anything, go back to the site; the trap is the leaf. */
static enum signal_origin in_enclu(struct host_thread *t, int *sig, greg_t *g, ucontext_t *uc, int *vector)
{
    uint64_t rip = (uint64_t)g[REG_RIP];
    *vector = VECTOR_NONE;
    if (rip == address_of(soft_enclu_committed))
        return ORIGIN_HOST;
    uint64_t back = *(const uint64_t *)pointer_to((uint64_t)g[REG_RSP]);
    if (rip == address_of(soft_enclu_trap) && *sig == SIGSEGV) {
        *vector = soft_enclu_leaf(t, uc);
        if (*vector == VECTOR_NONE) {
            g[REG_RIP] = (greg_t)back;
            g[REG_RSP] += 8;
            return ORIGIN_DONE;
        }
    }
    g[REG_RIP] = (greg_t)(back - SOFT_SITE_CALLED);
    g[REG_RSP] += 8;
    return ORIGIN_ENCLAVE;
}

enum signal_origin soft_interrupted(struct host_thread *t, int *sig, siginfo_t *info, ucontext_t *uc)
{
    greg_t *g = uc->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)g[REG_RIP];
    int vector;
    if (rip - address_of(soft_enclu_begin) < (uint64_t)(soft_enclu_end - soft_enclu_begin)) {
        enum signal_origin origin = in_enclu(t, sig, g, uc, &vector);
        if (origin != ORIGIN_ENCLAVE)
            return origin;
    } else if (signals_in_host(rip)) {
        return ORIGIN_HOST;
    } else {
        vector = exception_vector(t->soft, sig, info, g);
    }
    if (t->soft->cssa + 1 >= t->soft->nssa)
        signals_print_registers("the enclave faulted while it handled an exception", *sig, info, uc);
    asynchronous_exit(t->soft, vector, uc);
    return ORIGIN_ENCLAVE;
}

/* Pending queues, and the signal frame against the C library's own structures. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "fake_threads.h"
#include "lib/linux/errno.h"
#include "lib/linux/signal.h"
#include "libos/proc/process.h"
#include "libos/signal/fpu.h"
#include "libos/signal/frame.h"
#include "libos/signal/queue.h"

/* ---- layouts: glibc's ucontext_t is the kernel's with more behind */

_Static_assert(offsetof(ucontext_t, uc_mcontext) == offsetof(struct linux_ucontext, mcontext), "ucontext");
_Static_assert(offsetof(ucontext_t, uc_sigmask) == offsetof(struct linux_ucontext, sigmask), "ucontext");
_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]) ==
                   offsetof(struct linux_ucontext, mcontext) + offsetof(struct linux_sigcontext, rip), "REG_RIP");
_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_TRAPNO]) ==
                   offsetof(struct linux_ucontext, mcontext) + offsetof(struct linux_sigcontext, trapno), "REG_TRAPNO");
_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_CR2]) ==
                   offsetof(struct linux_ucontext, mcontext) + offsetof(struct linux_sigcontext, cr2), "REG_CR2");
_Static_assert(offsetof(ucontext_t, uc_mcontext.fpregs) ==
                   offsetof(struct linux_ucontext, mcontext) + offsetof(struct linux_sigcontext, fpstate), "fpregs");
_Static_assert(sizeof(siginfo_t) == sizeof(struct linux_siginfo), "siginfo");
_Static_assert(offsetof(siginfo_t, si_addr) == offsetof(struct linux_siginfo, u.fault.address), "si_addr");
_Static_assert(offsetof(siginfo_t, si_value) == offsetof(struct linux_siginfo, u.rt.value), "si_value");
_Static_assert(offsetof(siginfo_t, si_status) == offsetof(struct linux_siginfo, u.child.status), "si_status");
_Static_assert(offsetof(siginfo_t, si_overrun) == offsetof(struct linux_siginfo, u.timer.overrun), "si_overrun");

/* ---- what frame.c needs of its neighbours */

static struct process g_process;
static struct thread g_thread;
static struct fake_thread g_self;
static uint64_t g_mask_set;
static int g_forced;

void signal_set_mask(uint64_t mask)
{
    g_mask_set = mask;
}

void signal_force_fault(int sig, int code, uint64_t address, unsigned trapno, unsigned error)
{
    g_forced = sig;
}

static void reset(void)
{
    memset(&g_thread, 0, sizeof(g_thread));
    g_thread.process = &g_process;
    g_self.tb.thread = &g_thread;
    g_thread.sig.stack_flags = LINUX_SS_DISABLE;
    g_mask_set = 0;
    g_forced = 0;
}

/* ---- queues */

static struct sigqueue *entry(int sig, int value)
{
    struct sigqueue *q = calloc(1, sizeof(*q));
    q->info.signo = sig;
    q->info.u.rt.value = (uint64_t)value;
    return q;
}

static int take_value(struct sigpending *p, int sig)
{
    struct sigqueue *q;
    sigpending_take(p, sig, &q);
    int value = q ? (int)q->info.u.rt.value : -1;
    free(q);
    return value;
}

static void faults_come_first_then_the_lowest_number(void **state)
{
    struct sigpending p;
    sigpending_init(&p);
    sigpending_add(&p, SIGHUP, NULL);
    sigpending_add(&p, SIGSEGV, NULL);
    sigpending_add(&p, 40, NULL);
    assert_int_equal(sigpending_next(&p, UINT64_MAX), SIGSEGV);
    assert_int_equal(sigpending_next(&p, ~SIGBIT(SIGSEGV)), SIGHUP);
    assert_int_equal(sigpending_next(&p, SIGBIT(40)), 40);
    assert_int_equal(sigpending_next(&p, SIGBIT(41)), 0);
}

static void real_time_signals_are_queued_in_order(void **state)
{
    struct sigpending p;
    sigpending_init(&p);
    sigpending_add(&p, 40, entry(40, 1));
    sigpending_add(&p, 41, entry(41, 9));
    sigpending_add(&p, 40, entry(40, 2));
    assert_int_equal(take_value(&p, 40), 1);
    assert_true(sigpending_has(&p, 40));
    assert_int_equal(take_value(&p, 40), 2);
    assert_false(sigpending_has(&p, 40));
    assert_int_equal(take_value(&p, 41), 9);
    assert_int_equal(p.set, 0);
}

static void removing_a_set_takes_all_its_entries(void **state)
{
    struct sigpending p;
    struct list out;
    sigpending_init(&p);
    list_init(&out);
    sigpending_add(&p, 40, entry(40, 1));
    sigpending_add(&p, 40, entry(40, 2));
    sigpending_add(&p, 41, entry(41, 3));
    sigpending_remove(&p, SIGBIT(40), &out);
    assert_int_equal(p.set, SIGBIT(41));
    int n = 0;
    list_for_each_safe(it, &out) {
        free(list_entry(it, struct sigqueue, link));
        n++;
    }
    assert_int_equal(n, 2);
    assert_int_equal(take_value(&p, 41), 3);
}

/* ---- frames */

static _Alignas(64) uint8_t g_stack[65536];
#define STACK_TOP ((uint64_t)(uintptr_t)g_stack + sizeof(g_stack))

static struct cpu_regs sample_regs(void)
{
    struct cpu_regs r = { .orig_rax = UINT64_MAX, .rip = 0x401000, .rflags = 0x10646, .rsp = STACK_TOP - 1000 };
    uint64_t *first = &r.r15;
    for (int i = 0; i < 15; i++)
        first[i] = (uint64_t)i + 0x1111;
    return r;
}

static const struct linux_sigaction g_action = { .handler = 0x402000, .flags = LINUX_SA_RESTORER | LINUX_SA_SIGINFO, .restorer = 0x403000 };

static void a_handler_starts_with_the_registers_that_the_abi_says(void **state)
{
    reset();
    struct cpu_regs r = sample_regs(), before = r;
    struct linux_siginfo info = { .signo = SIGUSR1, .code = LINUX_SI_USER };
    g_thread.sig.fault_trapno = 14;
    assert_int_equal(frame_push(&g_thread, &r, SIGUSR1, &info, &g_action, 0x42), 0);
    assert_int_equal((r.rsp + 8) % 16, 0);
    assert_true(r.rsp < before.rsp - 128);
    assert_int_equal(r.rip, 0x402000);
    assert_int_equal(r.rdi, SIGUSR1);
    assert_int_equal(r.rflags & 0x10500, 0);
    assert_int_equal(*(uint64_t *)r.rsp, 0x403000);
    const siginfo_t *si = (const siginfo_t *)r.rsi;
    const ucontext_t *uc = (const ucontext_t *)r.rdx;
    assert_int_equal(si->si_signo, SIGUSR1);
    assert_int_equal(uc->uc_mcontext.gregs[REG_RIP], 0x401000);
    assert_int_equal(uc->uc_mcontext.gregs[REG_RSP], before.rsp);
    assert_int_equal(uc->uc_mcontext.gregs[REG_R15], before.r15);
    assert_int_equal(uc->uc_mcontext.gregs[REG_RAX], before.rax);
    assert_int_equal(uc->uc_mcontext.gregs[REG_TRAPNO], 14);
    assert_int_equal(*(const uint64_t *)&uc->uc_sigmask, 0x42);
    assert_int_equal((uintptr_t)uc->uc_mcontext.fpregs % 64, 0);
    assert_int_equal(*(const uint32_t *)((const uint8_t *)uc->uc_mcontext.fpregs + 464), 0x46505853);
}

static void sigreturn_gives_everything_back(void **state)
{
    reset();
    struct cpu_regs r = sample_regs(), before = r;
    struct linux_siginfo info = { .signo = SIGUSR1 };
    assert_int_equal(frame_push(&g_thread, &r, SIGUSR1, &info, &g_action, 0x42), 0);
    r.rsp += 8; /* the handler's ret */
    assert_int_equal(signal_return(&r), (int64_t)before.rax);
    assert_int_equal(g_mask_set, 0x42);
    assert_int_equal(g_forced, 0);
    assert_int_equal(r.rip, before.rip);
    assert_int_equal(r.rsp, before.rsp);
    assert_memory_equal(&r, &before, offsetof(struct cpu_regs, orig_rax));
    assert_int_equal(r.rflags, before.rflags & ~UINT64_C(0x10000)); /* RF is not the program's */
}

static void a_program_cannot_set_privileged_flags_through_a_frame(void **state)
{
    reset();
    struct cpu_regs r = sample_regs();
    struct linux_siginfo info = { .signo = SIGUSR1 };
    frame_push(&g_thread, &r, SIGUSR1, &info, &g_action, 0);
    ((ucontext_t *)r.rdx)->uc_mcontext.gregs[REG_EFL] = -1;
    r.rflags = 0x202;
    r.rsp += 8;
    signal_return(&r);
    assert_int_equal(r.rflags, 0x202 | CPU_RFLAGS_USER);
}

static void a_bad_vector_area_is_a_segmentation_fault(void **state)
{
    for (int what = 0; what < 4; what++) {
        reset();
        struct cpu_regs r = sample_regs();
        struct linux_siginfo info = { .signo = SIGUSR1 };
        frame_push(&g_thread, &r, SIGUSR1, &info, &g_action, 0);
        uint8_t *fp = (uint8_t *)((ucontext_t *)r.rdx)->uc_mcontext.fpregs;
        if (what == 0)
            memset(fp + 24, 0xff, 4); /* MXCSR */
        else if (what == 1)
            memset(fp + 512, 0xff, 8); /* XSTATE_BV */
        else if (what == 2)
            fp[520] = 1; /* XCOMP_BV */
        else
            ((ucontext_t *)r.rdx)->uc_mcontext.fpregs = (void *)64;
        r.rsp += 8;
        signal_return(&r);
        assert_int_equal(g_forced, SIGSEGV);
    }
}

static void an_area_without_the_marks_restores_the_legacy_part(void **state)
{
    reset();
    struct cpu_regs r = sample_regs();
    struct linux_siginfo info = { .signo = SIGUSR1 };
    frame_push(&g_thread, &r, SIGUSR1, &info, &g_action, 0);
    memset((uint8_t *)((ucontext_t *)r.rdx)->uc_mcontext.fpregs + 464, 0, 48);
    r.rsp += 8;
    signal_return(&r);
    assert_int_equal(g_forced, 0);
}

static void the_alternate_stack_is_used_and_not_overrun(void **state)
{
    reset();
    struct cpu_regs r = sample_regs();
    struct linux_siginfo info = { .signo = SIGUSR1 };
    struct linux_sigaction action = g_action;
    action.flags |= LINUX_SA_ONSTACK;
    r.rsp = 4096; /* the program's own stack is gone */
    g_thread.sig.stack = (uint64_t)(uintptr_t)g_stack;
    g_thread.sig.stack_size = 32768;
    g_thread.sig.stack_flags = 0;
    assert_int_equal(frame_push(&g_thread, &r, SIGUSR1, &info, &action, 0), 0);
    assert_in_range(r.rsp, (uint64_t)(uintptr_t)g_stack, (uint64_t)(uintptr_t)g_stack + 32768);
    int nested = 0;
    while (!frame_push(&g_thread, &r, SIGUSR1, &info, &action, 0))
        nested++;
    assert_in_range(nested, 2, 20);
}

static void a_frame_on_no_stack_faults(void **state)
{
    reset();
    struct cpu_regs r = sample_regs();
    struct linux_siginfo info = { .signo = SIGUSR1 };
    r.rsp = 4000;
    assert_int_equal(frame_push(&g_thread, &r, SIGUSR1, &info, &g_action, 0), -EFAULT);
    r = sample_regs();
    struct linux_sigaction action = g_action;
    action.flags &= ~LINUX_SA_RESTORER;
    assert_int_equal(frame_push(&g_thread, &r, SIGUSR1, &info, &action, 0), -EFAULT);
}

static void vector_registers_survive_save_and_restore(void **state)
{
    struct fpu_area area;
    double in[2] = { 1.5, -2.25 }, out[2];
    __asm__ volatile("movupd %0, %%xmm9" : : "m"(in) : "xmm9");
    fpu_save(&area);
    __asm__ volatile("pxor %%xmm9, %%xmm9" : : : "xmm9");
    int err = fpu_restore(&area, fpu_frame_size());
    __asm__ volatile("movupd %%xmm9, %0" : "=m"(out));
    assert_int_equal(err, 0);
    assert_memory_equal(in, out, sizeof(in));
}

int main(void)
{
    fake_thread_enter(&g_self);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_come_first_then_the_lowest_number),
        cmocka_unit_test(real_time_signals_are_queued_in_order),
        cmocka_unit_test(removing_a_set_takes_all_its_entries),
        cmocka_unit_test(a_handler_starts_with_the_registers_that_the_abi_says),
        cmocka_unit_test(sigreturn_gives_everything_back),
        cmocka_unit_test(a_program_cannot_set_privileged_flags_through_a_frame),
        cmocka_unit_test(a_bad_vector_area_is_a_segmentation_fault),
        cmocka_unit_test(an_area_without_the_marks_restores_the_legacy_part),
        cmocka_unit_test(the_alternate_stack_is_used_and_not_overrun),
        cmocka_unit_test(a_frame_on_no_stack_faults),
        cmocka_unit_test(vector_registers_survive_save_and_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One call after another, remembered before it is made; and the signals that come meanwhile. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "fuzz.h"

/* Numbers without a row; none that would do harm if the library OS passed it on by mistake. */
static const uint64_t strange_numbers[] = {
    174,        177,        178,        180,        181,       182,
    183,        184,        185,        214,        215,       335,
    400,        423,        470,        500,        511,       512,
    513,        600,        1024,       4095,       65535,     0x7fffffff,
    0x80000000, 0xffffffff, 0x40000027, 0x4000006e, 1ul << 32, (1ul << 32) + 39,
    ~0ul
};

static uint64_t a_strange_number(struct slot *s)
{
    return PICK(s, strange_numbers);
}

int64_t work_call(struct slot *s, uint64_t nr, const struct row *r, const uint64_t args[6])
{
    struct call *c = &s->calls[s->sequence % LAST];
    memset(c, 0, sizeof(*c));
    c->nr = nr;
    memcpy(c->args, args, sizeof(c->args));
    c->sequence = s->sequence + 1;
    __atomic_store_n(&s->sequence, s->sequence + 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&s->inside, 1, __ATOMIC_SEQ_CST);
    c->result = r ? rules_make(r, args) : raw6(nr, args);
    __atomic_store_n(&s->inside, 0, __ATOMIC_SEQ_CST);
    c->ended = 1;
    return c->result;
}

void work_once(struct slot *s)
{
    unsigned which = (unsigned)below(s, g_row_count);
    const struct row *r = &g_rows[which];
    struct row strange = { .name = "strange" };
    uint64_t args[6];

    if (chance(s, 1)) {
        strange.nr = 0xffff;
        r = &strange;
    }
    for (unsigned i = 0; i < 6; i++)
        args[i] = i < r->count ? value_of(s, r, i) : chance(s, 50) ? 0 : rnd(s);
    if (r != &strange && !rules_allow(s, r, args))
        return;
    uint64_t nr = r == &strange ? a_strange_number(s) : r->nr;
    int64_t result = work_call(s, nr, r == &strange ? NULL : r, args);
    if (r == &strange) {
        if (result != -38)
            die(95, "fuzz: WRONG: call number %#lx, which has no row, answers %ld\n", nr, result);
        return;
    }
    /* What no call of Linux answers to a program. */
    if (result < 0 && result >= -4095 && result <= -512)
        die(95, "fuzz: WRONG: %s(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx) = %ld\n", r->name, args[0],
            args[1], args[2], args[3], args[4], args[5], result);
    __atomic_fetch_add(&g_counts[which], 1, __ATOMIC_RELAXED);
    if (result >= 0 || result < -4095)
        __atomic_fetch_add(&g_successes[which], 1, __ATOMIC_RELAXED);
}

__asm__(".globl signals_restorer\n"
        "signals_restorer:\n"
        "    mov $15, %eax\n"
        "    syscall\n");

void signals_handler(int sig)
{
    (void)sig;
}

/* A real fault: in a victim it is what was asked for, elsewhere this program's own mistake, or a
 * call that wrote where it must not. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    uint64_t rsp = (uint64_t)u->uc_mcontext.gregs[REG_RSP];
    if (info->si_code <= 0)
        return; /* sent, not met */
    if (victim_owns(rsp))
        for (;;)
            RAW(SYS_exit, 0);
    die(98, "fuzz: signal %d at rip %#llx, address %p, code %d: own fault\n", sig,
        (unsigned long long)u->uc_mcontext.gregs[REG_RIP], info->si_addr, info->si_code);
}

void signals_install(void)
{
    struct {
        uint64_t handler, flags, restorer, mask;
    } a = { (uint64_t)signals_handler, 0x04000000, (uint64_t)signals_restorer, 0 };
    for (int sig = 1; sig <= 64; sig++)
        if (sig != SIGKILL && sig != SIGSTOP) {
            bool fault = sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
                         sig == SIGTRAP;
            a.handler = fault ? (uint64_t)on_fault : (uint64_t)signals_handler;
            a.flags = 0x04000000 | (fault ? SA_SIGINFO | SA_NODEFER : 0);
            RAW(SYS_rt_sigaction, sig, &a, 0, 8);
        }
}

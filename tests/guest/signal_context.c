/* What a handler sees and may change: registers in the ucontext, vector state, faults that it repairs. */
#define _GNU_SOURCE
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#include "check.h"

static volatile int g_count;
static volatile uint64_t g_rip, g_r12, g_trap, g_address;

static void on(int sig, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigaction(sig, &sa, NULL);
}

/* Uses and destroys all vector state that a compiler would. */
static void spoil(int sig, siginfo_t *info, void *context)
{
    double x = 3.25;
    float v[16];
    for (int i = 0; i < 16; i++)
        v[i] = (float)(x *= 1.5);
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm1\n\tmovdqa %%xmm0, %%xmm7\n\tmovdqa %%xmm0, %%xmm15\n\t"
                     "fninit\n\tfld1\n\tfld1" : : "m"(v) : "xmm0", "xmm1", "xmm7", "xmm15");
    g_count++;
}

/* Move known values into xmm registers, run the instructions, compare. */
#define KEEP_XMM(instructions, ...) \
    __asm__ volatile("movdqu (%1), %%xmm0\n\tmovdqu 16(%1), %%xmm1\n\tmovdqu 32(%1), %%xmm7\n\tmovdqu 48(%1), %%xmm15\n\t" \
                     instructions \
                     "movdqu %%xmm0, (%2)\n\tmovdqu %%xmm1, 16(%2)\n\tmovdqu %%xmm7, 32(%2)\n\tmovdqu %%xmm15, 48(%2)\n\t" \
                     : "+a"(rax) : "b"(in), "r"(out), ##__VA_ARGS__ \
                     : "rcx", "r11", "xmm0", "xmm1", "xmm7", "xmm15", "memory")

static void vectors_survive_calls(void)
{
    unsigned char in[64], out[64];
    for (int i = 0; i < 64; i++)
        in[i] = (unsigned char)(i * 3 + 1);
    for (int round = 0; round < 100; round++) {
        long rax = SYS_getppid;
        memset(out, 0, sizeof(out));
        KEEP_XMM("syscall\n\t");
        CHECK(memcmp(in, out, 64) == 0);
        CHECK_EQ(rax, getppid());
        rax = SYS_sched_yield;
        KEEP_XMM("syscall\n\t");
        CHECK(memcmp(in, out, 64) == 0);
    }
}

static void vectors_survive_signals(void)
{
    unsigned char in[64], out[64];
    on(SIGUSR1, spoil);
    for (int i = 0; i < 64; i++)
        in[i] = (unsigned char)(i * 5 + 1);
    long pid = getpid(), tid = syscall(SYS_gettid);
    for (int round = 0; round < 100; round++) {
        long rax = SYS_tgkill;
        memset(out, 0, sizeof(out));
        g_count = 0;
        KEEP_XMM("syscall\n\t", "D"(pid), "S"(tid), "d"(SIGUSR1));
        CHECK_EQ(rax, 0);
        CHECK_EQ(g_count, 1);
        CHECK(memcmp(in, out, 64) == 0);
    }
    fesetround(FE_DOWNWARD);
    raise(SIGUSR1);
    CHECK_EQ(fegetround(), FE_DOWNWARD);
    fesetround(FE_TONEAREST);
}

static void vectors_survive_timers(void)
{
    struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
    on(SIGALRM, spoil);
    g_count = 0;
    setitimer(ITIMER_REAL, &often, NULL);
    double sum = 0;
    unsigned long hash = 1;
    for (long i = 1; i < 40000000 && (g_count < 200 || i < 2000000); i++) {
        sum += 1.0 / (double)i - 1.0 / (double)i;
        hash = hash * 6364136223846793005ul + 1442695040888963407ul;
        if (sum != 0.0)
            break;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(sum == 0.0);
    CHECK(hash != 0);
    CHECK(g_count > 5);
}

static void look(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    g_count++;
    g_rip = (uint64_t)u->uc_mcontext.gregs[REG_RIP];
    g_r12 = (uint64_t)u->uc_mcontext.gregs[REG_R12];
    g_trap = (uint64_t)u->uc_mcontext.gregs[REG_TRAPNO];
    g_address = (uint64_t)info->si_addr;
    u->uc_mcontext.gregs[REG_RIP] = u->uc_mcontext.gregs[REG_RBX];
    u->uc_mcontext.gregs[REG_R13] = 0x1234;
}

/* The instruction faults; the handler goes on at the label in rbx and sets r13. */
#define FAULTING(instruction, number) do { \
        uint64_t where, r13 = 0; \
        g_count = 0; \
        __asm__ volatile("lea 1f(%%rip), %0\n\tlea 2f(%%rip), %%rbx\n\tmov $0x7777, %%r12\n\txor %%r13, %%r13\n\t" \
                         "1: " instruction "\n\t2: mov %%r13, %1" \
                         : "=&r"(where), "=r"(r13) : : "rax", "rbx", "rcx", "rdx", "r12", "r13", "memory"); \
        CHECK_EQ(g_count, 1); \
        CHECK_EQ(g_rip, where); \
        CHECK_EQ(g_r12, 0x7777); \
        CHECK_EQ(r13, 0x1234); \
        CHECK_EQ(g_trap, number); \
    } while (0)

static void contexts(void)
{
    on(SIGSEGV, look), on(SIGILL, look), on(SIGFPE, look);
    FAULTING("movb $1, 0x10", 14);
    CHECK_EQ(g_address, 0x10);
    FAULTING("ud2", 6);
    FAULTING("xor %%eax, %%eax\n\txor %%edx, %%edx\n\txor %%ecx, %%ecx\n\tlea 1f(%%rip), %0\n\t1: div %%ecx", 0);
    FAULTING("hlt", 13);
    FAULTING("movabs $0x8000000000000000, %%rax\n\tlea 1f(%%rip), %0\n\t1: movb (%%rax), %%al", 13);
}

static void breakpoint(int sig, siginfo_t *info, void *context)
{
    g_count++;
    g_rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

static void traps(void)
{
    uint64_t after;
    on(SIGTRAP, breakpoint);
    g_count = 0;
    __asm__ volatile("lea 1f(%%rip), %0\n\tint3\n\t1:" : "=&r"(after) : : "memory");
    CHECK_EQ(g_count, 1);
    CHECK_EQ(g_rip, after);
}

static void repair(int sig, siginfo_t *info, void *context)
{
    g_count++;
    if (mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE))
        _exit(3);
}

static void *touch(void *arg)
{
    volatile char *p = arg;
    for (int i = 0; i < 64; i++)
        p[i * 4096]++;
    return NULL;
}

static void repaired_faults_in_threads(void)
{
    pthread_t t[4];
    char *p = mmap(NULL, 256 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    on(SIGSEGV, repair);
    g_count = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, touch, p + i * 64 * 4096);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < 256; i++)
        CHECK_EQ(p[i * 4096], 1);
}

int main(void)
{
    vectors_survive_calls();
    vectors_survive_signals();
    vectors_survive_timers();
    contexts();
    traps();
    repaired_faults_in_threads();
    return check_result();
}

/* Results at every shape of syscall site, alone and while eight threads hammer sites that get rewritten. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "check.h"

long site_mov(void), site_xor(void), site_bare(long), site_cmp(long), site_cmp_imm(void), site_jmp(long), site_jmp_far(long), site_test(long);
long site_load(void), site_jump_on_it(long, long), site_jump_after(long), site_two(void), site_mov64(void), site_push(void), site_call(void);
long site_red_zone(void), site_flags(void), site_registers(void), site_return_address(void), site_across_line(long);

static long g_parent;

static void each_once(void)
{
    CHECK_EQ(site_mov(), g_parent);
    CHECK_EQ(site_xor(), -EBADF);
    CHECK_EQ(site_bare(SYS_getppid), g_parent);
    CHECK_EQ(site_bare(9999), -ENOSYS);
    CHECK_EQ(site_cmp(SYS_getppid), g_parent);
    CHECK_EQ(site_cmp(9999), -1);
    CHECK_EQ(site_cmp_imm(), g_parent);
    CHECK_EQ(site_jmp(SYS_getppid), g_parent);
    CHECK_EQ(site_jmp_far(SYS_getppid), g_parent);
    CHECK_EQ(site_test(SYS_getppid), g_parent);
    CHECK_EQ(site_test(9999), ENOSYS);
    CHECK_EQ(site_load(), g_parent);
    CHECK_EQ(site_jump_on_it(0, 0), g_parent);
    CHECK_EQ(site_jump_on_it(1, SYS_getpid), getpid());
    CHECK_EQ(site_jump_on_it(0, 0), g_parent);
    CHECK_EQ(site_jump_after(0), g_parent);
    CHECK_EQ(site_jump_after(1), -77);
    CHECK_EQ(site_jump_after(0), g_parent);
    CHECK_EQ(site_two(), g_parent);
    CHECK_EQ(site_mov64(), g_parent);
    CHECK_EQ(site_push(), g_parent);
    CHECK_EQ(site_call(), g_parent);
    CHECK_EQ(site_red_zone(), g_parent);
    CHECK_EQ(site_flags(), g_parent);
    CHECK_EQ(site_registers(), 3 + 10 + 21 + 44 + 65 + 102 + 7 * 19 + 8 * 23 + 9 * 29 + 10 * 31 + 11 * 37 + 12 * 41);
    CHECK_EQ(site_return_address(), 0);
    CHECK_EQ(site_across_line(SYS_getppid), g_parent);
    CHECK_EQ(syscall(SYS_getppid), g_parent);
    CHECK_EQ(syscall(SYS_read, -1, NULL, 0), -1);
    CHECK_EQ(errno, EBADF);
}

/* Many copies of the same few sites in fresh pages, so that each round rewrites anew under eight threads. */
enum { COPIES = 200, THREADS = 8 };
static long (*g_copy[COPIES])(void);
static pthread_barrier_t g_barrier;

static void make_copies(void)
{
    static const unsigned char shapes[3][16] = {
        { 0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3 },                               /* mov $110,%eax; syscall; ret */
        { 0x6a, 110, 0x58, 0x0f, 0x05, 0x48, 0x3d, 0, 0xf0, 0xff, 0xff, 0xc3 }, /* push; pop %rax; syscall; cmp; ret */
        { 0x6a, 110, 0x58, 0x0f, 0x05, 0xeb, 0x01, 0xf4, 0xc3 },                /* push; pop %rax; syscall; jmp; hlt; ret */
    };
    size_t size = COPIES * 64;
    unsigned char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(p != MAP_FAILED);
    for (unsigned i = 0; i < COPIES; i++) {
        unsigned char *at = p + i * 64 + i % 29;
        memcpy(at, shapes[i % 3], 16);
        *(void **)&g_copy[i] = at;
    }
    CHECK_EQ(mprotect(p, size, PROT_READ | PROT_EXEC), 0);
}

static void *hammer(void *arg)
{
    for (int i = 0; i < COPIES; i++) {
        pthread_barrier_wait(&g_barrier);
        for (int j = 0; j < 300; j++)
            if (g_copy[i]() != g_parent)
                g_failures++;
    }
    return NULL;
}

static void under_threads(void)
{
    pthread_t t[THREADS];
    make_copies();
    pthread_barrier_init(&g_barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        NEED(pthread_create(&t[i], NULL, hammer, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(g_failures, 0);
}

int main(void)
{
    g_parent = getppid();
    for (int i = 0; i < 3; i++)
        each_once();
    under_threads();
    each_once();
    return check_result();
}

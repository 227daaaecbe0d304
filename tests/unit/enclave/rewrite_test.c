/*
 * libos/exec/rewrite.c on the code of real programs. Every syscall instruction of a binary is given to it in a copy
 * of its text; then each rewritten site is run up to the door, and back: it must come back behind the syscall with
 * all registers as they were, and the bytes of the jump that another thread may land on must trap and be sent on.
 *
 * rewrite_sites.sh finds the instructions with objdump.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <ucontext.h>

#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/zone.h"
#include "lib/base/bytes.h"
#include "libos/exec/rewrite.h"
#include "libos/mm/vma.h"
#include "libos/proc/process.h"
#include "tests/unit/enclave/gs.h"

/* <sys/mman.h> and lib/linux/mman.h define the same names. */
void *mmap(void *address, size_t size, int prot, int flags, int fd, long offset);
int munmap(void *address, size_t size);
#define MAP_FAILED ((void *)-1)

struct zone g_zone = { .user_low = 0x10000, .user_high = UINT64_C(0x7ffffffff000) };
unsigned g_log_level, g_trace;
void log_print(enum plan_log_level level, const char *format, ...) {}
void mutex_lock_slow(struct mutex *m) { abort(); }
void mutex_unlock_slow(struct mutex *m) { abort(); }
void *mem_zalloc(size_t size) { return calloc(1, size); }
void mem_free(void *p) { free(p); }

static struct process process = { .thread_count = 1, .threads = LIST_INIT(process.threads) };
static struct thread thread = { .process = &process };

/* A second thread, and whether it sleeps. */
static struct thread_block other_block;
static struct thread other = { .process = &process, .tb = &other_block };
static bool other_sleeps, held;

void park_hold(void) { held = true; }
void park_let_go(void) { held = false; }
bool park_is_asleep(const struct thread_block *tb) { return held && other_sleeps; }

static void other_starts(void)
{
    process.thread_count = 2;
    other_sleeps = false;
    list_push_back(&process.threads, &other.link);
}

static void other_ends(void)
{
    process.thread_count = 1;
    list_remove(&other.link);
}
static struct thread_block block = { .thread = &thread };
static uint8_t *text;
static uint64_t text_size;

int machine_pages_protect(uint64_t address, uint64_t size, unsigned prot) { return 0; } /* the copy is RWX */

bool mm_find(struct mm *mm, uint64_t address, struct vma *out)
{
    *out = (struct vma){ .start = (uintptr_t)text, .end = (uintptr_t)text + text_size, .prot = 5, .flags = 2, .file = (struct file *)text };
    return address - out->start < text_size;
}

uint64_t mm_map_internal(struct mm *mm, uint64_t near, uint64_t size, uint32_t prot, const char *comment)
{
    void *p = mmap((void *)(ALIGN_DOWN(near, PAGE_SIZE) + (UINT64_C(64) << 20)), size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? 0 : (uintptr_t)p;
}

/* What the door saw, and the way out of the foreign code. */
static struct { uint64_t rax, rcx, rdx, rsp, rbx; } seen;
static sigjmp_buf out_of_it;
static uint64_t trapped_at;

static void door_seen(void) { siglongjmp(out_of_it, 1); }

__asm__(".text\n"
        "test_door:\n"
        "movq %rax, seen_regs(%rip)\n movq %rcx, 8+seen_regs(%rip)\n movq %rdx, 16+seen_regs(%rip)\n"
        "movq %rsp, 24+seen_regs(%rip)\n movq %rbx, 32+seen_regs(%rip)\n andq $-16, %rsp\n call test_door_seen\n"
        "test_jump:\n" /* (rdi: where to, rsi: rax) with marked registers */
        "movq %rsi, %rax\n movq $0x1234, %rdx\n movq $0x5678, %rbx\n jmp *%rdi\n");
extern char test_door[];
void test_jump(uint64_t to, uint64_t rax);
extern uint64_t seen_regs[5];
uint64_t seen_regs[5];
void test_door_seen(void);
void test_door_seen(void) { memcpy(&seen, seen_regs, sizeof(seen)); door_seen(); }

static void on_trap(int sig, siginfo_t *info, void *context)
{
    trapped_at = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    siglongjmp(out_of_it, 2);
}

/* 1: came to the door; 2: trapped (trapped_at). */
static int run(uint64_t at, uint64_t rax)
{
    int how = sigsetjmp(out_of_it, 1);
    if (how == 0)
        test_jump(at, rax);
    return how;
}

static void check_before(uint64_t site, uint32_t nr)
{
    assert_int_equal(run(site - 5, 77), 1);
    assert_int_equal(seen.rax, nr);
    assert_int_equal(seen.rcx, site + 2);
    assert_int_equal(seen.rdx, 0x1234);
    assert_int_equal(seen.rbx, 0x5678);
    assert_memory_equal((void *)site, "\x0f\x05", 2);
}

static void check_after(uint64_t site, const uint8_t *original)
{
    struct cpu_regs regs = { .rip = site + 2 };
    assert_int_equal(run(site, 77), 1);
    assert_int_equal(seen.rax, 77);
    assert_int_equal(seen.rdx, 0x1234);
    assert_int_equal(rewrite_rewind(seen.rcx) != 0, 1);
    uint64_t copy = seen.rcx;
    assert_int_equal(run(rewrite_rewind(copy), 78), 1); /* a restart goes through the trampoline again */
    assert_int_equal(seen.rcx, copy);
    assert_int_equal(run(site + 2, 0), 2); /* a thread on its way back lands in the jump */
    assert_int_equal(trapped_at, site + 2);
    assert_true(rewrite_redirect(&regs));
    assert_int_equal(regs.rip, copy);
    /* The instruction behind is copied whole, and the trampoline goes on behind it. */
    const uint8_t *c = (const uint8_t *)copy;
    size_t length = 0;
    while (length < 8 && !(c[length] == 0xe9 && copy + length + 5 + (uint64_t)(int64_t)(int32_t)load_le32(c + length + 1) == site + 2 + length))
        length++;
    assert_in_range(length, 3, 7);
    assert_memory_equal(c, original + 2, length);
}

/* The nop that the jump stands in is still one nop of 8 bytes when run from its start. */
static void check_near(uint64_t site, const uint8_t *original)
{
    const uint8_t *c = (const uint8_t *)site;
    uint64_t jump = site + 2 + (uint64_t)(int64_t)(int8_t)c[1];
    struct cpu_regs regs = { .rip = site };
    assert_int_equal(run(site, 77), 1);
    assert_int_equal(seen.rax, 77);
    assert_int_equal(seen.rcx, site + 2);
    assert_int_equal(seen.rdx, 0x1234);
    assert_memory_equal((void *)(jump - 3), "\x0f\x1f\x84\xe9", 4);
    assert_memory_equal(c + 2, original + 2, jump - 3 > site && jump - 3 < site + 16 ? jump - 3 - site - 2 : 14);
    assert_int_equal(rewrite_rewind(site + 2), site); /* a restart */
    assert_true(rewrite_redirect(&regs));             /* a thread that trapped here before the change */
    assert_int_equal(regs.rip, site);
    regs.rip = site + 2;
    assert_false(rewrite_redirect(&regs));            /* the code behind is as it was */
}

/* As a thread does that comes by until the site is rewritten. */
static void trap_twice(uint64_t site, const struct cpu_regs *regs)
{
    uint8_t was[16];
    memcpy(was, (const uint8_t *)site - 5, sizeof(was));
    rewrite_site(site, regs);
    assert_memory_equal((const uint8_t *)site - 5, was, sizeof(was)); /* most sites are used once: not worth it yet */
    rewrite_site(site, regs);
}

static void rewrite_all(const char *binary, const char *sites)
{
    char line[256];
    unsigned before = 0, after = 0, near = 0, kept = 0;
    FILE *f = fopen(binary, "rb"), *list = fopen(sites, "r");
    if (!f || !list) {
        print_message("no %s here\n", binary);
        skip();
    }
    fseek(f, 0, SEEK_END);
    text_size = ALIGN_UP((uint64_t)ftell(f), PAGE_SIZE);
    rewind(f);
    text = mmap(NULL, text_size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(fread(text, 1, text_size, f) > 0);
    fclose(f);
    rewrite_reset();
    while (fgets(line, sizeof(line), list)) {
        uint64_t site = (uintptr_t)text + strtoull(line, NULL, 16);
        uint8_t was[16], *bytes = (uint8_t *)site;
        bool mov = bytes[-5] == 0xb8;
        struct cpu_regs regs = { .orig_rax = mov ? load_le32(bytes - 4) : 500 };
        memcpy(was, bytes, sizeof(was));
        assert_memory_equal(was, "\x0f\x05", 2);
        trap_twice(site, &regs);
        if (bytes[0] == 0xe9 && ++after)
            check_after(site, was);
        else if (mov && bytes[-5] == 0xe9 && ++before)
            check_before(site, (uint32_t)regs.orig_rax);
        else if (bytes[0] == 0xeb && ++near)
            check_near(site, was);
        else
            kept++;
        if (bytes[0] != 0xe9 && bytes[0] != 0xeb)
            assert_memory_equal(was, bytes, sizeof(was));
    }
    fclose(list);
    print_message("%s: %u by the mov before, %u by the instruction after, %u by a nop nearby, %u keep trapping\n", binary, before, after, near, kept);
    assert_true(before + after > 0);
    munmap(text, text_size);
}

static const char *const *g_arguments;

static void catch_traps(void)
{
    struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGILL, &sa, NULL);
    gs_set(&block);
    block.syscall_entry = (uintptr_t)test_door;
}

static void every_rewritten_site_of_glibc_returns_where_it_should(void **state) { catch_traps(); rewrite_all(g_arguments[0], g_arguments[1]); }
static void every_rewritten_site_of_musl_returns_where_it_should(void **state) { catch_traps(); rewrite_all(g_arguments[2], g_arguments[3]); }
static void every_rewritten_site_of_a_go_program_returns_where_it_should(void **state) { catch_traps(); rewrite_all(g_arguments[4], g_arguments[5]); }

static uint64_t one_site(const char *bytes, size_t size, uint64_t at, uint64_t nr)
{
    text_size = PAGE_SIZE;
    text = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(text, 0x90, PAGE_SIZE);
    memcpy(text + 64, bytes, size);
    rewrite_reset();
    struct cpu_regs regs = { .orig_rax = nr };
    trap_twice((uintptr_t)text + 64 + at, &regs);
    return (uintptr_t)text + 64;
}

static void what_only_looks_like_a_mov_is_left_alone(void **state)
{
    static const struct { const char *bytes; size_t at; } cases[] = {
        { "\xc7\x44\x24\xb8\x00\x00\x00\x00\x0f\x05\xc3", 8 },     /* movl $0, -72(%rsp) */
        { "\xc7\x47\xb8\x00\x00\x00\x00\x0f\x05\xc3", 7 },         /* movl $0, -72(%rdi) */
        { "\x90\x8d\xb8\x00\x00\x00\x00\x0f\x05\xc3", 7 },         /* lea 0(%rax), %edi */
        { "\x90\x49\xb8\x00\x00\x00\x00\x0f\x05\xc3", 7 },         /* part of movabs */
        { "\x90\x41\xb8\x00\x00\x00\x00\x0f\x05\xc3", 7 },         /* mov $0, %r8d */
    };
    catch_traps();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t base = one_site(cases[i].bytes, cases[i].at + 3, cases[i].at, 0);
        assert_memory_equal((void *)base, cases[i].bytes, cases[i].at + 3);
    }
}

static void a_second_thread_that_trapped_at_the_site_is_still_redirected(void **state)
{
    struct cpu_regs regs = { .orig_rax = 500 };
    catch_traps();
    uint64_t site = one_site("\x0f\x05\x48\x3d\x00\xf0\xff\xff\xc3", 9, 0, 500);
    assert_int_equal(*(uint8_t *)site, 0xe9);
    rewrite_site(site, &regs);
    regs.rip = site + 2;
    assert_true(rewrite_redirect(&regs));
    memset(text, 0x06, PAGE_SIZE); /* something else is mapped there now */
    regs.rip = site + 2;
    assert_false(rewrite_redirect(&regs));
}

/* More than the first table holds: every one is still known, so that a thread in the middle of any is redirected. */
static void sites_are_remembered_however_many(void **state)
{
    enum { COUNT = 3000, STRIDE = 16 };
    struct cpu_regs regs = { .orig_rax = 500 };
    catch_traps();
    text_size = COUNT * STRIDE + PAGE_SIZE;
    text = mmap(NULL, text_size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(text, 0x90, text_size);
    rewrite_reset();
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *site = text + 64 + i * STRIDE;
        memcpy(site, "\x0f\x05\x48\x3d\x00\xf0\xff\xff\xc3", 9);
        trap_twice((uintptr_t)site, &regs);
    }
    size_t rewritten = 0;
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *site = text + 64 + i * STRIDE;
        regs.rip = (uintptr_t)site + 2;
        if (*site == 0xe9 && ++rewritten)
            assert_true(rewrite_redirect(&regs));
    }
    assert_true(rewritten > COUNT / 2);
    munmap(text, text_size);
}

static void a_site_over_two_words_takes_a_nop_nearby_when_threads_exist(void **state)
{
    catch_traps();
    other_starts();
    uint64_t base = one_site("\x90\x90\x90\x90\x90\x0f\x05\x48\x3d\x00\xf0\xff\xff\xc3\x66\x0f\x1f\x84\x00\x00\x00\x00\x00\xc3", 24, 5, 500);
    assert_memory_equal((void *)(base + 5), "\xeb\x0b\x48\x3d", 4);
    check_near(base + 5, (const uint8_t *)"\x0f\x05\x48\x3d\x00\xf0\xff\xff\xc3\x66\x0f\x1f\x84\x00\x00\x00");
    base = one_site("\x90\x90\x90\x90\x90\x90\x90\x0f\x05\x48\x3d\x00\xf0\xff\xff\xc3\x0f\x1f\x84\x00\x00\x00\x00\x00", 24, 7, 500);
    assert_memory_equal((void *)(base + 7), "\x0f\x05", 2); /* the two bytes themselves lie in two words */
    other_ends();
}

static void a_site_over_two_words_is_rewritten_while_all_other_threads_sleep(void **state)
{
    struct cpu_regs regs = { .orig_rax = 500 };
    catch_traps();
    other_starts();
    uint64_t base = one_site("\x90\x90\x90\x90\x90\x90\x90\x0f\x05\x48\x3d\x00\xf0\xff\xff\xc3", 16, 7, 500), site = base + 7;
    rewrite_site(site, &regs);
    assert_memory_equal((void *)site, "\x0f\x05", 2);
    other_sleeps = true;
    rewrite_site(site, &regs);
    assert_int_equal(*(uint8_t *)site, 0xe9);
    assert_false(held);
    other_ends();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rewritten_site_of_glibc_returns_where_it_should),
        cmocka_unit_test(every_rewritten_site_of_musl_returns_where_it_should),
        cmocka_unit_test(every_rewritten_site_of_a_go_program_returns_where_it_should),
        cmocka_unit_test(what_only_looks_like_a_mov_is_left_alone),
        cmocka_unit_test(a_site_over_two_words_takes_a_nop_nearby_when_threads_exist),
        cmocka_unit_test(sites_are_remembered_however_many),
        cmocka_unit_test(a_site_over_two_words_is_rewritten_while_all_other_threads_sleep),
        cmocka_unit_test(a_second_thread_that_trapped_at_the_site_is_still_redirected),
    };
    if (argc != 7)
        return 2;
    g_arguments = (const char *const *)argv + 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

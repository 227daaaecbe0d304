/*
 * A tiny enclave for tests of the launcher: what the software device promises, checked from inside. The
 * first argument says which test; exit status 0 is success, else the line that failed (modulo 256).
 * Freestanding, static PIE, no relocations needed.
 */
#include <stdbool.h>

#include "host/syscall.h"
#include "lib/base/bytes.h"
#include "lib/boundary/hostcall.h"
#include "lib/boundary/start.h"
#include "lib/sgx/arch.h"
#include "lib/sgx/layout.h"

#define SIGNAL_KICK_BIT (UINT64_C(1) << (KICK_SIGNAL - 1))
#define ROUNDS          200000

struct two {
    uint64_t rax, zf;
};

_Noreturn void image_main(uint64_t reason, struct start *s);
void image_event(uint64_t sig, uint64_t address, uint64_t ssa);
int64_t image_exit_call(uint64_t reason, struct hostcall_frame *f);
struct two image_enclu(uint64_t leaf, uint64_t rbx, uint64_t rcx, uint64_t rdx);
uint64_t image_test_registers(uint64_t kind);

__attribute__((visibility("hidden"))) volatile uint64_t g_events;
__attribute__((visibility("hidden"))) uint8_t g_pattern[16 * 32];
static volatile uint64_t g_signal, g_address, g_rip, g_maddr, g_exitinfo, g_skip, g_errcd;
static volatile uint64_t g_thread_ran, g_staging, g_phase;

void *memset(void *p, int c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)p)[i] = (uint8_t)c;
    return p;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

static uint64_t gs(uint64_t offset)
{
    uint64_t v;
    __asm__ volatile("mov %%gs:(%1), %0" : "=r"(v) : "r"(offset));
    return v;
}

static uint64_t call(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
    struct hostcall_frame *f = pointer_to(g_staging + gs(0x28) * STAGING_SIZE);
    *f = (struct hostcall_frame){ nr, { a, b, c } };
    return (uint64_t)image_exit_call(EXIT_CALL, f);
}

static void put(const void *data, uint64_t size)
{
    void *out = pointer_to(g_staging + gs(0x28) * STAGING_SIZE + STAGING_DATA);
    memcpy(out, data, size);
    call(HC_write, 1, address_of(out), size);
}

/* Stage 1 of an exception: note what came, and go on after the instruction. */
void image_event(uint64_t sig, uint64_t address, uint64_t ssa)
{
    struct sgx_gprsgx *g = pointer_to(ssa + LAYOUT_SSA_PAGES * 4096 - sizeof(*g));
    const struct sgx_exinfo *x = (const void *)((const uint8_t *)g - sizeof(*x));
    g_signal = sig;
    g_address = address;
    g_rip = g->rip;
    g_exitinfo = g->exitinfo;
    g_maddr = x->maddr;
    g_errcd = x->errcd;
    if (g_skip == UINT64_MAX)
        g->rip = g->r11;
    else
        g->rip += g_skip;
    g->exitinfo = 0;
    g_events++;
}

static void fill_pattern(void)
{
    for (unsigned i = 0; i < sizeof(g_pattern); i++)
        g_pattern[i] = (uint8_t)(i * 7 + 3);
}

#define EXPECT(e)                                                                                  \
    do {                                                                                           \
        if (!(e))                                                                                  \
            call(HC_exit, __LINE__ & 0xff, 0, 0);                                                  \
    } while (0)

#define INFO(type, vector) (EXITINFO_VALID | (type) | (vector))

static void test_exceptions(void)
{
    fill_pattern();
    g_skip = 2;
    EXPECT(image_test_registers(0) == 0);
    EXPECT(g_events == 1 && g_signal == 4 && g_exitinfo == INFO(EXITINFO_TYPE_HW, 6));
    EXPECT(image_test_registers(1) == 0);
    EXPECT(g_events == 2 && g_signal == 4 && g_exitinfo == INFO(EXITINFO_TYPE_HW, 6));
    EXPECT(*(const uint16_t *)pointer_to(g_rip) == 0x050f); /* RIP is at the syscall instruction */
    EXPECT(image_test_registers(4) == 0);
    EXPECT(g_events == 3 && g_signal == 8 && g_exitinfo == INFO(EXITINFO_TYPE_HW, 0));
    g_skip = 1;
    EXPECT(image_test_registers(2) == 0); /* INT3 is #UD, RIP before it: no debugger has opted in */
    EXPECT(g_events == 4 && g_signal == 4 && g_exitinfo == INFO(EXITINFO_TYPE_HW, 6));
    EXPECT(*(const uint8_t *)pointer_to(g_rip) == 0xcc);
    g_skip = UINT64_MAX;
    EXPECT(image_test_registers(5) == 0);
    EXPECT(g_events == 5 && g_signal == 11 && g_rip == 0x700000001000);
}

static void test_page_fault(bool exinfo)
{
    uint64_t page = gs(0x40) + 4096;
    *(volatile uint8_t *)pointer_to(page) = 5;
    EXPECT(call(HC_page_protect, page, 4096, 0) == 0);
    g_skip = 6;
    __asm__ volatile("movb %%al, 0x123(%0)" : : "D"(page) : "memory"); /* six bytes */
    EXPECT(g_events >= 1 && g_signal == 11 && g_address == page);
    if (exinfo)
        EXPECT(g_exitinfo == INFO(EXITINFO_TYPE_HW, 14) && g_maddr == page + 0x123 && (g_errcd & 2));
    else
        EXPECT(g_exitinfo == 0);
    EXPECT(call(HC_page_protect, page, 4096, 3) == 0);
    EXPECT(*(volatile uint8_t *)pointer_to(page) == 5);
    EXPECT((int64_t)call(HC_page_protect, gs(0x38), 4096, 0) == -EINVAL); /* outside the enclave */
}

/* Kick thread 0 at moments that shift against what it does. */
static void storm(void)
{
    for (int i = 0; i < 20000; i++) {
        call(HC_thread_kick, 0, 0, 0);
        for (volatile int j = 0; j < i % 5000; j++)
            ;
    }
    g_phase = 5;
    call(HC_thread_exit, 1, 0, 0);
}

static void thread_main(void)
{
    g_thread_ran++;
    if (g_phase == 4)
        storm();
    for (volatile int i = 0; i < 50000000; i++)
        ; /* by now thread 0 computes (phase 1) or sleeps in the host */
    call(g_phase == 3 ? HC_thread_wake : HC_thread_kick, 0, 0, 0);
    call(HC_thread_exit, 1, 0, 0);
}

static void test_threads(void)
{
    fill_pattern();
    EXPECT(call(HC_thread_kick, 0, 0, 0) == 0);
    EXPECT(gs(0x120) == SIGNAL_KICK_BIT); /* it came while host code served us */
    EXPECT(call(HC_thread_wake, 0, 0, 0) == 0 && gs(0x120) == 0);
    EXPECT(call(HC_thread_wait, 0, UINT64_MAX, 0) == 0); /* woken before it slept */
    EXPECT((int64_t)call(HC_thread_wait, 0, 1000000, 0) == -ETIMEDOUT);
    g_phase = 1;
    g_skip = 0;
    EXPECT(call(HC_thread_create, 1, 0, 0) == 0);
    EXPECT(image_test_registers(3) == 0);
    EXPECT(g_events == 1 && g_signal == KICK_SIGNAL && g_exitinfo == 0);
    g_phase = 2;
    EXPECT(call(HC_thread_create, 1, 0, 0) == 0); /* the same TCS again */
    EXPECT((int64_t)call(HC_thread_wait, 0, UINT64_MAX, 0) == -EINTR && gs(0x120) == SIGNAL_KICK_BIT);
    g_phase = 3;
    EXPECT(call(HC_thread_create, 1, 0, 0) == 0);
    EXPECT(call(HC_thread_wait, 0, UINT64_MAX, 0) == 0);
    EXPECT(g_thread_ran == 3);
    EXPECT((int64_t)call(HC_thread_create, 2, 0, 0) == -EAGAIN); /* there is no TCS 2 */
    EXPECT((int64_t)call(HC_thread_wake, 99, 0, 0) == -ESRCH);
}

/* Report for ourselves, report key and seal key on stdout. */
static void test_keys(void)
{
    static struct sgx_targetinfo target;
    static struct sgx_report report __attribute__((aligned(512)));
    static uint8_t data[64] __attribute__((aligned(128)));
    static struct sgx_keyrequest request;
    static uint8_t key[16] __attribute__((aligned(16)));
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    image_enclu(ENCLU_EREPORT, address_of(&target), address_of(data), address_of(&report));
    memcpy(target.mrenclave, report.body.mrenclave, 32);
    target.attributes = report.body.attributes;
    target.miscselect = report.body.miscselect;
    image_enclu(ENCLU_EREPORT, address_of(&target), address_of(data), address_of(&report));
    put(&report, sizeof(report));
    request.keyname = SGX_KEY_REPORT;
    memcpy(request.keyid, report.keyid, 32);
    struct two r = image_enclu(ENCLU_EGETKEY, address_of(&request), address_of(key), 0);
    EXPECT(r.rax == 0 && r.zf == 0);
    put(key, sizeof(key));
    request = (struct sgx_keyrequest){ .keyname = SGX_KEY_SEAL, .keypolicy = SGX_POLICY_MRENCLAVE };
    r = image_enclu(ENCLU_EGETKEY, address_of(&request), address_of(key), 0);
    EXPECT(r.rax == 0 && r.zf == 0);
    put(key, sizeof(key));
    request.keyname = 77;
    r = image_enclu(ENCLU_EGETKEY, address_of(&request), address_of(key), 0);
    EXPECT(r.rax == SGX_INVALID_KEYNAME && r.zf == 1);
    g_skip = 16; /* over the site: a misaligned operand is #GP */
    image_enclu(ENCLU_EGETKEY, address_of(&request) + 8, address_of(key), 0);
    EXPECT(g_events == 1 && g_signal == 11);
}

/* Kicks at every possible moment: in the enclave, in ENCLU, in the crossing, in the host. */
static void test_storm(void)
{
    static struct sgx_targetinfo target;
    static struct sgx_report report __attribute__((aligned(512)));
    static uint8_t data[64] __attribute__((aligned(128)));
    uint64_t masks = 0;
    fill_pattern();
    g_phase = 4;
    EXPECT(call(HC_thread_create, 1, 0, 0) == 0);
    for (int i = 0; g_phase == 4; i++) {
        EXPECT(call(HC_page_protect, 1, 0, 0) == (uint64_t)-EINVAL);
        masks += gs(0x120) != 0;
        g_skip = 0; /* only kicks come here: an exception would repeat for ever */
        for (volatile int j = 0; j < 100; j++)
            ;
        image_enclu(ENCLU_EREPORT, address_of(&target), address_of(data), address_of(&report));
        EXPECT(report.body.attributes.flags & SGX_FLAG_INIT);
        int64_t ret = (int64_t)call(HC_thread_wait, 0, 20000, 0);
        EXPECT(ret == -ETIMEDOUT || (ret == -EINTR && gs(0x120)));
        masks += gs(0x120) != 0;
    }
    EXPECT(g_events + masks > 0);
}

/* A quote over a report made for the quoting enclave, to stdout. */
static void test_quote(void)
{
    static struct sgx_targetinfo target;
    static struct sgx_report report __attribute__((aligned(512)));
    static uint8_t data[64] __attribute__((aligned(128)));
    uint8_t *shared = pointer_to(g_staging + STAGING_DATA);
    EXPECT(call(HC_quote_target, address_of(shared), 0, 0) == 0);
    memcpy(&target, shared, sizeof(target));
    image_enclu(ENCLU_EREPORT, address_of(&target), address_of(data), address_of(&report));
    memcpy(shared, &report, sizeof(report));
    int64_t n = (int64_t)call(HC_quote_get, address_of(shared), address_of(shared + 512), 8192);
    EXPECT(n > 436);
    call(HC_write, 1, address_of(shared + 512), (uint64_t)n);
}

static uint64_t ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void put_result(const char *name, uint64_t cycles, uint64_t hz)
{
    char text[64], digits[24];
    unsigned n = 0, d = 0;
    uint64_t ns = hz ? cycles * 1000000000 / hz : cycles;
    while (name[n]) {
        text[n] = name[n];
        n++;
    }
    do
        digits[d++] = (char)('0' + ns % 10);
    while (ns /= 10);
    while (d)
        text[n++] = digits[--d];
    text[n++] = '\n';
    put(text, n);
}

static void test_bench(uint64_t hz)
{
    uint64_t t = ticks();
    for (int i = 0; i < ROUNDS; i++)
        call(HC_page_protect, 1, 0, 0); /* refused at once: nothing but the crossing */
    put_result("host_call_ns ", (ticks() - t) / ROUNDS, hz);
    t = ticks();
    for (int i = 0; i < ROUNDS; i++)
        call(HC_close, UINT64_MAX, 0, 0);
    put_result("host_call_with_system_call_ns ", (ticks() - t) / ROUNDS, hz);
    g_skip = 2;
    t = ticks();
    for (int i = 0; i < ROUNDS; i++)
        __asm__ volatile("syscall" : : "a"(39) : "rcx", "r11", "memory");
    put_result("trapped_syscall_ns ", (ticks() - t) / ROUNDS, hz);
    t = ticks();
    for (int i = 0; i < ROUNDS; i++)
        __asm__ volatile("ud2" : : : "memory");
    put_result("trapped_ud2_ns ", (ticks() - t) / ROUNDS, hz);
}

_Noreturn void image_main(uint64_t reason, struct start *s)
{
    if (reason == ENTER_THREAD)
        thread_main();
    g_staging = s->staging;
    EXPECT(s->version == BOUNDARY_VERSION && s->thread_count == 2 && gs(0x20) && gs(0x58));
    switch (*(const char *)pointer_to(s->argv)) {
    case 'e': test_exceptions(); break;
    case 'p': test_page_fault(false); break;
    case 'P': test_page_fault(true); break;
    case 't': test_threads(); break;
    case 'k': test_keys(); break;
    case 's': test_storm(); break;
    case 'q': test_quote(); break;
    case 'b': test_bench(s->tsc_hz); break;
    case 'f': /* a fault while an exception is handled */
        g_skip = 0;
        g_staging = 0;
        __asm__ volatile("mov %0, %%gs:0x10\n\tud2" : : "r"(UINT64_C(0)));
        break;
    case 'w': put("hello\n", 6); break;
    default: EXPECT(0);
    }
    call(HC_exit, 0, 0, 0);
    for (;;)
        ;
}

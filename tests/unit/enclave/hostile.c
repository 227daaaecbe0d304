/*
 * The fake world under enclave/gate.c and enclave/sgx/gate.c: an "enclave" whose buffers stand between pages
 * that cannot be touched (the copying is assembly, which ASan does not see), and a staging area outside.
 */
#include "tests/unit/enclave/hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "enclave/backend.h"
#include "enclave/gate.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/sgx/sgx.h"
#include "enclave/zone.h"
#include "lib/boundary/start.h"
#include "tests/unit/enclave/gs.h"

#define BUFFER_MAX (UINT64_C(512) << 10)
#define CANARY     0xa5
#define CANARY_SIZE 256 /* before each buffer; behind it is a page that cannot be touched */
#define NEED(x)                                                                                                        \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            fprintf(stderr, "%s:%d: broken promise: %s (call %s, host said %ld, gate told %ld)\n", __FILE__, __LINE__, #x, \
                    hostcall_table[g_nr].name, (long)g_lie->result, (long)g_told);                                     \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

struct machine g_machine;
struct zone g_zone;
unsigned g_log_level, g_trace;
void log_print(enum plan_log_level level, const char *format, ...) {}

static struct thread_block g_tb;
static uint8_t *g_buffers[6]; /* each ends at a page that cannot be touched */
static uint8_t *g_staging;
static const struct lie *g_lie;
static enum hostcall_nr g_nr;
static const uint64_t *g_args;
static int64_t g_told;
static bool g_left;

static const struct backend g_fake = { .call = sgx_call, .transfer_max = STAGING_SIZE - STAGING_DATA - 1024 };
const struct backend *g_backend = &g_fake;

static uint8_t *guarded(uint64_t size)
{
    uint8_t *p = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + 4096, size, PROT_READ | PROT_WRITE))
        abort();
    return p + 4096 + size;
}

void hostile_init(void)
{
    g_staging = guarded(STAGING_SIZE) - STAGING_SIZE;
    g_tb.staging = (uintptr_t)g_staging;
    for (int i = 0; i < 6; i++)
        g_buffers[i] = guarded(BUFFER_MAX);
    g_zone.user_high = UINT64_MAX;
    gs_set(&g_tb);
}

/* The host: looks at the frame, lies. */
int64_t sgx_exit_call(struct hostcall_frame *frame, bool blocks)
{
    const struct hostcall *hc = &hostcall_table[g_nr];

    NEED((uint8_t *)frame == g_staging && frame->nr == (uint64_t)g_nr && blocks == gate_blocks(g_nr));
    for (int i = 0; i < 6; i++) {
        bool pointer = hc->arg[i].kind > ARG_VAL && g_args[i];
        NEED(!pointer || (frame->r[i] >= g_tb.staging + STAGING_DATA && frame->r[i] < g_tb.staging + STAGING_SIZE && frame->r[i] % 16 == 0));
        NEED(pointer || frame->r[i] <= g_args[i]); /* lengths may be clipped */
    }
    size_t most = g_lie->result > 40000 ? STAGING_SIZE : 40000; /* what cannot be taken need not be written */
    for (size_t i = 0; g_lie->noise_size && i < most; i += g_lie->noise_size)
        memcpy(g_staging + i, g_lie->noise, most - i < g_lie->noise_size ? most - i : g_lie->noise_size);
    g_left = true;
    return g_lie->result;
}

static uint64_t buffer_size(const struct hostcall_arg *a, uint64_t length)
{
    if (a->len_from == HOSTCALL_LEN_STR && !a->len_fixed)
        return 32;
    if (a->scaled)
        return length * a->len_fixed;
    return a->len_fixed ? a->len_fixed : length;
}

static void fill(const struct hostcall *hc, uint64_t r[6], uint64_t length)
{
    for (int i = 0; i < 6; i++)
        r[i] = hc->arg[i].kind == ARG_NONE ? 0 : length;
    for (int i = 0; i < 6; i++) {
        const struct hostcall_arg *a = &hc->arg[i];
        if (a->kind <= ARG_VAL)
            continue;
        uint64_t size = buffer_size(a, length);
        uint8_t *p = g_buffers[i] - size;
        memset(p - CANARY_SIZE, CANARY, size + CANARY_SIZE);
        if (a->len_from == HOSTCALL_LEN_STR && !a->len_fixed)
            p[31] = 0;
        r[i] = (uintptr_t)p;
    }
}

static bool is_canary(const uint8_t *p, const uint8_t *end)
{
    for (; p < end; p++)
        if (*p != CANARY)
            return false;
    return true;
}

/* Nothing is written but what the row allows. */
static void check_buffers(const struct hostcall *hc, const uint64_t r[6])
{
    for (int i = 0; i < 6; i++) {
        const struct hostcall_arg *a = &hc->arg[i];
        if (a->kind <= ARG_VAL)
            continue;
        const uint8_t *p = (const uint8_t *)r[i], *from = p;
        NEED(is_canary(p - CANARY_SIZE, p));
        if (a->kind == ARG_OUT && !a->len_fixed && hc->ret.kind == RETURNS_LEN && g_told >= 0)
            from = p + g_told;
        bool may_write = a->kind != ARG_IN && g_left && g_lie->result >= 0;
        if (!may_write || from != p)
            NEED(is_canary(from, g_buffers[i] - (a->len_from == HOSTCALL_LEN_STR && !a->len_fixed)));
    }
}

static bool is_listed(const struct hostcall *hc, int64_t err)
{
    for (const uint8_t *e = hc->errors; *e; e++)
        if (err == -(int64_t)*e)
            return true;
    return err == -EIO;
}

int64_t hostile_call(enum hostcall_nr nr, uint64_t length, const struct lie *lie)
{
    const struct hostcall *hc = &hostcall_table[nr];
    uint64_t r[6];

    fill(hc, r, length);
    g_nr = nr;
    g_args = r;
    g_lie = lie;
    g_left = false;
    g_told = 0;
    g_told = hostcall(nr, r);
    NEED(g_told >= 0 || is_listed(hc, g_told));
    NEED(g_told < 0 || g_told == lie->result);
    switch (hc->ret.kind) {
    case RETURNS_ZERO: NEED(g_told <= 0); break;
    case RETURNS_FD: NEED(g_told <= INT32_MAX); break;
    case RETURNS_LEN:
        NEED(g_told <= (int64_t)g_fake.transfer_max);
        /* fall through */
    case RETURNS_COUNT: NEED(g_told < 0 || (uint64_t)g_told <= length); break;
    default: break;
    }
    check_buffers(hc, r);
    return g_told;
}

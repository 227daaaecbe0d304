/*
 * CPUID in an enclave: what a program hears. The host is asked, and not believed:
 *
 *   - where the enclave knows better, it answers itself: XSAVE sizes and offsets (leaf 0xd) follow from XFRM of our own
 *     EREPORT and the architecture's fixed places; a smaller size would make the program's XSAVE overrun its buffer;
 *   - features that every SGX machine has are forced; those whose registers XFRM leaves out are taken away;
 *   - leaves that mean nothing in an enclave are zero; one that is not known answers as leaf 0x1f;
 *   - a value that no CPU can give ends the machine with one line;
 *   - constant leaves are asked once, so that the host cannot change its mind between two questions.
 *
 * Policy: specs/sgx-image.md 10.3. What is left of the host's word (brand, caches, topology) is not to be relied on.
 */
#include "enclave/cpuid.h"

#include "enclave/gate.h"
#include "enclave/log.h"
#include "enclave/machine.h"
#include "enclave/sync.h"
#include "lib/base/bytes.h"
#include "lib/sgx/arch.h"

enum { EAX = CPUID_EAX, EBX = CPUID_EBX, ECX = CPUID_ECX, EDX = CPUID_EDX };

#define CACHE_MAX      64
#define LEAF_UNKNOWN   UINT32_C(0x1f)
#define BASIC_MAX      UINT32_C(0x1f)
#define EXTENDED       UINT32_C(0x80000000)
#define EXTENDED_MAX   UINT32_C(0x80000008)
#define XSAVE_LEGACY   576 /* FXSAVE image and header */
#define BIT(n)         (UINT32_C(1) << (n))

#define XFRM_AVX    UINT64_C(0x4)
#define XFRM_AVX512 UINT64_C(0xe0)
#define XFRM_PKRU   UINT64_C(0x200)
#define XFRM_AMX    UINT64_C(0x60000)

struct answer {
    uint32_t leaf, subleaf, value[4];
};

static struct spinlock g_lock;
static struct answer g_cache[CACHE_MAX]; /* g_lock */
static uint32_t g_cached;                /* g_lock */
static uint64_t g_xfrm;                  /* atomic; 0: not asked yet */

static _Noreturn void impossible(uint32_t leaf, uint32_t subleaf, const uint32_t v[4])
{
    log_always("the host's CPUID leaf %#x, subleaf %#x is impossible: %#x %#x %#x %#x", leaf, subleaf, v[EAX], v[EBX], v[ECX], v[EDX]);
    machine_exit(134);
}

static uint64_t xfrm(void)
{
    static const uint8_t nobody[sizeof(struct sgx_targetinfo)], nothing[SGX_REPORTDATA_SIZE];
    uint64_t known = __atomic_load_n(&g_xfrm, __ATOMIC_RELAXED);
    if (known)
        return known;
    struct sgx_report report;
    if (machine_report(nobody, nothing, &report)) {
        log_always("no report of our own to learn XFRM from");
        machine_exit(134);
    }
    __atomic_store_n(&g_xfrm, report.body.attributes.xfrm, __ATOMIC_RELAXED);
    return report.body.attributes.xfrm;
}

/* ---- leaf 0xd: nobody is asked but for the instructions that there are */

/* Intel SDM vol. 1, 13.5. */
static const struct component {
    uint8_t bit;
    uint16_t size, offset;
} components[] = {
    { 2, 256, 576 },   { 3, 64, 960 }, { 4, 64, 1024 }, { 5, 64, 1088 },  { 6, 512, 1152 },
    { 7, 1024, 1664 }, { 9, 8, 2688 }, { 17, 64, 2752 }, { 18, 8192, 2816 },
};

static void xsave_sizes(uint32_t *standard, uint32_t *compact)
{
    uint64_t have = xfrm();
    *standard = *compact = XSAVE_LEGACY;
    for (size_t i = 0; i < ARRAY_COUNT(components); i++) {
        const struct component *c = &components[i];
        if (!(have >> c->bit & 1))
            continue;
        *standard = MAX(*standard, (uint32_t)c->offset + c->size);
        *compact = ALIGN_UP(*compact, 64u) + c->size;
    }
}

static void xsave_component(uint32_t subleaf, uint32_t v[4])
{
    memset(v, 0, 4 * sizeof(v[0]));
    for (size_t i = 0; i < ARRAY_COUNT(components); i++) {
        const struct component *c = &components[i];
        if (c->bit != subleaf || !(xfrm() >> c->bit & 1))
            continue;
        v[EAX] = c->size;
        v[EBX] = c->offset;
        v[ECX] = c->bit == 18 ? 6 : 2; /* stands at a multiple of 64 when compact; TILEDATA: XFD */
    }
}

static void xsave_leaf(uint32_t subleaf, uint32_t v[4])
{
    uint32_t standard, compact;

    if (subleaf > 1) {
        xsave_component(subleaf, v);
        return;
    }
    xsave_sizes(&standard, &compact);
    if (subleaf == 0) {
        v[EAX] = (uint32_t)xfrm();
        v[EBX] = v[ECX] = standard;
        v[EDX] = (uint32_t)(xfrm() >> 32);
        return;
    }
    v[EAX] &= 7; /* XSAVEOPT, XSAVEC, XGETBV with ecx 1; XSAVES is the kernel's */
    v[EBX] = compact;
    v[ECX] = v[EDX] = 0;
}

/* ---- features */

static void set_vendor(uint32_t v[4])
{
    v[EBX] = UINT32_C(0x756e6547); /* Genu ineI ntel: there is no other SGX */
    v[EDX] = UINT32_C(0x49656e69);
    v[ECX] = UINT32_C(0x6c65746e);
}

static void features_1(uint32_t v[4])
{
    v[ECX] |= BIT(25) | BIT(26) | BIT(30); /* AES, XSAVE, RDRAND: libos itself needs them */
    if (!(xfrm() & XFRM_AVX))
        v[ECX] &= ~(BIT(12) | BIT(28) | BIT(29)); /* FMA, AVX, F16C */
    v[EDX] |= UINT32_C(0x078bfbff);               /* every x86-64 */
}

static void features_7(uint32_t subleaf, uint32_t v[4])
{
    uint64_t have = xfrm();
    bool avx512 = (have & XFRM_AVX512) == XFRM_AVX512, amx = (have & XFRM_AMX) == XFRM_AMX;

    if (subleaf == 0) {
        v[EAX] = MIN(v[EAX], 2u);
        v[EBX] |= BIT(0) | BIT(2); /* FSGSBASE, SGX */
        if (!avx512) {
            v[EBX] &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
            v[ECX] &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
            v[EDX] &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(23));
        }
        if (!(have & XFRM_AVX)) {
            v[EBX] &= ~BIT(5);            /* AVX2 */
            v[ECX] &= ~(BIT(9) | BIT(10)); /* VAES, VPCLMULQDQ */
        }
        if (!(have & XFRM_PKRU))
            v[ECX] &= ~(BIT(3) | BIT(4));
        if (!amx)
            v[EDX] &= ~(BIT(22) | BIT(24) | BIT(25));
        return;
    }
    if (subleaf == 1 && !(have & XFRM_AVX))
        v[EAX] &= ~(BIT(4) | BIT(23)); /* AVX-VNNI, AVX-IFMA */
    if (subleaf == 1 && !avx512)
        v[EAX] &= ~BIT(5);
    if (subleaf == 1 && !amx)
        v[EAX] &= ~BIT(21);
}

/* ---- ranges */

static bool is_amx_ok(uint32_t leaf, uint32_t subleaf, const uint32_t v[4])
{
    if (leaf == 0x1e)
        return (v[EBX] & 0xff) <= 16 && (v[EBX] >> 8 & 0xffff) <= 64;
    if (subleaf == 0)
        return v[EAX] == 1;
    /* A program makes its tiles' buffers by these: bytes of all and of one, of a row, number of tiles and of rows. */
    return (v[EAX] & 0xffff) <= 8192 && v[EAX] >> 16 <= 1024 && (v[EBX] & 0xffff) <= 64 && v[EBX] >> 16 <= 8 && (v[ECX] & 0xffff) <= 16;
}

static bool is_possible(uint32_t leaf, uint32_t subleaf, const uint32_t v[4])
{
    switch (leaf) {
    case 0: return v[EAX] >= 0xd && v[EAX] <= 0xff;
    case 4: return (v[EAX] & 31) <= 3 && ((v[EAX] & 31) == 0 || (v[EBX] & 0xfff) == 63); /* kind; lines of 64 bytes */
    case 0x1d:
    case 0x1e: return is_amx_ok(leaf, subleaf, v);
    case EXTENDED: return v[EAX] >= EXTENDED + 4 && v[EAX] <= EXTENDED + 0xff;
    case EXTENDED + 8: return (v[EAX] & 0xff) >= 32 && (v[EAX] & 0xff) <= 52 && (v[EAX] >> 8 & 0xff) >= 47 && (v[EAX] >> 8 & 0xff) <= 57;
    default: return true;
    }
}

static void sanitise(uint32_t leaf, uint32_t subleaf, uint32_t v[4])
{
    if (!is_possible(leaf, subleaf, v))
        impossible(leaf, subleaf, v);
    switch (leaf) {
    case 0:
        v[EAX] = MIN(v[EAX], BASIC_MAX);
        set_vendor(v);
        break;
    case 1: features_1(v); break;
    case 7: features_7(subleaf, v); break;
    case 0xd: xsave_leaf(subleaf, v); break;
    case EXTENDED: v[EAX] = MIN(v[EAX], EXTENDED_MAX); break;
    case EXTENDED + 1: v[EDX] |= BIT(11) | BIT(29); break; /* SYSCALL, 64 bits: what we run on */
    default: break;
    }
}

/* ---- which leaves there are */

static bool is_known(uint32_t leaf)
{
    const uint32_t basic = UINT32_C(0x8ff5aeff); /* 0-7 9-b d f 10 12 14-1b 1f */
    if (leaf == 0x1d || leaf == 0x1e)
        return (xfrm() & XFRM_AMX) == XFRM_AMX;
    if (leaf <= BASIC_MAX)
        return basic >> leaf & 1;
    return leaf == 0x40000000 || leaf == 0x40000010 || (leaf >= EXTENDED && leaf <= EXTENDED_MAX);
}

/* Subleaves above are zero, as a CPU has it. */
static uint32_t subleaf_max(uint32_t leaf)
{
    switch (leaf) {
    case 7: return 2;
    case 0xf:
    case 0x14:
    case 0x1d: return 1;
    case 0x10: return 3;
    case 0xd: return 63;
    default: return UINT32_MAX;
    }
}

static bool has_subleaves(uint32_t leaf)
{
    switch (leaf) {
    case 4:
    case 7:
    case 0xb:
    case 0xd:
    case 0xf:
    case 0x10:
    case 0x12:
    case 0x14:
    case 0x17:
    case 0x18:
    case 0x1a:
    case 0x1b:
    case 0x1d:
    case 0x1e:
    case 0x1f: return true;
    default: return false;
    }
}

/* The answer names the CPU that happened to be asked. */
static bool is_of_this_cpu(uint32_t leaf)
{
    return leaf == 0xb || leaf == 0x1a || leaf == 0x1f;
}

static bool is_zero(uint32_t leaf, uint32_t subleaf)
{
    return leaf == 8 || leaf == 0xc || leaf == 0xe || leaf == 0x11 || leaf == 0x13 || subleaf > subleaf_max(leaf);
}

/* ---- asking */

static struct answer *find_locked(uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 0; i < g_cached; i++)
        if (g_cache[i].leaf == leaf && g_cache[i].subleaf == subleaf)
            return &g_cache[i];
    return NULL;
}

static bool recall(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    spin_lock(&g_lock);
    const struct answer *a = find_locked(leaf, subleaf);
    if (a)
        memcpy(out, a->value, sizeof(a->value));
    spin_unlock(&g_lock);
    return a;
}

/* Who comes second takes what the first one was told. */
static void remember(uint32_t leaf, uint32_t subleaf, uint32_t v[4])
{
    spin_lock(&g_lock);
    struct answer *a = find_locked(leaf, subleaf);
    if (!a && g_cached < CACHE_MAX) {
        a = &g_cache[g_cached++];
        *a = (struct answer){ leaf, subleaf, { v[EAX], v[EBX], v[ECX], v[EDX] } };
    }
    if (a)
        memcpy(v, a->value, sizeof(a->value));
    spin_unlock(&g_lock);
}

static void ask(uint32_t leaf, uint32_t subleaf, uint32_t v[4])
{
    if (host_call(cpuid, leaf, subleaf, PTR(v))) {
        log_always("the host refuses to tell CPUID leaf %#x", leaf);
        machine_exit(134);
    }
    sanitise(leaf, subleaf, v);
}

static void get(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    bool constant = !is_of_this_cpu(leaf);

    if (constant && recall(leaf, subleaf, out))
        return;
    ask(leaf, subleaf, out);
    if (constant)
        remember(leaf, subleaf, out);
}

void cpuid_get(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    if (!g_machine.is_enclave) {
        (void)host_call(cpuid, leaf, subleaf, PTR(out));
        return;
    }
    if (is_zero(leaf, subleaf))
        return;
    if (!is_known(leaf))
        leaf = LEAF_UNKNOWN;
    get(leaf, has_subleaves(leaf) ? subleaf : 0, out);
}

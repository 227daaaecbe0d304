/*
 * XSAVE frames. Sizes come from the architecture's fixed layout (Intel SDM vol. 1, 13.5), not from
 * CPUID, which an enclave would have to ask the host for; the CPU itself uses its own offsets, which on
 * AMD are smaller. Frame contents are the program's: checked before XRSTOR, which would fault in us.
 */
#include "libos/signal/fpu.h"

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/crypto/xcr0.h"
#include "lib/linux/errno.h"
#include "lib/linux/signal.h"

#define FXSAVE_SIZE    512
#define HEADER_SIZE    64
#define MXCSR_OFFSET   24
#define MXCSR_MASK     28
#define MXCSR_DEFAULT  0x1f80
#define MXCSR_MASK_OLD 0xffbf /* CPUs that leave the mask word zero */
#define X87_DEFAULT    0x37f
#define XCR0_TILES     (UINT64_C(3) << 17)

static_assert(FPU_AREA_MAX >= 11008 + 4, "Intel SDM vol. 1, 13.5: TILEDATA is the last component");

static uint32_t g_tiles_allowed; /* atomic; once set it stays */

uint64_t fpu_features(void)
{
    uint64_t wanted = XCR0_X87 | XCR0_AVX512_ALL;
    if (__atomic_load_n(&g_tiles_allowed, __ATOMIC_RELAXED))
        wanted |= XCR0_TILES;
    return xcr0_read() & wanted;
}

bool fpu_allow_tiles(void)
{
    if ((xcr0_read() & XCR0_TILES) != XCR0_TILES)
        return false;
    __atomic_store_n(&g_tiles_allowed, 1, __ATOMIC_RELAXED);
    return true;
}

/* End of the highest component in the standard format. */
static size_t area_size(uint64_t features)
{
    static const struct {
        uint8_t bit;
        uint16_t end;
    } components[] = { { 18, 11008 }, { 17, 2816 }, { 7, 2688 }, { 6, 1664 }, { 5, 1152 }, { 2, 832 } };
    for (size_t i = 0; i < ARRAY_COUNT(components); i++)
        if (features >> components[i].bit & 1)
            return components[i].end;
    return FXSAVE_SIZE + HEADER_SIZE;
}

size_t fpu_frame_size(void)
{
    return area_size(fpu_features()) + sizeof(uint32_t);
}

size_t fpu_frame_stack_min(void)
{
    return ALIGN_UP(fpu_frame_size() + 64 + sizeof(struct linux_rt_sigframe) + 16 + 128, (size_t)64);
}

static void xsave(struct fpu_area *area, uint64_t features)
{
    __asm__ volatile("xsave64 %0"
                     : "+m"(*area)
                     : "a"((uint32_t)features), "d"((uint32_t)(features >> 32))
                     : "memory");
}

static void xrstor(const struct fpu_area *area, uint64_t features)
{
    __asm__ volatile("xrstor64 %0"
                     :
                     : "m"(*area), "a"((uint32_t)features), "d"((uint32_t)(features >> 32))
                     : "memory");
}

void fpu_save(struct fpu_area *area)
{
    uint64_t features = fpu_features();
    size_t size = area_size(features);
    /* Components in their initial state are not written: nothing of ours may stand there. */
    memset(area->bytes, 0, size);
    xsave(area, features);
    const struct linux_fp_sw sw = {
        .magic1 = LINUX_FP_XSTATE_MAGIC1,
        .extended_size = (uint32_t)(size + sizeof(uint32_t)),
        .xfeatures = features,
        .xstate_size = (uint32_t)size,
    };
    memcpy(area->bytes + LINUX_FP_SW_BYTES, &sw, sizeof(sw));
    store_le32(area->bytes + size, LINUX_FP_XSTATE_MAGIC2);
}

/* Bits of MXCSR that this CPU knows; setting another faults. */
static uint32_t mxcsr_mask(void)
{
    struct {
        alignas(16) uint8_t bytes[FXSAVE_SIZE];
    } now;
    __asm__ volatile("fxsave64 %0" : "=m"(now) : : "memory");
    uint32_t mask = load_le32(now.bytes + MXCSR_MASK);
    return mask ? mask : MXCSR_MASK_OLD;
}

/* Does the area say in Linux's way that an XSAVE image stands behind the legacy part? */
static bool is_extended(const struct fpu_area *area, size_t size, uint64_t features)
{
    struct linux_fp_sw sw;
    memcpy(&sw, area->bytes + LINUX_FP_SW_BYTES, sizeof(sw));
    size_t least = FXSAVE_SIZE + HEADER_SIZE, ours = area_size(features);
    if (sw.magic1 != LINUX_FP_XSTATE_MAGIC1 || sw.xstate_size < least || sw.xstate_size > ours ||
        sw.xstate_size > sw.extended_size || sw.xstate_size + sizeof(uint32_t) > size)
        return false;
    return load_le32(area->bytes + sw.xstate_size) == LINUX_FP_XSTATE_MAGIC2;
}

int fpu_restore(struct fpu_area *area, size_t size)
{
    uint64_t features = fpu_features();
    uint8_t *header = area->bytes + FXSAVE_SIZE;
    if (load_le32(area->bytes + MXCSR_OFFSET) & ~mxcsr_mask())
        return -EINVAL;
    if (is_extended(area, size, features)) {
        if (load_le64(header) & ~features || !bytes_are_zero(header + 8, HEADER_SIZE - 8))
            return -EINVAL;
        struct linux_fp_sw sw;
        memcpy(&sw, area->bytes + LINUX_FP_SW_BYTES, sizeof(sw));
        store_le64(header, load_le64(header) & sw.xfeatures);
    } else {
        /* Legacy part only; everything else becomes initial, as on Linux. */
        memset(header, 0, HEADER_SIZE);
        store_le64(header, XCR0_X87 | XCR0_SSE);
    }
    xrstor(area, features);
    return 0;
}

void fpu_reset(void)
{
    struct fpu_area area;
    memset(area.bytes, 0, FXSAVE_SIZE + HEADER_SIZE);
    store_le16(area.bytes, X87_DEFAULT);
    store_le32(area.bytes + MXCSR_OFFSET, MXCSR_DEFAULT);
    xrstor(&area, xcr0_read() & (XCR0_X87 | XCR0_AVX512_ALL));
}

void fpu_get_control(struct fpu_control *c)
{
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(c->mxcsr), "=m"(c->x87));
}

void fpu_set_control(const struct fpu_control *c)
{
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(c->mxcsr), "m"(c->x87));
}

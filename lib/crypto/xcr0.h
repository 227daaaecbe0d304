#ifndef LIB_CRYPTO_XCR0_H
#define LIB_CRYPTO_XCR0_H

/*
 * Extended control register 0: which register states are enabled. XGETBV is allowed inside enclaves,
 * where XCR0 equals SECS.ATTRIBUTES.XFRM (Intel SDM vol. 3D, EENTER).
 */
#include <stdint.h>

#define XCR0_X87        UINT64_C(0x1)
#define XCR0_SSE        UINT64_C(0x2)
#define XCR0_AVX        UINT64_C(0x4)
#define XCR0_AVX512     UINT64_C(0xe0) /* opmask, upper halves of ZMM0-15, ZMM16-31 */
#define XCR0_AVX_ALL    (XCR0_SSE | XCR0_AVX)
#define XCR0_AVX512_ALL (XCR0_AVX_ALL | XCR0_AVX512)

static inline uint64_t xcr0_read(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

#endif

/*
 * The CPU's crypto features by CPUID. Only where CPUID works: hosted programs, the launcher and
 * `direct`. Registers that the operating system does not save (XCR0) count as absent.
 */
#include "lib/crypto/crypto.h"
#include "lib/crypto/xcr0.h"

static void cpuid(uint32_t leaf, uint32_t out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(0));
}

static int has(uint32_t word, uint32_t bits)
{
    return (word & bits) == bits;
}

/* Bit numbers: Intel SDM vol. 2A, CPUID, leaves 1 and 7. */
uint32_t crypto_features_detect(void)
{
    uint32_t leaf0[4], leaf1[4], leaf7[4] = { 0 }, features = 0;

    cpuid(0, leaf0);
    cpuid(1, leaf1);
    if (leaf0[0] >= 7)
        cpuid(7, leaf7);
    uint64_t xcr0 = has(leaf1[2], 1u << 27) ? xcr0_read() : 0;

    if (has(leaf1[2], 1u << 25 | 1u << 1 | 1u << 9 | 1u << 19))
        features |= CRYPTO_AES;
    if (has(leaf7[1], 1u << 29))
        features |= CRYPTO_SHA;
    if (has(leaf7[1], 1u << 5) && (xcr0 & XCR0_AVX_ALL) == XCR0_AVX_ALL)
        features |= CRYPTO_AVX2;
    if (has(leaf7[1], 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) &&
        (xcr0 & XCR0_AVX512_ALL) == XCR0_AVX512_ALL)
        features |= CRYPTO_AVX512;
    if (features & CRYPTO_AVX512 && has(leaf7[2], 1u << 9 | 1u << 10))
        features |= CRYPTO_VAES;
    return features;
}

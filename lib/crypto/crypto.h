#ifndef LIB_CRYPTO_CRYPTO_H
#define LIB_CRYPTO_CRYPTO_H

/*
 * Which instructions the crypto code may use. CPUID raises #UD inside an enclave, so the features are
 * found by someone else and handed in once, before any other thread runs.
 *
 * Inside an enclave they come from a measured or checked source; a host that lies about them gains
 * nothing but an invalid opcode: the results never depend on them.
 */
#include <stdint.h>

enum crypto_feature {
    CRYPTO_AES = 1 << 0,    /* AES-NI, PCLMULQDQ, SSSE3, SSE4.1: what every CPU with SGX has */
    CRYPTO_SHA = 1 << 1,    /* SHA-NI */
    CRYPTO_AVX2 = 1 << 2,   /* AVX2 */
    CRYPTO_AVX512 = 1 << 3, /* AVX-512 F, DQ, BW, VL */
    CRYPTO_VAES = 1 << 4,   /* VAES and VPCLMULQDQ, with CRYPTO_AVX512 */
};

/*
 * Choose the code for these features. Features whose registers XCR0 (inside an enclave: SECS.XFRM)
 * does not enable are ignored.
 *
 * Returns 0; -EOPNOTSUPP without CRYPTO_AES: there is no slower substitute, because a table-driven AES
 * would leak its keys through the cache.
 */
int crypto_init(uint32_t features);

/* The CPU's features by CPUID: for hosted programs and `direct`, never inside an enclave. */
uint32_t crypto_features_detect(void);

#endif

/*
 * Trusted back end: choose IPsec-MB routines by CPU feature. The features are only a choice of speed:
 * every routine computes the same function, so a lie can crash the enclave but not change a result.
 */
#include "lib/crypto/crypto.h"
#include "lib/crypto/ipsec_choice.h"
#include "lib/crypto/xcr0.h"
#include "lib/linux/errno.h"

/*
 * What the assembly needs from the rest of its library: the error number that its argument checks
 * store, and the table they read it from. Our callers never break those checks, and no one reads the
 * number. Defined here, beside g_ipsec that every user links, so that error.o (and through it libc)
 * is never pulled from the archive.
 */
extern int imb_errno;
extern const int imb_errno_types[64];

int imb_errno;
const int imb_errno_types[64];

#define GCM_SSE  { aes_gcm_precomp_128_sse, aes_gcm_enc_128_sse, aes_gcm_dec_128_sse }
#define GCM_VAES                                                                                   \
    { aes_gcm_precomp_128_vaes_avx512, aes_gcm_enc_128_vaes_avx512, aes_gcm_dec_128_vaes_avx512 }

/* Until crypto_init(): what every CPU with SGX has. */
struct ipsec_choice g_ipsec = { .gcm = GCM_SSE };

static uint32_t usable(uint32_t features)
{
    uint64_t xcr0 = xcr0_read();
    if ((xcr0 & XCR0_AVX_ALL) != XCR0_AVX_ALL)
        features &= ~(uint32_t)CRYPTO_AVX2;
    if ((xcr0 & XCR0_AVX512_ALL) != XCR0_AVX512_ALL || !(features & CRYPTO_AVX2))
        features &= ~(uint32_t)(CRYPTO_AVX512 | CRYPTO_VAES);
    if (!(features & CRYPTO_AVX512))
        features &= ~(uint32_t)CRYPTO_VAES;
    return features;
}

/*
 * Measured on 4096-byte blocks: two SHA-NI streams do 3.3 GB/s, eight AVX2 lanes 1.8, SSE 0.4; sixteen
 * AVX-512 lanes do 3.5, but no CPU with SGX has AVX-512 and lacks SHA-NI. AES-GCM on 4 KiB with its
 * key set-up: SSE 4.2 GB/s, VAES 6.3; the library's AVX2 code is no faster than its SSE code.
 */
int crypto_init(uint32_t features)
{
    struct ipsec_choice c = { .gcm = GCM_SSE };

    features = usable(features);
    if (!(features & CRYPTO_AES))
        return -EOPNOTSUPP;
    if (features & CRYPTO_VAES)
        c.gcm = (struct ipsec_gcm)GCM_VAES;
    if (features & CRYPTO_SHA) {
        c.sha_ni = c.multi_by_row = true;
        c.sha256_multi = call_sha256_ni_x2_sse_from_c;
        c.multi_lanes = 2;
    } else if (features & CRYPTO_AVX2) {
        c.sha256_multi = call_sha256_oct_avx2_from_c;
        c.multi_lanes = 8;
    }
    g_ipsec = c;
    return 0;
}

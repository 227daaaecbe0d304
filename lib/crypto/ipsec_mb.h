#ifndef LIB_CRYPTO_IPSEC_MB_H
#define LIB_CRYPTO_IPSEC_MB_H

/*
 * The assembly routines of Debian's libIPSec_MB.a (libipsec-mb-dev 1.3) that the trusted image uses,
 * called by their own symbols: going through IMB_MGR would link every cipher of the library, all of
 * it measured. Only assembly objects: the library's C objects (and all of BearSSL as packaged) are
 * compiled with a stack protector that reads %fs:0x28, and inside the image FS belongs to the program.
 *
 * The library's own header is hosted, so its declarations are repeated here.
 */
#include <stdint.h>

#include "lib/crypto/ipsec_mb_sizes.h"

#define IPSEC_LANES 16

/* struct gcm_key_data: round keys first, then powers of the hash key. */
struct ipsec_gcm_key {
    _Alignas(64) uint8_t round_keys[11][16];
    uint8_t rest[IPSEC_GCM_KEY_SIZE - 11 * 16];
};

/* struct gcm_context_data */
struct ipsec_gcm_context {
    _Alignas(64) uint8_t bytes[IPSEC_GCM_CONTEXT_SIZE];
};

typedef void ipsec_keyexp(const void *key, void *round_keys);
typedef void ipsec_gcm_precomp(struct ipsec_gcm_key *key);
typedef void ipsec_gcm_crypt(const struct ipsec_gcm_key *key, struct ipsec_gcm_context *ctx,
                             uint8_t *out, const uint8_t *in, uint64_t size, const uint8_t *iv,
                             const uint8_t *aad, uint64_t aad_size, uint8_t *tag,
                             uint64_t tag_size);

ipsec_keyexp aes_keyexp_128_enc_sse;
ipsec_gcm_precomp aes_gcm_precomp_128_sse, aes_gcm_precomp_128_vaes_avx512;
ipsec_gcm_crypt aes_gcm_enc_128_sse, aes_gcm_enc_128_vaes_avx512;
ipsec_gcm_crypt aes_gcm_dec_128_sse, aes_gcm_dec_128_vaes_avx512;

/* size is a multiple of 16 */
void aes_ecb_enc_128_by4_sse(const void *in, const void *round_keys, void *out, uint64_t size);

/*
 * Multi-buffer SHA-256 state. The SHA-NI routines keep one digest per row (words[lane * 8 + i]), the
 * AVX2 one one per column (words[i * 16 + lane]).
 */
struct ipsec_sha256_lanes {
    uint32_t words[8 * IPSEC_LANES];
    const uint8_t *data[IPSEC_LANES];
};

void call_sha256_ni_x1_sse_from_c(struct ipsec_sha256_lanes *lanes, uint64_t blocks, uint64_t lane);
typedef void ipsec_sha256_multi(struct ipsec_sha256_lanes *lanes, uint64_t blocks);
ipsec_sha256_multi call_sha256_ni_x2_sse_from_c, call_sha256_oct_avx2_from_c;

/* One 64-byte block. */
void sha256_block_sse(const void *data, void *digest);

#endif

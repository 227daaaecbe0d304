#ifndef LIB_CRYPTO_IPSEC_CHOICE_H
#define LIB_CRYPTO_IPSEC_CHOICE_H

/* Which routines of the archive crypto_init() chose. Private to the IPsec-MB back end. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/crypto/ipsec_mb.h"

struct ipsec_gcm {
    ipsec_gcm_precomp *precomp;
    ipsec_gcm_crypt *seal, *open;
};

struct ipsec_choice {
    struct ipsec_gcm gcm;
    bool sha_ni;                      /* one message: SHA-NI, else SSE */
    ipsec_sha256_multi *sha256_multi; /* NULL: none */
    uint32_t multi_lanes;
    bool multi_by_row; /* digests stand in rows (SHA-NI) or columns (AVX2) */
};

/* Written once by crypto_init(), before other threads run; read-only afterwards. */
extern struct ipsec_choice g_ipsec;

#endif

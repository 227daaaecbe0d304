#ifndef LIB_CRYPTO_IPSEC_MB_SIZES_H
#define LIB_CRYPTO_IPSEC_MB_SIZES_H

/* Sizes of IPsec-MB 1.3's structures; tests/unit/lib/ipsec_mb_sizes_test.c checks them. */
#define IPSEC_GCM_KEY_SIZE     1008 /* struct gcm_key_data */
#define IPSEC_GCM_CONTEXT_SIZE 88   /* struct gcm_context_data */

#endif

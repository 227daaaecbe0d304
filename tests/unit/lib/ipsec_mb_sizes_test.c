/* Compiles only when the sizes that lib/crypto states are those of the installed IPsec-MB. */
#include <intel-ipsec-mb.h>

#include "lib/crypto/ipsec_mb_sizes.h"

_Static_assert(sizeof(struct gcm_key_data) == IPSEC_GCM_KEY_SIZE, "gcm_key_data");
_Static_assert(sizeof(struct gcm_context_data) == IPSEC_GCM_CONTEXT_SIZE, "gcm_context_data");

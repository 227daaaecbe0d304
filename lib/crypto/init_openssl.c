/* Hosted back end: OpenSSL chooses by itself. */
#include "lib/crypto/crypto.h"

int crypto_init(uint32_t features)
{
    (void)features;
    return 0;
}

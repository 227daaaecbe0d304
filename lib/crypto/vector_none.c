/* Hosted programs follow the ordinary calling convention: nothing to save around crypto calls. */
#include "lib/crypto/vector.h"

void vector_save(struct vector_area *area)
{
    (void)area;
}

void vector_restore(const struct vector_area *area)
{
    (void)area;
}

#ifndef ENCLAVE_ZONE_ALLOC_H
#define ENCLAVE_ZONE_ALLOC_H

/* Fresh memory of the zone: page-aligned; never given back. NULL when the zone is used up. */
#include <stdint.h>

void *zone_bump(uint64_t size);
void zone_set_arena(uint64_t low, uint64_t high);

#endif

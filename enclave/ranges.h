#ifndef ENCLAVE_RANGES_H
#define ENCLAVE_RANGES_H

/*
 * Which addresses are free. One map for the whole machine: the program's mappings, libos's own pages and
 * trampolines all take their ranges here, so they never collide. Addresses and sizes are page-aligned.
 */
#include <stdint.h>

/* Take a free range of size bytes within [low, high), as high as possible. 0 when there is none. */
uint64_t range_alloc(uint64_t size, uint64_t align, uint64_t low, uint64_t high);
/* Take exactly this range. 0; -EEXIST when any part is taken; -ENOMEM outside the machine's range. */
int range_take(uint64_t address, uint64_t size);
void range_free(uint64_t address, uint64_t size);

/* Used by the machines at start. */
void ranges_init(uint64_t low, uint64_t high);

#endif

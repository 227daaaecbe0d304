#ifndef ENCLAVE_FIXUP_H
#define ENCLAVE_FIXUP_H

/* If a fault at this address of ours is one that uaccess.S expects: where to go on; else 0. */
#include <stdint.h>

uint64_t fixup_find(uint64_t rip);

#endif

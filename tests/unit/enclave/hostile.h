#ifndef TESTS_UNIT_ENCLAVE_HOSTILE_H
#define TESTS_UNIT_ENCLAVE_HOSTILE_H

/*
 * One host call by each row of hostcall.def through the enclave's gate, with a host that lies. Shared by the unit
 * test and the fuzz target. Every broken promise of the gate aborts.
 */
#include <stdint.h>

#include "lib/boundary/hostcall.h"

struct lie {
    int64_t result;    /* what the host returns */
    const uint8_t *noise; /* what it writes over the whole staging area, repeated */
    size_t noise_size; /* 0: it writes nothing */
};

void hostile_init(void);
/* length: of each buffer whose length is an argument. Returns what the gate told. */
int64_t hostile_call(enum hostcall_nr nr, uint64_t length, const struct lie *lie);

#endif

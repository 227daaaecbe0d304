#ifndef TESTS_UNIT_ATTEST_ATTESTATION_DIR_H
#define TESTS_UNIT_ATTEST_ATTESTATION_DIR_H

/* A folder that behaves like /dev/attestation for one process: a thread quotes what was written. */
#include <pthread.h>
#include <stdbool.h>

#include "tests/unit/attest/fixture.h"

struct attestation_dir {
    char path[64];
    const struct fixture *fixture;
    const struct fake_enclave *enclave;
    pthread_t thread;
    volatile bool stop;
};

void attestation_dir_start(struct attestation_dir *d, const struct fixture *f, const struct fake_enclave *e);
void attestation_dir_stop(struct attestation_dir *d);

#endif

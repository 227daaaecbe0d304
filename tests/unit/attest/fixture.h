#ifndef TESTS_UNIT_ATTEST_FIXTURE_H
#define TESTS_UNIT_ATTEST_FIXTURE_H

/* A software device in a temporary folder, and reports made by it. */
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/collateral.h"
#include "attest/soft/qe.h"
#include "attest/soft/state.h"
#include "attest/dcap/trust.h"

struct fixture {
    char folder[SOFT_PATH_MAX];
    struct soft_qe *qe;
    struct trust_roots roots;
    struct collateral collateral;
};

/* What an enclave would be. */
struct fake_enclave {
    uint8_t mrenclave[32], mrsigner[32];
    uint64_t flags;
    uint16_t prod_id, svn;
};

extern const struct fake_enclave fake_good;

void fixture_make(struct fixture *f);
void fixture_remove(struct fixture *f);
/* The REPORT that EREPORT of this device would make. */
void fixture_report(const struct fixture *f, const struct fake_enclave *e, const uint8_t target[512],
                    const uint8_t data[64], uint8_t report[432]);
/* A quote in out; returns its size. */
size_t fixture_quote(const struct fixture *f, const struct fake_enclave *e, const uint8_t data[64],
                     uint8_t out[SOFT_QUOTE_MAX]);

#endif

#ifndef ATTEST_IDENTITY_H
#define ATTEST_IDENTITY_H

/* The identity document of a quoting enclave: who it must be, and which versions are current. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/document.h"
#include "attest/dcap/tcb.h"

struct enclave_identity {
    struct document document;
    bool td_qe, qve;                   /* id TD_QE, QVE; neither: QE */
    uint8_t miscselect[4], miscselect_mask[4];
    uint8_t attributes[16], attributes_mask[16];
    uint8_t mrsigner[32];
    uint16_t isv_prod_id;
    struct svn_levels levels;
};

/* Returns 0; -EINVAL; -ENOMEM. Release with identity_fini() in any case. */
int identity_parse(const char *text, size_t size, struct enclave_identity *out);
void identity_fini(struct enclave_identity *id);

/* Does a report (384 bytes) belong to it? NULL if so, else which field differs. */
const char *identity_mismatch(const struct enclave_identity *id, const uint8_t *report);

#endif

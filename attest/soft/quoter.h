#ifndef ATTEST_QUOTER_H
#define ATTEST_QUOTER_H

/*
 * Who makes the quotes that the quoting service hands out: the software device's quoting enclave
 * (qe.c), or Intel's, by the DCAP library of this machine (dcap_ql.c).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/aesm/aesm.h"

/* Each returns 0, or enum aesm_error. */
struct quoter {
    void *self;
    uint32_t (*target_info)(void *self, uint8_t target[AESM_TARGETINFO_SIZE]);
    /* 32 bytes that name the attestation key; NULL: they are not to be had */
    void (*key_id)(void *self, uint8_t id[32]);
    uint32_t (*quote_size)(void *self, uint32_t *size);
    /* The report is hostile: whether it is genuine is for the quoting enclave to say. *used: of
     * `size`. */
    uint32_t (*quote)(void *self, const uint8_t report[AESM_REPORT_SIZE], uint8_t *out,
                      uint32_t size, uint32_t *used);
};

#endif

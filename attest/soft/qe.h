#ifndef ATTEST_SOFT_QE_H
#define ATTEST_SOFT_QE_H

/*
 * The quoting enclave of the software device: checks that a REPORT was made by the software CPU of
 * this state folder for this quoting enclave, and signs a version 3 quote about it.
 */
#include <stddef.h>
#include <stdint.h>

#include "attest/soft/quoter.h"

#define SOFT_REPORT_SIZE     432
#define SOFT_TARGETINFO_SIZE 512
#define SOFT_QUOTE_MAX       8192

struct soft_qe;

/* Opens (makes on first use) the state folder. Returns 0; -errno. *out returned: soft_qe_free. */
int soft_qe_new(const char *folder, struct soft_qe **out);
void soft_qe_free(struct soft_qe *qe);

/* Who the quoting enclave is: fixed, the same everywhere. */
void soft_qe_mrsigner(uint8_t mrsigner[32]);
void soft_qe_target_info(uint8_t target[SOFT_TARGETINFO_SIZE]);
/* 32 bytes: SHA-256 of the attestation key's x, y. */
void soft_qe_key_id(const struct soft_qe *qe, uint8_t id[32]);

size_t soft_qe_quote_size(const struct soft_qe *qe);
/* Returns the quote's size; -EACCES the report's MAC is wrong; -ENOBUFS; -EIO. */
int64_t soft_qe_quote(struct soft_qe *qe, const uint8_t report[SOFT_REPORT_SIZE], uint8_t *out,
                      size_t size);

/* For the quoting service. */
struct quoter soft_qe_quoter(struct soft_qe *qe);

#endif

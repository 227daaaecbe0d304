#ifndef LIB_SGX_REPORT_H
#define LIB_SGX_REPORT_H

/* EREPORT, and the check of a REPORT by its target (Intel SDM vol. 3D, EREPORT; AES-128-CMAC). */
#include "lib/sgx/arch.h"
#include "lib/sgx/keys.h"

/* EREPORT of the software device, for an enclave with this SECS. */
void report_make(const struct sgx_platform *platform, const struct sgx_secs *secs,
                 const struct sgx_targetinfo *target,
                 const uint8_t reportdata[SGX_REPORTDATA_SIZE], struct sgx_report *out);

/*
 * key: EGETKEY(REPORT) with the report's keyid, by the enclave that the report is for.
 * Returns 0; -EBADMSG not made on this machine for this enclave.
 */
int report_verify(const struct sgx_report *report, const uint8_t key[SGX_KEY_SIZE]);

/* The target info by which others address reports to the enclave that made this report. */
void report_to_target(const struct sgx_report_body *body, struct sgx_targetinfo *out);

#endif

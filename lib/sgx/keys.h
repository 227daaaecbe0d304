#ifndef LIB_SGX_KEYS_H
#define LIB_SGX_KEYS_H

/*
 * EGETKEY of the software device: the SDM's dependencies of each key, over a secret of the machine.
 * No key of any real CPU comes out: hardware derives from its fuses by an undisclosed function.
 */
#include <stdint.h>

#include "lib/sgx/arch.h"

/* What a CPU has in fuses and control registers. */
struct sgx_platform {
    uint8_t secret[32];      /* made once for the machine; who knows it can forge every REPORT */
    uint8_t cpusvn[16];      /* current security version, compared component by component */
    uint8_t report_keyid[32]; /* drawn when the device starts */
};

/*
 * EGETKEY.
 *
 * secs   of the enclave that asks, after EINIT
 * req    a copy: the caller has checked that the enclave's own lies inside it, 512-aligned
 * key    wiped unless 0 is returned
 * Returns 0; an enum sgx_error: SGX_INVALID_ATTRIBUTE, _CPUSVN, _ISVSVN, _KEYNAME; -EFAULT where the
 * instruction raises #GP (reserved bits, KSS policy without KSS).
 */
int keys_egetkey(const struct sgx_platform *platform, const struct sgx_secs *secs,
                 const struct sgx_keyrequest *req, uint8_t key[SGX_KEY_SIZE]);

/* The key that EREPORT uses for this target, and the target's EGETKEY(REPORT, keyid) yields. */
void keys_report(const struct sgx_platform *platform, const struct sgx_targetinfo *target,
                 const uint8_t keyid[32], uint8_t key[SGX_KEY_SIZE]);

#endif

#ifndef GRAMINE_RA_TLS_H
#define GRAMINE_RA_TLS_H

/*
 * RA-TLS: attested TLS certificates, under the names that programs written for Gramine use.
 *
 * libra_tls_attest.so        ra_tls_create_key_and_crt_der(): inside the enclave
 * libra_tls_verify_dcap.so   the verification functions: on the relying side
 *
 * The verifier reads RA_TLS_MRENCLAVE, RA_TLS_MRSIGNER, RA_TLS_ISV_PROD_ID, RA_TLS_ISV_SVN (a value
 * or "any", each required unless a callback is set) and RA_TLS_ALLOW_OUTDATED_TCB_INSECURE,
 * RA_TLS_ALLOW_HW_CONFIG_NEEDED, RA_TLS_ALLOW_SW_HARDENING_NEEDED,
 * RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE ("1"). Collateral is fetched as sgx_default_qcnl.conf (or
 * ${QCNL_CONF_PATH}) says, and kept. Cloister's own: CLOISTER_COLLATERAL, a folder or file of
 * collateral, and then nobody is asked; CLOISTER_COLLATERAL_OFFLINE, what to do when no server
 * answers
 * ("refuse", "cached", "never": see <cloister/ratls.h>); CLOISTER_COLLATERAL_SECONDS, a bound for
 * one fetch (30); CLOISTER_TRUST_ROOT, a PEM file whose key is trusted instead of Intel's root (the
 * software device's, for development).
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RA_TLS_EINVAL (-22) /* a NULL argument */

typedef enum {
    RA_TLS_ATTESTATION_SCHEME_UNKNOWN = 0,
    RA_TLS_ATTESTATION_SCHEME_DCAP = 2,
} ra_tls_attestation_scheme_t;

typedef enum {
    AT_NONE = 0, /* accepted */
    AT_INIT = 1,
    AT_EXTRACT_QUOTE = 2,
    AT_VERIFY_EXTERNAL = 3,
    AT_VERIFY_ENCLAVE_ATTRS = 4,
    AT_VERIFY_ENCLAVE_MEASUREMENTS = 5,
} ra_tls_err_loc_t;

struct ra_tls_verify_callback_results {
    ra_tls_attestation_scheme_t attestation_scheme;
    ra_tls_err_loc_t err_loc;
    union {
        struct {
            int func_verify_quote_result;  /* quote3_error_t: 0 or why the quote did not verify */
            int quote_verification_result; /* sgx_ql_qv_result_t: the platform's TCB status */
        } dcap;
        struct {
            char reserved[128];
        } misc;
    };
};

/* Arguments are raw little-endian memory of 32, 32, 2 and 2 bytes. A negative return refuses. */
typedef int (*verify_measurements_cb_t)(const char *mrenclave, const char *mrsigner,
                                        const char *isv_prod_id, const char *isv_svn);

/* Replace the check of the four measurement variables, process-wide; NULL restores it. */
void ra_tls_set_measurement_callback(verify_measurements_cb_t f_cb);

/*
 * Verify an RA-TLS certificate (DER, or PEM with its NUL). `results` may be NULL.
 * Returns 0; else a negative code of mbedTLS: -0x2180 no certificate, -0x2500 no or bad evidence,
 * -0x2680 key not bound to the quote, -0x2700 refused, -0x3000 could not decide, -0x3E80 key type.
 */
int ra_tls_verify_callback_extended_der(uint8_t *der_crt, size_t der_crt_size,
                                        struct ra_tls_verify_callback_results *results);
/* Deprecated: the same without results. */
int ra_tls_verify_callback_der(uint8_t *der_crt, size_t der_crt_size);

/*
 * Make a fresh P-384 key and a certificate with quotes over it. Both results are malloc'ed, free()
 * them; the key is SEC1 DER. Returns 0; -EINVAL a NULL argument; -0x2800 bad
 * RA_TLS_CERT_TIMESTAMP_NOT_BEFORE or _NOT_AFTER (14 digits); -0x2880 memory; -0x2900
 * /dev/attestation not readable.
 */
int ra_tls_create_key_and_crt_der(uint8_t **der_key, size_t *der_key_size, uint8_t **der_crt,
                                  size_t *der_crt_size);

#ifdef __cplusplus
}
#endif

#endif

#ifndef GRAMINE_SECRET_PROV_H
#define GRAMINE_SECRET_PROV_H

/*
 * Secret provisioning over attested TLS, under the names that programs written for Gramine use.
 *
 * libsecret_prov_attest.so        client, inside the enclave. With SECRET_PROVISION_CONSTRUCTOR=1 it obtains
 *                                 the secret before main() when loaded (LD_PRELOAD).
 * libsecret_prov_verify_dcap.so   server
 *
 * Functions return 0 or a negative errno; secret_provision_start() returns -68 when no server could be
 * reached (mbedTLS's "connect failed").
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SECRET_PROVISION_DEFAULT_PORT "4433"

struct ra_tls_ctx; /* one session */

#ifndef GRAMINE_RA_TLS_H
typedef int (*verify_measurements_cb_t)(const char *mrenclave, const char *mrsigner,
                                        const char *isv_prod_id, const char *isv_svn);
#endif
typedef int (*secret_provision_cb_t)(struct ra_tls_ctx *ctx);

/*
 * Connect, attest, receive the first secret; the session stays open until secret_provision_close().
 *
 * servers         "host:port,host:port"; NULL: SECRET_PROVISION_SERVERS, else localhost:4433
 * ca_chain_path   PEM file that the server's certificate must lead to; NULL: SECRET_PROVISION_CA_CHAIN_PATH
 */
int secret_provision_start(const char *servers, const char *ca_chain_path, struct ra_tls_ctx **out_ctx);

/* A malloc'ed copy of the first secret. */
int secret_provision_get(struct ra_tls_ctx *ctx, uint8_t **out_secret, size_t *out_size);

/* All or nothing, in either direction. -ECONNRESET: the peer closed. */
int secret_provision_write(struct ra_tls_ctx *ctx, const uint8_t *buf, size_t size);
int secret_provision_read(struct ra_tls_ctx *ctx, uint8_t *buf, size_t size);

/* Client: wipes the secret and frees the session, always. Server callback: only says goodbye. */
int secret_provision_close(struct ra_tls_ctx *ctx);

/*
 * Serve `secret` to every enclave that m_cb (NULL: the RA_TLS_* variables) accepts. Does not return
 * unless it cannot start. f_cb (may be NULL) may go on talking after the first secret.
 */
int secret_provision_start_server(uint8_t *secret, size_t secret_size, const char *port,
                                  const char *cert_path, const char *key_path,
                                  verify_measurements_cb_t m_cb, secret_provision_cb_t f_cb);

#ifdef __cplusplus
}
#endif

#endif

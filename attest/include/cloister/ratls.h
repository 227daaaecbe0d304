#ifndef CLOISTER_RATLS_H
#define CLOISTER_RATLS_H

/*
 * Attested TLS for programs that use OpenSSL 3 (libcloister.so, pkg-config: cloister).
 *
 * A client decides in the handshake whether the enclave at the other end deserves its data:
 *
 *     struct cloister_verifier *v = cloister_verifier_new();
 *     cloister_verifier_add_mrenclave(v, "64 hexadecimal digits");
 *     cloister_verifier_set_collateral(v, "collateral");
 *     SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
 *     cloister_ssl_ctx_require_enclave(tls, v);
 *     ... SSL_connect() fails unless the enclave is the one; nothing else has been sent by then.
 *
 * An enclave calls cloister_ssl_ctx_use_enclave_identity() on its context. Both may call both:
 * mutual attestation.
 *
 * A verifier reads nothing from the environment, unless told to by
 * cloister_verifier_use_environment(). Once set up, it may be used by any number of threads.
 * Functions return 0 or a negative errno; pointers are borrowed.
 */
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cloister_verifier; /* whom to accept, and whom to believe */

/* What was found in a certificate. Facts below `tcb_status` are proven only when `quote_verified`
 * is 1. */
struct cloister_report {
    int accepted;       /* 1: everything passed */
    int quote_verified; /* 1: the quote leads to the trust root, and nothing in its chain is stale
                           or revoked */
    int code;           /* mbedTLS's number, as ra_tls_verify_callback_extended_der() returns it */
    char reason[32]; /* "accepted", "wrong-mrenclave", "untrusted-root", "expired-collateral"... */
    char words[160]; /* the same for people */
    char tcb_status[48]; /* "UpToDate"... */
    uint8_t mrenclave[32], mrsigner[32];
    uint16_t isv_prod_id, isv_svn;
    uint32_t debug;
    int64_t tcb_date, earliest_expiration; /* seconds since 1970 UTC; 0 unknown */
};

/* A verifier that accepts nobody yet: up-to-date production platforms under Intel's root only.
 * NULL: no memory. */
struct cloister_verifier *cloister_verifier_new(void);
/* NULL is fine. No context or connection may be using it. */
void cloister_verifier_free(struct cloister_verifier *v);

/*
 * Accept this enclave or this signer; several calls accept several. Without either,
 * cloister_verify_certificate() refuses everyone, unless cloister_verifier_accept_any_enclave() was
 * called.
 *
 * hex   64 hexadecimal digits
 * Returns 0; -EINVAL; -ENOSPC after 64 of a kind.
 */
int cloister_verifier_add_mrenclave(struct cloister_verifier *v, const char *hex);
int cloister_verifier_add_mrsigner(struct cloister_verifier *v, const char *hex);
/* The product id must be this; -1: any (the default). Returns 0; -EINVAL. */
int cloister_verifier_set_product(struct cloister_verifier *v, int isv_prod_id);
/* The security version must be at least this. */
int cloister_verifier_set_least_svn(struct cloister_verifier *v, uint16_t isv_svn);
/* Accept a TCB status beside UpToDate, by Intel's name. Returns 0; -EINVAL unknown, or Revoked. */
int cloister_verifier_accept_tcb(struct cloister_verifier *v, const char *status);
/* Accept debug enclaves. INSECURE: the host reads their memory. */
int cloister_verifier_allow_debug_insecure(struct cloister_verifier *v);
/* Accept every enclave on a genuine platform: the channel is private, but nobody knows with whom.
 */
int cloister_verifier_accept_any_enclave(struct cloister_verifier *v);

/*
 * Trust the root certificates in this file instead of Intel's (PEM).
 * Returns 0; -EINVAL no P-256 certificate in it; -errno.
 */
int cloister_verifier_set_trust_root(struct cloister_verifier *v, const char *path);
/*
 * Revocation lists, TCB info and QE identity: a folder, or a bundle of one file. Loading again
 * replaces them. Returns 0; -ENOENT and other errno; -EINVAL malformed.
 */
int cloister_verifier_set_collateral(struct cloister_verifier *v, const char *path);
/*
 * Instead of loading them: ask the server that sgx_default_qcnl.conf names (a PCCS, Intel's or
 * Azure's) for those of each platform that comes, and keep them until they ought to be asked for
 * anew. cloister_verify_certificate() then may block; a quote that does not lead to a trusted root
 * makes nobody ask. libcloister_collateral.so is loaded for it.
 *
 * qcnl      the settings file; NULL: ${QCNL_CONF_PATH}, else /etc/sgx_default_qcnl.conf, else
 * Intel's server offline   when no server answers: NULL or "refuse"; "cached": what was fetched
 * before (~/.cache/cloister/collateral) serves until it expires; "never": nobody is asked at all,
 * only that serves seconds   bound for one fetch, retries included, at most 3600; 0: 30
 *
 * A platform whose collateral is not to be had is refused with the reason "no-collateral".
 * Returns 0; -EINVAL; -ENAMETOOLONG.
 */
int cloister_verifier_fetch_collateral(struct cloister_verifier *v, const char *qcnl,
                                       const char *offline, unsigned seconds);
/*
 * All settings from RA_TLS_* and CLOISTER_*, as <gramine/ra_tls.h> describes them, instead of what
 * was set before. Returns 0; -EINVAL with a line on stderr.
 */
int cloister_verifier_use_environment(struct cloister_verifier *v);

/*
 * Decide on one certificate. Dates, names and the self-signature of the certificate are not asked:
 * the quote says whose key it is, and the handshake proves possession of the key.
 *
 * der, size   the certificate, hostile
 * now         seconds since 1970 UTC, from a clock the caller trusts
 * out         filled in any case; may be NULL
 *
 * Returns 0 accepted; -EBADMSG refused, out->reason says why; -EINVAL a NULL argument or no policy.
 */
int cloister_verify_certificate(const struct cloister_verifier *v, const uint8_t *der, size_t size,
                                int64_t now, struct cloister_report *out);

/*
 * For SSL_CTX_set_cert_verify_callback(): `verifier` is a struct cloister_verifier *. Chains of
 * more than one certificate are refused. What was found is kept with the connection:
 * cloister_ssl_report(). Returns 1 accepted, 0 refused.
 */
int cloister_verify_callback(X509_STORE_CTX *store, void *verifier);

/*
 * Require that the peer be an accepted enclave: sets the callback, asks a client for its
 * certificate when used on a server, allows TLS 1.2 and later, and turns session resumption off (a
 * resumed session would skip the quote). The verifier must outlive the context. Returns 0; -EINVAL;
 * -ENOMEM.
 */
int cloister_ssl_ctx_require_enclave(SSL_CTX *tls, const struct cloister_verifier *v);

/*
 * Give the context a fresh P-384 key and an RA-TLS certificate for it; only inside an enclave.
 * Returns 0; -EIO /dev/attestation is not readable; -EINVAL; -ENOMEM.
 */
int cloister_ssl_ctx_use_enclave_identity(SSL_CTX *tls);

/* What cloister_verify_callback() found on this connection; NULL: it has not run. Valid until
 * SSL_free(). */
const struct cloister_report *cloister_ssl_report(const SSL *ssl);

#ifdef __cplusplus
}
#endif

#endif

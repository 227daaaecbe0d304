#ifndef ATTEST_SOFT_ISSUE_H
#define ATTEST_SOFT_ISSUE_H

/* Issue the certificates, revocation lists and signed documents of the software device. */
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

/* Facts about the software platform, in its PCK certificate and its collateral. */
#define SOFT_FMSPC     "434c4f495354" /* "CLOIST": in nobody else's TCB info */
#define SOFT_COMPONENT 1              /* each of the 16 TCB components */
#define SOFT_PCESVN    1
#define SOFT_QE_SVN    1
#define SOFT_QE_PRODID 1
#define SOFT_VALID_DAYS (20L * 365)

struct issue_request {
    const char *name;  /* CN */
    EVP_PKEY *subject;
    X509 *issuer;      /* NULL: self-signed */
    EVP_PKEY *issuer_key;
    int ca;            /* 0 leaf; 1 CA below the root; 2 root */
    const uint8_t *ppid; /* 16: a PCK certificate, with the SGX extension; else NULL */
};

/* Returned: X509_free. NULL on failure. */
X509 *issue_certificate(const struct issue_request *r);
/* An empty list, as DER. *der returned: OPENSSL_free. Returns its size or -EIO. */
int issue_crl(X509 *issuer, EVP_PKEY *key, uint8_t **der);

/* Signed JSON text. Returned: free(). NULL on failure. */
char *issue_tcb_info(EVP_PKEY *signer);
char *issue_qe_identity(EVP_PKEY *signer, const uint8_t mrsigner[32]);

#endif

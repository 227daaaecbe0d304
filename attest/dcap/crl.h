#ifndef ATTEST_CRL_H
#define ATTEST_CRL_H

/* Certificate revocation lists: PEM, DER or hexadecimal DER, told apart by content. */
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "attest/dcap/chain.h"

#define CRL_MAX (1u << 20)

/* Returned: X509_CRL_free. NULL when malformed or without a CRL number. */
X509_CRL *crl_parse(const void *data, size_t size);
/* Issued in the name of `issuer`, with an authority key identifier. NULL or why not. */
const char *crl_issuer_problem(X509_CRL *crl, X509 *issuer);
bool crl_signed_by(X509_CRL *crl, X509 *issuer);
bool crl_lists(X509_CRL *crl, X509 *certificate);
void crl_dates(X509_CRL *crl, struct window *w);

#endif

#ifndef ATTEST_PEM_H
#define ATTEST_PEM_H

/*
 * Split PEM text into its certificates. OpenSSL's reader wants each boundary on a line of its own, but
 * quotes in the field have the END and BEGIN of neighbours on one line; and it skips any text between.
 */
#include <openssl/x509.h>
#include <stddef.h>

/*
 * Take the next certificate of text[*pos..size): *out is NULL at the end (only blanks and NULs left).
 * Returns 0; -EINVAL anything else than certificates, or one that does not decode exactly; -ENOMEM.
 * *out returned: X509_free.
 */
int pem_next_certificate(const char *text, size_t size, size_t *pos, X509 **out);

#endif

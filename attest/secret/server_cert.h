#ifndef ATTEST_SERVER_CERT_H
#define ATTEST_SERVER_CERT_H

/* An ordinary CA and a certificate for localhost, for servers of secrets that have none. */

/*
 * Make folder/{ca.crt,ca.key,server.crt,server.key} unless all are there; keys 0600.
 * Returns 0; -EIO; -errno.
 */
int server_cert_make(const char *folder);

#endif

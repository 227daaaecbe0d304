#ifndef ATTEST_TLS_SOCKET_H
#define ATTEST_TLS_SOCKET_H

/*
 * TLS over a socket with a deadline for everything together: a peer that sends one byte a minute is cut
 * off, and writing to a closed socket raises no SIGPIPE.
 */
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_NO_DEADLINE INT64_MAX

/* Seconds of CLOCK_MONOTONIC, for deadlines. */
int64_t tls_seconds(void);

/* Give `ssl` this socket (borrowed: the caller closes it). Returns 0 or -ENOMEM. */
int tls_socket_attach(SSL *ssl, int fd, int64_t deadline);
void tls_socket_set_deadline(SSL *ssl, int64_t deadline);

/* Exactly `size` bytes. Each returns 0; -ECONNRESET peer closed; -ETIMEDOUT; -EPERM TLS failure. */
int tls_write_all(SSL *ssl, const void *data, size_t size);
int tls_read_all(SSL *ssl, void *data, size_t size);

#endif

#ifndef ATTEST_SP_SESSION_H
#define ATTEST_SP_SESSION_H

/* One secret-provisioning session, as both libraries hand it to programs. */
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

struct ra_tls_ctx {
    SSL *ssl;
    SSL_CTX *tls; /* owned by clients, NULL in servers */
    int fd;
    uint8_t *secret; /* owned; clients only */
    size_t secret_size;
};

int sp_session_write(struct ra_tls_ctx *ctx, const uint8_t *buf, size_t size);
int sp_session_read(struct ra_tls_ctx *ctx, uint8_t *buf, size_t size);
/* Free a client's session and wipe its secret; say goodbye first if `polite`. NULL is fine. */
void sp_session_free(struct ra_tls_ctx *ctx, int polite);

#endif

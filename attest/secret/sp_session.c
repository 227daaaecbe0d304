/* Sessions: the part that client and server libraries share. */
#include "attest/secret/sp_session.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <unistd.h>

#include "attest/secret/tls_socket.h"
#include "lib/base/bytes.h"

int sp_session_write(struct ra_tls_ctx *ctx, const uint8_t *buf, size_t size)
{
    if (!ctx || (size && !buf) || size > INT_MAX)
        return -EINVAL;
    return tls_write_all(ctx->ssl, buf, size);
}

int sp_session_read(struct ra_tls_ctx *ctx, uint8_t *buf, size_t size)
{
    if (!ctx || (size && !buf) || size > INT_MAX)
        return -EINVAL;
    return tls_read_all(ctx->ssl, buf, size);
}

void sp_session_free(struct ra_tls_ctx *ctx, int polite)
{
    if (!ctx)
        return;
    if (polite && ctx->ssl)
        (void)SSL_shutdown(ctx->ssl);
    SSL_free(ctx->ssl);
    SSL_CTX_free(ctx->tls);
    if (ctx->fd >= 0)
        close(ctx->fd);
    if (ctx->secret)
        bytes_wipe(ctx->secret, ctx->secret_size);
    free(ctx->secret);
    free(ctx);
    ERR_clear_error();
}

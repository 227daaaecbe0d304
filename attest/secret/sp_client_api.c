/*
 * libsecret_prov_attest.so: the client under Gramine's names, and the constructor that obtains a secret
 * before main(). Messages go to stderr and never hold the secret.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/include/gramine/secret_prov.h"
#include "attest/ratls/ratls_create.h"
#include "attest/secret/sp_client.h"
#include "lib/base/bytes.h"

#define API         __attribute__((visibility("default")))
#define STRING_MAX  4096
#define KEY_SIZE    16

static const char *or_env(const char *given, const char *name, const char *otherwise)
{
    const char *env = given ? given : getenv(name);
    return env ? env : otherwise;
}

static int start(const char *servers, const char *ca, struct ra_tls_ctx **out, char *why, size_t size)
{
    struct sp_client_options o = {
        .servers = or_env(servers, "SECRET_PROVISION_SERVERS", "localhost:4433"),
        .ca_path = or_env(ca, "SECRET_PROVISION_CA_CHAIN_PATH", NULL),
        .attestation_dir = RATLS_ATTESTATION_DIR,
        .not_before = or_env(NULL, "RA_TLS_CERT_TIMESTAMP_NOT_BEFORE", RATLS_NOT_BEFORE),
        .not_after = or_env(NULL, "RA_TLS_CERT_TIMESTAMP_NOT_AFTER", RATLS_NOT_AFTER),
    };
    if (!o.ca_path) {
        snprintf(why, size, "SECRET_PROVISION_CA_CHAIN_PATH: not set");
        return -EINVAL;
    }
    return sp_client_start(&o, out, why, size);
}

API int secret_provision_start(const char *servers, const char *ca_chain_path, struct ra_tls_ctx **out_ctx)
{
    char why[512];
    if (!out_ctx)
        return -EINVAL;
    int ret = start(servers, ca_chain_path, out_ctx, why, sizeof(why));
    if (ret)
        fprintf(stderr, "secret_provision_start: %s\n", why);
    return ret;
}

API int secret_provision_get(struct ra_tls_ctx *ctx, uint8_t **out_secret, size_t *out_size)
{
    if (!ctx || !out_secret || !out_size)
        return -EINVAL;
    *out_secret = malloc(ctx->secret_size + 1);
    if (!*out_secret)
        return -ENOMEM;
    memcpy(*out_secret, ctx->secret, ctx->secret_size);
    *out_size = ctx->secret_size;
    return 0;
}

API int secret_provision_write(struct ra_tls_ctx *ctx, const uint8_t *buf, size_t size)
{
    return sp_session_write(ctx, buf, size);
}

API int secret_provision_read(struct ra_tls_ctx *ctx, uint8_t *buf, size_t size)
{
    return sp_session_read(ctx, buf, size);
}

API int secret_provision_close(struct ra_tls_ctx *ctx)
{
    if (!ctx)
        return -EINVAL;
    sp_session_free(ctx, 1);
    return 0;
}

/* Hand the secret to the library OS as the key of encrypted files. */
static bool set_key(const char *name, const struct ra_tls_ctx *c, char *why, size_t size)
{
    char path[256];
    if (c->secret_size != KEY_SIZE) {
        snprintf(why, size, "the secret has %zu bytes: a key has %d", c->secret_size, KEY_SIZE);
        return false;
    }
    if (snprintf(path, sizeof(path), RATLS_ATTESTATION_DIR "/keys/%s", name) >= (int)sizeof(path)) {
        snprintf(why, size, "SECRET_PROVISION_SET_KEY: name too long");
        return false;
    }
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, c->secret, KEY_SIZE) == KEY_SIZE;
    if (!ok)
        snprintf(why, size, "%s: %s: does the manifest have an encrypted mount with this key_name?", path,
                 strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool set_string(const struct ra_tls_ctx *c, char *why, size_t size)
{
    if (c->secret_size > STRING_MAX || c->secret[c->secret_size - 1] != 0) {
        snprintf(why, size, "the secret is no string (at most %d bytes, ending with NUL)", STRING_MAX);
        return false;
    }
    if (setenv("SECRET_PROVISION_SECRET_STRING", (const char *)c->secret, 1)) {
        snprintf(why, size, "out of memory");
        return false;
    }
    return true;
}

static bool provision(char *why, size_t size)
{
    const char *key = getenv("SECRET_PROVISION_SET_KEY");
    struct ra_tls_ctx *c = NULL;
    if (start(NULL, NULL, &c, why, size))
        return false;
    bool ok = key ? set_key(key, c, why, size) : set_string(c, why, size);
    sp_session_free(c, 1);
    return ok;
}

__attribute__((constructor)) static void provision_before_main(void)
{
    const char *on = getenv("SECRET_PROVISION_CONSTRUCTOR");
    char why[512];
    if (!on || (strcmp(on, "1") != 0 && strcmp(on, "true") != 0 && strcmp(on, "TRUE") != 0))
        return;
    unsetenv("SECRET_PROVISION_CONSTRUCTOR"); /* what this program executes must not ask again */
    unsetenv("SECRET_PROVISION_SECRET_STRING");
    if (provision(why, sizeof(why)))
        return;
    fprintf(stderr, "Secret provisioning failed, terminating the whole process: %s\n", why);
    _exit(1);
}

/*
 * libsecret_prov_verify_dcap.so: the server under Gramine's names. Settings come from RA_TLS_* and
 * CLOISTER_* in the environment; see attest/ratls/relying_env.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/include/gramine/ra_tls.h"
#include "attest/include/gramine/secret_prov.h"
#include "attest/ratls/relying_env.h"
#include "attest/secret/sp_server.h"

#define API __attribute__((visibility("default")))

struct environment {
    struct relying_env env;
    verify_measurements_cb_t measurements;
    const uint8_t *secret;
    size_t secret_size;
    struct verify_cache *cache; /* or NULL */
};

static void verify(void *arg, const char *name, const uint8_t *der, size_t size,
                   struct ratls_outcome *out, struct sp_grant *grant)
{
    struct environment *e = arg;
    char why[PROVIDER_WORDS] = "";
    struct collateral fetched;
    int64_t now = (int64_t)time(NULL);
    const struct collateral *c = relying_env_collateral(&e->env, der, size, now, &fetched, why);
    struct ratls_relying_party party = { &e->env.roots,  c ? c : &fetched,
                                         &e->env.policy, e->measurements,
                                         false,          e->cache };
    if (ratls_verify(der, size, &party, now, out) == RATLS_OK)
        *grant = (struct sp_grant){ .secret = e->secret, .size = e->secret_size };
    if (!c)
        fprintf(stderr, "secret_provision_start_server: no collateral: %s\n", why);
    collateral_fini(&fetched);
}

static void print_event(void *arg, const struct sp_event *e)
{
    (void)arg;
    if (e->kind == SP_SERVED)
        return;
    const struct ratls_outcome *o = e->outcome;
    fprintf(stderr, "secret_provision_start_server: %s: %s%s%s\n", e->peer,
            e->detail ? e->detail : "refused: ",
            o && o->answer == POLICY_QUOTE ? verify_step_words(o->verdict.failed)
            : o && !e->detail              ? policy_answer_words(o->answer)
                                           : "",
            "");
}

API int secret_provision_start_server(uint8_t *secret, size_t secret_size, const char *port,
                                      const char *cert_path, const char *key_path,
                                      verify_measurements_cb_t m_cb, secret_provision_cb_t f_cb)
{
    struct environment e = { .measurements = m_cb, .secret = secret, .secret_size = secret_size };
    const char *why = NULL;
    if (!secret || secret_size == 0 || secret_size > INT32_MAX || !cert_path || !key_path)
        return -EINVAL;
    if (relying_env_load(!m_cb, &e.env)) {
        relying_env_fini(&e.env);
        return -EPERM;
    }
    int fd = sp_listen("0.0.0.0", port ? port : SECRET_PROVISION_DEFAULT_PORT);
    if (fd < 0) {
        fprintf(stderr, "secret_provision_start_server: port %s: %s\n",
                port ? port : SECRET_PROVISION_DEFAULT_PORT, strerror(-fd));
        return -EPERM;
    }
    e.cache = verify_cache_new();
    struct sp_server s = { .listener = fd,
                           .cert_path = cert_path,
                           .key_path = key_path,
                           .verify = verify,
                           .log = print_event,
                           .talk = f_cb,
                           .arg = &e };
    if (sp_server_run(&s, &why))
        fprintf(stderr, "secret_provision_start_server: %s\n", why);
    verify_cache_free(e.cache);
    relying_env_fini(&e.env);
    return -EPERM;
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
    return SSL_shutdown(ctx->ssl) < 0 ? -EPERM : 0;
}

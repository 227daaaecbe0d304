/*
 * libra_tls_verify_dcap.so: the verification functions under Gramine's names. Settings come from
 * the environment of the relying party; the certificate is hostile.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attest/dcap/pem.h"
#include "attest/ratls/ratls_verify.h"
#include "attest/ratls/relying_env.h"

#define API __attribute__((visibility("default")))

static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static verify_measurements_cb_t g_measurements; /* g_mu */
static struct verify_cache *g_cache; /* made once by make_cache(); for the life of the process */
static pthread_once_t g_cache_once = PTHREAD_ONCE_INIT;

API void ra_tls_set_measurement_callback(verify_measurements_cb_t f_cb)
{
    pthread_mutex_lock(&g_mu);
    g_measurements = f_cb;
    pthread_mutex_unlock(&g_mu);
}

static void fill_results(const struct ratls_outcome *o, struct ra_tls_verify_callback_results *r)
{
    if (!r || o->where == AT_INIT) /* a certificate that did not parse leaves results alone */
        return;
    memset(r, 0, sizeof(*r));
    r->attestation_scheme = RA_TLS_ATTESTATION_SCHEME_DCAP;
    r->err_loc = o->where;
    if (o->where == AT_EXTRACT_QUOTE)
        return;
    r->dcap.func_verify_quote_result = (int)verify_step_code(o->verdict.failed);
    r->dcap.quote_verification_result = (int)tcb_status_code(o->verdict.status);
}

static void say(const struct ratls_outcome *o)
{
    const struct verdict *v = &o->verdict;
    if (o->where <= AT_INIT)
        return;
    if (o->where == AT_EXTRACT_QUOTE)
        fprintf(stderr, "RA-TLS: certificate refused: no evidence bound to its key (-0x%04X)\n",
                -o->code);
    else if (o->answer == POLICY_QUOTE)
        fprintf(stderr, "RA-TLS: quote refused: %s%s%s\n", verify_step_words(v->failed),
                v->detail ? ": " : "", v->detail ? v->detail : "");
    else
        fprintf(stderr, "RA-TLS: enclave refused: %s (TCB status %s)\n",
                policy_answer_words(o->answer), tcb_status_name(v->status));
}

static void make_cache(void)
{
    g_cache = verify_cache_new(); /* without memory: NULL, which is only slower */
}

/* What was decided without settings or collateral does not count. */
static void undecided(struct ratls_outcome *o, int code)
{
    if (o->code != RATLS_OK && o->where < AT_VERIFY_EXTERNAL)
        return;
    o->code = code;
    o->where = code == RATLS_VERIFY_FAILED ? AT_VERIFY_ENCLAVE_MEASUREMENTS : AT_VERIFY_EXTERNAL;
}

static void decide(const uint8_t *der, size_t size, struct relying_env *env,
                   verify_measurements_cb_t measurements, int settings, struct ratls_outcome *o)
{
    char why[PROVIDER_WORDS] = "";
    struct collateral fetched = { 0 };
    int64_t now = (int64_t)time(NULL);
    const struct collateral *c = &env->collateral;
    pthread_once(&g_cache_once, make_cache);
    if (!settings)
        c = relying_env_collateral(env, der, size, now, &fetched, why);
    struct ratls_relying_party party = { &env->roots, c ? c : &fetched, &env->policy, measurements,
                                         false,       g_cache };
    (void)ratls_verify(der, size, &party, now, o);
    if (settings) {
        undecided(o, settings);
    } else if (!c) {
        undecided(o, RATLS_FATAL);
        fprintf(stderr, "RA-TLS: no collateral: %s\n", why);
    } else {
        say(o);
    }
    collateral_fini(&fetched);
}

static int verify_der(const uint8_t *der, size_t size,
                      struct ra_tls_verify_callback_results *results)
{
    struct relying_env env;
    struct ratls_outcome o;
    struct ratls_cert probe;
    int ret = ratls_cert_parse(der, size, &probe);
    if (ret)
        return ret;
    pthread_mutex_lock(&g_mu);
    verify_measurements_cb_t measurements = g_measurements;
    pthread_mutex_unlock(&g_mu);
    ret = relying_env_load(!measurements, &env);
    decide(der, size, &env, measurements, ret, &o);
    fill_results(&o, results);
    relying_env_fini(&env);
    return o.code;
}

API int ra_tls_verify_callback_extended_der(uint8_t *der_crt, size_t der_crt_size,
                                            struct ra_tls_verify_callback_results *results)
{
    if (!der_crt || der_crt_size == 0)
        return RATLS_INVALID_FORMAT;
    if (der_crt[der_crt_size - 1] != 0 || der_crt[0] == 0x30)
        return verify_der(der_crt, der_crt_size, results);
    /* PEM text with its NUL */
    size_t pos = 0;
    X509 *x = NULL;
    uint8_t *der = NULL;
    int ret = RATLS_INVALID_FORMAT, size = 0;
    if (der_crt_size <= 2 * RATLS_CERT_MAX &&
        pem_next_certificate((const char *)der_crt, der_crt_size, &pos, &x) == 0 && x)
        size = i2d_X509(x, &der);
    if (size > 0)
        ret = verify_der(der, (size_t)size, results);
    OPENSSL_free(der);
    X509_free(x);
    return ret;
}

API int ra_tls_verify_callback_der(uint8_t *der_crt, size_t der_crt_size)
{
    fprintf(stderr, "RA-TLS: ra_tls_verify_callback_der is deprecated: use "
                    "ra_tls_verify_callback_extended_der\n");
    return ra_tls_verify_callback_extended_der(der_crt, der_crt_size, NULL);
}

/* The shared libraries as programs load them: symbols, environment, result structure. argv[1]:
 * their folder. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attest/include/gramine/ra_tls.h"
#include "attest/ratls/ratls_create.h"
#include "attest/soft/pki.h"
#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "tests/unit/attest/attestation_dir.h"
#include "tests/unit/attest/fixture.h"

static_assert(sizeof(struct ra_tls_verify_callback_results) == 136, "ra-tls.md section 2");
static_assert(offsetof(struct ra_tls_verify_callback_results, dcap.quote_verification_result) == 12,
              "same");

static const char *g_folder;
static struct fixture g_fixture;
static uint8_t *g_der;
static int g_der_size;
static int (*g_verify)(uint8_t *, size_t, struct ra_tls_verify_callback_results *);
static void (*g_set_callback)(verify_measurements_cb_t);

static void *open_library(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", g_folder, name);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fail_msg("%s", dlerror());
    return library;
}

static void set_soft(void)
{
    char path[SOFT_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", g_fixture.folder, SOFT_ROOT_FILE);
    setenv("CLOISTER_TRUST_ROOT", path, 1);
    snprintf(path, sizeof(path), "%s/%s", g_fixture.folder, SOFT_COLLATERAL_DIR);
    setenv("CLOISTER_COLLATERAL", path, 1);
    setenv("RA_TLS_MRENCLAVE", "any", 1);
    setenv("RA_TLS_MRSIGNER", "any", 1);
    setenv("RA_TLS_ISV_PROD_ID", "7", 1);
    setenv("RA_TLS_ISV_SVN", "3", 1);
}

static int set_up(void **state)
{
    struct attestation_dir dir;
    EVP_PKEY *key;
    X509 *crt;
    fixture_make(&g_fixture);
    attestation_dir_start(&dir, &g_fixture, &fake_good);
    assert_int_equal(ratls_create(dir.path, RATLS_NOT_BEFORE, RATLS_NOT_AFTER, &key, &crt),
                     RATLS_OK);
    attestation_dir_stop(&dir);
    g_der_size = i2d_X509(crt, &g_der);
    X509_free(crt);
    EVP_PKEY_free(key);
    void *library = open_library("libra_tls_verify_dcap.so");
    *(void **)&g_verify = dlsym(library, "ra_tls_verify_callback_extended_der");
    *(void **)&g_set_callback = dlsym(library, "ra_tls_set_measurement_callback");
    assert_non_null(dlsym(library, "ra_tls_verify_callback_der"));
    return !g_verify || !g_set_callback;
}

static int tear_down(void **state)
{
    OPENSSL_free(g_der);
    fixture_remove(&g_fixture);
    return 0;
}

static void expect(int code, int where)
{
    struct ra_tls_verify_callback_results r;
    assert_int_equal(g_verify(g_der, (size_t)g_der_size, &r), code);
    assert_int_equal(r.attestation_scheme, RA_TLS_ATTESTATION_SCHEME_DCAP);
    assert_int_equal(r.err_loc, where);
}

static void the_environment_decides_who_is_accepted(void **state)
{
    char hex[65];
    set_soft();
    expect(0, AT_NONE);
    hex_encode(fake_good.mrenclave, 32, hex);
    setenv("RA_TLS_MRENCLAVE", hex, 1);
    expect(0, AT_NONE);
    hex[1] ^= 1;
    setenv("RA_TLS_MRENCLAVE", hex, 1);
    expect(RATLS_VERIFY_FAILED, AT_VERIFY_ENCLAVE_MEASUREMENTS);
    set_soft();
    setenv("RA_TLS_ISV_SVN", "4", 1);
    expect(RATLS_VERIFY_FAILED, AT_VERIFY_ENCLAVE_MEASUREMENTS);
    set_soft();
    unsetenv("RA_TLS_MRSIGNER"); /* unset is not "any" */
    expect(RATLS_VERIFY_FAILED, AT_VERIFY_ENCLAVE_MEASUREMENTS);
}

static void the_software_root_counts_only_when_named(void **state)
{
    set_soft();
    unsetenv("CLOISTER_TRUST_ROOT");
    expect(RATLS_VERIFY_FAILED, AT_VERIFY_EXTERNAL);
    set_soft();
    setenv("CLOISTER_COLLATERAL", "/nowhere", 1);
    expect(RATLS_FATAL, AT_VERIFY_EXTERNAL);
}

static int accept_seven(const char *mrenclave, const char *mrsigner, const char *prod_id,
                        const char *svn)
{
    return memcmp(mrenclave, fake_good.mrenclave, 32) == 0 && prod_id[0] == 7 && svn[0] == 3 ? 0
                                                                                             : -1;
}

static int accept_nobody(const char *mrenclave, const char *mrsigner, const char *prod_id,
                         const char *svn)
{
    return -1;
}

static void a_measurement_callback_replaces_the_variables(void **state)
{
    set_soft();
    unsetenv("RA_TLS_MRENCLAVE");
    g_set_callback(accept_seven);
    expect(0, AT_NONE);
    g_set_callback(accept_nobody);
    expect(RATLS_VERIFY_FAILED, AT_VERIFY_ENCLAVE_MEASUREMENTS);
    g_set_callback(NULL);
}

static void garbage_is_no_certificate_and_leaves_results_alone(void **state)
{
    struct ra_tls_verify_callback_results r;
    uint8_t garbage[] = "garbage";
    memset(&r, 0x5a, sizeof(r));
    assert_int_equal(g_verify(garbage, sizeof(garbage), &r), RATLS_INVALID_FORMAT);
    assert_int_equal(((uint8_t *)&r)[0], 0x5a);
}

static void the_other_libraries_have_their_functions(void **state)
{
    void *create = open_library("libra_tls_attest.so"),
         *client = open_library("libsecret_prov_attest.so");
    void *server = open_library("libsecret_prov_verify_dcap.so");
    int (*make)(uint8_t **, size_t *, uint8_t **, size_t *);
    uint8_t *a, *b;
    size_t n, m;
    *(void **)&make = dlsym(create, "ra_tls_create_key_and_crt_der");
    assert_int_equal(make(NULL, &n, &b, &m), RA_TLS_EINVAL);
    assert_int_equal(make(&a, &n, &b, &m), RATLS_FILE_IO); /* no /dev/attestation here */
    static const char *const both[] = { "secret_provision_write", "secret_provision_read",
                                        "secret_provision_close" };
    for (size_t i = 0; i < ARRAY_COUNT(both); i++)
        assert_true(dlsym(client, both[i]) && dlsym(server, both[i]));
    assert_true(dlsym(client, "secret_provision_start") && dlsym(client, "secret_provision_get"));
    assert_true(dlsym(server, "secret_provision_start_server") && !dlsym(server, "quote_verify"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_decides_who_is_accepted),
        cmocka_unit_test(the_software_root_counts_only_when_named),
        cmocka_unit_test(a_measurement_callback_replaces_the_variables),
        cmocka_unit_test(garbage_is_no_certificate_and_leaves_results_alone),
        cmocka_unit_test(the_other_libraries_have_their_functions),
    };
    if (argc < 2)
        return 2;
    g_folder = argv[1];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

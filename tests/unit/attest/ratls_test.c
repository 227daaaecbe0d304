/* RA-TLS certificates: the published vectors, and round trips through a made-up /dev/attestation. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "attest/file.h"
#include "attest/ratls/policy.h"
#include "attest/ratls/ratls_cert.h"
#include "attest/ratls/ratls_create.h"
#include "attest/ratls/ratls_verify.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "tests/unit/attest/attestation_dir.h"
#include "tests/unit/attest/fixture.h"

#define VECTORS "/vectors/ratls/"
#define DCAP    "/vectors/dcap/"

static struct fixture g_fixture;

static int make_fixture(void **state)
{
    fixture_make(&g_fixture);
    return 0;
}

static int remove_fixture(void **state)
{
    fixture_remove(&g_fixture);
    return 0;
}

/* Skip where ../shared is absent. */
static uint8_t *vector(const char *folder, const char *name, size_t *size)
{
    char path[4096];
    uint8_t *data = NULL;
    snprintf(path, sizeof(path), "%s%s%s", SHARED, folder, name);
    if (file_read(path, 1 << 20, &data, size)) {
        print_message("no vectors at %s\n", path);
        skip();
    }
    return data;
}

static int evidence_code(const uint8_t *der, size_t size)
{
    struct ratls_cert cert;
    struct ratls_evidence e;
    int ret = ratls_cert_parse(der, size, &cert);
    return ret ? ret : ratls_cert_evidence(&cert, &e);
}

static void published_certificates_parse_to_their_evidence(void **state)
{
    static const struct {
        const char *name;
        size_t quote_size;
        bool tcg;
    } cases[] = { { "synthetic_both_oids.der", 4730, true }, { "real_dcap_legacy_oid.der", 4730, false } };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct ratls_cert cert;
        struct ratls_evidence e;
        size_t size;
        uint8_t mrenclave[32], *der = vector(VECTORS, cases[i].name, &size);
        assert_int_equal(ratls_cert_parse(der, size, &cert), RATLS_OK);
        assert_int_equal(ratls_cert_evidence(&cert, &e), RATLS_OK);
        assert_int_equal(e.quote_size, cases[i].quote_size);
        assert_int_equal(e.tcg, cases[i].tcg);
        assert_int_equal(cert.spki_size, 120);
        assert_int_equal(hex_decode("f94ccbe6a504676b2edbefdcb8781a512913f7d8864c6f88592a843d0f9d4a66", 64, mrenclave, 32), 0);
        assert_memory_equal(e.quote + 112, mrenclave, 32);
        free(der);
    }
}

static void damaged_certificates_get_the_codes_of_the_reference(void **state)
{
    static const struct {
        const char *name;
        int code;
    } cases[] = {
        { "neg_bad_rd.der", RATLS_SIG_MISMATCH },          { "neg_bad_tag.der", RATLS_UNEXPECTED_TAG },
        { "neg_no_oid.der", RATLS_INVALID_EXTENSIONS },    { "neg_bad_cbor.der", RATLS_INVALID_EXTENSIONS },
        { "neg_bad_cbortag.der", RATLS_INVALID_EXTENSIONS }, { "neg_bad_claimshash.der", RATLS_SIG_MISMATCH },
        { "neg_claim_renamed.der", RATLS_SIG_MISMATCH },
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t size;
        uint8_t *der = vector(VECTORS, cases[i].name, &size);
        assert_int_equal(evidence_code(der, size), cases[i].code);
        free(der);
    }
}

/* As in the reference's run, the quote's own checks are taken as passed. */
static void attributes_of_the_samples_are_judged_as_in_the_reference(void **state)
{
    static const struct {
        const char *name;
        enum policy_answer answer;
    } cases[] = {
        { "neg_debug.der", POLICY_DEBUG },      { "neg_provkey.der", POLICY_ATTRIBUTES },
        { "neg_noinit.der", POLICY_ATTRIBUTES }, { "neg_no64.der", POLICY_ATTRIBUTES },
        { "real_dcap_legacy_oid.der", POLICY_ACCEPTED },
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct policy p = { 0 };
        struct verdict v = { .verified = true, .failed = VERIFY_DONE, .status = TCB_UP_TO_DATE };
        struct ratls_cert cert;
        struct ratls_evidence e;
        struct quote q;
        size_t size;
        uint8_t *der = vector(VECTORS, cases[i].name, &size);
        assert_int_equal(ratls_cert_parse(der, size, &cert), RATLS_OK);
        assert_int_equal(ratls_cert_evidence(&cert, &e), RATLS_OK);
        assert_int_equal(quote_parse(e.quote, e.quote_size, &q, NULL), 0);
        verdict_body_read(&q, &v.body);
        assert_int_equal(policy_check(&p, &v), cases[i].answer);
        p.allow_debug = true;
        if (cases[i].answer == POLICY_DEBUG)
            assert_int_equal(policy_check(&p, &v), POLICY_ACCEPTED);
        free(der);
    }
}

static void a_real_certificate_is_judged_by_its_platforms_status(void **state)
{
    char path[4096];
    struct collateral c;
    struct trust_roots intel;
    struct policy p = { 0 };
    struct ratls_outcome o;
    size_t size;
    uint8_t *der = vector(DCAP, "ratls/001-gramine-ec-p384-a/cert.der", &size);
    struct ratls_relying_party party = { .roots = &intel, .collateral = &c, .policy = &p };
    trust_roots_intel(&intel);
    snprintf(path, sizeof(path), "%s" DCAP "ratls/001-gramine-ec-p384-a", SHARED);
    assert_int_equal(collateral_load(path, &c, NULL), 0);
    assert_int_equal(ratls_verify(der, size, &party, 1710603410, &o), RATLS_VERIFY_FAILED);
    assert_int_equal(o.where, AT_VERIFY_EXTERNAL);
    assert_int_equal(o.answer, POLICY_TCB_STATUS);
    assert_int_equal(policy_accept_status(&p, "OutOfDate"), 0);
    assert_int_equal(ratls_verify(der, size, &party, 1710603410, &o), RATLS_OK);
    assert_int_equal(policy_accept_status(&p, "Revoked"), -EINVAL);
    collateral_fini(&c);
    free(der);
}

static struct ratls_relying_party party_of(const struct policy *p)
{
    return (struct ratls_relying_party){ .roots = &g_fixture.roots, .collateral = &g_fixture.collateral, .policy = p };
}

static void a_created_certificate_has_the_published_form_and_verifies(void **state)
{
    static const uint8_t name[] = "0\x39\x31\x0e\x30\x0c\x06\x03\x55\x04\x03\x0c\x05RATLS";
    struct attestation_dir dir;
    struct policy p = { 0 };
    struct ratls_outcome o;
    EVP_PKEY *key;
    X509 *crt;
    uint8_t *der = NULL, *sec1 = NULL;
    attestation_dir_start(&dir, &g_fixture, &fake_good);
    assert_int_equal(ratls_create(dir.path, RATLS_NOT_BEFORE, RATLS_NOT_AFTER, &key, &crt), RATLS_OK);
    attestation_dir_stop(&dir);
    int size = i2d_X509(crt, &der);
    assert_int_equal(i2d_PrivateKey(key, &sec1), 167);
    assert_non_null(memmem(der, (size_t)size, name, sizeof(name) - 1));
    assert_non_null(memmem(der, (size_t)size, "\x06\x0b\x06\x09\x2a\x86\x48\x86\xf8\x4d\x8a\x39\x06\x04\x82", 15));
    assert_non_null(memmem(der, (size_t)size, "\x06\x06\x67\x81\x05\x05\x04\x09\x04\x82", 10));
    assert_non_null(memmem(der, (size_t)size, "\x30\x1e\x17\x0d" "010101000000Z\x17\x0d" "301231235959Z", 32));
    struct ratls_relying_party party = party_of(&p);
    assert_int_equal(ratls_verify(der, (size_t)size, &party, time(NULL), &o), RATLS_OK);
    assert_true(o.verdict.verified);
    for (int n = 0; n < size; n += 61) { /* truncated anywhere: refused, and nothing read past the end */
        uint8_t *cut = malloc((size_t)n + 1);
        memcpy(cut, der, (size_t)n);
        assert_true(evidence_code(cut, (size_t)n) < 0);
        free(cut);
    }
    OPENSSL_free(sec1);
    OPENSSL_free(der);
    X509_free(crt);
    EVP_PKEY_free(key);
}

/* Quote and claims of one certificate in another one, with another key. */
static void evidence_moved_to_another_key_is_refused(void **state)
{
    struct attestation_dir dir;
    EVP_PKEY *key[2];
    X509 *crt[2];
    uint8_t *der = NULL;
    attestation_dir_start(&dir, &g_fixture, &fake_good);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ratls_create(dir.path, RATLS_NOT_BEFORE, RATLS_NOT_AFTER, &key[i], &crt[i]), RATLS_OK);
    attestation_dir_stop(&dir);
    assert_int_equal(X509_set_pubkey(crt[0], key[1]), 1);
    assert_true(X509_sign(crt[0], key[1], EVP_sha256()) > 0);
    int size = i2d_X509(crt[0], &der);
    assert_int_equal(evidence_code(der, (size_t)size), RATLS_SIG_MISMATCH);
    OPENSSL_free(der);
    for (int i = 0; i < 2; i++) {
        X509_free(crt[i]);
        EVP_PKEY_free(key[i]);
    }
}

static void policies_refuse_each_with_its_own_reason(void **state)
{
    static const struct fake_enclave debug = { .flags = SGX_FLAG_INIT | SGX_FLAG_MODE64BIT | SGX_FLAG_DEBUG };
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    struct verify_options options = { .roots = &g_fixture.roots };
    struct verdict v;
    struct policy p = { .mrenclave_count = 1, .mrsigner_count = 1, .check_prod_id = true, .prod_id = 7, .min_svn = 3 };
    memcpy(p.mrenclave[0], fake_good.mrenclave, 32);
    memcpy(p.mrsigner[0], fake_good.mrsigner, 32);
    assert_int_equal(policy_check(&p, &(struct verdict){ 0 }), POLICY_QUOTE); /* zero is not verified */
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    assert_int_equal(quote_verify(quote, size, &g_fixture.collateral, &options, time(NULL), &v), 0);
    assert_int_equal(policy_check(&p, &v), POLICY_ACCEPTED);
    p.min_svn = 4;
    assert_int_equal(policy_check(&p, &v), POLICY_SVN);
    p.prod_id = 8;
    assert_int_equal(policy_check(&p, &v), POLICY_PROD_ID);
    p.mrenclave[0][0] ^= 1;
    assert_int_equal(policy_check(&p, &v), POLICY_MRENCLAVE);
    p.mrsigner[0][0] ^= 1;
    assert_int_equal(policy_check(&p, &v), POLICY_MRSIGNER);
    size = fixture_quote(&g_fixture, &debug, data, quote);
    assert_int_equal(quote_verify(quote, size, &g_fixture.collateral, &options, time(NULL), &v), 0);
    assert_int_equal(policy_check(&p, &v), POLICY_DEBUG);
}

static void bad_timestamps_and_missing_files_fail_with_their_codes(void **state)
{
    EVP_PKEY *key;
    X509 *crt;
    assert_int_equal(ratls_create("/nonexistent", RATLS_NOT_BEFORE, RATLS_NOT_AFTER, &key, &crt), RATLS_FILE_IO);
    assert_int_equal(ratls_create("/nonexistent", "2001", RATLS_NOT_AFTER, &key, &crt), RATLS_BAD_INPUT);
    assert_int_equal(ratls_create("/nonexistent", RATLS_NOT_BEFORE, "20301331000000", &key, &crt), RATLS_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_certificates_parse_to_their_evidence),
        cmocka_unit_test(damaged_certificates_get_the_codes_of_the_reference),
        cmocka_unit_test(attributes_of_the_samples_are_judged_as_in_the_reference),
        cmocka_unit_test(a_real_certificate_is_judged_by_its_platforms_status),
        cmocka_unit_test(a_created_certificate_has_the_published_form_and_verifies),
        cmocka_unit_test(evidence_moved_to_another_key_is_refused),
        cmocka_unit_test(policies_refuse_each_with_its_own_reason),
        cmocka_unit_test(bad_timestamps_and_missing_files_fail_with_their_codes),
    };
    return cmocka_run_group_tests(tests, make_fixture, remove_fixture);
}

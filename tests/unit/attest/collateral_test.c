/* Asking for collateral: URLs of each kind of server, settings, answers taken apart. Real HTTPS: tests/e2e/collateral_test.py. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attest/collateral/answer.h"
#include "attest/collateral/examine.h"
#include "attest/collateral/fetch.h"
#include "attest/collateral/qcnl.h"
#include "attest/collateral/store.h"
#include "lib/base/bytes.h"
#include "tests/unit/attest/fixture.h"

static const struct fetch_request g_sgx = { .fmspc = { 0, 0x60, 0x6a } };
static const struct fetch_request g_tdx = { .tdx = true, .fmspc = { 0, 0x80, 0x6f, 5 }, .processor_ca = true };

static void asks(const struct fetch_request *r, const struct qcnl *q, int kind, const char *want)
{
    char url[1024];
    assert_int_equal(fetch_url(r, q, kind, url, sizeof(url)), 0);
    assert_string_equal(url, want);
}

static void intel_is_asked_with_der_lists_and_the_root_list_comes_from_its_own_place(void **state)
{
    struct qcnl q;
    qcnl_defaults(&q);
    asks(&g_sgx, &q, ANSWER_TCB_INFO, "https://api.trustedservices.intel.com/sgx/certification/v4/tcb?fmspc=00606a000000&update=standard");
    asks(&g_tdx, &q, ANSWER_TCB_INFO, "https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=00806f050000&update=standard");
    asks(&g_tdx, &q, ANSWER_QE_IDENTITY, "https://api.trustedservices.intel.com/tdx/certification/v4/qe/identity?update=standard");
    asks(&g_tdx, &q, ANSWER_PCK_CRL, "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=processor&encoding=der");
    asks(&g_sgx, &q, ANSWER_ROOT_CRL, "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der");
}

static void a_pccs_is_asked_in_api_3_0_and_3_1(void **state)
{
    struct qcnl q;
    struct problem why;
    static const char text[] = "{\"pccs_url\": \"https://h:8081/sgx/certification/v4\"}", old[] = "PCCS_URL=https://h/sgx/certification/v3/\n";
    assert_int_equal(qcnl_parse("q", text, strlen(text), &q, &why), 0);
    asks(&g_sgx, &q, ANSWER_PCK_CRL, "https://h:8081/sgx/certification/v4/pckcrl?ca=platform");
    asks(&g_sgx, &q, ANSWER_ROOT_CRL, "https://h:8081/sgx/certification/v4/rootcacrl");
    q.der_crls = true;
    strcpy(q.tcb_update_type, "early");
    asks(&g_sgx, &q, ANSWER_PCK_CRL, "https://h:8081/sgx/certification/v4/pckcrl?ca=platform&encoding=der");
    asks(&g_sgx, &q, ANSWER_ROOT_CRL, "https://h:8081/sgx/certification/v4/crl?uri=https://certificates.trustedservices.intel.com/IntelSGXRootCA.der");
    asks(&g_sgx, &q, ANSWER_QE_IDENTITY, "https://h:8081/sgx/certification/v4/qe/identity?update=early");
    assert_int_equal(qcnl_parse("q", old, strlen(old), &q, &why), 0);
    asks(&g_sgx, &q, ANSWER_TCB_INFO, "https://h/sgx/certification/v3/tcb?fmspc=00606a000000");
    asks(&g_sgx, &q, ANSWER_QE_IDENTITY, "https://h/sgx/certification/v3/qe/identity");
}

static void azure_wants_an_api_version_and_has_the_root_list_elsewhere(void **state)
{
    struct qcnl q;
    qcnl_defaults(&q);
    strcpy(q.pccs_url, "https://global.acccache.azure.net/sgx/certification/v4/");
    asks(&g_sgx, &q, ANSWER_PCK_CRL, "https://global.acccache.azure.net/sgx/certification/v4/pckcrl?ca=platform&encoding=der"
                                     "&clientid=cloister&api-version=2020-02-12-preview");
    asks(&g_sgx, &q, ANSWER_ROOT_CRL, "https://global.acccache.azure.net/sgx/certificates/pckcrl?uri="
                                      "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
                                      "&clientid=cloister&api-version=2020-02-12-preview");
    strcpy(q.pccs_url, "https://azure.net.evil.example/sgx/certification/v4/"); /* a name that only looks so */
    asks(&g_sgx, &q, ANSWER_TCB_INFO, "https://azure.net.evil.example/sgx/certification/v4/tcb?fmspc=00606a000000&update=standard");
}

static void settings_have_intels_meaning(void **state)
{
    struct qcnl q;
    struct problem why;
    static const char text[] = "// first\n{ \"collateral_service\": \"https://x/sgx/certification/v4/\", // why\n\"use_secure_cert\": false,"
                               "\"retry_times\": 6, \"retry_delay\": 10, \"verify_collateral_cache_expire_hours\": 48, \"unknown\": [1] }";
    assert_int_equal(qcnl_parse("q", text, strlen(text), &q, &why), 0);
    assert_string_equal(qcnl_service(&q), "https://x/sgx/certification/v4/");
    assert_string_equal(q.pccs_url, QCNL_LOCAL);
    assert_true(q.insecure_tls && q.retry_times == 6 && q.retry_delay == 10 && q.cache_hours == 48 && !q.der_crls);
    static const char *const bad[] = { "{\"pccs_url\": \"https://h/?a\"}", "{\"cache\"", "{\"retry_times\": 101}", "{\"use_secure_cert\": 0}",
                                       "{\"pccs_api_version\": \"4\"}", "PCCS_URL=h", "nonsense", "{\"verify_collateral_cache_expire_hours\": 9999}",
                                       "{\"retry_times\": 1, \"retry_times\": 2}" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(qcnl_parse("q", bad[i], strlen(bad[i]), &q, &why), -EINVAL);
    assert_int_equal(qcnl_parse("q", "A=\0", 3, &q, &why), -EINVAL);
}

static void headers_are_found_by_any_case_and_decoded(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nX-tcb-info-issuer-chain: no\r\ntcb-INFO-issuer-chain:  a%20b%0Ac+d \r\nBad: %4\r\nNul: %00\r\nRaw: a\0b\r\n"
                               "Blank: -----BEGIN+CERTIFICATE-----%2B\r\n";
    struct answer a = { text, sizeof(text) - 1, NULL, 0 };
    char *value;
    size_t size;
    assert_int_equal(answer_header(&a, "TCB-Info-Issuer-Chain", &value, &size), 0);
    assert_string_equal(value, "a b\nc+d");
    free(value);
    assert_int_equal(answer_header(&a, "blank", &value, &size), 0);
    assert_string_equal(value, "-----BEGIN CERTIFICATE-----+");
    free(value);
    assert_int_equal(answer_header(&a, "Bad", &value, &size), -EINVAL);
    assert_int_equal(answer_header(&a, "Nul", &value, &size), -EINVAL);
    assert_int_equal(answer_header(&a, "Raw", &value, &size), -EINVAL);
    assert_int_equal(answer_header(&a, "Issuer-Chain", &value, &size), -ENOENT);
}

static void a_set_survives_the_way_into_a_bundle_and_is_examined(void **state)
{
    struct fixture f;
    struct collateral again;
    struct collateral_facts facts, other;
    struct bundle_origin origin = { .source = "https://h/", .fetched = 5, .expires = 9 }, read;
    struct problem why;
    char *text;
    size_t size;
    const char *missing;
    fixture_make(&f);
    assert_int_equal(collateral_examine(&f.collateral, &facts, &why), 0);
    assert_false(facts.tdx || facts.processor_ca);
    assert_int_equal(bundle_text(&f.collateral, &facts, &origin, &text, &size), 0);
    assert_int_equal(collateral_parse_bundle(text, size, &again, &missing), 0);
    assert_int_equal(collateral_examine(&again, &other, &why), 0);
    assert_int_equal(facts.expires, other.expires);
    bundle_origin_read(text, size, &read);
    assert_true(strcmp(read.source, "https://h/") == 0 && read.fetched == 5 && read.expires == 9);
    assert_null(collateral_rollback(&facts, &other));
    other.tcb_info.start--;
    assert_string_equal(collateral_rollback(&facts, &other), "TCB info");
    again.item[COLLATERAL_TCB_INFO].data[20] ^= 1;
    assert_int_equal(collateral_examine(&again, &other, &why), -EINVAL);
    free(text);
    collateral_fini(&again);
    fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intel_is_asked_with_der_lists_and_the_root_list_comes_from_its_own_place),
        cmocka_unit_test(a_pccs_is_asked_in_api_3_0_and_3_1),
        cmocka_unit_test(azure_wants_an_api_version_and_has_the_root_list_elsewhere),
        cmocka_unit_test(settings_have_intels_meaning),
        cmocka_unit_test(headers_are_found_by_any_case_and_decoded),
        cmocka_unit_test(a_set_survives_the_way_into_a_bundle_and_is_examined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Asking for collateral: URLs of each kind of server, settings, answers taken apart. Real HTTPS:
 * tests/e2e/collateral_test.py. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "attest/collateral/answer.h"
#include "attest/collateral/examine.h"
#include "attest/collateral/fetch.h"
#include "attest/collateral/pck_cert.h"
#include "attest/collateral/qcnl.h"
#include "attest/collateral/store.h"
#include "attest/dcap/verify.h"
#include "attest/soft/qe.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "tests/unit/attest/fixture.h"

static const struct fetch_request g_sgx = { .fmspc = { 0, 0x60, 0x6a } };
static const struct fetch_request g_tdx = { .tdx = true,
                                            .fmspc = { 0, 0x80, 0x6f, 5 },
                                            .processor_ca = true };

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
    asks(&g_sgx, &q, ANSWER_TCB_INFO,
         "https://api.trustedservices.intel.com/sgx/certification/v4/"
         "tcb?fmspc=00606a000000&update=standard");
    asks(&g_tdx, &q, ANSWER_TCB_INFO,
         "https://api.trustedservices.intel.com/tdx/certification/v4/"
         "tcb?fmspc=00806f050000&update=standard");
    asks(&g_tdx, &q, ANSWER_QE_IDENTITY,
         "https://api.trustedservices.intel.com/tdx/certification/v4/qe/identity?update=standard");
    asks(&g_tdx, &q, ANSWER_PCK_CRL,
         "https://api.trustedservices.intel.com/sgx/certification/v4/"
         "pckcrl?ca=processor&encoding=der");
    asks(&g_sgx, &q, ANSWER_ROOT_CRL,
         "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der");
}

static void a_pccs_is_asked_in_api_3_0_and_3_1(void **state)
{
    struct qcnl q;
    struct problem why;
    static const char text[] = "{\"pccs_url\": \"https://h:8081/sgx/certification/v4\"}",
                      old[] = "PCCS_URL=https://h/sgx/certification/v3/\n";
    assert_int_equal(qcnl_parse("q", text, strlen(text), &q, &why), 0);
    asks(&g_sgx, &q, ANSWER_PCK_CRL, "https://h:8081/sgx/certification/v4/pckcrl?ca=platform");
    asks(&g_sgx, &q, ANSWER_ROOT_CRL, "https://h:8081/sgx/certification/v4/rootcacrl");
    q.der_crls = true;
    strcpy(q.tcb_update_type, "early");
    asks(&g_sgx, &q, ANSWER_PCK_CRL,
         "https://h:8081/sgx/certification/v4/pckcrl?ca=platform&encoding=der");
    asks(&g_sgx, &q, ANSWER_ROOT_CRL,
         "https://h:8081/sgx/certification/v4/crl?uri=https://"
         "certificates.trustedservices.intel.com/IntelSGXRootCA.der");
    asks(&g_sgx, &q, ANSWER_QE_IDENTITY,
         "https://h:8081/sgx/certification/v4/qe/identity?update=early");
    assert_int_equal(qcnl_parse("q", old, strlen(old), &q, &why), 0);
    asks(&g_sgx, &q, ANSWER_TCB_INFO, "https://h/sgx/certification/v3/tcb?fmspc=00606a000000");
    asks(&g_sgx, &q, ANSWER_QE_IDENTITY, "https://h/sgx/certification/v3/qe/identity");
}

static void azure_wants_an_api_version_and_has_the_root_list_elsewhere(void **state)
{
    struct qcnl q;
    qcnl_defaults(&q);
    strcpy(q.pccs_url, "https://global.acccache.azure.net/sgx/certification/v4/");
    asks(&g_sgx, &q, ANSWER_PCK_CRL,
         "https://global.acccache.azure.net/sgx/certification/v4/pckcrl?ca=platform&encoding=der"
         "&clientid=cloister&api-version=2020-02-12-preview");
    asks(&g_sgx, &q, ANSWER_ROOT_CRL,
         "https://global.acccache.azure.net/sgx/certificates/pckcrl?uri="
         "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
         "&clientid=cloister&api-version=2020-02-12-preview");
    strcpy(q.pccs_url,
           "https://azure.net.evil.example/sgx/certification/v4/"); /* a name that only looks so */
    asks(&g_sgx, &q, ANSWER_TCB_INFO,
         "https://azure.net.evil.example/sgx/certification/v4/"
         "tcb?fmspc=00606a000000&update=standard");
}

static void settings_have_intels_meaning(void **state)
{
    struct qcnl q;
    struct problem why;
    static const char text[] =
        "// first\n{ \"collateral_service\": \"https://x/sgx/certification/v4/\", // "
        "why\n\"use_secure_cert\": false,"
        "\"retry_times\": 6, \"retry_delay\": 10, \"verify_collateral_cache_expire_hours\": 48, "
        "\"unknown\": [1] }";
    assert_int_equal(qcnl_parse("q", text, strlen(text), &q, &why), 0);
    assert_string_equal(qcnl_service(&q), "https://x/sgx/certification/v4/");
    assert_string_equal(q.pccs_url, QCNL_LOCAL);
    assert_true(q.insecure_tls && q.retry_times == 6 && q.retry_delay == 10 &&
                q.cache_hours == 48 && !q.der_crls);
    static const char *const bad[] = { "{\"pccs_url\": \"https://h/?a\"}",
                                       "{\"cache\"",
                                       "{\"retry_times\": 101}",
                                       "{\"use_secure_cert\": 0}",
                                       "{\"pccs_api_version\": \"4\"}",
                                       "PCCS_URL=h",
                                       "nonsense",
                                       "{\"verify_collateral_cache_expire_hours\": 9999}",
                                       "{\"retry_times\": 1, \"retry_times\": 2}" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(qcnl_parse("q", bad[i], strlen(bad[i]), &q, &why), -EINVAL);
    assert_int_equal(qcnl_parse("q", "A=\0", 3, &q, &why), -EINVAL);
}

static void headers_are_found_by_any_case_and_decoded(void **state)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nX-tcb-info-issuer-chain: no\r\ntcb-INFO-issuer-chain:  a%20b%0Ac+d "
        "\r\nBad: %4\r\nNul: %00\r\nRaw: a\0b\r\n"
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

/* A quote of the software device as hardware without certificates gives it: type 3. Returns its
 * size. */
static size_t make_bare(const uint8_t *quote, size_t size, uint8_t *out)
{
    static const uint8_t tail[] = { 1,  2,  3,  4,  5,  6,  7,    8, 9, 10,
                                    11, 12, 13, 14, 15, 16, 0x0d, 0, 0, 0 };
    struct quote q;
    assert_int_equal(quote_parse(quote, size, &q, NULL), 0);
    size_t at = (size_t)(q.cert_data - quote);
    memcpy(out, quote, at);
    store_le16(out + at - 6, QUOTE_CERT_PPID_RSA3072);
    store_le32(out + at - 4, ENCRYPTED_PPID_SIZE + sizeof(tail));
    memset(out + at, 0xee, ENCRYPTED_PPID_SIZE);
    memcpy(out + at + ENCRYPTED_PPID_SIZE, tail, sizeof(tail));
    size_t end = at + ENCRYPTED_PPID_SIZE + sizeof(tail);
    store_le32(out + 432, (uint32_t)(end - 436));
    return end;
}

static void a_platform_without_certificate_is_asked_for_by_its_id(void **state)
{
    struct pck_request r = {
        .qe_id = { 0xab }, .cpusvn = { 1 }, .pcesvn = { 0x0d }, .ppid_encrypted = true
    };
    struct problem why;
    struct qcnl q;
    char url[2048], ppid[2 * ENCRYPTED_PPID_SIZE + 1], want[2048];
    static const char tail[] = "&cpusvn=01000000000000000000000000000000&pcesvn=0d00&pceid=0000";
    static const char azure[] =
        "{\"local_pck_url\": \"http://169.254.169.254/metadata/THIM/sgx/certification/v4/\","
        "\"custom_request_options\": {\"get_cert\": {\"headers\": {\"metadata\": \"true\"},"
        "\"params\": {\"api-version\": \"2021-07-22-preview\"}}}}";
    memset(ppid, '0', sizeof(ppid) - 1);
    ppid[sizeof(ppid) - 1] = 0;
    qcnl_defaults(&q);
    assert_int_equal(pck_url(&r, &q, url, sizeof(url)), 0);
    snprintf(
        want, sizeof(want),
        "https://api.trustedservices.intel.com/sgx/certification/v4/pckcert?encrypted_ppid=%s%s",
        ppid, tail);
    assert_string_equal(url, want);
    strcpy(q.pccs_url, "https://h:8081/sgx/certification/v4/");
    r.ppid_encrypted = false;
    assert_int_equal(pck_url(&r, &q, url, sizeof(url)), 0);
    snprintf(want, sizeof(want),
             "https://h:8081/sgx/certification/v4/"
             "pckcert?qeid=ab000000000000000000000000000000&encrypted_ppid=%s",
             tail);
    assert_string_equal(url, want);
    assert_int_equal(qcnl_parse("q", azure, strlen(azure), &q, &why), 0);
    assert_string_equal(q.pck_headers[0], "metadata: true");
    assert_string_equal(q.pck_headers[1], "");
    assert_int_equal(pck_url(&r, &q, url, sizeof(url)), 0);
    snprintf(want, sizeof(want),
             "http://169.254.169.254/metadata/THIM/sgx/certification/v4/"
             "pckcert?qeid=ab000000000000000000000000000000"
             "&encrypted_ppid=%s&api-version=2021-07-22-preview",
             tail);
    assert_string_equal(url, want);
    q.pck_params[0] = 0; /* Azure's cache is asked so without being told */
    assert_int_equal(pck_url(&r, &q, url, sizeof(url)), 0);
    assert_string_equal(url, want);
    static const char *const bad[] = {
        "{\"custom_request_options\": 1}",
        "{\"custom_request_options\": {\"get_cert\": []}}",
        "{\"custom_request_options\": {\"get_cert\": {\"params\": {\"a\": \"b&c=d\"}}}}",
        "{\"custom_request_options\": {\"get_cert\": {\"params\": {\"a\": 1}}}}",
        "{\"custom_request_options\": {\"get_cert\": {\"headers\": {\"a\": \"b\\r\\nc: d\"}}}}",
        "{\"custom_request_options\": {\"get_cert\": {\"headers\": {\"a\":\"\", \"b\":\"\", "
        "\"c\":\"\", \"d\":\"\", \"e\":\"\"}}}}"
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(qcnl_parse("q", bad[i], strlen(bad[i]), &q, &why), -EINVAL);
}

/* Leaf and the rest of a chain in PEM. */
static void split(const char *pem, char **leaf, const char **rest)
{
    *rest = strstr(pem + 1, "-----BEGIN");
    assert_non_null(*rest);
    *leaf = strndup(pem, (size_t)(*rest - pem));
}

/* As Azure says it; `chain` may be anything. Returned: json_dumps' text. */
static char *azure_answer(const char *leaf, const char *chain, const char *tcbm)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "pckCert", leaf, "sgx-Pck-Certificate-Issuer-Chain",
                          chain, "sgx-Tcbm", tcbm);
    char *text = json_dumps(o, 0);
    json_decref(o);
    return text;
}

static int take_json(const char *text, char **chain, size_t *size, struct problem *why)
{
    struct answer a = { "", 0, (const uint8_t *)text, strlen(text) };
    return pck_answer_take(&a, chain, size, why);
}

static void a_quote_with_the_chain_of_azures_json_in_it_verifies(void **state)
{
    struct fixture f;
    uint8_t quote[SOFT_QUOTE_MAX], bare[SOFT_QUOTE_MAX], data[64] = { 0 }, *whole;
    struct pck_request r;
    struct pck_facts facts;
    struct problem why;
    struct quote q;
    struct chain parsed;
    struct verdict v;
    char *leaf, *chain, *json, tcbm[37];
    const char *rest, *reason;
    size_t size, chain_size, whole_size;
    fixture_make(&f);
    size = fixture_quote(&f, &fake_good, data, quote);
    assert_int_equal(quote_parse(quote, size, &q, NULL), 0);
    char *pem = strndup((const char *)q.cert_data, q.cert_size);
    split(pem, &leaf, &rest);
    assert_int_equal(chain_parse(pem, strlen(pem), 3, &parsed, &reason), 0);
    assert_int_equal(pck_facts_parse(parsed.leaf, &facts), 0);
    uint8_t raw[18];
    memcpy(raw, facts.cpusvn, 16);
    store_le16(raw + 16, facts.pcesvn);
    hex_encode(raw, sizeof(raw), tcbm);

    size_t bare_size = make_bare(quote, size, bare);
    struct verify_options o = { .roots = &f.roots };
    assert_int_equal(quote_verify(bare, bare_size, &f.collateral, &o, time(NULL), &v), -EBADMSG);
    assert_int_equal(v.failed, VERIFY_CERT_TYPE);
    assert_int_equal(pck_request_from_quote(bare, bare_size, &r, &why), 0);
    assert_true(r.ppid_encrypted && r.cpusvn[15] == 16 && r.pcesvn[0] == 0x0d);
    assert_int_equal(pck_request_from_quote(quote, size, &r, &why), -EINVAL);

    json = azure_answer(leaf, rest, tcbm);
    assert_int_equal(take_json(json, &chain, &chain_size, &why), 0);
    assert_int_equal(pck_complete_quote(bare, bare_size, chain, chain_size, &whole, &whole_size),
                     0);
    assert_int_equal(quote_verify(whole, whole_size, &f.collateral, &o, time(NULL), &v), 0);
    free(whole);
    free(chain);
    tcbm[0] ^= 1;
    free(json);
    json = azure_answer(leaf, rest, tcbm);
    assert_int_equal(take_json(json, &chain, &chain_size, &why), -EINVAL);
    assert_non_null(strstr(why.text, "another TCB"));
    free(json);
    json = azure_answer(leaf, leaf, tcbm);
    assert_int_equal(take_json(json, &chain, &chain_size, &why), -EINVAL);
    free(json);
    for (size_t n = 1; n < 200; n++) { /* cut anywhere */
        static const char text[] = "{\"pckCert\": \"x\", \"sgx-Pck-Certificate-Issuer-Chain\": "
                                   "\"y%\", \"sgx-Tcbm\": \"z\", \"pckCert\": \"x\"}";
        char *copy = strndup(text, n);
        assert_int_equal(take_json(copy, &chain, &chain_size, &why), -EINVAL);
        assert_null(chain);
        free(copy);
    }
    chain_fini(&parsed);
    free(leaf);
    free(pem);
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
        cmocka_unit_test(a_platform_without_certificate_is_asked_for_by_its_id),
        cmocka_unit_test(a_quote_with_the_chain_of_azures_json_in_it_verifies),
        cmocka_unit_test(a_set_survives_the_way_into_a_bundle_and_is_examined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

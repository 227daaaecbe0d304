/* The software device's quoting: quotes that verify, reports that are refused, the service's
 * socket. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "attest/collateral/pck_cert.h"
#include "attest/dcap/chain.h"
#include "attest/dcap/quote.h"
#include "attest/dcap/verify.h"
#include "attest/soft/aesm_client.h"
#include "attest/soft/answer.h"
#include "attest/soft/service.h"
#include "attest/soft/unix_socket.h"
#include "lib/base/bytes.h"
#include "tests/unit/attest/fixture.h"

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

static int verify(const uint8_t *quote, size_t size, int64_t now, struct verdict *v)
{
    struct verify_options o = { .roots = &g_fixture.roots };
    return quote_verify(quote, size, &g_fixture.collateral, &o, now, v);
}

static void a_soft_quote_verifies_against_its_own_root(void **state)
{
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = "report data";
    struct verdict v;
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    assert_int_equal(verify(quote, size, time(NULL), &v), 0);
    assert_true(v.verified);
    assert_int_equal(v.failed, VERIFY_DONE);
    assert_int_equal(v.status, TCB_UP_TO_DATE);
    assert_memory_equal(v.body.mrenclave, fake_good.mrenclave, 32);
    assert_memory_equal(v.body.report_data, data, 64);
    assert_int_equal(v.body.isv_prod_id, 7);
    assert_int_equal(v.body.isv_svn, 3);
    assert_memory_equal(v.fmspc, "CLOIST", 6);
}

static void intels_root_does_not_accept_a_soft_quote(void **state)
{
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    struct trust_roots intel;
    struct verdict v;
    trust_roots_intel(&intel);
    struct verify_options o = { .roots = &intel };
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    assert_int_equal(quote_verify(quote, size, &g_fixture.collateral, &o, time(NULL), &v),
                     -EBADMSG);
    assert_false(v.verified);
    assert_int_equal(v.failed, VERIFY_TRUST_ROOT);
}

static void expired_and_future_collateral_are_refused(void **state)
{
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    struct verdict v;
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    assert_int_equal(verify(quote, size, 4000000000, &v), -EBADMSG);
    assert_int_equal(v.failed, VERIFY_EXPIRED);
    assert_int_equal(verify(quote, size, 1000000000, &v), -EBADMSG);
    assert_int_equal(v.failed, VERIFY_NOT_YET_VALID);
}

/* One byte changed in each region: the step that notices. */
static void each_kind_of_tampering_is_refused_at_its_step(void **state)
{
    static const struct {
        size_t offset;
        enum verify_step step;
    } cases[] = {
        { 0, VERIFY_QUOTE_FORMAT },      /* version */
        { 12, VERIFY_QUOTE_FORMAT },     /* vendor */
        { 30, VERIFY_QUOTE_SIGNATURE },  /* user data */
        { 112, VERIFY_QUOTE_SIGNATURE }, /* MRENCLAVE */
        { 176, VERIFY_QUOTE_SIGNATURE }, /* MRSIGNER */
        { 368, VERIFY_QUOTE_SIGNATURE }, /* report data */
        { 432, VERIFY_QUOTE_FORMAT },    /* signature length */
        { 436 + 5, VERIFY_QUOTE_SIGNATURE },
        { 500 + 5, VERIFY_QE_REPORT_DATA },       /* attestation key */
        { 564 + 64, VERIFY_QE_REPORT_SIGNATURE }, /* QE's MRENCLAVE */
        { 948 + 3, VERIFY_QE_REPORT_SIGNATURE },
        { 1014 + 3, VERIFY_QE_REPORT_DATA },     /* authentication data */
        { 1046, VERIFY_CERT_TYPE },              /* 5 becomes 4 */
        { 1052 + 400, VERIFY_PCK_CHAIN_FORMAT }, /* inside the PEM: see below */
    };
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    struct verdict v;
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        quote[cases[i].offset] ^= 1;
        assert_true(verify(quote, size, time(NULL), &v) < 0);
        assert_false(v.verified);
        if (cases[i].offset < 1052) /* a change in the PEM shows where it hits */
            assert_int_equal(v.failed, cases[i].step);
        quote[cases[i].offset] ^= 1;
    }
}

/* Nothing that is signed, and nothing that says what is signed, may be changed in one bit. */
static void no_flipped_bit_of_quote_or_collateral_verifies(void **state)
{
    static const enum collateral_item items[] = { COLLATERAL_PCK_CRL, COLLATERAL_ROOT_CRL,
                                                  COLLATERAL_TCB_INFO, COLLATERAL_QE_IDENTITY };
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    struct verdict v;
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    for (size_t i = 0; i < 1052;
         i++) { /* up to the certificates' PEM, where blanks and padding bits are free */
        quote[i] ^= (uint8_t)(1 << i % 8);
        if (verify(quote, size, time(NULL), &v) == 0)
            fail_msg("quote byte %zu", i);
        quote[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t k = 0; k < ARRAY_COUNT(items); k++) {
        uint8_t *d = g_fixture.collateral.item[items[k]].data;
        for (size_t i = 0; i < g_fixture.collateral.item[items[k]].size; i++) {
            d[i] ^= 1; /* not 0x20: the case of hexadecimal digits is free */
            if (verify(quote, size, time(NULL), &v) == 0)
                fail_msg("collateral %d byte %zu", (int)items[k], i);
            d[i] ^= 1;
        }
    }
    assert_int_equal(verify(quote, size, time(NULL), &v), 0);
}

static void every_truncation_is_refused(void **state)
{
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    struct verdict v;
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    for (size_t n = 0; n < size; n += n < 1100 ? 1 : 97) {
        uint8_t *copy = malloc(n + 1); /* exact size, so that ASan sees a read past the end */
        memcpy(copy, quote, n);
        assert_int_equal(verify(copy, n, time(NULL), &v), -EINVAL);
        assert_int_equal(v.failed, VERIFY_QUOTE_FORMAT);
        free(copy);
    }
}

static void a_report_for_another_target_or_device_gets_no_quote(void **state)
{
    uint8_t target[512], report[432], quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    soft_qe_target_info(target);
    fixture_report(&g_fixture, &fake_good, target, data, report);
    assert_true(soft_qe_quote(g_fixture.qe, report, quote, sizeof(quote)) > 0);
    assert_int_equal(soft_qe_quote(g_fixture.qe, report, quote, 4000), -ENOBUFS);
    report[64] ^= 1; /* another MRENCLAVE */
    assert_int_equal(soft_qe_quote(g_fixture.qe, report, quote, sizeof(quote)), -EACCES);
    target[0] ^= 1;
    fixture_report(&g_fixture, &fake_good, target, data, report);
    assert_int_equal(soft_qe_quote(g_fixture.qe, report, quote, sizeof(quote)), -EACCES);
}

static void secrets_are_private_and_stable(void **state)
{
    char path[SOFT_PATH_MAX + 64];
    struct stat st;
    uint8_t a[32], b[32];
    static const char *const names[] = { "device.key", "pki/root_ca.key", "pki/attestation.key" };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", g_fixture.folder, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    assert_int_equal(attest_soft_device_key(g_fixture.folder, a), 0);
    assert_int_equal(attest_soft_device_key(g_fixture.folder, b), 0);
    assert_memory_equal(a, b, 32);
    snprintf(path, sizeof(path), "%s/device.key", g_fixture.folder);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(attest_soft_device_key(g_fixture.folder, a), -EACCES);
    assert_int_equal(chmod(path, 0600), 0);
}

static int make_report(void *arg, const uint8_t *target, uint8_t *report)
{
    uint8_t data[64] = "through the socket";
    fixture_report(&g_fixture, arg, target, data, report);
    return 0;
}

static void the_service_is_started_and_quotes_over_its_socket(void **state)
{
    char socket[SOFT_PATH_MAX];
    uint8_t quote[8192];
    struct verdict v;
    uint32_t error;
    assert_int_equal(attest_soft_service_ensure(g_fixture.folder, socket, sizeof(socket)), 0);
    assert_int_equal(attest_soft_service_ensure(g_fixture.folder, socket, sizeof(socket)), 0);
    int64_t n = aesm_quote(socket, make_report, (void *)&fake_good, quote, sizeof(quote), &error);
    assert_int_equal(n, aesm_quote_size(socket, &error));
    assert_int_equal(verify(quote, (size_t)n, time(NULL), &v), 0);
    assert_string_equal((char *)v.body.report_data, "through the socket");
    /* a client that stalls in the middle of its request does not hold up the others */
    int stalled = unix_connect(socket, 1000);
    assert_int_equal(send(stalled, "\x10\x00", 2, 0), 2);
    assert_true(aesm_quote_size(socket, &error) > 0);
    close(stalled);
}

static void racing_starters_all_get_the_same_service(void **state)
{
    char folder[] = "/tmp/cloister-race-XXXXXX", socket[SOFT_PATH_MAX], command[128];
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 6; i++)
        if (fork() == 0)
            _exit(attest_soft_service_ensure(folder, socket, sizeof(socket)) ||
                  aesm_quote_size(socket, NULL) < 1000);
    for (int i = 0, status; i < 6; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0); /* the service ends when its socket is gone */
}

static void malformed_requests_get_error_codes(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        uint8_t error;
    } cases[] = {
        { "\x7a\x7f", 2, AESM_MSG_ERROR },                     /* truncated */
        { "", 0, AESM_INTERFACE_UNAVAILABLE },                 /* empty */
        { "\x0a\x02\x48\x01", 4, AESM_INTERFACE_UNAVAILABLE }, /* initQuote (EPID) */
        { "\x8a\x01\x02\x20\x10", 5, AESM_MSG_ERROR },         /* getQuoteEx without a report */
        { "\x8a\x01\x06\x0a\x02\x01\x01\x20\x10", 9, AESM_PARAMETER }, /* report of two bytes */
        { "\x7a\x04\x18\x01\x20\x10", 6, AESM_PARAMETER },             /* no room for the key id */
        { "\x7a\x07\x0a\x01\x07\x18\x01\x20\x20", 9, AESM_UNSUPPORTED_ATT_KEY_ID },
        { "\x9a\x01\x02\x0a\x00", 5,
          AESM_UNSUPPORTED_ATT_KEY_ID }, /* a list without keys to choose from */
    };
    struct quoter quoter = soft_qe_quoter(g_fixture.qe);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t *response = NULL;
        int64_t n = soft_answer(&quoter, (const uint8_t *)cases[i].bytes, cases[i].size, &response);
        assert_true(n >= 8);
        bool found = memmem(response + 4, (size_t)n - 4, (uint8_t[]){ 0x08, cases[i].error }, 2);
        assert_true(found);
        free(response);
    }
}

/* Chains like the known one, and the verdict with a warm cache against the one without. */
static void a_known_ca_in_the_cache_changes_no_verdict(void **state)
{
    static const char *const orders[] = { "lir", "lri", "ilr", "irl", "rli",  "ril",  "iir", "rir",
                                          "lil", "llr", "li",  "ir",  "lirr", "l ir", "lxir" };
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    struct verify_cache *cache = verify_cache_new();
    struct verify_options cold = { .roots = &g_fixture.roots },
                          warm = { .roots = &g_fixture.roots, .cache = cache };
    struct verdict a, b;
    struct quote q;
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    assert_int_equal(quote_parse(quote, size, &q, NULL), 0);
    char *pem = strndup((const char *)q.cert_data, q.cert_size), *part[3] = { pem };
    for (int i = 1; i < 3; i++)
        assert_non_null(part[i] = strstr(part[i - 1] + 1, "-----BEGIN"));
    assert_int_equal(quote_verify(quote, size, &g_fixture.collateral, &warm, time(NULL), &a), 0);
    for (size_t i = 0; i < 2 * ARRAY_COUNT(orders);
         i++) { /* each as it is, and with a byte of its first certificate changed */
        char text[4 * SOFT_QUOTE_MAX] = "";
        uint8_t *other;
        for (const char *c = orders[i / 2]; *c; c++) {
            int k = *c == 'l' ? 0 : *c == 'i' ? 1 : *c == 'r' ? 2 : -1;
            if (k < 0)
                strncat(text, c, 1);
            else
                strncat(text, part[k], k == 2 ? strlen(part[k]) : (size_t)(part[k + 1] - part[k]));
        }
        text[200] = i % 2 ? (char)(text[200] == 'A' ? 'B' : 'A') : text[200];
        strcat(text, "\n"); /* not the text that is known */
        assert_int_equal(pck_complete_quote(quote, size, text, strlen(text), &other, &size), 0);
        int64_t now = time(NULL);
        int ret = quote_verify(other, size, &g_fixture.collateral, &cold, now, &a);
        assert_int_equal(quote_verify(other, size, &g_fixture.collateral, &warm, now, &b), ret);
        assert_int_equal(a.failed, b.failed);
        assert_true(a.detail == b.detail || strcmp(a.detail, b.detail) == 0);
        assert_int_equal(
            a.verified, i % 2 == 0 && (i / 2 < 6 || strcmp(orders[i / 2], "l ir") ==
                                                        0)); /* in any order; blanks do not count */
        free(other);
        size = fixture_quote(&g_fixture, &fake_good, data, quote);
    }
    free(pem);
    verify_cache_free(cache);
}

/* The PEM of a chain whose leaf has one more extension. */
static char *with_extension(const char *pem, size_t size, int copied, bool critical)
{
    const char *why = NULL;
    struct chain c;
    char *text = NULL;
    assert_int_equal(chain_parse(pem, size, 3, &c, &why), 0);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x05\x00", 2), 1);
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5", 1);
    X509_EXTENSION *other = X509_EXTENSION_create_by_OBJ(NULL, oid, critical, value);
    assert_int_equal(X509_add_ext(c.leaf, copied >= 0 ? X509_get_ext(c.leaf, copied) : other, -1),
                     1);
    assert_true(i2d_re_X509_tbs(c.leaf, NULL) > 0); /* else the old encoding is written */
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_X509(bio, c.leaf) && PEM_write_bio_X509(bio, c.intermediate) &&
                PEM_write_bio_X509(bio, c.root));
    char *bytes;
    long n = BIO_get_mem_data(bio, &bytes);
    text = strndup(bytes, (size_t)n);
    BIO_free(bio);
    X509_EXTENSION_free(other);
    ASN1_OBJECT_free(oid);
    ASN1_OCTET_STRING_free(value);
    chain_fini(&c);
    return text;
}

static void duplicate_and_unknown_critical_extensions_are_refused(void **state)
{
    uint8_t quote[SOFT_QUOTE_MAX], data[64] = { 0 };
    const char *why;
    struct chain c;
    struct quote q;
    size_t size = fixture_quote(&g_fixture, &fake_good, data, quote);
    assert_int_equal(quote_parse(quote, size, &q, NULL), 0);
    for (int i = -2; i < 6;
         i++) { /* an unknown one, a critical unknown one, each of the leaf's own twice */
        char *text = with_extension((const char *)q.cert_data, q.cert_size, i, i == -1);
        assert_int_equal(chain_parse(text, strlen(text), 3, &c, &why), i == -2 ? 0 : -EINVAL);
        if (i > -2)
            assert_non_null(
                strstr(why, i == -1 ? "unknown critical extension" : "an extension twice"));
        chain_fini(&c);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duplicate_and_unknown_critical_extensions_are_refused),
        cmocka_unit_test(a_soft_quote_verifies_against_its_own_root),
        cmocka_unit_test(intels_root_does_not_accept_a_soft_quote),
        cmocka_unit_test(expired_and_future_collateral_are_refused),
        cmocka_unit_test(each_kind_of_tampering_is_refused_at_its_step),
        cmocka_unit_test(no_flipped_bit_of_quote_or_collateral_verifies),
        cmocka_unit_test(a_known_ca_in_the_cache_changes_no_verdict),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_report_for_another_target_or_device_gets_no_quote),
        cmocka_unit_test(secrets_are_private_and_stable),
        cmocka_unit_test(the_service_is_started_and_quotes_over_its_socket),
        cmocka_unit_test(racing_starters_all_get_the_same_service),
        cmocka_unit_test(malformed_requests_get_error_codes),
    };
    return cmocka_run_group_tests(tests, make_fixture, remove_fixture);
}

/*
 * lib/sgx/quote.h against real quotes: the fields at our offsets are what another parser found there
 * (../shared/vectors/dcap, expected.json). Skips when the vectors are absent.
 * usage: quote_layout_test VECTORS_DIR
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/sgx/quote.h"

static const char *g_dir;

static size_t read_quote(const char *name, uint8_t *out, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s/quote.bin", g_dir, name);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(out, 1, size, f) : 0;
    if (f)
        fclose(f);
    return n;
}

static void expect_hex(const json_t *q, const char *name, const void *got, size_t size)
{
    char hex[257];
    const char *want = json_string_value(json_object_get(q, name));
    assert_non_null(want);
    hex_encode(got, size, hex);
    assert_string_equal(hex, want);
}

static void expect_number(const json_t *q, const char *name, uint64_t got)
{
    assert_true(json_is_integer(json_object_get(q, name)));
    assert_int_equal(got, json_integer_value(json_object_get(q, name)));
}

static void check_body(const json_t *q, const struct sgx_report_body *b)
{
    expect_hex(q, "cpu_svn", b->cpusvn, 16);
    expect_number(q, "misc_select", b->miscselect);
    expect_hex(q, "attributes", &b->attributes, 16);
    expect_hex(q, "mr_enclave", b->mrenclave, 32);
    expect_hex(q, "mr_signer", b->mrsigner, 32);
    expect_number(q, "isv_prod_id", b->isv_prod_id);
    expect_number(q, "isv_svn", b->isv_svn);
    expect_hex(q, "config_id", b->config_id, 64);
    expect_number(q, "config_svn", b->config_svn);
    expect_hex(q, "isv_ext_prod_id", b->isv_ext_prod_id, 16);
    expect_hex(q, "isv_family_id", b->isv_family_id, 16);
    expect_hex(q, "report_data", b->reportdata, 64);
    assert_int_equal((b->attributes.flags & SGX_FLAG_DEBUG) != 0,
                     json_is_true(json_object_get(q, "debug")));
}

static void check_quote(const json_t *q, const uint8_t *bytes, size_t size)
{
    const struct quote_v3 *quote = (const void *)bytes;
    const struct quote_signature *sig = (const void *)(bytes + sizeof(*quote));
    struct quote_cert_header cert;
    static const uint8_t vendor[16] = QUOTE_VENDOR_INTEL;

    assert_true(size > sizeof(*quote) + sizeof(*sig) + sizeof(cert));
    expect_number(q, "version", quote->header.version);
    expect_number(q, "att_key_type", quote->header.key_type);
    expect_hex(q, "qe_id", quote->header.user_data, 16);
    assert_memory_equal(quote->header.vendor_id, vendor, 16);
    struct sgx_report_body body = quote->body; /* aligned */
    check_body(q, &body);
    expect_number(q, "qe_auth_data_len", sig->auth_size);
    expect_number(q, "qe_isv_svn", sig->qe_report.isv_svn);
    expect_number(q, "qe_isv_prod_id", sig->qe_report.isv_prod_id);
    expect_hex(q, "qe_mr_signer", sig->qe_report.mrsigner, 32);
    expect_hex(q, "qe_mr_enclave", sig->qe_report.mrenclave, 32);
    memcpy(&cert, (const uint8_t *)(sig + 1) + sig->auth_size, sizeof(cert));
    expect_number(q, "certification_data_type", cert.type);
    assert_int_equal(sizeof(*sig) + sig->auth_size + sizeof(cert) + cert.size, quote->signature_size);
}

static int check_case(const char *name)
{
    static _Alignas(8) uint8_t bytes[64 << 10];
    char path[512];
    snprintf(path, sizeof(path), "%s/%s/expected.json", g_dir, name);
    json_t *root = json_load_file(path, 0, NULL);
    const json_t *q = json_object_get(root, "quote");
    int v3 = q && json_integer_value(json_object_get(q, "version")) == 3;
    if (v3)
        check_quote(q, bytes, read_quote(name, bytes, sizeof(bytes)));
    json_decref(root);
    return v3;
}

static void real_quotes_have_their_fields_where_our_structures_say(void **state)
{
    DIR *d = opendir(g_dir);
    struct dirent *e;
    int count = 0;
    if (!d) {
        print_message("skipped: no vectors at %s\n", g_dir);
        skip();
    }
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            count += check_case(e->d_name);
    closedir(d);
    print_message("%d quotes\n", count);
    assert_true(count > 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_quotes_have_their_fields_where_our_structures_say),
    };
    g_dir = argc > 1 ? argv[1] : "../shared/vectors/dcap/real";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

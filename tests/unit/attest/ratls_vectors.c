/*
 * Run the published RA-TLS certificates (shared/vectors/ratls/manifest.json) and print a table: usage ratls_vectors DIR.
 * The reference gave its codes with the quote's own checks taken as passed, so the same is done here: everything else is
 * ours. Exit status 0 all as stated, 1 not, 77 no vectors.
 */
#include <jansson.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/file.h"
#include "attest/ratls/policy.h"
#include "attest/ratls/ratls_cert.h"
#include "attest/ratls/ratls_verify.h"
#include "lib/base/str.h"

struct result {
    int code, where;
    struct ratls_cert cert;
    struct ratls_evidence evidence;
};

static const char *g_dir;
static unsigned g_passed, g_failed;

static uint8_t *load(const char *name, size_t *size)
{
    char path[4096];
    uint8_t *data = NULL;
    snprintf(path, sizeof(path), "%s/%s", g_dir, name);
    return file_read(path, 1 << 20, &data, size) ? NULL : data;
}

static void judge(const uint8_t *der, size_t size, bool allow_debug, struct result *r)
{
    struct policy p = { .allow_debug = allow_debug };
    struct verdict v = { .verified = true, .failed = VERIFY_DONE, .status = TCB_UP_TO_DATE };
    struct quote q;
    *r = (struct result){ .where = AT_INIT };
    if ((r->code = ratls_cert_parse(der, size, &r->cert)))
        return;
    r->where = AT_EXTRACT_QUOTE;
    if ((r->code = ratls_cert_evidence(&r->cert, &r->evidence)))
        return;
    r->where = AT_VERIFY_EXTERNAL;
    r->code = quote_parse(r->evidence.quote, r->evidence.quote_size, &q, NULL) ? RATLS_VERIFY_FAILED : 0;
    if (r->code)
        return;
    verdict_body_read(&q, &v.body);
    r->where = AT_VERIFY_ENCLAVE_ATTRS;
    r->code = policy_check_platform(&p, &v) == POLICY_ACCEPTED ? 0 : RATLS_VERIFY_FAILED;
    if (r->code == 0)
        r->where = AT_NONE;
}

static void report(const char *name, bool ok, const char *note)
{
    printf("%-14s /%s  %s\n", ok ? "pass" : "FAIL", name, note);
    *(ok ? &g_passed : &g_failed) += 1;
}

static bool hex_is(const json_t *o, const char *key, const void *data, size_t size)
{
    const char *want = json_string_value(json_object_get(o, key));
    char hex[256];
    if (!want || size > 100)
        return false;
    hex_encode(data, size, hex);
    return strcmp(hex, want) == 0;
}

static const char *wrong_fact(const json_t *o, const uint8_t *der, size_t size, const struct result *r)
{
    uint8_t hash[32];
    struct quote q;
    const json_t *form = json_object_get(o, r->evidence.tcg ? "tcg" : "legacy");
    if (r->code)
        return "refused";
    if ((json_int_t)size != json_integer_value(json_object_get(o, "size")))
        return "size";
    SHA256(der, size, hash);
    if (!hex_is(o, "sha256", hash, 32))
        return "hash of the file";
    SHA256(r->cert.spki, r->cert.spki_size, hash);
    if (!hex_is(o, "spki_sha256", hash, 32))
        return "hash of the key";
    if (quote_parse(r->evidence.quote, r->evidence.quote_size, &q, NULL))
        return "quote does not parse";
    if ((json_int_t)r->evidence.quote_size != json_integer_value(json_object_get(form, "quote_size")))
        return "size of the quote";
    if (!hex_is(form, "report_data", quote_report_data(&q), 64))
        return "report data";
    if (!hex_is(o, "mrenclave", q.body + REPORT_MRENCLAVE, 32) || !hex_is(o, "mrsigner", q.body + REPORT_MRSIGNER, 32))
        return "measurements";
    return hex_is(o, "attributes_flags", q.body + REPORT_ATTRIBUTES, 8) ? NULL : "attributes";
}

static void run_positive(const json_t *o)
{
    const char *name = json_string_value(json_object_get(o, "file")), *wrong = "cannot load";
    struct result r;
    size_t size = 0;
    uint8_t *der = name ? load(name, &size) : NULL;
    if (der) {
        judge(der, size, false, &r);
        wrong = wrong_fact(o, der, size, &r);
    }
    report(name ? name : "?", !wrong, wrong ? wrong : "accepted; key, report data, measurements, attributes as stated");
    free(der);
}

/* "err_loc 4, -0x2700; ok with RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE=1" */
static void run_negative(const char *name, const json_t *row)
{
    const char *what = json_string_value(json_array_get(row, 0)), *says = json_string_value(json_array_get(row, 1));
    const char *loc = says ? strstr(says, "err_loc ") : NULL, *code = says ? strstr(says, "-0x") : NULL;
    char note[512];
    struct result r;
    size_t size = 0;
    uint8_t *der = load(name, &size);
    if (!der || !code) {
        report(name, false, der ? "no code stated" : "cannot load");
        free(der);
        return;
    }
    judge(der, size, false, &r);
    int want = -(int)strtol(code + 3, NULL, 16), where = loc ? atoi(loc + 8) : AT_INIT;
    bool ok = r.code == want && (int)r.where == where;
    snprintf(note, sizeof(note), "%s: refused with -0x%x at step %d", what, (unsigned)-r.code, r.where);
    if (ok && strstr(says, "ok with RA_TLS_ALLOW_DEBUG")) {
        judge(der, size, true, &r);
        ok = r.code == 0;
        strcat(note, "; accepted when debug is allowed");
    }
    report(name, ok, note);
    free(der);
}

int main(int argc, char **argv)
{
    char path[4096];
    const char *name;
    json_t *row;
    size_t i;
    g_dir = argc > 1 ? argv[1] : ".";
    snprintf(path, sizeof(path), "%s/manifest.json", g_dir);
    json_t *all = json_load_file(path, 0, NULL);
    if (!all) {
        printf("SKIP: no vectors under %s\n", g_dir);
        return 77;
    }
    json_array_foreach(json_object_get(all, "positive"), i, row) run_positive(row);
    json_object_foreach(json_object_get(all, "negative"), name, row) run_negative(name, row);
    json_decref(all);
    printf("%u cases: %u pass, %u fail\n", g_passed + g_failed, g_passed, g_failed);
    return g_failed ? 1 : 0;
}
